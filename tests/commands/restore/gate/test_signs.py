"""What is seen of a face: its bandwidth, its noise, JPEG's grid."""

import cv2
import numpy as np
import pytest
from commands.restore.made import portrait

from pipeline.commands.restore.gate.signs import _blockiness, signs
from pipeline.images.pixels import encode_jpeg
from pipeline.store.images import decode

SIDE = 256


@pytest.fixture(scope="module")
def natural():
    """Luma whose power falls as a face's, f^-2.4, and reaches the last frequency."""
    random = np.random.default_rng(0)
    u = np.arange(SIDE) / 2
    frequency = np.hypot(u, u[:, None])
    frequency[0, 0] = 1
    spectrum = (random.normal(size=(SIDE, SIDE)) * frequency**-1.2).astype(np.float32)
    spectrum[0, 0] = 0
    luma = cv2.idct(spectrum)
    luma = 128 + luma * (40 / luma.std())
    return np.repeat(np.clip(np.rint(luma), 0, 255).astype(np.uint8)[..., None], 3, 2)


def blurred(image, sigma):
    return cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)


def noisy(image, level):
    noise = np.random.default_rng(1).normal(0, level, image.shape[:2])[..., None]
    return np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("sigma", [1.5, 2, 3, 4])
def test_the_bandwidth_is_where_a_blur_takes_two_nats(natural, sigma):
    """Its transfer is exp(-(2 pi sigma f / S)^2 / 2), and the square of that 2 nats down at f = sqrt(2) S / (2 pi sigma)."""
    expected = np.sqrt(2) * SIDE / (2 * np.pi * sigma)
    assert signs(blurred(natural, sigma), natural).bandwidth == pytest.approx(expected, rel=0.2)


def test_a_sharp_photo_reaches_the_last_band_and_noise_does_not_hide_a_blur(natural):
    sharp, soft = (signs(image, natural).bandwidth for image in (natural, blurred(natural, 3)))
    assert sharp > 100
    assert signs(noisy(blurred(natural, 3), 2), natural).bandwidth == pytest.approx(soft, rel=0.3)


@pytest.mark.parametrize("level", [3, 6, 12, 25])
def test_the_noise_is_measured_in_grey_levels(natural, level):
    assert signs(noisy(blurred(natural, 3), level), natural).noise == pytest.approx(level, rel=0.1)


def test_jpegs_grid_is_seen_on_any_phase(natural):
    stored = decode(encode_jpeg(blurred(natural, 1), 20))
    luma = cv2.cvtColor(stored, cv2.COLOR_RGB2GRAY).astype(np.float32)
    assert _blockiness(luma[3:-5, 5:-3]) > 1.5 > 1.2 > _blockiness(luma * 0 + natural[..., 0])


def test_of_equal_faces_gains_are_nothing_and_all_agrees():
    face = portrait(1, 0, 64)
    values = signs(face, face).values
    bands = (len(values) - 28) // 3
    np.testing.assert_array_equal(values[bands : 2 * bands], 0)
    np.testing.assert_allclose(values[2 * bands : 3 * bands], 1, atol=0.05)


@pytest.mark.parametrize(("side", "bands"), [(64, 9), (128, 11), (256, 13), (512, 15)])
def test_each_octave_of_size_brings_two_bands(side, bands):
    face = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    assert len(signs(face, face).values) == 3 * bands + 28


@pytest.mark.parametrize("value", [0, 7, 255])
def test_a_face_of_one_colour_gives_numbers(value):
    flat = np.full((64, 64, 3), value, np.uint8)
    assert np.isfinite(signs(flat, flat).values).all()
