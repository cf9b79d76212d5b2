"""TIFFs whose zero is white, and greys of odd depths: never a negative, never dark."""

import io
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image

from pipeline.commands.restore.photo_file import file as photo_file
from pipeline.photos import decode
from pipeline.store.images import UnreadableImage

WHITE_IS_ZERO, BLACK_IS_ZERO = 0, 1


def levels(bits: int) -> np.ndarray:
    """Every level of so many bits or, of many, some of all: (32, 48)."""
    return np.linspace(0, 2**bits - 1, 32 * 48).round().astype(np.uint16).reshape(32, 48)


def eight(samples: np.ndarray, bits: int) -> np.ndarray:
    """What levels of so many bits are in 8: of more the upper eight, fewer spread over the range."""
    return samples >> (bits - 8) if bits >= 8 else samples * (255 // (2**bits - 1))


def tiff(samples: np.ndarray, bits: int, photometric: int) -> bytes:
    """A little-endian TIFF of one strip, built by hand from its specification."""
    height, width = samples.shape
    if bits == 16:
        strip = samples.astype("<u2").tobytes()
    else:
        places = samples[..., None] >> np.arange(bits - 1, -1, -1) & 1
        strip = np.packbits(places.reshape(height, -1).astype(np.uint8), axis=1).tobytes()
    values = {256: width, 257: height, 258: bits, 259: 1, 262: photometric, 273: 8, 277: 1, 278: height}
    tags = [*values.items(), (279, len(strip))]
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHLL", tag, 4, 1, value) for tag, value in tags)
    return struct.pack("<2sHL", b"II", 42, 8 + len(strip)) + strip + directory + bytes(4)


def stored(samples: np.ndarray, bits: int, photometric: int) -> np.ndarray:
    return samples if photometric == BLACK_IS_ZERO else 2**bits - 1 - samples


@pytest.mark.parametrize(
    ("bits", "photometric"),
    [*((bits, WHITE_IS_ZERO) for bits in (1, 2, 4, 8, 16)), *((bits, BLACK_IS_ZERO) for bits in (1, 2, 4, 8, 12, 16))],
)
def test_greys_of_every_depth_are_positives(tmp_path, bits, photometric):
    data = tiff(stored(levels(bits), bits, photometric), bits, photometric)
    if bits in (8, 16):  # the depths that a second reader takes without more libraries
        np.testing.assert_array_equal(tifffile.imread(io.BytesIO(data)), stored(levels(bits), bits, photometric))
    expected = np.repeat(eight(levels(bits), bits)[..., None], 3, axis=2)
    np.testing.assert_array_equal(decode.decode_photo(data), expected)
    (tmp_path / "in.tif").write_bytes(data)
    photo = photo_file.read(tmp_path / "in.tif")
    np.testing.assert_array_equal(photo.rgb8, expected)
    said = photo_file.write(tmp_path / "out.tif", photo)
    with Image.open(tmp_path / "out.tif") as written:
        assert written.tag_v2[262] == BLACK_IS_ZERO
        shown = np.asarray(written)
    np.testing.assert_array_equal(shown, levels(bits) << (16 - bits) if bits > 8 else expected[..., 0])
    assert said == (["black and white became greyscale of 8 bits"] if bits == 1 else [])


@pytest.mark.parametrize(
    "form",
    [
        {"tile": (16, 16)},
        {"rowsperstrip": 7},
        {"compression": "deflate", "predictor": True},
        {"compression": "deflate"},
    ],
)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_negatives_stored_in_other_ways(form, dtype):
    bits, file = 8 * np.dtype(dtype).itemsize, io.BytesIO()
    negative = stored(levels(bits), bits, WHITE_IS_ZERO).astype(dtype)
    tifffile.imwrite(file, negative, byteorder="<", photometric="miniswhite", **form)
    np.testing.assert_array_equal(decode.decode_photo(file.getvalue())[..., 1], eight(levels(bits), bits))


@pytest.mark.parametrize("orientation", [3, 6])
def test_a_negative_comes_upright(tmp_path, orientation):
    upright = levels(16)
    lying = upright[::-1, ::-1] if orientation == 3 else np.rot90(upright)
    tags = [(0x0112, "H", 1, orientation, True)]
    tifffile.imwrite(tmp_path / "in", 65535 - lying, byteorder="<", photometric="miniswhite", extratags=tags)
    np.testing.assert_array_equal(photo_file.read(tmp_path / "in").pixels[..., 0], upright)
    np.testing.assert_array_equal(decode.decode_photo((tmp_path / "in").read_bytes())[..., 0], upright >> 8)


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_negative_with_alpha_is_refused_and_not_guessed(planar, dtype):
    file, pair = io.BytesIO(), np.zeros((2, 32, 48), dtype)
    pair = pair if planar == "separate" else np.moveaxis(pair, 0, 2)
    tifffile.imwrite(file, pair, photometric="miniswhite", planarconfig=planar, extrasamples=["unassalpha"])
    with pytest.raises(UnreadableImage, match="begins as a TIFF"):
        decode.decode_photo(file.getvalue())


def test_bands_of_a_large_photo_are_put_together(monkeypatch):
    colours = np.random.default_rng(0).integers(0, 256, (50, 40, 3), dtype=np.uint8)
    for image in (Image.fromarray(colours), Image.fromarray(colours).convert("P"), Image.fromarray(levels(16))):
        file = io.BytesIO()
        image.save(file, "PNG")
        monkeypatch.setattr(decode, "_BAND_PIXELS", 2**24)
        whole = decode.decode_photo(file.getvalue())
        monkeypatch.setattr(decode, "_BAND_PIXELS", 700)
        np.testing.assert_array_equal(decode.decode_photo(file.getvalue()), whole)
