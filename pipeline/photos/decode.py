"""Photos as people bring them, in any format, as arrays: RGB, uint8, (H, W, 3), upright."""

import io
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
from PIL import Image, UnidentifiedImageError

from pipeline.store.images import UnreadableImage

# Above the 200 megapixels of a phone; below what a small file of giant sides (a decompression bomb) fills memory with.
MAX_PIXELS = 250_000_000
Image.MAX_IMAGE_PIXELS = MAX_PIXELS  # Pillow's own is below a phone's photograph
_BAND_PIXELS = 2**24  # converted at once: a second copy of a large photo is not held


# What photos come in. Pillow would also take text for a bitmap, and start Ghostscript for PostScript.
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "JPEG2000", "PPM", "DIB", "ICO")
# Pixels whose values have an agreed meaning; floating point ("F") and CIE L*a*b* have none here.
MODES = frozenset(
    [
        *("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr"),
        *("I", "I;16", "I;16L", "I;16B", "I;16N"),
    ]
)

_ORIENTATION = 0x0112  # EXIF
_SIDEWAYS = (5, 6, 7, 8)
_UPRIGHT = {  # EXIF orientation -> what turns stored pixels upright
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a, 1),
}
_BITS_PER_SAMPLE, _PHOTOMETRIC = 0x0102, 0x0106  # TIFF
# Without one of these a PNG holds no orientation, and need not be decoded to look for it behind its pixels.
_PNG_ORIENTATION = re.compile(rb"eXIf|Raw profile type|com\.adobe\.xmp")
_MAGIC = {
    "JPEG": b"\xff\xd8",
    "PNG": b"\x89PNG",
    "GIF": b"GIF8",
    "BMP": b"BM",
    "TIFF": (b"II*\0", b"MM\0*"),
    "WebP": b"RIFF",
}
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs")
# Arguments: the most pixels to read, and whether pixels are wanted. Standard output: width and height, a line, the pixels.
_HEIC_READER = """
import io, sys
from PIL import Image
from pi_heif import register_heif_opener
register_heif_opener()
Image.MAX_IMAGE_PIXELS = None
with Image.open(io.BytesIO(sys.stdin.buffer.read()), formats=("HEIF",)) as image:
    sys.stdout.buffer.write(b"%d %d\\n" % image.size)
    if sys.argv[2] == "pixels" and image.width * image.height <= int(sys.argv[1]):
        sys.stdout.buffer.write(image.convert("RGB").tobytes())
"""


@dataclass(frozen=True)
class Header:
    """What an image says of itself before its pixels: upright size in pixels, and Pillow's name of the format."""

    width: int
    height: int
    format: str


def read_header(data: bytes) -> Header:
    """Size and format of a photo whose pixels are not looked at: a truncated one passes.

    Raises UnreadableImage for what is empty, foreign, oversized, or damaged in its first bytes.
    """
    if _is_heic(data):
        return _read_heic(data, "header")[0]
    with _opened(data) as image:
        width, height = image.size
        if image.format != "TIFF":  # whose size Pillow gives as it is seen
            silent = image.format == "PNG" and not _PNG_ORIENTATION.search(data)
            if not silent and orientation_of(image) in _SIDEWAYS:
                width, height = height, width
        return Header(width, height, image.format)


def decode_photo(data: bytes) -> np.ndarray:
    """Any photo a user brings -> RGB uint8 (H, W, 3), EXIF orientation applied, the first frame, alpha dropped.

    Raises UnreadableImage for an empty, truncated, foreign or oversized file.
    """
    if _is_heic(data):
        return _read_heic(data, "pixels")[1]
    with _opened(data) as image:
        image.load()  # of a TIFF this turns it, too
        orientation, rgb = orientation_of(image), _to_rgb(image)
        image.close()  # Pillow's copy takes four bytes a pixel
        return upright(rgb, orientation)


@contextmanager
def _opened(data: bytes) -> Iterator[Image.Image]:
    """Pillow's image with its header read; whatever Pillow raises on it, also later, comes as UnreadableImage."""
    if not data:
        raise UnreadableImage("empty file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on odd files; what matters is checked here
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                _check(*image.size)
                # 32 bit integers have no agreed range either; Pillow gives a PGM's 16 bits as such.
                if image.mode not in MODES or (image.mode == "I" and image.format != "PPM"):
                    raise UnreadableImage(
                        f"pixels of mode {image.mode}, which have no agreed range: save it as RGB of 8 or 16 bits"
                    )
                yield image
    except UnreadableImage:
        raise
    except UnidentifiedImageError:
        raise UnreadableImage(_foreign(data)) from None
    except Image.DecompressionBombError:
        raise UnreadableImage(_too_many()) from None
    except Exception as error:
        # Decoders that meet damaged bytes raise whatever comes: SyntaxError, struct.error, KeyError, EOFError, ...
        raise UnreadableImage(f"damaged: {error or type(error).__name__}") from None


def _check(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise UnreadableImage(f"{width:,} x {height:,} pixels: {_too_many()}")


def _too_many() -> str:
    return f"more pixels than the {MAX_PIXELS:,} that are read, in some 4 GB of memory: save it smaller"


def orientation_of(image: Image.Image) -> int:
    """EXIF orientation, 1 (upright) where there is none."""
    try:
        return image.getexif().get(_ORIENTATION, 1)
    except Exception:
        # A broken EXIF block says nothing about the pixels, and Pillow raises anything on one.
        return 1


def upright(array: np.ndarray, orientation: int) -> np.ndarray:
    """Stored pixels (H, W, ...) turned as an EXIF orientation asks for; one that is none turns nothing."""
    turn = _UPRIGHT.get(orientation)
    return array if turn is None else np.ascontiguousarray(turn(array))


def is_white_zero(image: Image.Image) -> bool:
    """Whether it is a TIFF's negative that Pillow leaves as it is: of 16 bits. Others it turns to positives."""
    return image.format == "TIFF" and image.mode.startswith("I") and image.tag_v2.get(_PHOTOMETRIC) == 0


def _to_rgb(image: Image.Image) -> np.ndarray:
    """A loaded image's pixels as RGB uint8 (H, W, 3), a band of rows at a time."""
    (width, height), negative = image.size, is_white_zero(image)
    deep = image.tag_v2.get(_BITS_PER_SAMPLE, (16,))[0] if image.format == "TIFF" else 16
    rgb, rows = np.empty((height, width, 3), np.uint8), max(_BAND_PIXELS // width, 1)
    for top in range(0, height, rows):
        band = image if rows >= height else image.crop((0, top, width, min(top + rows, height)))
        if image.mode.startswith("I"):
            # Pillow clips 16 bits to 255 on conversion; the upper eight bits are the picture.
            grey = np.clip(np.asarray(band) >> (deep - 8), 0, 255).astype(np.uint8)[..., None]
            rgb[top : top + rows] = 255 - grey if negative else grey
        else:
            rgb[top : top + rows] = np.asarray(band if image.mode == "RGB" else band.convert("RGB"))
    return rgb


def _is_heic(data: bytes) -> bool:
    if data[4:8] != b"ftyp":
        return False
    brands = data[8 : min(int.from_bytes(data[:4], "big"), 256)]
    # mif1 and msf1 are the container alone, which AVIF has too.
    return brands[:4] in _HEIC_BRANDS or (brands[:4] in (b"mif1", b"msf1") and b"avi" not in brands)


def _read_heic(data: bytes, wanted: str) -> tuple[Header, np.ndarray | None]:
    """A HEIC's header and, where "pixels" are wanted, its pixels; libheif turns them upright.

    Read by a process of its own (0.2 s): on some damaged files libheif's binding ends the process it runs in.
    """
    if find_spec("pi_heif") is None:
        raise UnreadableImage(
            "a HEIC photo, and pi-heif, which reads them, is not installed: install it, or save the photo as JPEG"
        )
    command = [sys.executable, "-c", _HEIC_READER, str(MAX_PIXELS), wanted]
    done = subprocess.run(command, input=data, capture_output=True, check=False)
    if done.returncode:
        why = (
            done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
            or f"its reader ended by {-done.returncode}"
        )
        raise UnreadableImage(f"damaged HEIC: {why}")
    size, _, pixels = done.stdout.partition(b"\n")
    width, height = map(int, size.split())
    _check(width, height)
    array = np.frombuffer(pixels, np.uint8).reshape(height, width, 3) if wanted == "pixels" else None
    return Header(width, height, "HEIF"), array


def _foreign(data: bytes) -> str:
    """Words for bytes that no opener knows."""
    kinds = [name for name, magic in _MAGIC.items() if data.startswith(magic)]
    if data[4:8] == b"ftyp":
        kinds = ["HEIC, AVIF or film"]
    if kinds:
        return f"begins as a {kinds[0]}, and its header is damaged or of a kind that is not read"
    try:
        text = data[:200].decode("utf-8", "strict" if len(data) <= 200 else "ignore")
    except UnicodeDecodeError:
        text = ""
    words = " ".join(text.split())
    if words and words.isprintable():
        return f"text and not an image, beginning with {words[:40]!r}"
    return f"not an image in a known format ({', '.join(FORMATS[:6])}, HEIC, ...)"
