"""Reading whatever a user brings, and PIL's resizing."""

import io

import numpy as np
import pytest
from PIL import Image

from pipeline import images


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture
def picture():
    y, x = np.mgrid[:40, :60]
    return Image.fromarray(np.stack([x * 4, y * 6, (x + y) * 2], -1).astype(np.uint8))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "CMYK", "1"])
def test_every_mode_becomes_rgb(picture, mode):
    kind = "TIFF" if mode == "CMYK" else "PNG"
    array = images.decode_photo(encoded(picture.convert(mode), kind))
    assert (array.shape, array.dtype) == ((40, 60, 3), np.uint8)


def test_sixteen_bits_keep_their_upper_byte():
    grey = (np.arange(60 * 40).reshape(40, 60) * 27).astype(np.uint16)
    array = images.decode_photo(encoded(Image.fromarray(grey), "PNG"))
    np.testing.assert_array_equal(array[..., 0], grey >> 8)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pixels_come_upright(picture, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the transposition that undoes each orientation's display
    stored = picture.transpose(turned[orientation]) if orientation > 1 else picture
    array = images.decode_photo(encoded(stored, "PNG", exif=exif))
    np.testing.assert_array_equal(array, np.asarray(picture))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty"),
        (b"just text", "not an image"),
        (b"\x89PNG\r\n\x1a\nrest", "damaged|not an image"),
    ],
)
def test_what_is_no_image_says_why(data, why):
    with pytest.raises(images.UnreadableImage, match=why):
        images.decode_photo(data)


def test_a_truncated_jpeg_is_refused(picture):
    data = encoded(picture, "JPEG", quality=95)
    with pytest.raises(images.UnreadableImage, match="damaged"):
        images.decode_photo(data[: len(data) * 2 // 3])


def test_a_bomb_is_refused_unopened():
    huge = encoded(Image.new("1", (30000, 30000)), "PNG")
    with pytest.raises(images.UnreadableImage, match="more pixels"):
        images.decode_photo(huge)


def test_stored_images_come_back(picture):
    array = np.asarray(picture)
    np.testing.assert_array_equal(images.decode(images.encode_png(array)), array)
    jpeg = images.decode(images.encode_jpeg(array, 95))
    assert np.abs(jpeg.astype(int) - array).mean() < 3


def test_jpeg_chroma_is_halved(picture):
    with Image.open(io.BytesIO(images.encode_jpeg(np.asarray(picture), 41))) as image:
        assert [layer[1:3] for layer in image.layer] == [(2, 2), (1, 1), (1, 1)]
