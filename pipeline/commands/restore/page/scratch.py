"""The page's own folder: photos lie there while the page runs, and nowhere afterwards."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: what a machine that lost its power left there stays
    fcntl = None

PREFIX = "restore-page-"


@contextmanager
def own_folder() -> Iterator[Path]:
    """A new folder below the system's temporary one that nobody else may read; deleted when the block ends.

    What pages that ended without a chance to delete it left there is deleted first. Of those that run, each holds a lock
    on its folder. Raises OSError where the folder cannot be deleted.
    """
    remove_left_behind()
    folder, lock = _locked()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)
        if folder.exists():
            raise OSError(f"{folder} could not be deleted whole: delete it, photos are in it")


def remove_left_behind() -> None:
    """Delete the folders of this user's pages that no process holds any more."""
    if fcntl is None:
        return
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        lock = _lock(folder)
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _locked() -> tuple[Path, int | None]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))  # mode 700
        if fcntl is None:
            return folder, None
        lock = _lock(folder)
        if lock is not None:  # else a page that starts now took it for one left behind
            return folder, lock


def _lock(folder: Path) -> int | None:
    """An open file that holds the folder; None where another process does, or where it is not this user's."""
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    with suppress(OSError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        there = os.fstat(lock)
        if there.st_uid == os.getuid() and os.path.samestat(there, os.stat(folder)):
            return lock
    os.close(lock)
    return None
