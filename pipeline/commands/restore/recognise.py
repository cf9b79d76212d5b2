"""What is a photo, told by its name or its first bytes, and what restore itself has written."""

import functools
import json
import os
import re
import stat
from pathlib import Path

from PIL import Image

from pipeline.photos.decode import FORMATS
from pipeline.photos.names import as_key
from pipeline.store.files import NAME_BYTES, shortened

SUMMARY = "summary.json"

# Of photos, also of those that are not read: a photo that is left undone is to be said as one.
_SUFFIXES = frozenset(
    [
        *(suffix for suffix, format in Image.registered_extensions().items() if format in FORMATS),
        *(".heic", ".heif", ".heics", ".heifs", ".hif", ".jxl", ".mpo"),
        *(".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf", ".pef", ".srw"),  # cameras' raw files
    ]
)
_FILMS = frozenset(
    [
        *(
            ".mp4",
            ".m4v",
            ".mov",
            ".avi",
            ".mkv",
            ".webm",
            ".mpg",
            ".mpeg",
            ".vob",
            ".ts",
            ".mts",
            ".m2ts",
            ".wmv",
            ".asf",
        ),
        *(".flv", ".3gp", ".3g2", ".ogv", ".dav", ".dv", ".h264", ".264", ".h265", ".265"),
    ]
)
_BEGINNING = re.compile(
    rb"\xff\xd8|\x89PNG|GIF8|RIFF.{4}WEBP|II[*+]\0|MM\0[*+]"
    rb"|.{4}ftyp(?:he[iv][cxms]|mif1|msf1|avi[fs])|\0{3}\x0cjP  |\xff\x4f\xff\x51"
    # The kinds whose first letters any text may have: zeros and a header's size, a number, a count of pictures.
    rb"|BM.{4}\0{4}.{4}[\x0c\x28\x34\x38\x40\x6c\x7c]\0{3}|P[1-6]\s+[#\d]|\0\0\x01\0[^\0]\0",
    re.DOTALL,
)
_HEAD_BYTES = 32

_LONGEST_ENDING = 16  # "_compare.png", "_face1234.avif"
_BESIDE = re.compile(r"(.+)_(?:compare\.png|face\d+\.\w+)", re.DOTALL)
_RECORD = frozenset(("photo", "status", "reason", "outputs", "faces", "options", "networks", "identity"))
_FILM_RECORD = frozenset(("film", "status", "reason", "outputs", "tracks", "options", "networks", "identity"))
_SUMMARY = frozenset(("photos", "faces", "results", "options", "networks", "identity"))
_MOST_BYTES = 2**26  # of a record with thousands of faces; what is larger is not read


def is_photo(path: Path) -> bool:
    """Whether a file is taken for a photo: by its suffix, or by its first bytes, whatever it is called.

    True also for what cannot be opened: reading it will say why.
    """
    if path.suffix.lower() in _SUFFIXES:
        return True
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return False  # a pipe would be waited for
        with open(path, "rb") as file:
            return _BEGINNING.match(file.read(_HEAD_BYTES)) is not None
    except OSError:
        return True


def is_film(path: Path) -> bool:
    """Whether a file that is named by itself is taken for a film: by its suffix, where its first bytes are no photo's."""
    return path.suffix.lower() in _FILMS and not is_photo(path) and not path.is_dir()


def name_beside(name: str) -> str:
    """What the names of all that is written about an output begin with: its own, or a shorter one that leaves room."""
    return shortened(name, NAME_BYTES - _LONGEST_ENDING)


def is_about_a_photo(path: Path) -> bool:
    """Whether the file is restore's record, a comparison or a face beside one, or a summary: by what the record holds."""
    if path.name == SUMMARY and _said(path, _SUMMARY) is not None:
        return True
    if path.suffix == ".json":
        return _said(path, _RECORD) is not None or _said(path, _FILM_RECORD) is not None
    beside = _BESIDE.fullmatch(path.name)
    return beside is not None and _said(path.with_name(f"{beside.group(1)}.json"), _RECORD) is not None


def is_result(path: Path) -> bool:
    """Whether the file is a photo that restore wrote: a record beside it says so."""
    # A PNG named a.jpg is written as a.jpg.png, and its record is that of a.jpg.
    records = (_said(path.with_name(f"{name_beside(name)}.json"), _RECORD) for name in (path.name, path.stem))
    return any(as_key(path.name) in record["outputs"] for record in records if record is not None)


def _said(path: Path, keys: frozenset[str]) -> dict | None:
    """What a JSON file of restore's says; None for any other."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode) or status.st_size > _MOST_BYTES:
        return None
    said = _read(path, status.st_mtime_ns, status.st_size)
    return said if isinstance(said, dict) and keys <= said.keys() else None


@functools.lru_cache(maxsize=8)
def _read(path: Path, modified_ns: int, size: int):
    """A JSON file's content, None where it holds none: a record is asked for by each file beside it."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
