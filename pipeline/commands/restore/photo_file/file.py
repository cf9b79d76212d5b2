"""Photo files with all that they carry: read upright, written again with other pixels."""

import io
import re
import warnings
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageCms, UnidentifiedImageError

from pipeline.commands.restore.photo_file.claims import true_claims
from pipeline.commands.restore.photo_file.deep import read_16_bits, stored_bits
from pipeline.commands.restore.photo_file.film import behind
from pipeline.commands.restore.photo_file.formats import KINDS, Carried, encode, wanting
from pipeline.commands.restore.photo_file.metadata import heic_metadata, png_chunks, stored_exif
from pipeline.commands.restore.photo_file.unkept import unkept, unkept_behind
from pipeline.photos import decode
from pipeline.photos.reader import PhotoReader
from pipeline.store.files import whole_file

# Pillow's names of the formats that are written.
WRITTEN = tuple(KINDS)

_GREY = ("1", "L", "LA", "La", "I", "I;16", "I;16L", "I;16B", "I;16N")
_BECAME = {
    "P": "palette colours became RGB",
    "PA": "palette colours became RGB",
    "1": "black and white became greyscale of 8 bits",
}


@dataclass(frozen=True)
class PhotoFile:
    """A photo and what its file carries besides pixels.

    pixels: RGB (H, W, 3), uint8 or uint16, upright. alpha: (H, W) of the same dtype, None where there is none.
    format: Pillow's name ("JPEG", "PNG", "HEIF", ...). remarks: in words, what of the file is not kept, found on reading.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None
    format: str
    remarks: tuple[str, ...] = ()
    carried: Carried = field(default_factory=Carried, repr=False)

    @property
    def rgb8(self) -> np.ndarray:
        """RGB uint8 (H, W, 3): what detector and network see; of 16 bits the upper eight, as in `decode.decode_photo`."""
        return self.pixels if self.pixels.dtype == np.uint8 else (self.pixels >> 8).astype(np.uint8)


def read(path: Path) -> PhotoFile:
    """The photo in a file, upright, its first frame.

    16 bits are kept of PNG and TIFF; alpha of all that have it. CMYK becomes sRGB through its own profile where that can
    be applied. The 8 bit pixels are those of `decode.decode_photo` but for that.
    Raises images.UnreadableImage for what is no photo or damaged, OSError where there is no such file.
    """
    return parse(read_bytes(path))


def read_bytes(path: Path) -> bytes:
    """The file's bytes within the limits of the data stages' reader; raises as `read` does."""
    row = {"path": path.name, "member": "", "shard": "", "offset": -1, "size": -1}
    with PhotoReader(path.parent, path.parent) as photos:
        return photos.read_bytes(row)


def parse(data: bytes) -> PhotoFile:
    """The photo in a file's bytes, as `read` gives it."""
    rgb = decode.decode_photo(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's remarks on odd files, as in pipeline.photos.decode
        try:
            with Image.open(io.BytesIO(data), formats=decode.FORMATS) as image:
                return _with_all(image, data, rgb)
        except UnidentifiedImageError:  # and read all the same: by HEIC's own reader
            carried, remarks = heic_metadata(data)
            carried, missing = _without_false_claims(carried, b"", 1)
            return PhotoFile(rgb, None, "HEIF", (*remarks, *missing), carried)


def write(path: Path, photo: PhotoFile, format: str | None = None) -> list[str]:
    """Write a photo, whole or not at all; returns in words what was not kept, of reading and of writing.

    path: taken as it is, whatever its suffix (see `suffix`). format: Pillow's name, one of WRITTEN, else ValueError; None:
    the photo's own, or PNG where that is not written or cannot hold the photo's bits, alpha, profile or EXIF.
    JPEG is written with chroma 4:4:4 and, entry by entry, the finer of the photo's quantisation table and quality 95's:
    the photo's own table alone would spoil the restored faces again, and another's could be coarser than the photo.
    WebP stays without loss where it was, AVIF is written at quality 95 and 4:4:4, all else without loss.
    """
    target, moved = _target(photo, format)
    data, lost = encode(target, photo.pixels, photo.alpha, photo.carried)
    with whole_file(path) as file:
        file.write(data)
    return [*photo.remarks, *moved, *lost]


def suffix(photo: PhotoFile, format: str | None = None) -> str:
    """The suffix of what `write` makes of the same arguments: ".jpg", ".png", ..."""
    return KINDS[_target(photo, format)[0]].suffix


def replaced(photo: PhotoFile, pixels: np.ndarray) -> PhotoFile:
    """The photo with other pixels, RGB (H, W, 3) of the same dtype, else ValueError; alpha takes their size."""
    if pixels.dtype != photo.pixels.dtype or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ValueError(f"pixels of {pixels.dtype}, {pixels.shape}; expected {photo.pixels.dtype}, (H, W, 3)")
    alpha = photo.alpha
    if alpha is not None and alpha.shape != pixels.shape[:2]:
        larger = pixels.shape[0] >= alpha.shape[0]
        # Bicubic as pixels are enlarged; its result stays within the dtype.
        how = cv2.INTER_CUBIC if larger else cv2.INTER_AREA
        alpha = cv2.resize(alpha, pixels.shape[1::-1], interpolation=how)
    return replace(photo, pixels=pixels, alpha=alpha)


def _target(photo: PhotoFile, format: str | None) -> tuple[str, list[str]]:
    """The format to write, and why it is none of those asked for."""
    if format is not None and format not in KINDS:
        raise ValueError(f"format {format!r} is not written; these are: {', '.join(WRITTEN)}")
    target = format or photo.format
    if target not in KINDS:
        return "PNG", [f"saved as PNG: {target} is not written"]
    if max(photo.pixels.shape[:2]) > KINDS[target].max_side_px:
        return "PNG", [f"saved as PNG: {target} holds at most {KINDS[target].max_side_px} px a side"]
    missing = [] if format else wanting(target, photo.pixels, photo.alpha, photo.carried)
    if missing:
        return "PNG", [f"saved as PNG: {target} holds no {', '.join(missing)}"]
    return target, []


def _carried(image: Image.Image, data: bytes, kind: str) -> Carried:
    """What an opened image carries; asked before its pixels are loaded, upon which Pillow changes a TIFF's tags."""
    xmp = image.info.get("xmp")
    return Carried(
        icc=image.info.get("icc_profile"),
        exif=stored_exif(image),
        xmp=xmp.encode() if isinstance(xmp, str) else xmp,
        dpi=_dpi(image),
        comment=_comment(image),
        chunks=png_chunks(data) if kind == "PNG" else (),
        # Pillow reads a PNG of greyscale and alpha in 16 bits as colour; its header tells.
        grey=data[25] in (0, 4) if kind == "PNG" else image.mode in _GREY,
        jpeg_tables=_tables(image) if kind == "JPEG" else None,
        progressive=bool(image.info.get("progressive")),
        lossless=kind != "WEBP" or _is_lossless_webp(data),
    )


def _comment(image: Image.Image) -> bytes | None:
    comment = image.info.get("comment")
    if not isinstance(comment, bytes) or comment.startswith(b"Created by OpenJPEG"):  # which says nothing of the photo
        return None
    return comment or None


def _without_false_claims(carried: Carried, rest: bytes, pictures: int) -> tuple[Carried, list[str]]:
    """What is carried with an XMP true of it, and what is not kept. rest: bytes behind the picture, the film aside."""
    xmp = carried.xmp or b""
    missing = unkept_behind(rest, carried.film, xmp, pictures)
    return replace(carried, xmp=true_claims(xmp, film=carried.film is not None) or None), missing


def _with_all(image: Image.Image, data: bytes, rgb: np.ndarray) -> PhotoFile:
    kind = "JPEG" if image.format == "MPO" else image.format
    remarks = [_BECAME[image.mode]] if image.mode in _BECAME else []
    remarks += unkept(image, data)
    carried, bits, rest = _carried(image, data, kind), stored_bits(image, data), b""
    pixels, alpha = rgb, None
    if kind == "JPEG":
        film, rest = behind(data, carried.xmp or b"")
        carried = replace(carried, film=film)
    if image.mode == "CMYK":
        pixels, remark = _from_cmyk(image, rgb, carried.icc)
        carried = replace(carried, icc=None)
        remarks.append(remark)
    elif image.has_transparency_data:
        whole = image if image.mode in ("RGBA", "LA") else image.convert("RGBA")
        alpha = _upright(np.asarray(whole.getchannel("A")), image)
    if bits > 8:
        deep = read_16_bits(image, data, rgb)
        if deep is None:
            remarks.append(f"{bits} bits became 8: they are stored in a way that is not read")
        else:
            pixels, alpha = deep
    frames = _count_frames(image)  # last, since a damaged file leaves the image at another of its pictures
    if frames != 1:
        remarks.append(f"the first of {frames or 'several'} pictures in the file")
    carried, missing = _without_false_claims(carried, rest, frames)
    return PhotoFile(pixels, alpha, kind, (*remarks, *missing), carried)


def _upright(array: np.ndarray, image: Image.Image) -> np.ndarray:
    """Pixels (H, W, ...) of a loaded image turned as `decode.decode_photo` turns them."""
    return decode.upright(array, decode.orientation_of(image))


def _count_frames(image: Image.Image) -> int:
    """How many pictures the file holds, 0 where that cannot be told."""
    try:
        return getattr(image, "n_frames", 1)
    except Exception:
        # Counting reads on behind the first picture, which is whole; Pillow raises anything on damage there.
        return 0


def _tables(image: Image.Image) -> tuple[list[int], list[int]]:
    """A JPEG's quantisation tables of luma and chroma; of several for chroma the finest, entry by entry."""
    luma, *chroma = (image.quantization[layer[3]] for layer in image.layer)
    return luma, [min(entries) for entries in zip(*(chroma or [luma]), strict=True)]


def _dpi(image: Image.Image) -> tuple[float, float] | None:
    try:
        x, y = (float(dots) for dots in image.info.get("dpi", ()))
    except (TypeError, ValueError):  # none, or damaged
        return None
    return (x, y) if 1 < x < 65535 and 1 < y < 65535 else None  # Pillow's 1 stands for none


def _is_lossless_webp(data: bytes) -> bool:
    """Whether the first frame is of WebP's lossless kind."""
    found = re.search(rb"VP8[L ]", data[12:])  # behind the header, where VP8X may stand before it
    return found is not None and found.group() == b"VP8L"


def _from_cmyk(image: Image.Image, rgb: np.ndarray, icc: bytes | None) -> tuple[np.ndarray, str]:
    """sRGB of inks: by their profile, or, where that cannot be had, as Pillow converts them."""
    if icc and icc[16:20] == b"CMYK":
        try:
            inks = ImageCms.ImageCmsProfile(io.BytesIO(icc))
            converted = ImageCms.profileToProfile(image, inks, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError) as error:
            return rgb, f"CMYK became RGB without its colour profile, which cannot be applied: {error}"
        return _upright(np.asarray(converted), image), "CMYK became sRGB by its colour profile"
    return rgb, "CMYK became RGB without a colour profile: it has none of its own"
