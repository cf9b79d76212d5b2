"""The photos that ingest listed, opened where they lie: files, members of archives, ingest's own shards."""

import functools
import os
import stat
import zipfile
import zlib
from lzma import LZMAError
from pathlib import Path

import numpy as np

from pipeline.photos import decode
from pipeline.store import images
from pipeline.store.shards import ShardReader

# Where a photo lies and what it is: the columns of ingest's manifest that later stages carry along.
PLACE_COLUMNS = ("kind", "number", "path", "member", "shard", "offset", "size", "sha256", "width", "height")

# Above any photo of at most decode.MAX_PIXELS, 16 bits and alpha; what is larger is a film or an archive, and is not read
# into memory.
MAX_BYTES = 2**31


class PhotoReader:
    """Opens the photos of an ingest manifest: what lies below `root`, and the shards in `ingested`.

    Files stay open; use as a context manager, or close it. Safe for threads.
    """

    def __init__(self, root: Path, ingested: Path):
        self._root = root
        self._tars = ShardReader(root)
        self._shards = ShardReader(ingested)

    def read(self, row: dict) -> np.ndarray:
        """The photo as RGB uint8 (H, W, 3), upright.

        Raises UnreadableImage for a damaged one, OSError where it is gone or changed since it was listed.
        """
        return decode.decode_photo(self.read_bytes(row))

    def read_bytes(self, row: dict) -> bytes:
        """The photo's file as it is. row: PLACE_COLUMNS; a size of -1 and an empty sha256 mean not read before.

        Raises UnreadableImage for a member that its archive cannot give, and for what is larger than MAX_BYTES; OSError
        where it is gone or its size is not the one listed.
        """
        if row["size"] > MAX_BYTES:
            raise too_large(row["size"])
        if row["shard"]:
            return self._shards.read(row["shard"], row["offset"], row["size"])
        if row["member"]:
            data = _read_member(self._root / row["path"], row["member"])
        elif row["offset"] >= 0:
            return self._tars.read(row["path"], row["offset"], row["size"])
        else:
            data = _read_file(self._root / row["path"])
        if row["size"] not in (-1, len(data)):
            raise OSError(f"{row['path']} had {row['size']:,} bytes when it was listed and has {len(data):,} now")
        return data

    def close(self) -> None:
        """Close the files."""
        self._tars.close()
        self._shards.close()

    def __enter__(self) -> "PhotoReader":
        return self

    def __exit__(self, *exc) -> None:
        self.close()


def too_large(size: int) -> images.UnreadableImage:
    """The error for a file of so many bytes."""
    return images.UnreadableImage(f"{size / 1e9:.1f} GB, and photos of up to {MAX_BYTES / 1e9:.1f} GB are read")


def _read_file(path: Path) -> bytes:
    with open(path, "rb", buffering=0, opener=_open_at_once) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(f"{path.name} is no regular file")
        if status.st_size > MAX_BYTES:
            raise too_large(status.st_size)
        return file.read()


def _open_at_once(path: str, flags: int) -> int:
    # A pipe nobody writes to would be waited for. Windows has neither such pipes nor the flag.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _read_member(path: Path, member: str) -> bytes:
    status = os.stat(path)
    try:
        archive = _open_zip(path, status.st_mtime_ns, status.st_size, os.getpid())
        return archive.read(member)  # checks the CRC
    except KeyError:
        raise OSError(f"{path.name} holds no {member} any more") from None
    except (zipfile.BadZipFile, zlib.error, LZMAError, EOFError, ValueError, NotImplementedError) as error:
        raise images.UnreadableImage(f"damaged in its archive: {error}") from None


@functools.lru_cache(maxsize=4)
def _open_zip(path: Path, modified_ns: int, size: int, process: int) -> zipfile.ZipFile:
    """One open archive per process: reading the names of 200,000 members takes a second and more.

    modified_ns, size: a changed archive is opened anew. process: a child must not share its parent's place in the file.
    """
    return zipfile.ZipFile(path)
