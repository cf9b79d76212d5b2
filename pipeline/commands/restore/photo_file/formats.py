"""Photos as bytes of each format that is written: what it can hold, and what is lost on the way, in words."""

import functools
import io
import struct
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from pipeline.commands.restore.photo_file.claims import true_claims
from pipeline.commands.restore.photo_file.lossless import png, tiff
from pipeline.commands.restore.photo_file.metadata import EXIF_PREFIX, Carried, true_exif, true_xmp

QUALITY = 95  # of the lossy formats
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_COLOUR = (b"gAMA", b"cHRM", b"cICP", b"mDCV", b"cLLI")
_USUAL_DPI = ((0, 0), (72, 72), (96, 96))  # none, and what programs write where nobody set any
_SRGB_GAMMA = struct.pack(">I", 45455)
_SRGB_COLOURS = struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
_LOST = {"16 bits": "{} became 8: {} holds no more"}


@dataclass(frozen=True)
class Kind:
    """What a format can hold; `grey`: one channel, which alone may have a profile of greyscale."""

    suffix: str
    max_side_px: int = 2**31 - 1
    bits16: bool = False
    alpha: bool = False
    icc: bool = False
    exif: bool = False
    xmp: bool = False
    grey: bool = True
    dpi: bool = False
    comment: bool = False
    film: bool = False
    chunks: bool = False  # a PNG's texts and descriptions of colour
    max_block: int = 2**31 - 1  # bytes of EXIF and of XMP


KINDS = {
    # libjpeg's limit of a side, and that of a marker less its headers
    "JPEG": Kind(".jpg", 65_500, icc=True, exif=True, xmp=True, dpi=True, comment=True, film=True, max_block=65_500),
    "PNG": Kind(".png", bits16=True, alpha=True, icc=True, exif=True, xmp=True, dpi=True, chunks=True),
    "TIFF": Kind(".tif", bits16=True, alpha=True, icc=True, exif=True, xmp=True, dpi=True),
    "WEBP": Kind(".webp", 16_383, alpha=True, icc=True, exif=True, xmp=True, grey=False),
    "AVIF": Kind(".avif", 65_535, alpha=True, icc=True, exif=True, xmp=True, grey=False),
    "JPEG2000": Kind(".jp2", alpha=True, comment=True),
    "BMP": Kind(".bmp", dpi=True),
    "PPM": Kind(".ppm"),
}


def wanting(format: str, pixels: np.ndarray, alpha: np.ndarray | None, carried: Carried) -> list[str]:
    """In words what of a photo the format has no room for; empty where it holds it."""
    kind = KINDS[format]
    has = {
        "16 bits": pixels.dtype == np.uint16 and not kind.bits16,
        "alpha": alpha is not None and not kind.alpha,
        "colour profile": carried.icc is not None and not kind.icc,
        "EXIF": carried.exif is not None and not kind.exif,
    }
    return [what for what, lacking in has.items() if lacking]


def encode(format: str, pixels: np.ndarray, alpha: np.ndarray | None, carried: Carried) -> tuple[bytes, list[str]]:
    """A photo as a file of a format in KINDS, and in words what of it the file does not hold.

    pixels: RGB (H, W, 3), alpha: (H, W) or None, both uint8 or uint16. A photo that came in greyscale and is grey still
    is written so, with its profile. Same input, same bytes.
    """
    kind = KINDS[format]
    lost = [
        _LOST.get(what, "{} dropped: {} holds none").format(what, format)
        for what in (*wanting(format, pixels, alpha, carried), *_said_alone(kind, carried))
    ]
    if not kind.bits16 and pixels.dtype == np.uint16:
        pixels, alpha = _upper_byte(pixels), None if alpha is None else _upper_byte(alpha)
    if not kind.alpha:
        alpha = None
    space = carried.icc[16:20] if carried.icc else b""
    grey = carried.grey and kind.grey and space != b"RGB " and (alpha is None or format == "PNG") and _is_grey(pixels)
    icc = carried.icc if kind.icc and space == (b"GRAY" if grey else b"RGB ") else None
    if carried.icc and kind.icc and icc is None:
        lost.append(f"colour profile dropped: it is one of {space.decode('latin-1').strip()}, and the file is not")
    exif, xmp, unfit = _blocks(format, carried, *pixels.shape[1::-1])
    samples = pixels[..., :1] if grey else pixels
    if alpha is not None:
        samples = np.concatenate([samples, alpha[..., None]], axis=2)
    fitting = replace(carried, icc=icc, exif=exif, xmp=xmp)
    write = {"PNG": png, "TIFF": tiff}.get(format)
    return write(samples, fitting) if write else _by_pillow(format, samples, fitting), lost + unfit


def _said_alone(kind: Kind, carried: Carried) -> list[str]:
    """In words what a format has no room for that is no reason to write another one."""
    dpi, chunks = tuple(round(dots) for dots in carried.dpi or (0, 0)), dict(carried.chunks)
    texts = sorted({text.partition(b"\0")[0].decode("latin-1") for name, text in carried.chunks if name in _TEXTS})
    # sRGB is what everybody takes for granted, and a profile stands above the others.
    colour = [] if carried.icc or b"sRGB" in chunks else [name for name in _COLOUR if name in chunks]
    if chunks.get(b"gAMA") == _SRGB_GAMMA and colour in ([b"gAMA"], [b"gAMA", b"cHRM"]):
        colour = [] if chunks.get(b"cHRM", _SRGB_COLOURS) == _SRGB_COLOURS else colour
    has = {
        "XMP": carried.xmp is not None and not kind.xmp,
        "comment": carried.comment is not None and not kind.comment,
        "density ({} x {} dpi)".format(*dpi): not kind.dpi and dpi not in _USUAL_DPI,
        f"film of {len(carried.film or b''):,} bytes": carried.film is not None and not kind.film,
        f"texts ({', '.join(texts)})": bool(texts) and not kind.chunks,
        "time of the last change": b"tIME" in chunks and not kind.chunks,
        f"description of colours ({b', '.join(colour).decode()})": bool(colour) and not kind.chunks,
    }
    return [what for what, lacking in has.items() if lacking]


def _blocks(format: str, carried: Carried, width: int, height: int) -> tuple[bytes | None, bytes | None, list[str]]:
    """EXIF and XMP true of the pixels as the format holds them, and what of them is lost."""
    kind, unfit = KINDS[format], []
    exif = true_exif(carried.exif, width, height) if carried.exif and kind.exif else None
    if carried.exif and kind.exif and exif is None:
        unfit.append("EXIF dropped: it is damaged")
    xmp = true_xmp(carried.xmp) if carried.xmp and kind.xmp else None
    if xmp and carried.film and not kind.film:
        xmp = true_claims(xmp, film=False)
    if exif and len(exif) > kind.max_block:
        unfit.append(f"EXIF of {len(exif):,} bytes dropped: {format} holds at most {kind.max_block:,}")
        exif = None
    if xmp and len(xmp) > kind.max_block:
        unfit.append(f"XMP of {len(xmp):,} bytes dropped: {format} holds at most {kind.max_block:,}")
        xmp = None
    return exif, xmp, unfit


def _upper_byte(samples: np.ndarray) -> np.ndarray:
    return (samples >> 8).astype(np.uint8)


def _is_grey(pixels: np.ndarray) -> bool:
    return all(np.array_equal(pixels[..., 0], pixels[..., channel]) for channel in (1, 2))


def _by_pillow(format: str, samples: np.ndarray, carried: Carried) -> bytes:
    image = Image.fromarray(samples[..., 0] if samples.shape[2] == 1 else samples)
    told = {"icc_profile": carried.icc, "xmp": carried.xmp, "exif": carried.exif and EXIF_PREFIX + carried.exif}
    options = {name: value for name, value in told.items() if value}
    if format == "JPEG":
        options |= {"subsampling": 0, "qtables": _finer_tables(carried.jpeg_tables), "progressive": carried.progressive}
        options |= {"comment": carried.comment} if carried.comment else {}
    elif format == "JPEG2000":
        options |= {"comment": carried.comment} if carried.comment else {}
    elif format == "WEBP":
        options |= {"lossless": carried.lossless, "quality": QUALITY, "exact": True}  # exact: colours where alpha is 0
    elif format == "AVIF":
        options |= {"quality": QUALITY, "subsampling": "4:4:4"}
    if carried.dpi and format in ("JPEG", "BMP"):
        options["dpi"] = carried.dpi
    file = io.BytesIO()
    image.save(file, format, **options)
    if format == "JPEG" and carried.film:
        file.write(carried.film)
    return file.getvalue()


def _finer_tables(own: tuple[list[int], list[int]] | None) -> list[list[int]]:
    """Quantisation tables of luma and chroma: of quality 95's and the photo's own the finer, entry by entry."""
    good = _quality_tables()
    if own is None:
        return good
    return [[max(1, min(pair)) for pair in zip(*tables, strict=True)] for tables in zip(good, own, strict=True)]


@functools.cache
def _quality_tables() -> list[list[int]]:
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "JPEG", quality=QUALITY)
    with Image.open(file) as image:
        return [image.quantization[0], image.quantization[1]]
