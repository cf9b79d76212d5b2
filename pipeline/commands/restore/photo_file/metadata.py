"""What a photo's file says besides its pixels, made true of upright pixels of perhaps another size."""

import base64
import json
import re
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

EXIF_PREFIX = b"Exif\0\0"
EXIF_IFD, GPS_IFD = 0x8769, 0x8825
_INTEROP_IFD = 0xA005

# The tags of a TIFF's first directory that describe the photo; the others say how its old pixels lie in the file.
DESCRIPTIVE = frozenset(
    [
        *(
            0x010D,
            0x010E,
            0x010F,
            0x0110,
            0x0131,
            0x0132,
            0x013B,
            0x013C,
            0x8298,
        ),  # titles, camera, program, times, people
        *(0x9C9B, 0x9C9C, 0x9C9D, 0x9C9E, 0x9C9F, 0x4746, 0x4749),  # Windows' titles and ratings
        *(EXIF_IFD, GPS_IFD),
    ]
)

_ORIENTATION = 0x0112
_WIDTHS, _HEIGHTS = (0x0100, 0xA002), (0x0101, 0xA003)  # in the first directory, in EXIF's own
_THUMBNAIL, _THUMBNAIL_BYTES = 0x0201, 0x0202
_XMP_ORIENTATION = re.compile(rb"""(tiff:Orientation(?:\s*=\s*["']|>))[0-9]""")
_XMP_THUMBNAILS = re.compile(rb"<(xmp|xap):Thumbnails>.*?</\1:Thumbnails>", re.DOTALL)

# Chunks that say how a PNG's samples are to be shown, and its texts. EXIF, XMP, ICC profile and density are written anew.
_KEPT_CHUNKS = (b"gAMA", b"cHRM", b"sRGB", b"cICP", b"mDCV", b"cLLI", b"tEXt", b"zTXt", b"iTXt", b"tIME")
_OTHERS_TEXT = (b"Raw profile type", b"XML:com.adobe.xmp")

# In a process of its own for the reason that pipeline.photos.decode gives; it looks at no pixels.
_HEIC_READER = """
import base64, io, json, sys
from PIL import Image
from pi_heif import register_heif_opener
register_heif_opener()
Image.MAX_IMAGE_PIXELS = None
with Image.open(io.BytesIO(sys.stdin.buffer.read()), formats=("HEIF",)) as image:
    told = {key: image.info.get(key) for key in ("icc_profile", "exif", "xmp")}
    said = {key: base64.b64encode(value).decode() for key, value in told.items() if isinstance(value, bytes)}
    print(json.dumps({**said, "mode": image.mode, "bits": image.info.get("bit_depth", 8), "frames": image.n_frames}))
"""


@dataclass(frozen=True)
class Carried:
    """What a photo's file carries besides pixels, as it was read.

    icc, exif (a TIFF structure without "Exif\\0\\0"), xmp, comment: bytes. dpi: dots per inch (x, y). chunks: a PNG's
    (kind, content) to be copied. grey: the file is greyscale. jpeg_tables: quantisation tables of luma
    and chroma, 64 entries in rows. lossless: False where a WebP lost something already. film: of a motion photo, with what
    lies behind it in the file.
    """

    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    comment: bytes | None = None
    chunks: tuple[tuple[bytes, bytes], ...] = ()
    grey: bool = False
    jpeg_tables: tuple[list[int], list[int]] | None = None
    progressive: bool = False
    lossless: bool = True
    film: bytes | None = None


def stored_exif(image: Image.Image) -> bytes | None:
    """The EXIF block of an opened image as a TIFF structure, None where there is none or none that can be read.

    A TIFF's is made of the tags of its directory that describe the photo.
    """
    block = image.info.get("exif")
    if isinstance(block, bytes) and block:
        return block.removeprefix(EXIF_PREFIX) or None
    try:
        told = image.getexif()
        kept = Image.Exif()
        for tag in told:
            if tag in DESCRIPTIVE or (image.format != "TIFF" and tag != _ORIENTATION):
                kept[tag] = told.get_ifd(tag) if tag in (EXIF_IFD, GPS_IFD) else told[tag]
        return kept.tobytes().removeprefix(EXIF_PREFIX) if len(kept) else None
    except Exception:
        # Pillow raises anything on a broken block; the pixels were read, and that is what the photo is about.
        return None


def true_exif(block: bytes, width: int, height: int) -> bytes | None:
    """An EXIF block true of upright pixels of that size, changed in place; None where it is too damaged for that.

    Orientation becomes 1, the size that it names this one, and the thumbnail, which shows the old picture, is unlinked and
    blanked. All else stays to the byte: makers' notes hold places in the block, which moving anything would break.
    """
    block = bytearray(block)
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(bytes(block[:4]))
    if order is None:
        return None
    try:
        (first,) = struct.unpack_from(order + "L", block, 4)
        _set(block, order, first, {_ORIENTATION: 1, _WIDTHS[0]: width, _HEIGHTS[0]: height})
        own = _values(block, order, first).get(EXIF_IFD)
        if own is not None:
            _set(block, order, own, {_WIDTHS[1]: width, _HEIGHTS[1]: height})
        return bytes(_without_thumbnail(block, order, first))
    except struct.error:  # a directory beyond the block's end
        return None


def directories(block: bytes) -> dict[int, object]:
    """The descriptive tags of an EXIF block with its directories as dicts, for a TIFF's own directory.

    Empty where Pillow cannot read it.
    """
    told = Image.Exif()
    try:
        told.load(EXIF_PREFIX + block)
        tags = {
            tag: told.get_ifd(tag) if tag in (EXIF_IFD, GPS_IFD) else told[tag] for tag in told if tag in DESCRIPTIVE
        }
        if _INTEROP_IFD in tags.get(EXIF_IFD, {}):
            tags[EXIF_IFD] = {**tags[EXIF_IFD], _INTEROP_IFD: told.get_ifd(_INTEROP_IFD)}
    except Exception:
        # Pillow raises anything on a broken block, and the pixels must be written.
        return {}
    return tags


def true_xmp(packet: bytes) -> bytes:
    """An XMP packet whose orientation is 1, without thumbnails."""
    return _XMP_THUMBNAILS.sub(b"", _XMP_ORIENTATION.sub(rb"\g<1>1", packet))


def png_kinds(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(kind, content) of a PNG's chunks, in their order; of pixels no content."""
    at = 8
    while at + 8 <= len(data):
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        yield kind, b"" if kind in (b"IDAT", b"fdAT") else data[at + 8 : at + 8 + size]
        at += 12 + size


def png_chunks(data: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """(kind, content) of a whole PNG's chunks that hold for other pixels too and are not written anew."""
    return tuple(
        (kind, content)
        for kind, content in png_kinds(data)
        if kind in _KEPT_CHUNKS and not content.startswith(_OTHERS_TEXT)
    )


def heic_metadata(data: bytes) -> tuple[Carried, tuple[str, ...]]:
    """What a HEIC carries that was read without an error, and in words what of it is not kept."""
    done = subprocess.run([sys.executable, "-c", _HEIC_READER], input=data, capture_output=True, check=False)
    if done.returncode:
        return Carried(), ("colour profile and EXIF could not be read",)
    told = json.loads(done.stdout)
    icc, exif, xmp = (base64.b64decode(told.get(key, "")) or None for key in ("icc_profile", "exif", "xmp"))
    remarks = []
    if told["frames"] > 1:
        remarks.append(f"the main one of {told['frames']} pictures in the file")
    if told["bits"] > 8:
        remarks.append(f"{told['bits']} bits became 8")
    if told["mode"].endswith("A"):
        remarks.append("alpha dropped: it is not read of HEIC")
    return Carried(icc=icc, exif=exif and exif.removeprefix(EXIF_PREFIX), xmp=xmp), tuple(remarks)


def _entries(block: bytearray, order: str, directory: int) -> Iterator[tuple[int, int, int]]:
    """(tag, type, place of its value) of the single short or long numbers in a directory."""
    (count,) = struct.unpack_from(order + "H", block, directory)
    for i in range(count):
        at = directory + 2 + 12 * i
        tag, kind, number = struct.unpack_from(order + "HHL", block, at)
        if kind in (3, 4) and number == 1:
            yield tag, kind, at + 8


def _values(block: bytearray, order: str, directory: int) -> dict[int, int]:
    found = _entries(block, order, directory)
    return {tag: struct.unpack_from(order + ("H" if kind == 3 else "L"), block, at)[0] for tag, kind, at in found}


def _set(block: bytearray, order: str, directory: int, numbers: dict[int, int]) -> None:
    for tag, kind, at in _entries(block, order, directory):
        if tag in numbers and (kind == 4 or numbers[tag] < 2**16):
            struct.pack_into(order + ("H" if kind == 3 else "L"), block, at, numbers[tag])


def _without_thumbnail(block: bytearray, order: str, first: int) -> bytearray:
    (count,) = struct.unpack_from(order + "H", block, first)
    link = first + 2 + 12 * count
    (second,) = struct.unpack_from(order + "L", block, link)
    if not second:
        return block
    struct.pack_into(order + "L", block, link, 0)
    try:
        told = _values(block, order, second)
    except struct.error:  # the link led nowhere, so there is no picture to blank
        return block
    start, size = told.get(_THUMBNAIL, 0), told.get(_THUMBNAIL_BYTES, 0)
    if start + size > len(block) or block[start : start + 2] != b"\xff\xd8":
        return block
    if start + size == len(block):
        return block[:start]
    block[start : start + size] = bytes(size)
    return block
