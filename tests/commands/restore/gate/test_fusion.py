"""The photo's low frequencies with the network's high ones."""

import cv2
import numpy as np
import pytest
from commands.restore.made import portrait

from pipeline.commands.restore.gate.fusion import CUTS, cut_within, cycles, fused


@pytest.mark.parametrize("cut", CUTS)
def test_a_network_that_changes_nothing_gives_the_photo_back(cut):
    photo = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    np.testing.assert_array_equal(fused(photo, photo, cut), photo)


def test_the_frequency_of_a_coefficient_is_in_cycles_a_side():
    """cos(pi (x + 1/2) u / S) swings u / 2 times over the side."""
    assert cycles(8)[0, 6] == 3
    assert cycles(8)[3, 4] == 2.5


def test_below_the_cut_the_photo_stays_above_it_the_network():
    """One wave of the luma in each: at the cut 2^-1/2 of the photo's is left."""
    x = (np.arange(128) + 0.5) / 128

    def wave(cycles_a_face):
        return np.repeat(np.rint(128 + 60 * np.cos(2 * np.pi * cycles_a_face * x))[None, :, None], 128, 0)

    flat = np.full((128, 128, 3), 128, np.uint8)
    for at, expected in ((2, 2 ** -(0.25**2 / 2)), (8, 2**-0.5), (16, 2**-2), (32, 2**-8)):
        photo = np.broadcast_to(wave(at), (128, 128, 3)).astype(np.uint8)
        left = fused(photo, flat, 8).astype(float) - 128
        share = (left * (photo - 128.0)).sum() / np.square(photo - 128.0).sum()
        assert share == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("cut", [4, 8, 14])
def test_it_is_the_blurred_difference_added(cut):
    """The same by a Gaussian filter with reflected borders, of sigma S sqrt(ln 2) / (2 pi cut): another implementation."""
    photo, restored = portrait(1, 0, 128), portrait(1, 1, 128)
    sigma = 128 * np.sqrt(np.log(2)) / (2 * np.pi * cut)
    difference = photo.astype(np.float32) - restored
    blurred = cv2.GaussianBlur(difference, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
    expected = np.clip(np.rint(restored + blurred), 0, 255)
    assert np.abs(fused(photo, restored, cut) - expected).max() <= 1


def test_colours_are_kept_up_to_16_cycles_at_most():
    x = (np.arange(128) + 0.5) / 128
    grey = np.full((128, 128, 3), 128, np.uint8)
    photo = grey.copy()
    photo[..., 2] += np.rint(100 * np.cos(2 * np.pi * 32 * x)).astype(np.int16).astype(np.uint8)
    kept = fused(photo, grey, 64).astype(float) - 128
    blue_difference = kept[..., 2] - kept @ [0.299, 0.587, 0.114]
    assert np.abs(blue_difference).max() < 0.3 * 100


def test_a_grey_photo_stays_grey():
    photo, restored = (np.repeat(portrait(1, n, 64)[..., 1:2], 3, 2) for n in range(2))
    result = fused(photo, restored, 14)
    assert (np.ptp(result, axis=2) == 0).all()


def test_the_cut_of_an_unmeasured_network_follows_the_photos_detail():
    assert [cut_within(bandwidth) for bandwidth in (5, 20, 50, 128)] == [4, 8, 24, 64]
