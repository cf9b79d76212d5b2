"""Which of the files that lie there are a release's photos: its partition, its list of names, one copy of each."""

from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from pathlib import Path

from pipeline.ingest.files.archives import stream_members
from pipeline.ingest.files.found import Finds, Found, columns
from pipeline.ingest.releases import lists
from pipeline.ingest.releases.incomplete import incomplete
from pipeline.ingest.releases.releases import RELEASES, Release
from pipeline.photos.reader import PhotoReader
from pipeline.store.manifest import rejected


@dataclass(frozen=True, slots=True)
class ReleasePhoto:
    """A photo of a release: where it lies, its official number or -1, its partition or "", its version."""

    found: Found
    number: int
    version: str
    partition: str = ""


@dataclass
class Selected:
    """The photos that are taken, in order of key; rejected rows of the others; sentences worth telling."""

    photos: list[ReleasePhoto] = field(default_factory=list)
    rejected: list[dict] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def reject(self, kind: str, photo: ReleasePhoto, reason: str, detail: str) -> None:
        """Put a photo among those not taken."""
        place = columns(kind, photo.found, photo.number, photo.partition)
        self.rejected.append(rejected(photo.found.key, reason, detail, **place))


def select(source, root: Path, finds: Finds) -> Selected:
    """The photos of a release source among what was found below root.

    Raises IncompleteSet where the source must be complete and is not, or where a list names photos that are not there;
    ListError for a list that cannot be read.
    """
    release = RELEASES[source.kind]
    photos = [
        ReleasePhoto(found, release.number(found), release.version(found))
        for found in finds.found
        if not release.is_annotation(found)
    ]
    chosen = Selected()
    if source.kind == "helen":
        photos = _of_list(source, root, finds, release, photos, chosen)
    else:
        photos = _of_partition(source, root, finds, release, photos, chosen)
        photos = _one_each(source, release, photos, lambda p: p.number if p.number >= 0 else None, chosen)
    _note_mixture(release, photos, chosen)
    chosen.photos = sorted(photos, key=lambda photo: photo.found.key)[: source.take]
    return chosen


def _of_list(source, root, finds, release: Release, photos: list[ReleasePhoto], chosen: Selected) -> list[ReleasePhoto]:
    """Helen: the photos of the list, or all of them; each once."""
    found = _find_list(source, root, finds, (source.names,) if source.names else release.lists)
    if found is None and source.names:
        raise FileNotFoundError(f"{root / source.names} is not there: correct `names` of the source, or leave it out")
    if found is None:
        sizes = {photo: _size(root, photo.found) for photo in photos}
        photos = _one_each(source, release, photos, lambda photo: (photo.found.name, sizes[photo]), chosen)
        if len(photos) != release.count:
            if source.complete:
                raise incomplete(source, root, release, finds, photos)
            chosen.notes.append(f"{_without(source, release)}: all {len(photos):,} photos are taken.")
        return photos
    name, text = found
    listed = lists.names(text, name)
    entries = {lists.stem(entry): entry for entry in listed} | {entry: entry for entry in listed}
    named = {}
    for photo in photos:
        entry = entries.get(photo.found.name) or entries.get(lists.stem(photo.found.name))
        if entry is None:
            chosen.reject(source.kind, photo, "not in the list", f"of names, {name}")
        else:
            named[photo] = entry
    missing = [entry for entry in listed if entry not in set(named.values())]
    if missing:
        raise incomplete(source, root, release, finds, photos, missing, f"of the {len(listed):,} names in {name}")
    if len(listed) != release.count:
        chosen.notes.append(f"{name} names {len(listed):,} photos; the paper tests on {release.count}.")
    return _one_each(source, release, list(named), named.__getitem__, chosen)


def _of_partition(
    source, root, finds, release: Release, photos: list[ReleasePhoto], chosen: Selected
) -> list[ReleasePhoto]:
    """CelebA, FFHQ, CelebA-HQ: the photos of the partition asked for; where all must be there, those of the release."""
    wanted = getattr(source, "partition", "all")
    found = _find_list(source, root, finds, release.lists)
    part_of = _partition_of(source, release, found)
    photos = [replace(photo, partition=part_of(photo.number)) for photo in photos]
    known = found is not None or release.parts is not None
    if wanted != "all" and found is None:
        told = "its numbers tell the partition" if known else f"all {len(photos):,} photos are taken"
        chosen.notes.append(f"{_without(source, release)}: {told}.")
    if wanted != "all" and known:
        for photo in photos:
            if photo.partition != wanted:
                seen = f"{photo.partition} partition" if photo.partition else "in no partition"
                chosen.reject(source.kind, photo, "other partition", f"{seen}, {wanted} is taken")
        photos = [photo for photo in photos if photo.partition == wanted]
    if not source.complete:
        return photos
    best = min((photo.version for photo in photos), key=release.versions.index, default=None)
    there = [photo for photo in photos if photo.version == best]
    if wanted != "all" and not known:
        if len(there) != release.part_counts[wanted]:
            without = (
                f"without {release.lists[0]}, {release.part_counts[wanted]:,} are expected: the {wanted} partition"
            )
            raise incomplete(source, root, release, finds, photos, hint=without)
        return there
    numbers = range(release.first, release.first + release.count)
    expected = {number for number in numbers if wanted == "all" or part_of(number) == wanted}
    missing = sorted(expected - {photo.number for photo in there})
    if missing:
        raise incomplete(source, root, release, finds, photos, missing, f"of {len(expected):,}")
    for photo in photos:
        if photo.number < 0:
            chosen.reject(source.kind, photo, "not of the release", f"its name is no number of {release.title}")
    return [photo for photo in photos if photo.number >= 0]


def _partition_of(source, release: Release, found: tuple[str, str] | None) -> Callable[[int], str]:
    if source.kind == "celeba" and found is not None:
        parts = lists.partitions(found[1], found[0])
        return lambda number: parts.get(number, "")
    if source.kind == "celebahq" and found is not None:
        numbers = lists.celeba_numbers(found[1], found[0])
        return lambda number: RELEASES["celeba"].partition(numbers.get(number, -1))
    return release.partition


def _one_each(
    source, release: Release, photos: list[ReleasePhoto], identity: Callable[[ReleasePhoto], Hashable], chosen: Selected
) -> list[ReleasePhoto]:
    """The preferred one of each identity: by version, a file before a member of an archive, by key. None: no identity."""
    taken, kept = {}, []
    for photo in sorted(photos, key=lambda p: (release.versions.index(p.version), p.found.in_archive, p.found.key)):
        who = identity(photo)
        if who is not None and who in taken:
            chosen.reject(source.kind, photo, "second copy", f"of {taken[who]}, which is taken")
            continue
        if who is not None:
            taken[who] = photo.found.key
        kept.append(photo)
    return kept


def _note_mixture(release: Release, photos: list[ReleasePhoto], chosen: Selected) -> None:
    versions = Counter(photo.version for photo in photos if photo.number >= 0)
    if len(versions) > 1:
        counts = ", ".join(f"{versions[v]:,} of {v or 'other folders'}" for v in release.versions if versions[v])
        chosen.notes.append(f"Photos of several versions of {release.title} are mixed: {counts}.")


def _find_list(source, root: Path, finds: Finds, names: tuple[str, ...]) -> tuple[str, str] | None:
    """(name, text) of the first list that is there: named from the root, among what was found, or above it."""
    for name in names:
        if (root / name).is_file():
            return name, _text((root / name).read_bytes())
        among = [found for found in finds.found if found.name == name]
        if among:
            best = min(among, key=lambda found: (found.in_archive, found.key.count("/"), found.key))
            return best.key, _text(_read(root, best))
        for folder in Path(source.path).parents:
            if (root / folder / name).is_file():
                return str(folder / name), _text((root / folder / name).read_bytes())
    return None


def _read(root: Path, found: Found) -> bytes:
    if found.order >= 0:
        return next(data for _, data in stream_members(root / found.path, {found.order}))
    with PhotoReader(root, root) as reader:
        return reader.read_bytes(columns("", found))


def _text(data: bytes) -> str:
    return data.decode("utf-8-sig", "replace")


def _size(root: Path, found: Found) -> int:
    return found.size if found.in_archive else (root / found.path).stat().st_size


def _without(source, release: Release) -> str:
    return f"No {release.lists[0]} was found for {release.title} (path {source.path})"
