"""Whatever a photo's file holds is in what is written, in every format, or is named among what is lost."""

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
import tifffile
from heic import gradient
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from pipeline.commands.restore.photo_file import file as photo_file

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a/></x:xmpmeta>'
EXIF = b"Exif\0\0" + struct.pack("<2sHLHHHL4sL", b"II", 42, 8, 1, 0x010F, 2, 4, b"Me\0\0", 0)
FILM = b"\0\0\0\x18ftypmp42" + bytes(range(200))
FILM_XMP = b'<a xmlns:g="g" g:MicroVideo="1" g:MicroVideoOffset="%d"/>' % len(FILM)
DEEP = np.random.default_rng(0).integers(0, 2**16, (40, 60, 3), dtype=np.uint16)
TARGETS = (*photo_file.WRITTEN, None)


def saved(kind: str, image: Image.Image | None = None, **options) -> bytes:
    file = io.BytesIO()
    (image or gradient()).save(file, kind, **options)
    return file.getvalue()


def segment(marker: int, content: bytes) -> bytes:
    """A JPEG with another segment."""
    data = saved("JPEG")
    return data[:2] + struct.pack(">BBH", 255, marker, 2 + len(content)) + content + data[2:]


def chunk(kind: bytes, content: bytes) -> bytes:
    """A PNG with another chunk."""
    data = saved("PNG")
    one = struct.pack(">L", len(content)) + kind + content + struct.pack(">L", zlib.crc32(kind + content))
    return data[:33] + one + data[33:]


def text(name: str, content: str) -> bytes:
    info = PngInfo()
    info.add_text(name, content)
    return saved("PNG", pnginfo=info)


def tagged(tag: int, content: bytes) -> bytes:
    return saved("TIFF", tiffinfo={tag: content})


def box(kind: bytes, content: bytes) -> bytes:
    """A JPEG 2000 with another box."""
    data = saved("JPEG2000")
    at = data.index(b"jp2c") - 4
    return data[:at] + struct.pack(">L", 8 + len(content)) + kind + content + data[at:]


def deep(suffix: str) -> bytes:
    return cv2.imencode(suffix, DEEP)[1].tobytes()


def several(kind: str) -> bytes:
    return saved(kind, save_all=True, append_images=[gradient().transpose(0)])


def transparent(kind: str) -> bytes:
    image = gradient()
    image.putalpha(image.convert("L"))
    return saved(kind, image)


def pages() -> bytes:
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(np.zeros((8, 8, 3), np.uint8), photometric="rgb", metadata=None, subifds=1)
        writer.write(np.zeros((4, 4, 3), np.uint8), photometric="rgb", metadata=None)
    return file.getvalue()


CARRIED = {  # what is set, and what of the photo read tells that it is there; the words of its loss
    **{f"{kind} EXIF": (saved(kind, exif=EXIF), "exif", "EXIF") for kind in ("JPEG", "PNG", "WEBP", "AVIF", "TIFF")},
    **{
        f"{kind} profile": (saved(kind, icc_profile=SRGB), "icc", "colour profile")
        for kind in ("JPEG", "PNG", "WEBP", "AVIF", "TIFF")
    },
    **{f"{kind} XMP": (saved(kind, xmp=XMP), "xmp", "XMP") for kind in ("JPEG", "WEBP", "AVIF")},
    **{
        f"{kind} density": (saved(kind, dpi=(300, 240)), "dpi", "density (300 x 240")
        for kind in ("JPEG", "PNG", "TIFF")
    },
    **{f"{kind} alpha": (transparent(kind), "alpha", "alpha") for kind in ("PNG", "WEBP", "AVIF", "TIFF", "JPEG2000")},
    **{f"{suffix} depth": (deep(suffix), "depth", "16 bits became 8") for suffix in (".png", ".tif")},
    "JPEG comment": (saved("JPEG", comment=b"words"), "comment", "comment dropped"),
    "JPEG2000 comment": (saved("JPEG2000", comment=b"words"), "comment", "comment dropped"),
    "GIF comment": (saved("GIF", comment=b"words"), "comment", "comment dropped"),
    "film": (saved("JPEG", xmp=FILM_XMP) + FILM, "film", "film of 212 bytes dropped"),
    "tEXt": (text("Author", "me"), "chunks", "texts (Author)"),
    "zTXt": (chunk(b"zTXt", b"Title\0\0" + zlib.compress(b"words")), "chunks", "texts (Title)"),
    "iTXt": (chunk(b"iTXt", b"Description\0\0\0\0\0words"), "chunks", "texts (Description)"),
    "tIME": (chunk(b"tIME", bytes(7)), "chunks", "time of the last change"),
    "cICP": (chunk(b"cICP", bytes([9, 16, 0, 1])), "chunks", "description of colours (cICP)"),
    "gAMA": (chunk(b"gAMA", struct.pack(">L", 100_000)), "chunks", "description of colours (gAMA)"),
}
NEVER = {  # what no file written can hold, and its words
    "APP11": (segment(0xEB, b"JP" + bytes(40)), "other programs' data are not kept: APP11 of 42 bytes"),
    "captions": (segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x04abcd"), "Photoshop's data"),
    "comments": (segment(0xFE, b"one")[:2] + segment(0xFE, b"two")[2:9] + segment(0xFE, b"one")[2:], "the last of 2"),
    **{f"{suffix} depth": (deep(suffix), "16 bits became 8") for suffix in (".ppm", ".jp2")},
    "behind": (saved("JPEG") + b"anything", "8 bytes behind the picture"),
    "TIFF captions": (tagged(0x83BB, b"caption"), "Photoshop's data"),
    "TIFF's own": (tagged(0x830E, b"GeoTIFF"), "the TIFF's tags 33550"),
    "SubIFDs": (pages(), "further pictures"),
    "raw profile": (text("Raw profile type iptc", "\niptc\n       4\n61626364\n"), "raw profiles are not kept: iptc"),
    "caBX": (chunk(b"caBX", b"0123"), "the PNG's chunks caBX"),
    "JP2 uuid": (box(b"uuid", bytes(40)), "JPEG 2000's boxes uuid"),
    "JP2 profile": (saved("JPEG2000").replace(b"colr\1", b"colr\2"), "its colour profile is not read"),
    "sizes": (saved("ICO", gradient(64, 64), sizes=[(16, 16), (32, 32)]), "the largest of 2 pictures"),
    **{f"{kind} frames": (several(kind), "the first of 2") for kind in ("GIF", "PNG", "WEBP", "TIFF", "MPO", "AVIF")},
}


def held(photo: photo_file.PhotoFile, what: str) -> object:
    """What is asked for of a photo, None where it is not there; of what loses nothing but digits the sense."""
    if what == "alpha":
        return None if photo.alpha is None else photo.alpha.shape
    if what == "depth":
        return None if photo.pixels.dtype == np.uint8 else photo.pixels.tobytes()
    value = getattr(photo.carried, what) or None
    if what == "exif" and value is not None:
        return b"Me" in value
    return tuple(round(number) for number in value) if what == "dpi" and value else value


@pytest.mark.parametrize("name", CARRIED)
def test_what_is_carried_is_there_again_or_said_to_be_lost(tmp_path, name):
    data, what, words = CARRIED[name]
    (tmp_path / "in").write_bytes(data)
    photo = photo_file.read(tmp_path / "in")
    assert held(photo, what)
    assert photo.remarks == (("palette colours became RGB",) if name.startswith("GIF") else ())
    lost = []
    for target in TARGETS:
        said = "; ".join(photo_file.write(tmp_path / "out", photo, target))
        kept = held(photo_file.read(tmp_path / "out"), what) == held(photo, what)
        assert kept != (words in said), (target, said)
        lost += [target] * (not kept)
    assert lost
    assert (None in lost) == (name == "GIF comment")


@pytest.mark.parametrize("name", NEVER)
def test_what_nothing_can_hold_is_said_to_be_lost(tmp_path, name):
    data, words = NEVER[name]
    (tmp_path / "in").write_bytes(data)
    photo = photo_file.read(tmp_path / "in")
    for target in ("PNG", "JPEG", None):
        assert words in "; ".join(photo_file.write(tmp_path / "out", photo, target))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "BMP", "PPM", "JPEG2000", "AVIF"])
@pytest.mark.parametrize("target", photo_file.WRITTEN)
def test_of_a_plain_photo_nothing_is_said(tmp_path, kind, target):
    (tmp_path / "in").write_bytes(saved(kind))
    assert photo_file.write(tmp_path / "out", photo_file.read(tmp_path / "in"), target) == []


def test_what_says_that_colours_are_as_usual_goes_without_a_word(tmp_path):
    usual = struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
    for data in (chunk(b"sRGB", b"\0"), chunk(b"gAMA", struct.pack(">L", 45455)), chunk(b"iDOT", bytes(28))):
        (tmp_path / "in").write_bytes(data)
        assert photo_file.write(tmp_path / "out", photo_file.read(tmp_path / "in"), "JPEG") == []
    both = chunk(b"gAMA", struct.pack(">L", 45455))[:-12] + chunk(b"cHRM", usual)[33:]
    (tmp_path / "in").write_bytes(both)
    assert photo_file.write(tmp_path / "out", photo_file.read(tmp_path / "in"), "JPEG") == []
