"""In words, what of a photo's file nothing that is written can hold."""

from PIL import Image

from pipeline.commands.restore.photo_file import claims
from pipeline.commands.restore.photo_file.metadata import DESCRIPTIVE, png_kinds

# Of a JPEG's segments: those that are carried, that are written anew, or that tell of the old coding alone.
_KNOWN_SEGMENTS = {
    "APP0": (b"JFIF", b"JFXX", b"AVI1"),
    "APP1": (b"Exif\0", b"http://ns.adobe.com/xap/1.0/\0"),
    "APP2": (b"ICC_PROFILE\0", b"MPF\0"),
    "APP12": (b"Ducky",),
    "APP13": (b"Photoshop 3.0\0",),  # which has words of its own
    "APP14": (b"Adobe",),
}
_SECOND_XMP = b"http://ns.adobe.com/xmp/extension/\0"
# Of a TIFF's tags those above the standard's own are private; the ICC profile is carried.
_PRIVATE, _ICC, _PHOTOSHOP, _IPTC, _PICTURES = 0x0300, 0x8773, (0x8649, 0x935C), 0x83BB, 0x014A
_KNOWN_CHUNKS = frozenset(
    [
        *(b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"pHYs", b"eXIf", b"iCCP", b"acTL", b"fcTL", b"fdAT"),
        *(b"gAMA", b"cHRM", b"sRGB", b"cICP", b"mDCV", b"cLLI", b"tEXt", b"zTXt", b"iTXt", b"tIME"),
        *(b"sBIT", b"bKGD", b"hIST", b"sPLT", b"iDOT"),  # of old pixels, hints for those who show them
    ]
)
_RAW_PROFILE = b"Raw profile type "
_BOXES_KEPT = (b"jP  ", b"ftyp", b"jp2h", b"jp2c")


def unkept(image: Image.Image, data: bytes) -> list[str]:
    """What else an opened image's file holds, by its kind; a film and pictures behind it are `unkept_behind`'s."""
    said = {
        "JPEG": _of_jpeg,
        "MPO": _of_jpeg,
        "TIFF": _of_tiff,
        "PNG": _of_png,
        "JPEG2000": _of_jpeg2000,
        "ICO": _of_ico,
    }
    return said[image.format](image, data) if image.format in said else []


def unkept_behind(rest: bytes, film: bytes | None, xmp: bytes, pictures: int) -> list[str]:
    """What lay behind a JPEG's picture and is not kept, and what its XMP claims and is not there.

    rest, film: as `film.behind` gives them. pictures: how many the file holds, which has words of its own.
    """
    said = []
    if claims.names_gain_map(xmp):
        said.append("the gain map, which makes it an HDR picture, is not kept")
    elif rest.strip(b"\0\xff") and pictures == 1:
        said.append(f"{len(rest):,} bytes behind the picture are not kept")
    if film is None and claims.names_film(xmp):
        said.append("the film that its XMP names is not where it should be, and is not kept")
    return said


def _of_jpeg(image: Image.Image, data: bytes) -> list[str]:
    said, others, second = [], {}, 0
    for name, content in image.applist:
        if content.startswith(_SECOND_XMP):
            second += len(content)
        elif name != "COM" and not content.startswith(_KNOWN_SEGMENTS.get(name, ())):
            others[name] = others.get(name, 0) + len(content)
    if image.info.get("photoshop"):
        said.append("Photoshop's data (IPTC captions, paths) are not kept")
    if second:
        said.append(f"XMP's second part of {second:,} bytes (depth maps, histories) is not kept")
    if others:
        words = ", ".join(f"{name} of {size:,} bytes" for name, size in others.items())
        said.append(f"other programs' data are not kept: {words}")
    if (comments := sum(name == "COM" for name, _ in image.applist)) > 1:
        said.append(f"the last of {comments} comments alone is kept")
    return said


def _of_tiff(image: Image.Image, data: bytes) -> list[str]:
    tags = set(image.tag_v2)
    said = []
    if tags & {_IPTC, *_PHOTOSHOP}:
        said.append("Photoshop's data (IPTC captions, paths, layers) are not kept")
    if _PICTURES in tags:
        said.append("further pictures below the first (SubIFDs) are not kept")
    if others := sorted(tag for tag in tags - DESCRIPTIVE - {_ICC, _IPTC, *_PHOTOSHOP} if tag >= _PRIVATE):
        said.append(f"the TIFF's tags {', '.join(map(str, others))} are not kept")
    return said


def _of_png(image: Image.Image, data: bytes) -> list[str]:
    found = list(png_kinds(data))
    profiles = [
        content[len(_RAW_PROFILE) :].partition(b"\0")[0] for _, content in found if _RAW_PROFILE in content[:17]
    ]
    lost = sorted({name.decode("latin-1") for name in profiles} - {"exif"})
    said = [f"raw profiles are not kept: {', '.join(lost)}"] if lost else []
    if others := sorted({kind.decode("latin-1") for kind, _ in found if kind not in _KNOWN_CHUNKS}):
        said.append(f"the PNG's chunks {', '.join(others)} are not kept")
    return said


def _of_jpeg2000(image: Image.Image, data: bytes) -> list[str]:
    at, others, profile = 0, set(), False
    while at + 8 <= len(data) and data[:4] != b"\xff\x4f\xff\x51":
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if size == 1:  # the size follows in eight bytes
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        if kind == b"jp2h":
            profile = b"colr\2" in data[at : at + size]
        elif kind not in _BOXES_KEPT:
            others.add(kind.decode("latin-1").strip())
        if size < 8:  # to the file's end
            break
        at += size
    said = ["its colour profile is not read: colours may differ"] if profile else []
    return [*said, f"JPEG 2000's boxes {', '.join(sorted(others))} (EXIF, XMP) are not kept"] if others else said


def _of_ico(image: Image.Image, data: bytes) -> list[str]:
    count = int.from_bytes(data[4:6], "little")
    return [f"the largest of {count} pictures in the file"] if count > 1 else []
