"""Which photos come in, and where each goes, settled before any work."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from pipeline.commands.restore.photo_file.formats import KINDS
from pipeline.commands.restore.recognise import SUMMARY, is_about_a_photo, is_film, name_beside
from pipeline.commands.restore.walk import Skipped, identity, in_words, walk
from pipeline.photos.names import as_key
from pipeline.store.files import NAME_BYTES, shortened

NOT_OURS = "is there, and no record says that restore wrote it"


class InputError(ValueError):
    """There is nothing that could be restored, or no place for what comes out; the message says what to do."""


@dataclass(frozen=True)
class Job:
    """One file to restore. output: where it goes; what else is written about it has this name and an ending more.

    refused: why nothing can be done with it, "" for most. Then nothing is written about it either but in the summary, since
    the names may be another's.
    """

    source: Path
    output: Path
    refused: str = ""
    name: str = ""

    def beside(self, ending: str) -> Path:
        """A file next to the output, e.g. photo.jpg.json; by a shorter name where photo.jpg leaves no room for endings."""
        return self.output.with_name(name_beside(self.output.name) + ending)

    def below(self, out: Path, written: list[str]) -> list[str]:
        """Names of files next to the output as seen from the folder `out`, e.g. album/photo.jpg; with / on every system."""
        folder = as_key(self.output.parent.relative_to(out).as_posix())
        return [name if folder == "." else f"{folder}/{name}" for name in written]

    @property
    def called(self) -> str:
        """What people know it by: its path, or a name in place of that."""
        return self.name or as_key(str(self.source))

    @property
    def remarks(self) -> list[str]:
        """What is to be said of its names."""
        name, short = self.output.name, name_beside(self.output.name)
        if name == short:
            return []
        return [f"its name leaves no room for endings: what is written about it is named {as_key(short)}.json, ..."]


@dataclass(frozen=True)
class Plan:
    """jobs: in the order given, those that are refused among them. skipped: what else lies there."""

    jobs: list[Job]
    skipped: list[Skipped]

    @cached_property
    def kept(self) -> dict[tuple[int, int], str]:
        """What came in and must not be replaced: its identity, and words for it."""
        files = [(one.path, "file") for one in self.skipped if not one.own]
        files += [(job.source, "film" if is_film(job.source) else "photo") for job in self.jobs]
        named = {identity(path): f"the {what} {as_key(str(path))}" for path, what in files}
        return {there: words for there, words in named.items() if there is not None}


def plan(paths: list[Path], out: Path, format: str | None, names: dict[Path, str] | None = None) -> Plan:
    """A job for each photo, in the order given, a folder's by name. Folders are searched to the bottom and mirrored.

    out: where results go; what lies there is not taken as input. format: what all are written as. names: what photos are
    called that people know by another name than their path. Photos whose results would have one name, or replace what came
    in, are refused; the others stay.
    Raises InputError for a path that is not there, for no photo at all, and where every one is refused.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"-o {out} is a file: name a folder")
    try:
        found = walk(paths, out)
    except FileNotFoundError as error:
        raise InputError(str(error)) from None
    called = names or {}
    jobs = [Job(source, out / _named(name, format), why, called.get(source, "")) for source, name, why in found.photos]
    if not jobs:
        skipped = in_words(found.skipped)
        raise InputError(f"no photo in {', '.join(map(str, paths))}{f' ({skipped})' if skipped else ''}")
    planned = _refused(Plan(_once(jobs), found.skipped), out)
    if all(job.refused for job in planned.jobs):
        more = len(planned.jobs) - 1
        raise InputError(planned.jobs[0].refused + (f" (and so for {more} more)" if more else ""))
    return planned


def _named(name: Path, format: str | None) -> Path:
    if format is None or not name.name:
        return name
    suffix = KINDS[format].suffix
    return name.with_name(shortened(name.stem, NAME_BYTES - len(suffix)) + suffix)


def _once(jobs: list[Job]) -> list[Job]:
    """Without second names of a photo that lead to the same output."""
    first = {(identity(job.source) or job.source, job.output): job for job in reversed(jobs)}
    return [job for job in jobs if first[identity(job.source) or job.source, job.output] is job]


def _refused(planned: Plan, out: Path) -> Plan:
    there = planned.kept.get(identity(out / SUMMARY))
    if there is not None:
        raise InputError(f"{out / SUMMARY} would replace {there}: photos are never overwritten, name another -o")
    why = {job: job.refused for job in planned.jobs if job.refused}
    for job, reason in (
        *_of_one_name([job for job in planned.jobs if not job.refused], out),
        *_over_what_came_in(planned),
        *_over_folders(planned),
        *_over_what_others_wrote(planned),
    ):
        why.setdefault(job, reason)
    return replace(planned, jobs=[replace(job, refused=why.get(job, "")) for job in planned.jobs])


def _of_one_name(jobs: list[Job], out: Path) -> Iterator[tuple[Job, str]]:
    """Jobs of which one would write what another writes, with the reason."""
    by_output: dict[Path, list[Job]] = defaultdict(list)
    for job in jobs:
        by_output[job.output].append(job)
    for output, same in by_output.items():
        names = [job.called for job in same]
        if len(same) > 1:
            both = f"{', '.join(names[:-1])} and {names[-1]} would {'both' if len(same) == 2 else 'all'} become"
            yield from ((job, f"{both} {as_key(str(output))}: restore them into different folders") for job in same)
        if output == out / SUMMARY:
            yield from ((job, f"{SUMMARY} is the name of what is written about all photos: rename it") for job in same)
    for job in jobs:
        for record in (job.beside(".json"), job.beside("_compare.png")):
            for other in by_output.get(record, ()):
                names = f"{other.called} has the name of what is written about {job.called}"
                yield from ((one, f"{names}: leave one of them out") for one in (job, other))


def _over_folders(planned: Plan) -> Iterator[tuple[Job, str]]:
    """Jobs in whose place a folder lies, with the reason."""
    for job in planned.jobs:
        for written in (job.output, job.beside(".json")):
            if written.is_dir():
                yield job, f"{as_key(str(written))} is a folder: name another -o"


def _over_what_came_in(planned: Plan) -> Iterator[tuple[Job, str]]:
    """Jobs that would replace a photo, or a file beside photos, with the reason."""
    for job in planned.jobs:
        for written in (job.output, job.beside(".json"), job.beside("_compare.png")):
            there = identity(written)
            if there is not None and there in planned.kept:
                yield (
                    job,
                    f"{as_key(str(written))} would replace {planned.kept[there]}: photos are never overwritten, "
                    "name another -o",
                )


def _over_what_others_wrote(planned: Plan) -> Iterator[tuple[Job, str]]:
    """Jobs in whose place a file lies that has no record of restore's beside it, with the reason."""
    for job in planned.jobs:
        record = job.beside(".json")
        if not is_about_a_photo(record):
            for there in (job.output, record, job.beside("_compare.png")):
                if there.exists():
                    yield job, f"{as_key(str(there))} {NOT_OURS}: name another -o"
