import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.metrics.fidelity.color import luma, luma_pair

BYTE = st.integers(0, 255)


def pixel(r, g, b):
    return np.array([[[r, g, b]]], dtype=np.uint8)


@pytest.mark.parametrize(
    ("rgb", "y"),
    # the primaries of BT.601's table: black, white, red, green, blue (81.481 = 16 + 65.481, and so on)
    [
        ((0, 0, 0), 16.0),
        ((255, 255, 255), 235.0),
        ((255, 0, 0), 81.481),
        ((0, 255, 0), 144.553),
        ((0, 0, 255), 40.966),
    ],
)
def test_primaries(rgb, y):
    assert luma(pixel(*rgb))[0, 0] == pytest.approx(y, abs=1e-9)


@given(BYTE, BYTE, BYTE)
def test_range_and_grey(r, g, b):
    assert 16.0 - 1e-9 <= luma(pixel(r, g, b))[0, 0] <= 235.0 + 1e-9
    assert luma(pixel(r, r, r))[0, 0] == pytest.approx(16 + 219 * r / 255, abs=1e-9)


def test_close_to_scikit_image():
    from skimage.color import rgb2ycbcr

    rgb = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    assert luma(rgb).dtype == np.float64
    np.testing.assert_allclose(luma(rgb), rgb2ycbcr(rgb)[..., 0], rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((4, 4, 3), np.float32), "uint8"),
        (np.zeros((4, 4), np.uint8), r"\(H, W, 3\)"),
        (np.zeros((4, 4, 4), np.uint8), r"\(H, W, 3\)"),
        (np.zeros((3, 4, 4), np.uint8), r"\(H, W, 3\)"),
    ],
)
def test_refuses_other_arrays(array, message):
    with pytest.raises(ValueError, match=message):
        luma(array)


def test_pair_refuses_other_shape():
    with pytest.raises(ValueError, match="must be the same"):
        luma_pair(np.zeros((4, 4, 3), np.uint8), np.zeros((4, 5, 3), np.uint8))
