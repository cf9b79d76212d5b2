"""Names as the user has them: shown, and given to what is downloaded; never a path here."""

import re
from pathlib import PurePosixPath
from urllib.parse import quote

from PIL import Image

from pipeline.commands.restore.page.wish import PHOTO
from pipeline.commands.restore.recognise import name_beside
from pipeline.photos.names import as_key
from pipeline.store.files import NAME_BYTES, shortened

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")  # those that turn text around, too


def plain(name: str) -> str:
    """A file's name that may be shown and downloaded, whatever was sent: its last part, without control characters."""
    last = _CONTROL.sub("", as_key(name)).replace("\\", "/").rpartition("/")[2].strip()
    return "photo" if last in ("", ".", "..") else shortened(last, NAME_BYTES)


def written(name: str, output: str) -> str:
    """What the command would call an output of the photo. output: its name here, PHOTO and perhaps an ending."""
    ending = output.removeprefix(PHOTO)
    formats = Image.registered_extensions()
    own = PurePosixPath(name).suffix.lower()
    if not ending or formats.get(own) == formats.get(ending):
        return name
    return name_beside(name) + ending


def record_name(name: str) -> str:
    """What the command would call the record of the photo."""
    return f"{name_beside(name)}.json"


def attachment(name: str) -> str:
    """The Content-Disposition of a download of that name."""
    return f"attachment; filename*=UTF-8''{quote(name, safe='')}"
