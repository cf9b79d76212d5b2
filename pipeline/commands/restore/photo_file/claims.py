"""What an XMP packet claims of things outside the picture: films, gain maps, depth maps, a second packet.

Google's and Adobe's names: `GCamera:MotionPhoto`, `GCamera:MicroVideoOffset`; `Container:Directory`, whose items lie one
behind the other up to the file's end; `hdrgm:Version`; `xmpNote:HasExtendedXMP`. Prefixes may be others.
"""

import re
from dataclasses import dataclass

_FILM = rb"[\w.-]+:(?:MotionPhoto|MicroVideo)\w*"
_OTHERS = rb"(?:hdrgm|HDRGainMap|GDepth|GImage|GAudio):\w+|[\w.-]+:HasExtendedXMP"
_GAIN_MAP = re.compile(rb"\bhdrgm:\w|\bHDRGainMap\w*:\w|Semantic\s*(?:=\s*[\"']|>)\s*GainMap")
_FILM_CLAIM = re.compile(rb"[\w.-]+:(?:MotionPhoto|MicroVideo)\s*(?:=\s*[\"']|>)\s*1")
_OFFSET = re.compile(rb"[\w.-]+:MicroVideoOffset\s*(?:=\s*[\"']|>)\s*(\d+)")
_DIRECTORY = re.compile(rb"<([\w.-]+:Directory)\b.*?</\1\s*>", re.DOTALL)
_ITEM = re.compile(rb"<rdf:li\b(?:[^>]*/>|.*?</rdf:li\s*>)", re.DOTALL)
_LENGTHS = re.compile(rb"(:(?:Length|Padding)\s*(?:=\s*[\"']|>)\s*)\d+")


@dataclass(frozen=True)
class Item:
    """One of a container's items: what it is, how many bytes it has, and how many lie unused behind it."""

    semantic: str
    length: int
    padding: int


def names_film(xmp: bytes) -> bool:
    """Whether the packet says that the photo has a film."""
    return _FILM_CLAIM.search(xmp) is not None


def names_gain_map(xmp: bytes) -> bool:
    """Whether the packet says that the photo has a gain map, which makes it an HDR picture."""
    return _GAIN_MAP.search(xmp) is not None


def film_sizes(xmp: bytes) -> list[int]:
    """How many bytes before the file's end a film begins, by each of the ways in which a packet can say so."""
    sizes = [int(number) for number in _OFFSET.findall(xmp)]
    items = [_parsed(item) for item in _items(xmp)]
    for place, item in enumerate(items):
        if item.semantic == "MotionPhoto":
            sizes.append(sum(other.length + other.padding for other in items[place:]))
    return sizes


def true_claims(xmp: bytes, film: bool) -> bytes:
    """The packet without what it says of things that are not kept. film: the film is, with what lies behind it."""
    others = _OTHERS if film else _OTHERS + b"|" + _FILM
    for form in (rb"\s(?:%s)\s*=\s*(?:\"[^\"]*\"|'[^']*')", rb"<(%s)(?:\s[^>]*)?(?:/>|>.*?</\1\s*>)"):
        xmp = re.sub(form % others, b"", xmp, flags=re.DOTALL)
    return _DIRECTORY.sub(lambda found: _true_directory(found.group(), film), xmp)


def _true_directory(directory: bytes, film: bool) -> bytes:
    """A container's directory with the items that are kept: the picture, the film and what lies behind that."""
    items = _ITEM.findall(directory)
    if not any(_parsed(item).semantic == "Primary" for item in items):
        return directory  # of something else
    kept, behind = [], False
    for item in items:
        semantic = _parsed(item).semantic
        behind |= film and semantic == "MotionPhoto"
        if semantic == "Primary":
            kept.append(_LENGTHS.sub(rb"\g<1>0", item))
        elif behind:
            kept.append(item)
    if len(kept) == 1:
        return b""
    start, end = directory.index(items[0]), directory.rindex(items[-1]) + len(items[-1])
    return directory[:start] + b"".join(kept) + directory[end:]


def _items(xmp: bytes) -> list[bytes]:
    directory = _DIRECTORY.search(xmp)
    return [] if directory is None else _ITEM.findall(directory.group())


def _parsed(item: bytes) -> Item:
    def told(name: bytes) -> bytes:
        found = re.search(rb":" + name + rb"\s*(?:=\s*[\"']|>)\s*(\w+)", item)
        return b"" if found is None else found.group(1)

    numbers = (int(text) if (text := told(name)).isdigit() else 0 for name in (b"Length", b"Padding"))
    return Item(told(b"Semantic").decode("utf-8", "replace"), *numbers)
