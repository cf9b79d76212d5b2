"""The process that restores: one photo at a time, by the command's own functions. The page's process loads no network."""

import json
import os
import shutil
import sys
import threading
import time
from dataclasses import replace
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from pipeline.commands.restore.inputs import InputError, plan
from pipeline.commands.restore.networks.runnable import RunnableNetwork
from pipeline.commands.restore.networks.weights import find, unmeasured
from pipeline.commands.restore.options import Options
from pipeline.commands.restore.page.wish import AFTER, BEFORE, PHOTO, SMALL, Order, Wish
from pipeline.commands.restore.photo import failure
from pipeline.commands.restore.photo_file import file as photo_file
from pipeline.commands.restore.photo_file.file import PhotoFile
from pipeline.commands.restore.photo_file.formats import encode
from pipeline.commands.restore.photo_file.metadata import Carried
from pipeline.commands.restore.run import restore_photos
from pipeline.store import images
from pipeline.store.cards import WeightsError

SHOWN_PIXELS = 16_000_000  # of a view, at most: a browser holds each in four bytes a pixel
SMALL_SIDE_PX = 160


def serve(connection: Connection, root: Path, given: list[Path], base: Options) -> None:
    """Restore what comes through the connection until it closes. root: the page's folder. given: `find`'s.

    Sends first ("ready", sentences on the networks) or ("refused", why nothing can be started); of each order
    ("seen", [width, height]) once BEFORE and SMALL are there, then ("done", record) or ("failed", why).
    """
    # The page shows what is done: in a terminal each photo would have a bar of its own.
    sys.stderr.isatty = lambda: False
    # Its own is one between processes, which Python misses aloud when this one is killed.
    tqdm.set_lock(threading.RLock())
    threading.Thread(target=_end_with_the_page, args=(root,), daemon=True).start()
    try:
        _serve(connection, root, given, base)
    except (EOFError, ConnectionError):  # the page kills this process where it ends of itself: it was killed
        _end_with_the_page(root)


def _serve(connection: Connection, root: Path, given: list[Path], base: Options) -> None:
    try:
        networks, said = find(given, base.device, base.precision)
        _try(root, networks, base)
    except (InputError, WeightsError, OSError) as error:
        connection.send(("refused", str(error)))
        return
    connection.send(("ready", [*said, *unmeasured(networks)]))
    while True:
        order = connection.recv()
        try:
            _show_before(order, connection)
            connection.send(("done", _restored(order, networks, base)))
        except Exception as error:
            # Whatever it is: one strange photo must not cost the others. It is said, not swallowed.
            connection.send(("failed", failure(error)))


def _end_with_the_page(root: Path) -> None:
    """A page that was killed deletes nothing: this process does, and ends."""
    parent_process().join()
    for _ in range(200):  # the photo in work is written on meanwhile, and a folder that is not empty stays
        shutil.rmtree(root, ignore_errors=True)
        if not root.exists():
            break
        time.sleep(0.01)
    os._exit(1)


def _try(root: Path, networks: dict[str, RunnableNetwork], base: Options) -> None:
    """Restore an empty picture: what is wrong with networks, device or detector is said before the page opens."""
    order = Order(root / "trial", 1, Wish())
    order.folder.mkdir()
    (order.folder / PHOTO).write_bytes(images.encode_png(np.full((32, 32, 3), 128, np.uint8)))
    _restored(order, networks, base)
    shutil.rmtree(order.folder)


def _restored(order: Order, networks: dict[str, RunnableNetwork], base: Options) -> dict[str, Any]:
    """The record of the photo; AFTER is there where its pixels changed."""
    os.chdir(order.folder)  # or the record would tell of the page's folder
    source, out = Path(PHOTO), Path(order.out.name)
    options = replace(base, out=out, **order.wish.options())
    restore_photos(plan([source], out, options.format), networks, options)
    record = json.loads((out / f"{PHOTO}.json").read_bytes())
    if record["status"] != "failed" and (out / record["outputs"][0]).read_bytes() != source.read_bytes():
        _write_view(photo_file.read(out / record["outputs"][0]), out / AFTER, SHOWN_PIXELS)
    return record


def _show_before(order: Order, connection: Connection) -> None:
    before, small = order.folder / BEFORE, order.folder / SMALL
    if small.exists():
        return
    photo = photo_file.read(order.folder / PHOTO)
    height, width = photo.pixels.shape[:2]
    _write_view(photo, before, SHOWN_PIXELS)
    _write_view(photo, small, round(SMALL_SIDE_PX**2 * min(height, width) / max(height, width)))
    connection.send(("seen", [width, height]))


def _write_view(photo: PhotoFile, path: Path, most_pixels: int) -> None:
    """Write what a browser shows of a photo: a PNG in its colours, smaller where it has more pixels than `most_pixels`."""
    rgb8 = photo.rgb8
    factor = (most_pixels / (rgb8.shape[0] * rgb8.shape[1])) ** 0.5
    if factor < 1:
        width, height = (max(round(side * factor), 1) for side in rgb8.shape[1::-1])
        rgb8 = cv2.resize(rgb8, (width, height), interpolation=cv2.INTER_AREA)
    path.write_bytes(encode("PNG", rgb8, None, Carried(icc=photo.carried.icc))[0])
