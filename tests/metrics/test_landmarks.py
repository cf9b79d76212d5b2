"""Landmark distance: the measure, and what the detector finds in real faces."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipeline.faces.detect import Face
from pipeline.metrics.landmarks import LandmarkFinder, landmark_distance

POINTS = np.array([(40.0, 50.0), (88.0, 50.0), (64.0, 76.0), (46.0, 98.0), (82.0, 98.0)])


class Finder:
    """A detector that finds the faces it is given, as fractions of what it sees, and remembers the size."""

    def __init__(self, *sides):
        self.sides = sides

    def detect(self, photo):
        self.saw = height, width = photo.shape[:2]
        return [
            Face((0.0, 0.0, side * width, side * height), np.full((5, 2), side) * (width, height), 0.9)
            for side in self.sides
        ]


def test_mean_over_five_points_in_eye_distances():
    moved = POINTS.copy()
    moved[2] += (3, 4)  # 5 px of 48, on one of five points
    assert landmark_distance(moved, POINTS) == pytest.approx(5 / 48 / 5, abs=1e-12)
    # DIC's sum, written out: the distances over the eye distance, averaged.
    sr = POINTS + np.random.default_rng(0).normal(0, 3, (5, 2))
    expected = np.mean([math.dist(a, b) / math.dist(POINTS[0], POINTS[1]) for a, b in zip(sr, POINTS, strict=True)])
    assert landmark_distance(sr, POINTS) == pytest.approx(expected, rel=1e-12)
    # The ground truth's eyes are the measure, not the restored face's.
    assert landmark_distance(POINTS * 2, POINTS) == pytest.approx(2 * landmark_distance(POINTS, POINTS * 2), rel=1e-12)


OFFSET = st.floats(-500, 500)


@given(st.integers(0, 10_000), st.floats(0.1, 10), OFFSET, OFFSET)
def test_identity_and_independence_of_scale_and_place(seed, scale, x, y):
    sr = POINTS + np.random.default_rng(seed).normal(0, 5, (5, 2))
    value = landmark_distance(sr, POINTS)
    assert value > 0
    assert landmark_distance(sr * scale + (x, y), POINTS * scale + (x, y)) == pytest.approx(value, rel=1e-6)
    assert landmark_distance(POINTS, POINTS) == 0.0


@pytest.mark.parametrize(
    ("sr", "hr", "message"),
    [
        (POINTS[:4], POINTS[:4], r"\(5, 2\) each"),
        (POINTS, POINTS.T, r"\(5, 2\) each"),
        (POINTS * np.nan, POINTS, "not finite"),
        (POINTS, np.ones((5, 2)), "eyes lie in one point"),
    ],
)
def test_refuses_what_is_no_face(sr, hr, message):
    with pytest.raises(ValueError, match=message):
        landmark_distance(sr, hr)


@pytest.mark.parametrize("side_px", [128, 512, 200])
def test_the_largest_face_is_found_in_pixels_of_the_picture(side_px):
    detector = Finder(0.25, 0.75, 0.5)
    found = LandmarkFinder(detector).find(np.zeros((side_px, side_px, 3), np.uint8))
    np.testing.assert_allclose(found, np.full((5, 2), 0.75 * side_px))
    assert detector.saw == (256, 256)


def test_no_face_and_no_picture():
    finder = LandmarkFinder(Finder())
    assert finder.find(np.zeros((64, 64, 3), np.uint8)) is None
    with pytest.raises(ValueError, match="uint8 RGB"):
        finder.find(np.zeros((64, 64, 3)))


@pytest.mark.middle
def test_real_faces_at_128_and_512_px(shared):
    """A face in every photograph; in a bicubic enlargement less often or further off, the more so the smaller it was."""
    paths = sorted((shared / "faces/celebahq").glob("*.jpg"))[:12]
    if len(paths) < 12:
        pytest.skip("photographs are missing")
    finder = LandmarkFinder()
    for side in (128, 512):
        hr = [Image.open(path).convert("RGB").resize((side, side), Image.Resampling.BICUBIC) for path in paths]
        truth = [finder.find(np.asarray(image)) for image in hr]
        assert all(points is not None for points in truth)
        assert all(0.2 < np.ptp(points[:, 0]) / side < 0.6 for points in truth)
        means = []
        for small in (16, 32):
            sr = [image.resize((small, small), Image.Resampling.BICUBIC).resize(image.size) for image in hr]
            found = [finder.find(np.asarray(image)) for image in sr]
            pairs = [(a, b) for a, b in zip(found, truth, strict=True) if a is not None]
            assert len(pairs) >= 0.8 * len(paths)
            means.append(np.mean([landmark_distance(a, b) for a, b in pairs]))
        assert means[0] > means[1] > 0.01
        assert means[0] > 0.05
    again = finder.find(np.asarray(hr[0]))
    np.testing.assert_array_equal(again, truth[0])
