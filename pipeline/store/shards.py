"""Image bytes in uncompressed tar files: few files for DVC, random access by offset, the same bytes on every run."""

import hashlib
import io
import os
import tarfile
from contextlib import ExitStack
from pathlib import Path

from pipeline.store.files import whole_file


class ShardWriter:
    """Writes one shard; nothing appears under its name before the shard is whole.

    Use as a context manager. On an error inside the block the unfinished file is removed. Raises `files.DiskFull` where
    there is no room for it.
    """

    def __init__(self, path: Path):
        self._path = path

    def __enter__(self) -> "ShardWriter":
        with ExitStack() as stack:
            file = stack.enter_context(whole_file(self._path))
            self._tar = stack.enter_context(tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT))
            self._closing = stack.pop_all()
        return self

    def add(self, name: str, data: bytes) -> dict:
        """Append one member; returns where it lies: shard, offset, size, sha256."""
        member = tarfile.TarInfo(name)  # mtime, ids and names are zero or empty: the bytes depend on the data alone
        member.size = len(data)
        offset = self._tar.offset + tarfile.BLOCKSIZE
        self._tar.addfile(member, io.BytesIO(data))
        return {
            "shard": self._path.name,
            "offset": offset,
            "size": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
        }

    def __exit__(self, *exc) -> None:
        self._closing.__exit__(*exc)


class ShardReader:
    """Reads members of the shards in one folder by offset. Files stay open; safe for threads (pread)."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._files: dict[str, int] = {}

    def read(self, shard: str, offset: int, size: int) -> bytes:
        """The bytes of one member. Raises OSError where the shard is missing or too short."""
        if shard not in self._files:
            self._files[shard] = os.open(self._folder / shard, os.O_RDONLY)
        data = os.pread(self._files[shard], size, offset)
        if len(data) != size:
            raise OSError(f"{self._folder / shard} ends before offset {offset} + {size}: the shard is damaged")
        return data

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            os.close(file)
        self._files.clear()

    def __enter__(self) -> "ShardReader":
        return self

    def __exit__(self, *exc) -> None:
        self.close()
