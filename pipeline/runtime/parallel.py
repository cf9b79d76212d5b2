"""One function over many units of work: in-process for few images, Ray Data for many. The only module that knows Ray.

A unit is what makes one shard, so the bytes depend on the units alone and not on who works on them, or in what order.
"""

import gc
import math
import os
import pickle
import socket
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import pyarrow as pa
from tqdm import tqdm

from pipeline.params.stages import RuntimeParams
from pipeline.runtime.cores import usable_cores

Unit = dict[str, Any]

# Of one unit and one tar file: a constant and no param, since it decides the bytes of the shards. Few files for DVC at
# 200,000 images, units enough for a cluster at 2,000.
SHARD_IMAGES = 128


def shard_units(rows: list[dict], shard_images: int = SHARD_IMAGES) -> list[Unit]:
    """Cut rows into units of at most `shard_images`: {"shard": "00000.tar", "first": index of the first row, "rows"}."""
    starts = range(0, len(rows), shard_images)
    return [
        {"shard": f"{n:05d}.tar", "first": start, "rows": rows[start : start + shard_images]}
        for n, start in enumerate(starts)
    ]


def run_units(
    work: Callable[[Unit], list[dict]],
    rows: list[dict],
    runtime: RuntimeParams,
    describe: str,
    shard_images: int = SHARD_IMAGES,
) -> list[dict]:
    """Apply `work` to all rows, a unit at a time; returns the rows it made, in the order of the input.

    work: picklable; gets a unit and returns one row or more per row of it. An image that fails is the work's to record;
    an exception from it (a full disk) stops the run and is raised here as it is. A worker that dies is replaced and its
    unit done again.
    """
    units = shard_units(rows, shard_images)
    results = map(work, units) if len(rows) <= runtime.ray_above_images else _over_ray(work, units, runtime)
    done = []
    with tqdm(total=len(rows), desc=describe, unit="img", mininterval=1.0) as bar:
        for unit, result in zip(units, results, strict=True):
            done.extend(result)
            bar.update(len(unit["rows"]))
    return done


def _over_ray(work: Callable[[Unit], list[dict]], units: list[Unit], runtime: RuntimeParams) -> Iterator[list[dict]]:
    # Set before the import: Ray reads it there. Nothing but the stage `pretrained` talks to the network.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_DATA_LOG_LEVEL", "ERROR")  # the one progress bar is ours
    os.environ["RAY_ENABLE_AUTO_CONNECT"] = "0"  # what outlives the work shall not start another instance
    import ray

    _start(ray, runtime)
    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    try:
        # A row of the data set is an image and a block is a unit: a block is what is scheduled, and done again where its
        # worker dies. Without a batch size a block comes as one batch. Workers are actors, since each has its next unit at
        # hand when one is done; Ray's tasks waited 0.15 s for theirs, a tenth of the time of a shard.
        workers = max(1, min(len(units), int(ray.available_resources().get("CPU", 1))))
        made = ray.data.from_arrow([_block(unit) for unit in units]).map_batches(
            _Worker,
            fn_constructor_args=(work,),
            batch_size=None,
            batch_format="pyarrow",
            compute=ray.data.ActorPoolStrategy(size=workers, max_tasks_in_flight_per_actor=2),
        )
        # Closed before Ray is, also on an error: what still runs is stopped here and not whenever memory is tidied up.
        with closing(iter(made.iter_batches(batch_size=None, batch_format="pyarrow"))) as batches:
            rows = (row for batch in batches for row in _rows(batch))
            for _, result in groupby(rows, key=itemgetter(0)):
                yield [row for _, row in result]
    finally:
        ray.shutdown()


def _block(unit: Unit) -> pa.Table:
    """The rows of a unit as a table, each pickled: their types pass as they are, whatever Arrow would make of them."""
    rows = unit["rows"]
    same = {name: [unit[name]] * len(rows) for name in ("shard", "first")}
    return pa.table({**same, "images": [len(rows)] * len(rows), "row": [pickle.dumps(row) for row in rows]})


class _Worker:
    """Applies the work to a block: a table of the rows that it made, or of its one exception."""

    def __init__(self, work: Callable[[Unit], list[dict]]):
        self._work = work
        self._units = 0

    def __call__(self, block: pa.Table) -> pa.Table:
        if self._units == 1:
            # What the first unit loaded stays: Python's garbage collector looked through it some times a second, which cost
            # a tenth of the time of detection.
            gc.collect()
            gc.freeze()
        self._units += 1
        (shard,), (first,), (images,) = (set(block[name].to_pylist()) for name in ("shard", "first", "images"))
        assert images == len(block), "Ray cut a unit in two"
        unit = {"shard": shard, "first": first, "rows": [pickle.loads(row) for row in block["row"].to_pylist()]}
        try:
            made = [pickle.dumps(row) for row in self._work(unit)]
        except Exception as error:  # raised again by `_rows`, without Ray's pages of its own calls around it
            error.add_note(f"in a worker:\n{traceback.format_exc()}")
            made = [pickle.dumps(error)]
        return pa.table({"shard": [shard] * len(made), "row": made})


def _rows(batch: pa.Table) -> Iterator[tuple[str, dict]]:
    """(shard, row) for each row of a block that a worker made. Raises the exception that stopped it."""
    for shard, data in zip(batch["shard"].to_pylist(), batch["row"].to_pylist(), strict=True):
        row = pickle.loads(data)
        if isinstance(row, Exception):
            raise row
        yield shard, row


def _start(ray, runtime: RuntimeParams) -> None:
    quiet = {"logging_level": "error", "log_to_driver": False}
    address = os.environ.get("RAY_ADDRESS", "local")
    if address != "local":
        _check_alive(address)
        # The nodes of a cluster see the photos and the results through a shared file system; the code travels with the job.
        package = str(Path(__file__).resolve().parents[1])
        code = {"py_modules": [package], "env_vars": {"NO_ALBUMENTATIONS_UPDATE": "1"}, "excludes": ["**/__pycache__/"]}
        try:
            ray.init(address=address, runtime_env=code, **quiet)
        except ConnectionError as error:
            raise _dead(address, error) from None
        return
    cores = runtime.workers or usable_cores()
    ray.init(address="local", num_cpus=cores, include_dashboard=False, object_store_memory=_store_bytes(), **quiet)


def _store_bytes() -> int:
    """Of Ray's object store: rows pass through it, never images, so a small one does."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError):  # Windows has none of it, others not every name
        return 2**28
    return min(2**31, max(2**28, math.floor(0.1 * memory)))


# An HTTP/2 client's first words, with an empty SETTINGS frame. Ray speaks gRPC, so a living cluster answers with its own.
GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
SETTINGS = 4


def _check_alive(address: str) -> None:
    """Ray waits for two minutes for a dead address, and for a port where something else listens; this says it at once."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if address == "auto" or not colon:
        return
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=5) as connection:
            if os.environ.get("RAY_USE_TLS", "0") != "1":
                connection.sendall(GREETING)
                frame = connection.recv(9, socket.MSG_WAITALL)
                if len(frame) < 9 or frame[3] != SETTINGS:
                    raise ConnectionError("something listens there, but it is no Ray")
    except (OSError, ValueError, OverflowError) as error:
        raise _dead(address, error) from None


def _dead(address: str, error: Exception) -> ConnectionError:
    return ConnectionError(
        f"RAY_ADDRESS={address} does not answer ({error}): start the cluster, correct the address, "
        "or unset RAY_ADDRESS to work on this machine alone"
    )


def absolute(path: str | Path) -> Path:
    """A path that a worker in another working directory reads the same."""
    return Path(path).absolute()
