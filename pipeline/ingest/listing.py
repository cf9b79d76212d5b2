"""Sources -> one list of what is there, unread."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.ingest.files.folder import find
from pipeline.ingest.files.found import Found, Problem, columns
from pipeline.ingest.releases.releases import RELEASES
from pipeline.ingest.releases.select import select
from pipeline.photos import packaged
from pipeline.store.manifest import rejected

MADE = ("synthetic", "skimage")  # kinds whose photos lie nowhere as files


@dataclass(frozen=True)
class Listing:
    """photos: rows to read, in order of key. rejected: rows of what is not read, and why. notes: sentences for people."""

    photos: list[dict]
    rejected: list[dict]
    notes: list[str]

    def in_order(self, read: list[dict]) -> tuple[list[dict], list[str]]:
        """All rows and all keys in order of key. read: the rows that became of `photos`."""
        rows = sorted([*read, *self.rejected], key=lambda row: row["key"])
        return rows, sorted(row["key"] for row in [*self.photos, *self.rejected])


def list_photos(root: Path, sources: list) -> Listing:
    """What the sources hold, each key once: a file that two sources name is the first one's.

    A key is the path below the root, or kind/name for photos that are made. Raises FileNotFoundError for a place that is
    not there, IncompleteSet for a set that must be complete and is not.
    """
    photos: dict[str, dict] = {}
    refused: dict[str, dict] = {}
    notes = []
    for number, source in enumerate(sources):
        if source.kind in MADE:
            taken, others = _made(number, source), []
        else:
            taken, others, said = _lying(root, source, tuple(s.boxes for s in sources if getattr(s, "boxes", None)))
            notes += said
        for row in taken:
            photos.setdefault(row["key"], row)
        for row in others:
            refused.setdefault(row["key"], row)
    # What one source passes over another may take.
    left = [row for key, row in refused.items() if key not in photos]
    return Listing(sorted(photos.values(), key=lambda row: row["key"]), left, notes)


def _made(number: int, source) -> list[dict]:
    if source.kind == "skimage":
        return [{"key": f"skimage/{name}", "kind": "skimage"} for name in packaged.names()[: source.take]]
    prefix = f"synthetic_{number}" if number else "synthetic"
    return [
        {"key": f"{prefix}/{i:06d}", "kind": "synthetic", "seed": source.seed, "index": i, "size_px": source.size_px}
        for i in range(source.count)
    ]


def _lying(root: Path, source, boxes: tuple[str, ...]) -> tuple[list[dict], list[dict], list[str]]:
    """(rows to read, rejected rows, notes) of a source of files."""
    try:
        finds = find(root, source.path, skip=boxes)
    except FileNotFoundError as error:
        if source.kind in RELEASES:
            raise FileNotFoundError(f"{error}\n  expected there: {RELEASES[source.kind].expected}") from None
        raise
    others = [_problem(source.kind, problem) for problem in finds.problems]
    if source.kind not in RELEASES:
        return [_row(source.kind, found) for found in finds.found[: source.take]], others, finds.notes
    chosen = select(source, root, finds)
    taken = [_row(source.kind, photo.found, photo.number, photo.partition) for photo in chosen.photos]
    return taken, others + chosen.rejected, finds.notes + chosen.notes


def _row(kind: str, found: Found, number: int = -1, partition: str = "") -> dict:
    return {"key": found.key, **columns(kind, found, number, partition), "order": found.order}


def _problem(kind: str, problem: Problem) -> dict:
    return rejected(problem.key, problem.reason, problem.detail, **columns(kind, Found(problem.key, problem.key)))
