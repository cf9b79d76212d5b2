import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.metrics.fidelity.color import luma
from pipeline.metrics.fidelity.ssim import C1, C2, ssim_y


def smooth_pair(seed, shape):
    """A smooth picture and a noisy version of it: structure as a photograph has it, not white noise."""
    rng = np.random.default_rng(seed)
    rows, columns = np.meshgrid(np.arange(shape[0]), np.arange(shape[1]), indexing="ij")
    plane = 128 + 90 * np.sin(rows / 5.0 + rng.uniform(0, 6)) * np.cos(columns / 7.0)
    picture = np.stack([plane, np.roll(plane, 3, 0), 255 - plane], axis=-1)
    noisy = picture + rng.normal(0, 12, picture.shape)
    return picture.clip(0, 255).astype(np.uint8), noisy.clip(0, 255).astype(np.uint8)


def literal_ssim(x, y):
    """Eq. (29) with its factor 2, window by window."""
    offsets = np.arange(11) - 5
    g = np.exp(-(offsets**2) / (2 * 1.5**2))
    w = np.outer(g, g) / np.outer(g, g).sum()
    values = []
    for i in range(x.shape[0] - 10):
        for j in range(x.shape[1] - 10):
            a, b = x[i : i + 11, j : j + 11], y[i : i + 11, j : j + 11]
            ma, mb = (w * a).sum(), (w * b).sum()
            va, vb = (w * (a - ma) ** 2).sum(), (w * (b - mb) ** 2).sum()
            cov = (w * (a - ma) * (b - mb)).sum()
            values.append((2 * ma * mb + C1) * (2 * cov + C2) / ((ma**2 + mb**2 + C1) * (va + vb + C2)))
    return np.mean(values)


def test_equals_the_equation_window_by_window():
    sr, hr = smooth_pair(0, (17, 23))
    assert ssim_y(sr, hr) == pytest.approx(literal_ssim(luma(sr), luma(hr)), abs=1e-9)


@pytest.mark.parametrize("shape", [(11, 11), (12, 40), (128, 128), (96, 130)])
def test_agrees_with_scikit_image(shape):
    from skimage.metrics import structural_similarity

    sr, hr = smooth_pair(1, shape)
    # scikit-image crops its mean to the whole windows too (truncate 3.5 gives radius 5, so 11 px)
    expected = structural_similarity(
        luma(sr), luma(hr), gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255
    )
    assert ssim_y(sr, hr) == pytest.approx(expected, abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(11, 30), st.integers(11, 30))
def test_bounds_symmetry_identity(seed, height, width):
    sr, hr = smooth_pair(seed, (height, width))
    value = ssim_y(sr, hr)
    assert -1.0 <= value < 1.0
    assert value == ssim_y(hr, sr)
    assert ssim_y(hr, hr) == 1.0


def test_flat_pictures_reduce_to_the_brightness_term():
    a, b = np.full((16, 16, 3), 0, np.uint8), np.full((16, 16, 3), 255, np.uint8)
    expected = (2 * 16 * 235 + C1) / (16**2 + 235**2 + C1)
    assert ssim_y(a, b) == pytest.approx(expected, abs=1e-6)


def test_refuses_small_mismatched_and_float():
    small = np.zeros((10, 40, 3), np.uint8)
    with pytest.raises(ValueError, match="40x10 px"):
        ssim_y(small, small)
    with pytest.raises(ValueError, match="must be the same"):
        ssim_y(np.zeros((16, 16, 3), np.uint8), np.zeros((16, 17, 3), np.uint8))
    with pytest.raises(ValueError, match="uint8"):
        ssim_y(np.zeros((16, 16, 3)), np.zeros((16, 16, 3)))
