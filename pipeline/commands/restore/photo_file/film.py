"""What lies behind the picture in a JPEG: a motion photo's film, which is kept, and other things, which are not."""

import re

from pipeline.commands.restore.photo_file import claims

# The next marker in coded pixels: not a stuffed 0, a restart or a fill byte.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_END, _SCAN = 0xD9, 0xDA
_SAMSUNG_FILM = b"MotionPhoto_Data"


def end_of_jpeg(data: bytes) -> int:
    """Where the first picture of a JPEG ends; the file's length where no end is found."""
    at = 2
    while (found := _MARKER.search(data, at)) is not None:
        marker, at = data[found.start() + 1], found.end()
        if marker == _END:
            return at
        # Every other one that can stand here has a length; behind a scan's header its pixels are searched.
        at += int.from_bytes(data[at : at + 2], "big")
    return len(data)


def behind(data: bytes, xmp: bytes) -> tuple[bytes | None, bytes]:
    """What lies behind a JPEG's picture: the film with all behind it, as it is, None without one; what is before that.

    All that tells where a film lies counts from the file's end (Google's `MicroVideoOffset` and container, Samsung's
    directory), so it stays true behind another picture.
    """
    end = end_of_jpeg(data)
    starts = [len(data) - size for size in claims.film_sizes(xmp)]
    starts = [start for start in starts if start >= end and data[start + 4 : start + 8] == b"ftyp"]
    samsung = _samsung(data)
    if samsung is not None and samsung >= end and (starts or _SAMSUNG_FILM in data[samsung:]):
        starts.append(samsung)
    if not starts:
        return None, data[end:]
    return data[min(starts) :], data[end : min(starts)]


def _samsung(data: bytes) -> int | None:
    """Where Samsung's blocks begin: their directory at the file's end counts back from itself."""
    if not data.endswith(b"SEFT"):
        return None
    directory = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    if directory < 0 or data[directory : directory + 4] != b"SEFH":
        return None
    count = int.from_bytes(data[directory + 8 : directory + 12], "little")
    entries = (data[at : at + 12] for at in range(directory + 12, min(directory + 12 + 12 * count, len(data) - 8), 12))
    return directory - max((int.from_bytes(entry[4:8], "little") for entry in entries), default=0)
