"""A copy of a folder that tests may change: made once, and put right after each of them.

Copying a folder of a hundred files and taking it away again costs a hundred times what looking through it does.
"""

import os
import shutil
from pathlib import Path

Stamp = tuple[int, int, int] | None


class Changeable:
    """A folder and what it was copied from, which must stay as it is."""

    def __init__(self, original: Path, folder: Path):
        """folder: an empty one, or none yet."""
        self.folder = folder
        self._original = original
        shutil.copytree(original, folder, dirs_exist_ok=True)
        self._was = _stamps(folder)

    def put_right(self) -> None:
        """Take back whatever was written, removed, renamed or added."""
        now = _stamps(self.folder)
        changed = {place for place in {*now, *self._was} if now.get(place, ()) != self._was.get(place, ())}
        for place in sorted(changed & now.keys(), reverse=True):  # what is in a folder before the folder
            path = self.folder / place
            path.rmdir() if now[place] is None else path.unlink()
        for place in sorted(changed & self._was.keys()):
            path = self.folder / place
            if self._was[place] is None:
                path.mkdir()
            else:
                shutil.copy2(self._original / place, path)
                self._was[place] = _stamp(path.lstat())


def _stamps(folder: Path) -> dict[str, Stamp]:
    """Place in the folder -> what tells a file from any other that may stand there later; None for a folder."""
    found: dict[str, Stamp] = {}
    beyond, folders = len(str(folder)) + 1, [str(folder)]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                    found[entry.path[beyond:]] = None
                else:
                    found[entry.path[beyond:]] = _stamp(entry.stat(follow_symlinks=False))
    return found


def _stamp(stat: os.stat_result) -> Stamp:
    """Of a file the inode, size and time of its last change: a copy has its original's time, which lies before any test."""
    return stat.st_ino, stat.st_size, stat.st_mtime_ns
