"""Reading whatever a user brings, and PIL's resizing."""

import io
import struct
import sys
import zlib
from contextlib import suppress

import cv2
import numpy as np
import pytest
from heic import HEIC, gradient
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from pipeline.images import pixels
from pipeline.photos import decode
from pipeline.store import images

TURNED = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the transposition that undoes each orientation's display
LOSSY = {"JPEG": 3, "WEBP": 4, "AVIF": 3}  # mean difference in grey levels


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture
def picture():
    return gradient()


def read(data: bytes) -> np.ndarray:
    """The pixels, after the header said the same of their size."""
    header, array = decode.read_header(data), decode.decode_photo(data)
    assert array.dtype == np.uint8
    assert array.shape == (header.height, header.width, 3)
    return array


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "CMYK", "1", "YCbCr"])
def test_every_mode_becomes_rgb(picture, mode):
    kind = "TIFF" if mode in ("CMYK", "YCbCr") else "PNG"
    array = read(encoded(picture.convert(mode), kind))
    expected = np.asarray(picture.convert(mode).convert("RGB"))
    assert np.abs(array.astype(int) - expected).mean() < (2 if mode == "YCbCr" else 1e-9)


def test_sixteen_bits_keep_their_upper_byte():
    grey = (np.arange(60 * 40).reshape(40, 60) * 27).astype(np.uint16)
    for kind in ("PNG", "TIFF"):
        np.testing.assert_array_equal(read(encoded(Image.fromarray(grey), kind))[..., 0], grey >> 8)
    pgm = b"P5 60 40 65535\n" + grey.astype(">u2").tobytes()
    np.testing.assert_array_equal(read(pgm)[..., 0], grey >> 8)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bit_colour_keeps_its_upper_byte(picture, suffix):
    deep = (np.asarray(picture).astype(np.uint16) << 8) + 77
    data = cv2.imencode(suffix, deep[..., ::-1])[1].tobytes()
    np.testing.assert_array_equal(read(data), np.asarray(picture))


def test_a_palette_with_transparency_shows_its_colours(picture):
    palette = picture.convert("P")
    for transparency in (3, bytes(range(256))):
        data = encoded(palette, "PNG", transparency=transparency)
        np.testing.assert_array_equal(read(data), np.asarray(palette.convert("RGB")))


def test_alpha_is_dropped_and_not_mixed_in(picture):
    picture.putalpha(Image.new("L", picture.size, 0))
    np.testing.assert_array_equal(read(encoded(picture, "PNG")), np.asarray(gradient()))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "AVIF"])
def test_pixels_come_upright(picture, kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = picture.transpose(TURNED[orientation]) if orientation > 1 else picture
    array = read(encoded(stored, kind, exif=exif))
    assert array.shape == (40, 60, 3)
    assert np.abs(array.astype(int) - np.asarray(picture)).mean() <= LOSSY.get(kind, 0)


def test_an_orientation_behind_the_pixels_of_a_png_counts(picture):
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(picture.transpose(TURNED[6]), "PNG", exif=exif)
    start = data.index(b"eXIf") - 4
    chunk = data[start : start + 12 + int.from_bytes(data[start : start + 4], "big")]
    end = data.replace(chunk, b"").rindex(b"IEND") - 4
    moved = data.replace(chunk, b"")
    np.testing.assert_array_equal(read(moved[:end] + chunk + moved[end:]), np.asarray(picture))


@pytest.mark.parametrize("orientation", [0, 9, 6553])
def test_an_orientation_that_is_none_is_passed_over(picture, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    np.testing.assert_array_equal(read(encoded(picture, "PNG", exif=exif)), np.asarray(picture))


def test_a_broken_exif_block_costs_no_photo(picture):
    for exif in (b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0nonsense and more nonsense"):
        assert np.abs(read(encoded(picture, "JPEG", exif=exif)).astype(int) - np.asarray(picture)).mean() < 3


@pytest.mark.parametrize("options", [{"progressive": True}, {"subsampling": 0}, {"restart_marker_rows": 1}])
def test_kinds_of_jpeg(picture, options):
    array = read(encoded(picture, "JPEG", quality=95, **options))
    assert np.abs(array.astype(int) - np.asarray(picture)).mean() < 2


def test_cmyk_jpeg_as_adobe_writes_it(picture):
    data = encoded(picture.convert("CMYK"), "JPEG", quality=98)
    assert np.abs(read(data).astype(int) - np.asarray(picture)).mean() < 2
    # The same planes named YCCK: other colours, and no failure.
    ycck = bytearray(data)
    ycck[data.index(b"Adobe") + 11] = 2
    assert read(bytes(ycck)).shape == (40, 60, 3)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF", "MPO"])
def test_the_first_frame_of_several_is_taken(picture, kind):
    others = [picture.transpose(0), picture.transpose(1)]
    options = {"lossless": True} if kind == "WEBP" else {}
    array = read(encoded(picture, kind, save_all=True, append_images=others, **options))
    near = np.abs(array.astype(int) - np.asarray(picture)).mean()
    assert near < (6 if kind in ("GIF", "MPO") else 1e-9)
    assert near < np.abs(array.astype(int) - np.asarray(others[0])).mean() / 4


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "JPEG2000", "PPM", "DIB"])
def test_other_formats_without_loss(picture, kind):
    np.testing.assert_array_equal(read(encoded(picture, kind)), np.asarray(picture))


def test_heic_is_read_upright():
    array = read(HEIC)
    assert decode.read_header(HEIC) == decode.Header(64, 48, "HEIF")
    assert np.abs(array.astype(int) - np.asarray(gradient(64, 48))).mean() < 3


def test_a_damaged_heic_costs_itself_alone():
    """Byte 176 is the type of an item; with this value pi-heif 1.4 ends its process by a segmentation fault."""
    damaged = HEIC[:176] + bytes([212]) + HEIC[177:]
    for data in (damaged, HEIC[:300], HEIC[:500], HEIC[:24]):
        with pytest.raises(images.UnreadableImage, match="damaged HEIC"):
            decode.decode_photo(data)
    assert decode.decode_photo(HEIC).shape == (48, 64, 3)


@pytest.mark.parametrize("reads", [decode.read_header, decode.decode_photo])
def test_heic_without_its_library_is_named(monkeypatch, reads):
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    with pytest.raises(images.UnreadableImage, match=r"a HEIC photo, and pi-heif.*is not installed"):
        reads(HEIC)


def test_avif_in_the_same_container_is_no_heic(monkeypatch, picture):
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    data = encoded(picture, "AVIF")
    for brand in (b"avif", b"mif1"):
        assert read(data[:8] + brand + data[12:]).shape == (40, 60, 3)


@pytest.mark.parametrize("reads", [decode.read_header, decode.decode_photo])
@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty file"),
        (b"just text", "text and not an image, beginning with 'just text'"),
        (b"<!DOCTYPE html>\n<html>" + b"x" * 400, "text and not an image, beginning with '<!DOCTYPE html> <html>"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "text and not an image"),
        (b"\x89PNG\r\n\x1a\nrest", "damaged|not an image"),
        (b"\x00\x01\x02" * 90, r"not an image in a known format \(JPEG, PNG"),
        (b"\xff\xd8\xff\xe0", "begins as a JPEG|damaged"),
        (HEIC[:300], "damaged HEIC"),
        (encoded(gradient().convert("L").convert("F"), "TIFF"), "mode F, which have no agreed range"),
        (encoded(gradient().convert("L").convert("I"), "TIFF"), "mode I, which have no agreed range"),
        (encoded(gradient().convert("LAB"), "TIFF"), "mode LAB, which have no agreed range"),
        (cv2.imencode(".tif", np.zeros((9, 9, 3), np.float32))[1].tobytes(), "begins as a TIFF, and its header"),
    ],
)
def test_what_is_no_image_says_why(reads, data, why):
    with pytest.raises(images.UnreadableImage, match=why):
        reads(data)


def test_a_truncated_jpeg_is_refused_once_its_pixels_are_asked_for(picture):
    data = encoded(picture, "JPEG", quality=95)
    cut = data[: len(data) * 2 // 3]
    assert decode.read_header(cut).width == 60
    with pytest.raises(images.UnreadableImage, match="damaged"):
        decode.decode_photo(cut)


def huge_png(side: int = 30_000) -> bytes:
    """A valid black PNG of that side, one bit a pixel, in some hundred kilobytes."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer, row = zlib.compressobj(1), bytes(1 + side // 8)
    pixels = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def test_a_bomb_is_refused_unopened():
    assert decode.decode_photo(huge_png(80)).shape == (80, 80, 3)
    assert decode.read_header(huge_png(15_800)).width == 15_800  # larger than any phone's photograph
    for side in (16_000, 30_000):
        with pytest.raises(images.UnreadableImage, match="more pixels"):
            decode.read_header(huge_png(side))
        with pytest.raises(images.UnreadableImage, match=r"250,000,000 that are read, in some 4 GB"):
            decode.decode_photo(huge_png(side))


@pytest.mark.parametrize("folder", ["celeba/img_align_celeba", "ffhq", "celebahq", "helen", "real"])
def test_the_short_way_gives_pillows_pixels_on_real_photos(shared, folder):
    for path in sorted((shared / "faces" / folder).iterdir())[:60]:
        with Image.open(path) as image:
            expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
        np.testing.assert_array_equal(read(path.read_bytes()), expected)


SAMPLES = [encoded(gradient(), kind) for kind in ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF", "JPEG2000")] + [
    HEIC
]


@pytest.mark.middle
@settings(max_examples=300, deadline=None)
@given(
    data=st.sampled_from(SAMPLES),
    changes=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=6),
    share=st.one_of(st.just(1.0), st.floats(0, 1)),
)
def test_damage_is_refused_or_read_and_never_anything_else(data, changes, share):
    damaged = bytearray(data[: round(len(data) * share)])
    for place, value in changes:
        if place < len(damaged):
            damaged[place] = value
    for reads in (decode.read_header, decode.decode_photo):
        with suppress(images.UnreadableImage):
            reads(bytes(damaged))


def test_stored_images_come_back(picture):
    array = np.asarray(picture)
    np.testing.assert_array_equal(images.decode(images.encode_png(array)), array)
    jpeg = images.decode(pixels.encode_jpeg(array, 95))
    assert np.abs(jpeg.astype(int) - array).mean() < 3


def test_jpeg_chroma_is_halved(picture):
    with Image.open(io.BytesIO(pixels.encode_jpeg(np.asarray(picture), 41))) as image:
        assert [layer[1:3] for layer in image.layer] == [(2, 2), (1, 1), (1, 1)]
