"""Detectors: coordinates, scales, the missing file."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.faces.detect import Face, MTCNNDetector, YuNetDetector, detect_scaled, make_detector


class Finder:
    """A detector that finds one face, always at the same part of what it sees, and remembers the size."""

    def detect(self, photo):
        self.saw = photo.shape[:2]
        height, width = photo.shape[:2]
        box = (0.25 * width, 0.5 * height, 0.25 * width, 0.25 * height)
        return [Face(box, np.full((5, 2), 0.5) * (width, height), 0.9)]


@given(width=st.integers(1, 3000), height=st.integers(1, 3000))
def test_coordinates_are_the_photos_whatever_the_detector_sees(width, height):
    finder = Finder()
    (face,) = detect_scaled(finder, np.zeros((height, width, 3), np.uint8), 96, 640)
    np.testing.assert_allclose(face.box, (0.25 * width, 0.5 * height, 0.25 * width, 0.25 * height))
    np.testing.assert_allclose(face.landmarks, np.full((5, 2), 0.5) * (width, height))
    assert max(finder.saw) <= 640
    if max(width, height) <= 640 and min(width, height) >= 96:
        assert finder.saw == (height, width)
    if max(width, height) / min(width, height) < 6:
        assert min(finder.saw) >= 95


def test_small_photos_are_enlarged_and_large_ones_shrunk_for_the_detector():
    finder = Finder()
    for (width, height), saw in {
        (20, 20): (96, 96),
        (30, 25): (96, 115),
        (4000, 20): (10, 2048),
        (4096, 3072): (1536, 2048),
        (178, 218): (218, 178),
    }.items():
        detect_scaled(finder, np.zeros((height, width, 3), np.uint8), 96, 2048)
        assert finder.saw == saw


def test_the_largest_box_comes_first():
    class Several:
        def detect(self, photo):
            return [Face((0, 0, side, side), np.zeros((5, 2)), side / 100) for side in (20, 50, 30)]

    faces = detect_scaled(Several(), np.zeros((100, 100, 3), np.uint8), 96, 2048)
    assert [face.score for face in faces] == [0.5, 0.3, 0.2]


def same_landmarks(face):
    left_eye, right_eye, nose, mouth_left, mouth_right = face.landmarks
    assert left_eye[0] < nose[0] < right_eye[0]
    assert mouth_left[0] < mouth_right[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < min(mouth_left[1], mouth_right[1])
    # As seen in the picture.
    np.testing.assert_allclose(face.landmarks[[0, 1, 3, 4]], [[203, 101], [245, 102], [206, 141], [243, 141]], atol=8)


def test_mtcnn_finds_the_astronaut():
    from skimage import data

    (face,) = MTCNNDetector(min_face_px=60).detect(data.astronaut())
    assert face.score > 0.99
    same_landmarks(face)


def test_yunet_finds_the_astronaut(shared):
    from skimage import data

    weights = shared / "weights/face_detection_yunet_2026may.onnx"
    if not weights.is_file():
        pytest.skip("no YuNet file beside this checkout")
    detector = make_detector("yunet", 60, 0.7, weights)
    (face,) = detector.detect(data.astronaut())
    assert 0.85 < face.score <= 1
    same_landmarks(face)
    assert make_detector("yunet", 400, 0.7, weights).detect(data.astronaut()) == []
    assert make_detector("yunet", 60, 0.99, weights).detect(data.astronaut()) == []


def test_the_score_wanted_is_the_detectors():
    from skimage import data

    face = MTCNNDetector(60, min_score=0.2).detect(data.astronaut())[0]
    assert MTCNNDetector(60, min_score=min(face.score + 1e-6, 1)).detect(data.astronaut()) == []


@pytest.mark.parametrize("size", [(1, 1), (1, 90), (96, 96)])
def test_a_picture_of_nothing_holds_no_face(size):
    assert detect_scaled(MTCNNDetector(), np.full((*size, 3), 128, np.uint8), 96, 2048) == []


def test_a_file_that_is_no_network_is_named(tmp_path):
    (tmp_path / "yunet.onnx").write_bytes(b"no network")
    for name in ("yunet.onnx", "elsewhere.onnx"):
        with pytest.raises(ValueError, match=rf"{name} is missing, or no YuNet network for OpenCV 4"):
            YuNetDetector(tmp_path / name)
