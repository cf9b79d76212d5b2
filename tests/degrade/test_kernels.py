"""The blurs are imgaug's, whether albumentations or OpenCV carries them."""

import cv2
import numpy as np
import pytest
from skimage import data

from pipeline.degrade import kernels


@pytest.fixture(scope="module")
def hr():
    return np.ascontiguousarray(data.astronaut()[:256, 128:384])


def test_gaussian_kernel_sizes_are_imgaugs():
    # int(max(5, f sigma)) made odd: f = 3.3 below sigma 3, 2.9 below 5, 2.6 above
    sizes = {0.5: 5, 1.0: 5, 2.9: 9, 3.0: 9, 4.9: 15, 5.0: 13, 10.0: 27, 15.0: 39}
    assert {sigma: kernels.gaussian_kernel_px(sigma) for sigma in sizes} == sizes


# imgaug 0.4.0's kernels before the division by their sum, in 255ths.
IMGAUG_MOTION = {
    (5, 0.0, 1.0): [[0, 0, 255, 0, 0], [0, 0, 191, 0, 0], [0, 0, 127, 0, 0], [0, 0, 63, 0, 0], [0, 0, 0, 0, 0]],
    (5, 30.0, 0.5): [[0, 0, 0, 131, 15], [0, 0, 78, 107, 0], [0, 14, 127, 18, 0], [0, 52, 50, 0, 0], [5, 43, 0, 0, 0]],
    (7, 200.0, -0.5): [
        [0, 0, 0, 0, 146, 15, 0],
        [0, 0, 0, 52, 131, 0, 0],
        [0, 0, 0, 96, 63, 0, 0],
        [0, 0, 7, 127, 8, 0, 0],
        [0, 0, 41, 70, 0, 0, 0],
        [0, 0, 60, 27, 0, 0, 0],
        [0, 5, 48, 0, 0, 0, 0],
    ],
}


@pytest.mark.parametrize("arguments", IMGAUG_MOTION)
def test_motion_kernels_are_imgaugs(arguments):
    expected = np.array(IMGAUG_MOTION[arguments], np.float32)
    np.testing.assert_allclose(kernels.motion_kernel(*arguments), expected / expected.sum(), rtol=1e-6)


def test_motion_kernel_is_a_line_with_a_direction():
    even = kernels.motion_kernel(9, 0, 0)
    assert even.sum() == pytest.approx(1)
    np.testing.assert_allclose(even[:, 4], 1 / 9, rtol=1e-5)
    down, up = kernels.motion_kernel(9, 0, -1.0), kernels.motion_kernel(9, 0, 1.0)
    assert down[-1, 4] > down[0, 4]
    np.testing.assert_allclose(down, up[::-1], atol=1e-6)
    across = kernels.motion_kernel(9, 90, 0)
    np.testing.assert_allclose(across[4], 1 / 9, atol=1e-3)


@pytest.mark.parametrize(("kernel_px", "sigma"), [(3, 0.8), (7, 2.0), (15, 5.5)])
@pytest.mark.parametrize("kind", kernels.KINDS)
def test_blurs_are_the_bare_calls_with_the_recorded_numbers(hr, kind, kernel_px, sigma):
    ours = kernels.blur(hr, kind, kernel_px, sigma, 30.0, 0.5)
    reference = {
        "gaussian": lambda: cv2.GaussianBlur(hr, (kernel_px, kernel_px), sigma),
        "average": lambda: cv2.blur(hr, (kernel_px, kernel_px)),
        "median": lambda: cv2.medianBlur(hr, kernel_px),
        "motion": lambda: cv2.filter2D(hr, -1, kernels.motion_kernel(kernel_px, 30.0, 0.5)),
    }
    np.testing.assert_array_equal(ours, reference[kind]())
    assert (ours != hr).mean() > 0.2


def test_an_even_average_is_a_mean_of_its_window(hr):
    blurred = kernels.blur(hr, "average", 4, 0.0, 0.0, 0.0)
    window = hr[98:102, 98:102].reshape(-1, 3).mean(0)  # OpenCV's centre of 4 pixels is the third
    np.testing.assert_allclose(blurred[100, 100], window, atol=0.51)


def test_a_gaussian_of_no_width_changes_nothing(hr):
    np.testing.assert_array_equal(kernels.blur(hr, "gaussian", 5, 0.0, 0.0, 0.0), hr)


@pytest.mark.parametrize(
    ("kind", "carrier"), [("average", "box_blur"), ("median", "median_blur"), ("motion", "convolve")]
)
def test_albumentations_carries_the_blur(hr, kind, carrier, monkeypatch):
    monkeypatch.setattr(kernels.functions().blur, carrier, lambda image, argument: (carrier, np.shape(argument)))
    shape = (7, 7) if kind == "motion" else ()
    assert kernels.blur(hr, kind, 7, 0.0, 30.0, 0.5) == (carrier, shape)


def test_an_unknown_kind_is_refused(hr):
    with pytest.raises(ValueError, match="'box'"):
        kernels.blur(hr, "box", 3, 0, 0, 0)
