"""Tasks and rows for the tests of `pipeline.runtime.parallel`, in a module that Ray's workers can import."""

import errno
import os
import signal
from dataclasses import dataclass
from pathlib import Path

from pipeline.ingest.read import ReadPhotos
from pipeline.store.files import DiskFull

ROWS = [{"key": f"{n:03d}", "number": n, "side": None if n % 2 else 0.5} for n in range(25)]


# Of photos to be made, each with a column that ingest does not know.
FACES = [
    {"key": f"{n:02d}", "kind": "synthetic", "seed": 5, "index": n, "size_px": 64, "side": None if n % 2 else 0.5}
    for n in range(10)
]


def double(unit):
    return [{"key": row["key"] * 2, "shard": unit["shard"], "was": row} for row in unit["rows"]]


@dataclass(frozen=True)
class Told:
    """Ingest's task, whose rows tell what it was given as well."""

    task: ReadPhotos

    def __call__(self, unit):
        given = zip(unit["rows"], self.task(unit), strict=True)
        return [{"key": row["key"], "made": made, "shard": unit["shard"], "was": row} for row, made in given]


def no_room(unit):
    if unit["first"]:
        raise DiskFull(errno.ENOSPC, f"no room to write {unit['shard']}")
    return unit["rows"]


@dataclass(frozen=True)
class KilledOnce:
    """Ingest's task, whose process is killed once in the middle of its second shard."""

    task: ReadPhotos
    mark: Path

    def __call__(self, unit):
        if unit["first"] and not self.mark.exists():
            self.mark.touch()
            unfinished = self.task.out / f".{unit['shard']}.{os.getpid()}.unfinished"
            unfinished.write_bytes(b"half a shard")
            os.kill(os.getpid(), signal.SIGKILL)
        return self.task(unit)
