"""Which photos come in, and where each goes, settled before any work."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.commands.restore.photo_file.formats import KINDS
from pipeline.photos.names import as_key, is_junk

SUMMARY = "summary.json"


class InputError(ValueError):
    """There is nothing that could be restored, or no place for what comes out; the message says what to do."""


@dataclass(frozen=True)
class Job:
    """One file to restore. output: where it goes; what else is written about it has this name and an ending more."""

    source: Path
    output: Path

    def beside(self, ending: str) -> Path:
        """A file next to the output, e.g. photo.jpg.json."""
        return self.output.with_name(self.output.name + ending)


def plan(paths: list[Path], out: Path, format: str | None) -> list[Job]:
    """A job for each photo, in the order given, a folder's by name. Folders are searched to the bottom and mirrored.

    out: where results go; what lies there is not taken as input. format: what all are written as.
    Raises InputError for a path that is not there, for no photo at all, for two photos with one output, and for an output
    that is one of the photos.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"-o {out} is a file: name a folder")
    jobs: dict[Path, Job] = {}
    for path in paths:
        for source, name in _photos(path, out):
            job = Job(source, out / (name if format is None else name.with_suffix(KINDS[format].suffix)))
            other = jobs.setdefault(job.output, job)
            if other is not job and not _same(other.source, source):
                raise InputError(
                    f"{other.source} and {source} would both become {job.output}: restore them into different folders"
                )
    if not jobs:
        raise InputError(f"no file in {', '.join(map(str, paths))}")
    _refuse_inputs(jobs, out)
    return list(jobs.values())


def _photos(path: Path, out: Path) -> Iterator[tuple[Path, Path]]:
    """The files of a path, and their names below the output folder."""
    if path.is_dir():
        for folder, folders, files in os.walk(path, onerror=_unlisted):
            folders[:] = sorted(name for name in folders if not _same(Path(folder, name), out))
            for name in sorted(files):
                source = Path(folder, name)
                if not is_junk(name):
                    yield source, source.relative_to(path)
    elif os.path.lexists(path):
        yield path, Path(path.name)
    else:
        raise InputError(f"{as_key(str(path))} is not there")


def _unlisted(error: OSError) -> None:
    raise InputError(f"{error.filename} cannot be listed: {error.strerror}") from None


def _refuse_inputs(jobs: dict[Path, Job], out: Path) -> None:
    sources = {identity(job.source): job.source for job in jobs.values()}
    for job in jobs.values():
        records = (job.beside(".json"), job.beside("_compare.png"), out / SUMMARY)
        for record in records:
            if record in jobs:
                raise InputError(
                    f"{jobs[record].source} has the name of what is written about {job.source}: leave one of them out"
                )
        for written in (job.output, *records):
            there = identity(written)
            if there is not None and (taken := sources.get(there)) is not None:
                raise InputError(
                    f"{written} would replace the photo {taken}: photos are never overwritten, name another -o"
                )


def identity(path: Path) -> tuple[int, int] | None:
    """What a path leads to, through links; None where nothing is there."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _same(a: Path, b: Path) -> bool:
    return identity(a) is not None and identity(a) == identity(b)
