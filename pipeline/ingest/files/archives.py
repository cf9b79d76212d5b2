"""Archives read where they lie: their members are listed here and never unpacked to disk.

A zip's members are read by name and those of an uncompressed tar by offset. A compressed tar can only be read from its
beginning on, so the members that are wanted are copied once, into shards.
"""

import bz2
import gzip
import lzma
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.ingest.files.found import Finds, Found, Problem
from pipeline.photos.names import as_key, is_junk
from pipeline.photos.reader import MAX_BYTES, too_large

_ENDINGS = {
    "zip": (".zip",),
    "tar": (".tar",),
    "gz": (".tar.gz", ".tgz"),
    "bz2": (".tar.bz2", ".tbz2", ".tbz"),
    "xz": (".tar.xz", ".txz"),
}
_FOREIGN = re.compile(r"\.(7z|rar|gz|bz2|xz|zst|lz4|cab|iso|(7z|zip|rar)\.\d{2,3}|z\d\d)$", re.IGNORECASE)
_OPEN = {"gz": gzip.open, "bz2": bz2.open, "xz": lzma.open}
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_DAMAGE = (
    *(zipfile.BadZipFile, tarfile.TarError, EOFError, OSError, ValueError, NotImplementedError, OverflowError),
    *(struct.error, zlib.error, lzma.LZMAError),
)


class UnreadableArchive(ValueError):
    """The archive cannot be read; the message says why."""


def archive_kind(name: str) -> str:
    """zip, tar, gz, bz2, xz (the compressed tars), "other" for archives that are not read, "" for no archive."""
    lower = name.lower()
    for kind, endings in _ENDINGS.items():
        if lower.endswith(endings):
            return kind
    return "other" if _FOREIGN.search(name) else ""


def without_ending(name: str) -> str:
    """img_celeba for img_celeba.tar.gz; the name itself where it is no archive's."""
    for ending in sorted(sum(_ENDINGS.values(), ()), key=len, reverse=True):
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return name


def list_members(root: Path, path: str) -> Finds:
    """What the archive root/path holds. A name that it holds twice is the later one's, as it would be on unpacking.

    Raises UnreadableArchive where it is damaged, encrypted, or of a kind that is not read.
    """
    kind = archive_kind(path)
    if kind == "other":
        raise UnreadableArchive(f"an archive of a kind that is not read ({Path(path).suffix}): unpack it first")
    try:
        listing = _zip(root / path) if kind == "zip" else _tar(root / path, kind)
    except _DAMAGE as error:
        why = getattr(error, "strerror", None) or error or type(error).__name__
        raise UnreadableArchive(f"a damaged archive ({why}): bring it again, or unpack what is whole of it") from None
    found, problems = {}, {}
    for name, where, problem in listing:
        key = as_key(f"{path}/{name.removeprefix('./').lstrip('/')}")
        if is_junk(key):
            continue
        if archive_kind(name):
            problem = "an archive inside an archive: unpack it first"
        if problem:
            problems[key] = Problem(key, "unreadable", problem)
        else:
            found[key] = Found(key, path, **where)
    return Finds(list(found.values()), [problem for key, problem in problems.items() if key not in found])


def stream_members(path: Path, orders: Collection[int]) -> Iterator[tuple[int, bytes]]:
    """(order, bytes) of these members of a compressed tar, in its own order."""
    with _stream(path, archive_kind(path.name)) as tar:
        for order, member in enumerate(tar):
            if order in orders:
                yield order, tar.extractfile(member).read()


def _zip(path: Path) -> list[tuple[str, dict, str]]:
    """(name, fields of Found, problem or "") of every member that is no folder."""
    members = []
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            name = info.filename.replace("\\", "/")  # of Windows
            if name.endswith("/"):
                continue
            if info.flag_bits & 1:
                raise UnreadableArchive("an encrypted archive: unpack it first")
            if info.compress_type not in _METHODS:
                raise UnreadableArchive(f"an archive compressed by zip's method {info.compress_type}: unpack it first")
            members.append((name, {"member": info.filename, "size": info.file_size}, ""))
    return members


def _tar(path: Path, kind: str) -> list[tuple[str, dict, str]]:
    if kind != "tar":
        with _stream(path, kind) as tar:
            return [_tar_member(member, {"order": n}) for n, member in enumerate(tar) if not member.isdir()]
    with open(path, "rb") as file, tarfile.open(fileobj=file, mode="r:", encoding="utf-8") as tar:
        members = [_tar_member(m, {"offset": m.offset_data}) for m in tar if not m.isdir()]
        # tarfile takes a damaged or cut-off header for the end; a whole archive ends in zeros.
        file.seek(tar.offset)
        if file.read(tarfile.BLOCKSIZE).strip(b"\0") or file.tell() < tar.offset + tarfile.BLOCKSIZE:
            raise tarfile.ReadError(f"no end after {len(members)} members")
    return members


def _tar_member(member: tarfile.TarInfo, where: dict) -> tuple[str, dict, str]:
    problem = ""
    if not member.isreg() or member.issparse():
        problem = "a link or another special file inside an archive: unpack it first"
    elif "order" in where and member.size > MAX_BYTES:
        problem = str(too_large(member.size))
    return member.name, where | {"size": member.size}, problem


@contextmanager
def _stream(path: Path, kind: str) -> Iterator[tarfile.TarFile]:
    # The decompressor is ours, since tarfile's own takes a cut-off stream for the end of the archive.
    with _OPEN[kind](path) as file:
        with tarfile.open(fileobj=file, mode="r|", encoding="utf-8") as tar:
            yield tar
        while file.read(2**20):  # to the end, where the checksum stands
            pass
