"""What a photo's file carries comes back out of what is written: pixels, alpha, bits, profile, EXIF, orientation."""

import io
import os
import struct
from contextlib import suppress

import cv2
import numpy as np
import pytest
import tifffile
from heic import HEIC, gradient
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from pipeline.commands.restore.photo_file import file as photo_file
from pipeline.commands.restore.photo_file.formats import encode
from pipeline.commands.restore.photo_file.metadata import Carried, true_exif, true_xmp
from pipeline.photos import decode
from pipeline.store import images

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a tiff:Orientation="6"/><xmp:Thumbnails>old</xmp:Thumbnails><b/></x:xmpmeta>'
)
TURNED = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the transposition that undoes each orientation's display
EXACT = ("PNG", "TIFF", "WEBP", "JPEG2000", "BMP", "PPM")
WITH_EXIF = ("JPEG", "PNG", "TIFF", "WEBP", "AVIF")


@pytest.fixture
def picture():
    return gradient()


def stored(tmp_path, image: Image.Image, kind: str, **options):
    path = tmp_path / "in"
    image.save(path, kind, **options)
    return path


def again(tmp_path, photo, format=None):
    """The photo written and read, and what was said."""
    said = photo_file.write(tmp_path / "out", photo, format)
    return photo_file.read(tmp_path / "out"), said


def camera(orientation=1) -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x8298] = "Maker", "Model 7", "(c) somebody"
    exif[0x0112] = orientation
    own = exif.get_ifd(0x8769)
    own[0x9003], own[0x829A], own[0xA002], own[0xA003] = "2001:02:03 04:05:06", (1, 250), 4000, 3000
    exif.get_ifd(0x8825).update({1: "N", 2: (47.0, 30.0, 15.5)})
    return exif


def tags(path) -> dict:
    with Image.open(path) as image:
        exif = image.getexif()
        read = {tag: value for tag, value in exif.items() if tag in (0x010F, 0x0110, 0x8298, 0x0112)}
        return {**read, "own": dict(exif.get_ifd(0x8769)), "gps": dict(exif.get_ifd(0x8825))}


shapes = st.tuples(st.integers(1, 9), st.integers(1, 9))


@st.composite
def photos(draw):
    dtype = draw(st.sampled_from([np.uint8, np.uint16]))
    height, width = draw(shapes)
    grey = draw(st.booleans())
    pixels = draw(arrays.arrays(dtype, (height, width, 1 if grey else 3)))
    alpha = draw(st.none() | arrays.arrays(dtype, (height, width)))
    pixels = np.repeat(pixels, 3, axis=2) if grey else pixels
    return photo_file.PhotoFile(pixels, alpha, "PNG", carried=Carried(grey=grey))


@pytest.mark.middle
@settings(max_examples=150, deadline=None)
@given(photo=photos(), format=st.sampled_from(EXACT))
@example(
    photo=photo_file.PhotoFile(np.zeros((1, 1, 3), np.uint16), np.full((1, 1), 0xFF00, np.uint16), "PNG"), format="WEBP"
)
def test_formats_without_loss_give_back_every_bit_they_hold(tmp_path_factory, photo, format):
    tmp_path = tmp_path_factory.getbasetemp()
    got, said = again(tmp_path, photo, format)
    deep = format in ("PNG", "TIFF")
    np.testing.assert_array_equal(got.pixels, photo.pixels if deep else photo.rgb8)
    assert ("16 bits became 8" in " ".join(said)) == (photo.pixels.dtype == np.uint16 and not deep)
    dropped = photo.alpha is not None and format in ("BMP", "PPM")
    assert ("alpha dropped" in " ".join(said)) == dropped
    if photo.alpha is None or dropped:
        assert got.alpha is None
    else:
        eight = photo.alpha if deep or photo.alpha.dtype == np.uint8 else photo.alpha >> 8
        if format == "WEBP" and (eight == 255).all():  # the format has no alpha then
            assert got.alpha is None
        else:
            np.testing.assert_array_equal(got.alpha, eight)
    assert got.format == format


@settings(max_examples=60, deadline=None)
@given(photo=photos())
def test_other_readers_see_the_same_png_and_tiff(photo):
    for format in ("PNG", "TIFF"):
        data, _ = encode(format, photo.pixels, photo.alpha, photo.carried)
        np.testing.assert_array_equal(decode.decode_photo(data), photo.rgb8)
        if format == "TIFF" and photo.alpha is not None and photo.pixels.dtype == np.uint8:
            continue  # OpenCV multiplies these colours by alpha
        read = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        expected = photo.pixels if read.ndim == 3 else photo.pixels[..., 0]
        np.testing.assert_array_equal(read[..., 2::-1] if read.ndim == 3 else read, expected)


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_bands_of_rows_make_the_same_file(monkeypatch, format, dtype):
    pixels = np.random.default_rng(0).integers(0, 256, (50, 40, 3), dtype=dtype)
    whole, _ = encode(format, pixels, pixels[..., 0], Carried())
    monkeypatch.setattr("pipeline.commands.restore.photo_file.lossless._BAND_BYTES", 1000)
    assert encode(format, pixels, pixels[..., 0], Carried())[0] == whole


@pytest.mark.parametrize("format", photo_file.WRITTEN)
def test_the_same_photo_gives_the_same_bytes(tmp_path, picture, format):
    path = stored(tmp_path, picture, "PNG", exif=camera().tobytes(), icc_profile=SRGB, dpi=(300, 300))
    written = []
    for name in ("one", "two"):
        photo_file.write(tmp_path / name, photo_file.read(path), format)
        written.append((tmp_path / name).read_bytes())
    assert written[0] == written[1]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", WITH_EXIF)
def test_orientation_goes_into_the_pixels_and_all_other_tags_stay(tmp_path, picture, kind, orientation):
    turned = picture if orientation == 1 else picture.transpose(TURNED[orientation])
    path = stored(tmp_path, turned, kind, exif=camera(orientation).tobytes(), icc_profile=SRGB)
    photo = photo_file.read(path)
    np.testing.assert_array_equal(photo.pixels, decode.decode_photo(path.read_bytes()))
    assert photo.pixels.shape == (40, 60, 3)
    got, said = again(tmp_path, photo)
    assert said == []
    assert got.format == kind
    assert np.abs(got.pixels.astype(int) - np.asarray(picture)).mean() <= (4 if kind in ("JPEG", "WEBP", "AVIF") else 0)
    before, after = tags(path), tags(tmp_path / "out")
    assert after.get(0x0112, 1) == 1
    assert (after["own"].pop(0xA002), after["own"].pop(0xA003)) == (60, 40)
    del before["own"][0xA002], before["own"][0xA003]
    for told in (before, after):
        told.pop(0x0112, None)
    assert after == before
    assert len(after) == 5
    assert got.carried.icc == SRGB


SIDEWAYS = {  # EXIF orientation -> upright pixels as a camera held that way stores them
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.swapaxes(0, 1),
    6: np.rot90,
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: lambda a: np.rot90(a, 3),
}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bits_come_upright(tmp_path, kind, orientation, channels):
    upright = np.random.default_rng(0).integers(0, 2**16, (5, 8, channels), dtype=np.uint16)
    samples = np.ascontiguousarray(SIDEWAYS[orientation](upright))
    if kind == "TIFF":
        tag = [(0x0112, "H", 1, orientation, True)]
        kinds = {"photometric": "minisblack"} if channels == 1 else {"photometric": "rgb"}
        extra = {"extrasamples": ["unassalpha"]} if channels == 4 else {}
        tifffile.imwrite(tmp_path / "in", samples.squeeze(), planarconfig="contig", extratags=tag, **kinds, **extra)
    else:
        exif = b"MM\0*" + struct.pack(">LHHHLHHL", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
        colours = samples[..., :3].repeat(3 // min(3, channels), axis=2)
        alpha = samples[..., 3] if channels == 4 else None
        (tmp_path / "in").write_bytes(encode("PNG", colours, alpha, Carried(chunks=((b"eXIf", exif),)))[0])
    photo = photo_file.read(tmp_path / "in")
    assert photo.remarks == ()
    np.testing.assert_array_equal(photo.pixels, upright[..., :3].repeat(3 // min(3, channels), axis=2))
    np.testing.assert_array_equal(photo.rgb8, decode.decode_photo((tmp_path / "in").read_bytes()))
    if channels == 4:
        np.testing.assert_array_equal(photo.alpha, upright[..., 3])
    got, said = again(tmp_path, photo)
    assert said == []
    np.testing.assert_array_equal(got.pixels, photo.pixels)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "JPEG2000", "GIF", "AVIF"])
def test_alpha_comes_upright_with_the_pixels(tmp_path, picture, kind):
    alpha = Image.fromarray(np.linspace(0, 255, 2400).astype(np.uint8).reshape(40, 60))
    if kind == "GIF":
        alpha = alpha.point(lambda a: 255 * (a > 127))
    picture.putalpha(alpha)
    options = {"lossless": True} if kind == "WEBP" else {}
    exif = {} if kind in ("JPEG2000", "GIF") else {"exif": camera(6).tobytes()}
    path = stored(tmp_path, picture.transpose(TURNED[6]) if exif else picture, kind, **options, **exif)
    photo = photo_file.read(path)
    got, said = again(tmp_path, photo)
    assert np.abs(photo.alpha.astype(int) - np.asarray(alpha)).max() <= (4 if kind == "AVIF" else 0)
    assert np.abs(got.alpha.astype(int) - photo.alpha).max() <= (4 if kind == "AVIF" else 0)
    assert got.format == ("PNG" if kind == "GIF" else kind)
    assert said == (["palette colours became RGB", "saved as PNG: GIF is not written"] if kind == "GIF" else [])


def test_transparency_of_a_palette_is_alpha(tmp_path, picture):
    palette = picture.convert("P")
    photo = photo_file.read(stored(tmp_path, palette, "PNG", transparency=bytes(range(256))))
    np.testing.assert_array_equal(photo.alpha, np.asarray(palette))
    np.testing.assert_array_equal(photo.pixels, np.asarray(palette.convert("RGB")))


@pytest.mark.parametrize("mode", ["L", "LA", "1", "I;16"])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_grey_stays_grey_with_its_profile_until_it_is_coloured(tmp_path, picture, mode, kind):
    if mode == "I;16":
        image = Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257)
    else:
        image = picture.convert(mode)
    grey_profile = SRGB[:16] + b"GRAY" + SRGB[20:]
    photo = photo_file.read(stored(tmp_path, image, kind, icc_profile=grey_profile))
    got, said = again(tmp_path, photo)
    np.testing.assert_array_equal(got.pixels, photo.pixels)
    single = not (kind == "TIFF" and mode == "LA")  # which Pillow cannot read in 16 bits, so that it is written as RGB
    with Image.open(tmp_path / "out") as written:
        assert written.mode == ({"1": "L"}.get(mode, mode) if single else "RGBA")
        assert written.info.get("icc_profile") == (grey_profile if single else None)
    assert ("colour profile dropped: it is one of GRAY" in " ".join(said)) != single
    coloured = photo.pixels.copy()
    coloured[0, 0] = 1, 2, 3
    got, said = again(tmp_path, photo_file.replaced(photo, coloured))
    np.testing.assert_array_equal(got.pixels, coloured)
    assert "colour profile dropped: it is one of GRAY" in " ".join(said)


def inks_profile() -> bytes:
    """A profile of CMYK under which every ink makes the same lightness darker, hue aside: L* = 100 (1 - K), a* = b* = 0."""
    corners = np.array([[0 if corner & 1 else 255, 128, 128] for corner in range(16)], np.uint8)  # K varies fastest
    identity = bytes(range(256))
    table = (
        b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + struct.pack(">9i", *(65536 * v for v in (1, 0, 0, 0, 1, 0, 0, 0, 1)))
    )
    table += identity * 4 + corners.tobytes() + identity * 3
    head = struct.pack(">I4sI4s4s4s12s4s", 0, b"lcms", 0x02400000, b"prtr", b"CMYK", b"Lab ", bytes(12), b"acsp")
    head = head.ljust(68, b"\0") + struct.pack(">3I", 0xF6D6, 0x10000, 0xD32D)  # D50
    body = head.ljust(128, b"\0") + struct.pack(">I4sII", 1, b"A2B0", 144, len(table)) + table
    return len(body).to_bytes(4, "big") + body[4:]


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_inks_become_srgb_by_their_profile(tmp_path, kind):
    inks = np.zeros((16, 16, 4), np.uint8)
    inks[..., 0] = 200  # which this profile says is as white as paper
    inks[8:, :, 3] = 255
    options = {"quality": 100} if kind == "JPEG" else {}
    photo = photo_file.read(
        stored(tmp_path, Image.fromarray(inks, "CMYK"), kind, icc_profile=inks_profile(), **options)
    )
    assert photo.pixels[:7].min() > 245
    assert photo.pixels[9:].max() < 10
    got, said = again(tmp_path, photo)
    assert said == ["CMYK became sRGB by its colour profile"]
    assert got.carried.icc is None
    assert np.abs(got.pixels.astype(int) - photo.pixels).max() <= (6 if kind == "JPEG" else 0)


@pytest.mark.parametrize(
    ("icc", "why"), [(None, "it has none"), (b"\0" * 16 + b"CMYK" + b"\0" * 200, "cannot be applied")]
)
def test_inks_without_a_usable_profile_are_pillows(tmp_path, picture, icc, why):
    path = stored(tmp_path, picture.convert("CMYK"), "TIFF", icc_profile=icc)
    photo = photo_file.read(path)
    np.testing.assert_array_equal(photo.pixels, decode.decode_photo(path.read_bytes()))
    _, said = again(tmp_path, photo)
    assert len(said) == 1
    assert why in said[0]


@pytest.mark.parametrize("kind", WITH_EXIF)
def test_density_and_xmp_are_kept_and_true(tmp_path, picture, kind):
    density = {"dpi": (300, 240)} if kind in ("JPEG", "PNG", "TIFF") else {}
    text = {} if kind == "TIFF" else {"xmp": XMP}
    if kind == "PNG":
        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", XMP.decode())
        info.add_text("Author", "somebody")
        text = {"pnginfo": info}
    if kind == "TIFF":
        text = {"tiffinfo": {0x02BC: XMP}}
    got, _ = again(tmp_path, photo_file.read(stored(tmp_path, picture, kind, **density, **text)))
    assert got.carried.xmp == XMP.replace(b'"6"', b'"1"').replace(b"<xmp:Thumbnails>old</xmp:Thumbnails>", b"")
    if density:
        np.testing.assert_allclose(got.carried.dpi, (300, 240), atol=0.01)
    if kind == "PNG":
        assert got.carried.chunks == ((b"tEXt", b"Author\0somebody"),)


def with_thumbnail(order: str, middle: bool) -> bytes:
    """EXIF with an orientation, a maker's note and a second directory that links a thumbnail."""
    start = b"II*\0" if order == "<" else b"MM\0*"
    thumbnail, note = b"\xff\xd8 the old picture", b"note"
    first = struct.pack(order + "LH", 8, 2) + struct.pack(order + "HHLHH", 0x0112, 3, 1, 6, 0)
    first += struct.pack(order + "HHL", 0x927C, 7, 4) + note + struct.pack(order + "L", 8 + 2 + 24 + 4)
    second = struct.pack(order + "H", 2) + struct.pack(order + "HHLL", 0x0201, 4, 1, 8 + 30 + 30)
    second += struct.pack(order + "HHLL", 0x0202, 4, 1, len(thumbnail)) + bytes(4)
    return start + first + second + thumbnail + (b"more" if middle else b"")


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("middle", [False, True])
def test_the_thumbnail_goes_and_the_rest_stays_to_the_byte(tmp_path, picture, order, middle):
    block = with_thumbnail(order, middle)
    (tmp_path / "in").write_bytes(encode("JPEG", np.asarray(picture), None, Carried())[0])
    path = stored(tmp_path, picture, "JPEG", exif=b"Exif\0\0" + block)
    got, said = again(tmp_path, photo_file.read(path))
    assert said == []
    expected = bytearray(block.replace(b"\xff\xd8 the old picture", bytes(18) if middle else b""))
    expected[18 + (order == ">")] = 1
    expected[34:38] = bytes(4)
    assert got.carried.exif == bytes(expected)


@settings(max_examples=300, deadline=None)
@given(
    changes=st.lists(st.tuples(st.integers(0, 90), st.integers(0, 255)), max_size=5),
    share=st.floats(0, 1),
    order=st.sampled_from("<>"),
)
def test_damaged_exif_is_made_true_or_given_up(changes, share, order):
    block = bytearray(with_thumbnail(order, True))
    block = block[: round(len(block) * max(share, 0.1))]
    for place, value in changes:
        block[place % len(block)] = value
    true = true_exif(bytes(block), 60, 40)
    assert true is None or len(true) <= len(block)


@pytest.mark.parametrize("format", WITH_EXIF)
def test_a_broken_exif_block_costs_itself_alone(tmp_path, picture, format):
    for broken in (b"nonsense", b"II*\0\xff\xff\xff\xff", b"II*\0\x08\0\0\0\x09\0"):
        photo = photo_file.PhotoFile(np.asarray(picture), None, format, carried=Carried(exif=broken))
        got, said = again(tmp_path, photo)
        assert said == ["EXIF dropped: it is damaged"]
        assert got.carried.exif is None


def test_the_orientation_of_xmp_is_set_in_both_spellings():
    for before, after in (
        (b"tiff:Orientation='8'", b"tiff:Orientation='1'"),
        (b"<tiff:Orientation>3</tiff:Orientation>", b"<tiff:Orientation>1</tiff:Orientation>"),
    ):
        assert true_xmp(before) == after


def test_too_much_exif_for_jpeg_is_said(tmp_path, picture):
    exif = camera()
    exif[0x010E] = "x" * 70_000
    photo = photo_file.read(stored(tmp_path, picture, "PNG", exif=exif.tobytes()))
    _, said = again(tmp_path, photo, "JPEG")
    assert len(said) == 1
    assert said[0].startswith("EXIF of 70,")
    assert again(tmp_path, photo)[1] == []


@pytest.mark.parametrize("quality", [10, 75, 95, 99, 100])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_jpeg_is_no_coarser_than_quality_95_nor_than_the_photo(tmp_path, quality, mode):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).convert(mode)
    photo = photo_file.read(stored(tmp_path, noise, "JPEG", quality=quality))
    got, _ = again(tmp_path, photo)
    noise.save(tmp_path / "good", quality=95, format="JPEG")
    for path in ("in", "good"):
        with Image.open(tmp_path / path) as coarse, Image.open(tmp_path / "out") as fine:
            assert all((np.array(fine.quantization[i]) <= coarse.quantization[i]).all() for i in fine.quantization)
            assert fine.mode == mode
            assert {layer[1:3] for layer in fine.layer} == {(1, 1)}
    plain = io.BytesIO()
    Image.fromarray(photo.pixels).convert(mode).save(plain, "JPEG", quality=95, subsampling=0)
    losses = [
        np.abs(pixels.astype(int) - photo.pixels).mean() for pixels in (got.pixels, images.decode(plain.getvalue()))
    ]
    assert losses[0] <= losses[1] + 0.01


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF", "MPO"])
def test_of_several_pictures_the_first_is_written_and_said(tmp_path, picture, kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    others = [picture.transpose(0), picture.transpose(1)]
    photo = photo_file.read(stored(tmp_path, picture, kind, save_all=True, append_images=others, **options))
    got, said = again(tmp_path, photo)
    assert "the first of 3 pictures in the file" in said
    assert got.format == {"MPO": "JPEG", "GIF": "PNG"}.get(kind, kind)
    assert got.remarks == ()


def test_heic_is_written_as_png_with_its_exif(tmp_path):
    (tmp_path / "in").write_bytes(HEIC)
    photo = photo_file.read(tmp_path / "in")
    assert photo.format == "HEIF"
    np.testing.assert_array_equal(photo.pixels, decode.decode_photo(HEIC))
    assert photo_file.suffix(photo) == ".png"
    got, said = again(tmp_path, photo)
    assert said == ["saved as PNG: HEIF is not written"]
    np.testing.assert_array_equal(got.pixels, photo.pixels)
    assert got.carried.exif == photo.carried.exif
    assert tags(tmp_path / "out")[0x0112] == 1


def test_what_the_own_format_cannot_hold_makes_it_a_png_and_a_chosen_one_says_what_is_lost(tmp_path, picture):
    pixels = np.asarray(picture)
    alpha = pixels[..., 0]
    bitmap = photo_file.PhotoFile(pixels, alpha, "BMP", carried=Carried(icc=SRGB))
    got, said = again(tmp_path, bitmap)
    assert said == ["saved as PNG: BMP holds no alpha, colour profile"]
    assert got.carried.icc == SRGB
    got, said = again(tmp_path, bitmap, "BMP")
    assert said == ["alpha dropped: BMP holds none", "colour profile dropped: BMP holds none"]
    assert got.format == "BMP"
    wide = photo_file.PhotoFile(np.zeros((1, 16_384, 3), np.uint8), None, "WEBP")
    assert again(tmp_path, wide, "WEBP")[1] == ["saved as PNG: WEBP holds at most 16383 px a side"]
    with pytest.raises(ValueError, match="format 'XPM' is not written; these are: JPEG, PNG"):
        photo_file.write(tmp_path / "none", bitmap, "XPM")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("format", [*photo_file.WRITTEN, None])
def test_the_suffix_is_that_of_the_format_written(tmp_path, picture, format):
    photo = photo_file.read(stored(tmp_path, picture.convert("P"), "GIF"))
    got, _ = again(tmp_path, photo, format)
    assert Image.registered_extensions()[photo_file.suffix(photo, format)] == got.format


def test_other_pixels_take_alpha_along(picture):
    pixels, alpha = np.asarray(picture), np.full((40, 60), 7, np.uint8)
    photo = photo_file.PhotoFile(pixels, alpha, "PNG")
    for shape in ((40, 60), (80, 120), (20, 30), (121, 181)):
        other = photo_file.replaced(photo, np.zeros((*shape, 3), np.uint8))
        np.testing.assert_array_equal(other.alpha, np.full(shape, 7))
    np.testing.assert_array_equal(photo.pixels, pixels)
    for wrong in (pixels.astype(np.uint16), pixels[..., 0]):
        with pytest.raises(ValueError, match=r"expected uint8, \(H, W, 3\)"):
            photo_file.replaced(photo, wrong)


def test_the_size_told_by_exif_is_that_of_the_pixels_written(tmp_path, picture):
    photo = photo_file.read(stored(tmp_path, picture, "JPEG", exif=camera().tobytes()))
    again(tmp_path, photo_file.replaced(photo, np.zeros((200, 100, 3), np.uint8)))
    own = tags(tmp_path / "out")["own"]
    assert (own[0xA002], own[0xA003]) == (100, 200)


@pytest.mark.parametrize("data", [b"", b"just text", b"\xff\xd8\xff\xe0", HEIC[:300]])
def test_no_photo_is_refused(tmp_path, data):
    (tmp_path / "in").write_bytes(data)
    with pytest.raises(images.UnreadableImage):
        photo_file.read(tmp_path / "in")


def sample(kind: str, **options) -> bytes:
    picture = gradient()
    if options.pop("alpha", False):
        picture.putalpha(picture.convert("L"))
    file = io.BytesIO()
    picture.convert(options.pop("mode", picture.mode)).save(file, kind, **options)
    return file.getvalue()


CAMERA = {"exif": camera(6).tobytes(), "icc_profile": SRGB}
SAMPLES = [
    *(sample(kind, alpha=kind != "JPEG", **CAMERA) for kind in WITH_EXIF),
    *(sample(kind) for kind in ("BMP", "JPEG2000", "PPM")),
    sample("JPEG", mode="CMYK", exif=CAMERA["exif"], icc_profile=inks_profile()),
    sample("GIF", mode="P", transparency=3),
    encode("PNG", np.asarray(gradient()).astype(np.uint16) * 257, None, Carried(exif=CAMERA["exif"][6:]))[0],
    encode("TIFF", np.asarray(gradient()).astype(np.uint16) * 257, None, Carried(exif=CAMERA["exif"][6:]))[0],
]


@pytest.mark.middle
@settings(max_examples=300, deadline=None)
@given(
    data=st.sampled_from(SAMPLES),
    changes=st.lists(st.tuples(st.integers(0, 1500), st.integers(0, 255)), max_size=6),
    share=st.just(1.0) | st.floats(0, 1),
)
def test_damage_is_refused_or_read_and_written(tmp_path_factory, data, changes, share):
    folder = tmp_path_factory.getbasetemp()
    damaged = bytearray(data[: round(len(data) * share)])
    for place, value in changes:
        if place < len(damaged):
            damaged[place] = value
    (folder / "damaged").write_bytes(damaged)
    with suppress(images.UnreadableImage):
        photo = photo_file.read(folder / "damaged")
        got, _ = again(folder, photo, "PNG")
        np.testing.assert_array_equal(got.pixels, photo.pixels)
        again(folder, photo)


def test_a_broken_second_picture_leaves_the_first_as_it_is(tmp_path, picture):
    picture.putalpha(picture.convert("L"))
    path = stored(tmp_path, picture.transpose(TURNED[6]), "TIFF", exif=camera(6).tobytes())
    data = bytearray(path.read_bytes())
    order = "<" if data.startswith(b"II") else ">"
    (first,) = struct.unpack_from(order + "L", data, 4)
    (count,) = struct.unpack_from(order + "H", data, first)
    struct.pack_into(order + "L", data, first + 2 + 12 * count, len(data))  # behind it a directory of one tag alone
    data += struct.pack(order + "HHHLLL", 1, 0x0112, 3, 1, 0, 0)
    path.write_bytes(data)
    photo = photo_file.read(path)
    assert photo.remarks == ("the first of several pictures in the file",)
    np.testing.assert_array_equal(photo.pixels, np.asarray(picture)[..., :3])
    np.testing.assert_array_equal(photo.alpha, np.asarray(picture)[..., 3])


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_alpha_beside_a_broken_exif_block(tmp_path, picture, kind):
    picture.putalpha(picture.convert("L"))
    path = stored(tmp_path, picture, kind, exif=b"Exif\0\0II*\0\xff\xff\xff\xff", lossless=True)
    np.testing.assert_array_equal(photo_file.read(path).alpha, np.asarray(picture)[..., 3])


def test_no_file_is_an_error_of_the_system(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in ("none", ".", "pipe"):
        with pytest.raises(OSError, match=r"No such file|regular file|directory"):
            photo_file.read(tmp_path / path)


def test_an_error_while_writing_leaves_what_was_there(tmp_path, picture, monkeypatch):
    photo = photo_file.read(stored(tmp_path, picture, "PNG"))
    (tmp_path / "out").write_bytes(b"before")

    def full(*_):
        raise OSError("no more")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="no more"):
        photo_file.write(tmp_path / "out", photo)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"]
    assert (tmp_path / "out").read_bytes() == b"before"


@pytest.mark.middle
@pytest.mark.parametrize("folder", ["ffhq", "helen", "real"])
def test_real_photos_come_through_with_their_profiles(shared, tmp_path, folder):
    for path in sorted((shared / "faces" / folder).iterdir())[:10]:
        photo = photo_file.read(path)
        np.testing.assert_array_equal(photo.pixels, decode.decode_photo(path.read_bytes()))
        got, said = again(tmp_path, photo)
        assert said == list(photo.remarks)
        assert got.format == photo.format
        assert got.carried.icc == photo.carried.icc
        difference = np.abs(got.pixels.astype(int) - photo.pixels).mean()
        assert difference < 1.5 if photo.format == "JPEG" else difference == 0
