"""What lies under the paths that were given: photos, each once, and what is none."""

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.commands.restore.recognise import is_about_a_photo, is_film, is_photo, is_result
from pipeline.photos.names import is_junk

NO_PHOTO, ABOUT, RESULT, OUT = "no photo", "written by restore about photos", "written by restore", "folder of results"
SCRATCH = ".restoring"  # how the folder ends in which an unfinished film waits
_ENDINGS = 6  # that are named


@dataclass(frozen=True)
class Skipped:
    """A file or folder that is not restored, and does not count as a failure. why: NO_PHOTO, ABOUT, RESULT or OUT."""

    path: Path
    why: str

    @property
    def own(self) -> bool:
        """Whether restore wrote it, and may write it anew."""
        return self.why != NO_PHOTO


@dataclass
class Walk:
    """photos: (file, its name below the output folder, why it cannot be restored or ""). All in a fixed order."""

    photos: list[tuple[Path, Path, str]] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


def identity(path: Path) -> tuple[int, int] | None:
    """What a path leads to, through links; None where nothing is there."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def walk(paths: list[Path], out: Path) -> Walk:
    """Look through the paths in the order given, a folder's files by name and then its folders.

    Each folder is listed once: links to folders come last, and one that leads to a listed folder adds nothing. The folder
    `out` is left out where restore wrote in it, but where it is all that is given: then what restore wrote there is. A file
    that is given by itself is taken as a photo whatever it is, but for what restore wrote. A folder that cannot be listed
    stands among the photos, with the reason.
    Raises FileNotFoundError for a path that is not there.
    """
    in_place = all(identity(path) == identity(out) for path in paths)
    walker = _Walker(in_place, identity(out))
    for path in paths:
        if path.is_dir():
            walker.folder(path)
        elif os.path.lexists(path):
            walker.file(path)
        else:
            raise FileNotFoundError(f"{path} is not there")
    walker.follow_links()
    return walker.walk


def in_words(skipped: list[Skipped]) -> str:
    """One sentence of what is skipped; "" for nothing."""
    if not skipped:
        return ""
    endings = Counter(one.path.suffix.lower() or "no ending" for one in skipped if one.why == NO_PHOTO)
    named = [f"{count} {ending}" for ending, count in sorted(endings.items(), key=lambda pair: (-pair[1], pair[0]))]
    of_what = f" ({', '.join(named[:_ENDINGS])}{', ...' if len(named) > _ENDINGS else ''})"
    reasons = Counter(one.why for one in skipped)
    parts = [f"{count} {why}{of_what if why == NO_PHOTO else ''}" for why, count in sorted(reasons.items())]
    films = "; films are restored where they are named" if any(is_film(one.path) for one in skipped) else ""
    return f"{len(skipped)} skipped: {', '.join(parts)}{films}"


def _holds_results(folder: Path) -> bool:
    """Whether restore wrote in the folder; no, where that cannot be seen: listing it will say why."""
    try:
        return any(is_about_a_photo(file) for file in folder.iterdir())
    except OSError:
        return False


class _Walker:
    def __init__(self, in_place: bool, out: tuple[int, int] | None):
        self.walk = Walk()
        self._in_place, self._out = in_place, out
        self._folders = set() if in_place or out is None else {out}
        self._files: set[tuple] = set()
        self._links: list[tuple[Path, Path]] = []

    def file(self, path: Path) -> None:
        """A file that was given by itself."""
        folder = identity(path.parent)
        if not self._own(path, folder):
            self._take(path, Path(path.name), folder)

    def folder(self, path: Path) -> None:
        """A folder that was given by itself."""
        if identity(path) == self._out and not self._in_place:
            if _holds_results(path):
                self.walk.skipped.append(Skipped(path, OUT))
                return
            self._folders.discard(self._out)  # photos, which results would replace: refused one by one
        self._below(path, Path())

    def follow_links(self) -> None:
        """Folders behind links, once all others are listed: what is behind a link may lie there anyway."""
        while self._links:
            self._below(*self._links.pop(0))

    def _below(self, top: Path, name: Path) -> None:
        waiting = [(top, name)]
        while waiting:
            folder, name = waiting.pop()
            listed = identity(folder)
            if listed in self._folders:
                continue
            try:
                with os.scandir(folder) as entries:
                    here = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
            except OSError as error:
                self.walk.photos.append((folder, name, f"the folder cannot be listed: {error.strerror}"))
                continue
            self._folders.add(listed)
            for file in (own for own, is_folder in here if not is_folder):
                self._entry(folder / file, name / file, listed)
            folders = [own for own, is_folder in reversed(here) if is_folder and not own.endswith(SCRATCH)]
            waiting += [(folder / own, name / own) for own in folders]

    def _entry(self, path: Path, name: Path, folder: tuple[int, int] | None) -> None:
        if is_junk(path.name):
            return
        if os.path.isdir(path):
            self._links.append((path, name))
        elif self._own(path, folder):
            return
        elif is_photo(path):
            self._take(path, name, folder)
        else:
            self.walk.skipped.append(Skipped(path, NO_PHOTO))

    def _own(self, path: Path, folder: tuple[int, int] | None) -> bool:
        """Whether restore wrote the file, so that it is skipped: an earlier result only where this run's results go."""
        why = ABOUT if is_about_a_photo(path) else ""
        if not why and (self._in_place or folder == self._out) and is_result(path):
            why = RESULT
        if why:
            self.walk.skipped.append(Skipped(path, why))
        return bool(why)

    def _take(self, path: Path, name: Path, folder: tuple[int, int] | None) -> None:
        if (folder, path.name) not in self._files:
            self._files.add((folder, path.name))
            self.walk.photos.append((path, name, ""))
