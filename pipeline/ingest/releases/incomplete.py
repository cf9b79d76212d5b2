"""The one error for a set that is missing or half unpacked: what was found, what is expected, what to do."""

from collections import Counter
from pathlib import Path

from pipeline.ingest.files.found import Finds
from pipeline.ingest.releases.releases import Release

_SHOWN = 6


class IncompleteSet(ValueError):
    """Photos that must be there are not; the message says which, and what to do."""


def incomplete(
    source, root: Path, release: Release, finds: Finds, photos: list, missing: list | None = None, hint: str = ""
) -> IncompleteSet:
    """The error for a source.

    photos: those that are there and asked for. missing: numbers or names that are not there; None where a count alone is
    wrong. hint: what the missing ones are part of; without them, why the count is wrong.
    """
    places = Counter(_place(release, photo) for photo in photos)
    found = ", ".join(f"{place} {count:,}" for place, count in places.most_common(_SHOWN)) or "no photo"
    if len(places) > _SHOWN:
        found += f" and {len(places) - _SHOWN} more places"
    lines = [
        f"{root / source.path} does not hold all of {release.title}.",
        f"  found: {len(photos):,} photos ({found})",
    ]
    if finds.problems:
        lines += [f"  not read: {problem.key}: {problem.detail}" for problem in finds.problems[:_SHOWN]]
    if missing is None:
        lines.append(f"  wrong: {hint or f'{release.count:,} are expected'}")
    else:
        first = ", ".join(map(str, missing[:5])) + (", ..." if len(missing) > 5 else "")
        lines.append(f"  missing: {len(missing):,} {hint}, the first {first}")
    lines.append(f"  expected: {release.expected}")
    lines.append("  what to do: " + _way_on(source, hint))
    return IncompleteSet("\n".join(lines))


def _way_on(source, hint: str) -> str:
    if source.kind == "helen" and hint:
        return "put the photos there, or correct the list of names"
    ways = ["finish downloading or unpacking", "set `complete: false` in params.yaml to take what is there"]
    if getattr(source, "partition", "all") != "all":
        ways.insert(1, "put the list of the partitions there, or ask for `partition: all`")
    return ", or ".join(ways)


def _place(release: Release, photo) -> str:
    """Where a photo lies, as people would say it: its archive, its version's folder, or the first folder."""
    parts = photo.found.key.split("/")
    if photo.found.in_archive:
        return photo.found.path
    if photo.version:
        return "/".join(parts[: parts.index(photo.version) + 1]) + "/"
    return f"{parts[0]}/" if len(parts) > 1 else "./"
