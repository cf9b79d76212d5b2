"""Files that are there whole or not at all."""

import errno
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

UNFINISHED = ".unfinished"
NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
NAME_BYTES = 255  # what file systems allow a name


class DiskFull(OSError):
    """A file could not be written for lack of space; nothing stands under its name."""


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file open for writing that appears under its name when the block ends without an error, and not before.

    Raises DiskFull where disk, quota or file size limit leave no room for it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    ending = f".{os.getpid()}{UNFINISHED}"
    unfinished = path.with_name(f".{shortened(path.name, NAME_BYTES - len(ending) - 1)}{ending}")
    try:
        with open(unfinished, "wb") as file:
            yield file
        os.replace(unfinished, path)
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        raise DiskFull(
            error.errno,
            f"no room to write {path} ({os.strerror(error.errno)}): free space on that disk or raise the limit, then run "
            "the stage again; nothing half-written is left under that name",
        ) from error
    finally:
        unfinished.unlink(missing_ok=True)


def shortened(name: str, most: int) -> str:
    """The name where it has at most `most` bytes; else its beginning, "~" and 12 digits of its SHA-256, in as many bytes.

    Another long name becomes another short one, and the same name the same one wherever it is shortened.
    """
    if len(os.fsencode(name)) <= most:
        return name
    digest = f"~{hashlib.sha256(os.fsencode(name)).hexdigest()[:12]}"
    # By characters: half a character is no valid name everywhere.
    while len(os.fsencode(name)) > most - len(digest):
        name = name[:-1]
    return name + digest


def write_json(path: Path, value) -> None:
    """Write JSON the same way each time: sorted as given, two spaces, a newline at the end.

    What of a name is no valid UTF-8 is escaped as JSON escapes it, and read back as it was.
    """
    with whole_file(path) as file:
        file.write((json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace"))


def remove_unfinished(folder: Path) -> None:
    """Remove what a worker that was killed left behind in a folder; whole files are never touched."""
    for file in folder.glob(f".*{UNFINISHED}"):
        file.unlink(missing_ok=True)
