"""What a film's passes leave for the next start: a hidden folder beside the output, removed when the film is done."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from pipeline.commands.restore.inputs import Job
from pipeline.commands.restore.walk import SCRATCH
from pipeline.store.files import whole_file, write_json

_ABOUT, _BEGINNING = "about.json", 2**20  # bytes whose digest stands for the film, beside its size
_FORM = 1  # of what is stored; a change of it begins anew


class Scratch:
    """The folder of one film.

    told: what decides the results; where an earlier run's is another, what it left is removed. resumed: whether the folder
    goes on from an earlier run, and `discarded` whether one was removed.
    """

    def __init__(self, job: Job, told: dict):
        self.folder = job.beside(SCRATCH).with_name(f".{job.beside(SCRATCH).name}")
        about = json.loads(json.dumps(told | {"form": _FORM, "film": _fingerprint(job.source)}))
        earlier = _read(self.folder / _ABOUT)
        self.resumed = earlier == about
        self.discarded = self.folder.exists() and not self.resumed
        if self.discarded:
            shutil.rmtree(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self.resumed:
            write_json(self.folder / _ABOUT, about)

    def json(self, name: str, make: Callable[[], dict]) -> dict:
        """What `make` gives, kept under that name."""
        stored = _read(self.folder / name)
        if stored is None:
            stored = make()
            write_json(self.folder / name, stored)
        return stored

    def lines(self, name: str) -> "Lines":
        """A file that grows by a line at a time."""
        return Lines(self.folder / name)

    def squares(self, name: str) -> list[np.ndarray] | None:
        """Faces' squares (S, S, 3) uint8 that `keep_squares` stored; None where it did not."""
        file = self.folder / name
        if not file.is_file():
            return None
        column = cv2.imdecode(np.frombuffer(file.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
        return None if column is None else list(column.reshape(-1, column.shape[1], column.shape[1], 3))

    def keep_squares(self, name: str, squares: list[np.ndarray]) -> None:
        """Store squares of one size, one below the other as a PNG; its fastest compression, since most are read never."""
        _, data = cv2.imencode(".png", np.concatenate(squares), [cv2.IMWRITE_PNG_COMPRESSION, 1])
        with whole_file(self.folder / name) as file:
            file.write(data.tobytes())

    def remove(self) -> None:
        """Once the film is done."""
        shutil.rmtree(self.folder, ignore_errors=True)


class Lines:
    """JSON values, a line each; a last line that was cut off by the end of a run is dropped.

    As a context manager it is open for more.
    """

    def __init__(self, file: Path):
        self._path = file
        data = file.read_bytes() if file.exists() else b""
        whole = data[: data.rfind(b"\n") + 1]
        self.values = [json.loads(line) for line in whole.splitlines()]
        if whole != data:
            with open(file, "r+b") as kept:
                kept.truncate(len(whole))

    def add(self, value) -> None:
        """One more, written at once."""
        self._file.write(json.dumps(value) + "\n")
        self._file.flush()
        self.values.append(value)

    def __iter__(self) -> Iterator:
        return iter(self.values)

    def __len__(self) -> int:
        return len(self.values)

    def __enter__(self) -> "Lines":
        self._file = open(self._path, "a", encoding="utf-8")
        return self

    def __exit__(self, *exc) -> None:
        self._file.close()


def _fingerprint(source: Path) -> dict:
    with open(source, "rb") as file:
        return {"bytes": source.stat().st_size, "beginning": hashlib.sha256(file.read(_BEGINNING)).hexdigest()}


def _read(file: Path):
    try:
        return json.loads(file.read_bytes())
    except (OSError, ValueError):  # not there, or not whole: it is made again
        return None
