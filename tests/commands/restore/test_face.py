"""One face: its network, what the network sees, and whether the result is put in place."""

import cv2
import numpy as np
import pytest
from commands.restore.made import model_folder

from pipeline.commands.restore import face as faces
from pipeline.commands.restore.face import RestoredFace
from pipeline.crop import measure
from pipeline.faces.square import square_corners
from pipeline.images import pixels
from pipeline.infer.trained import check
from pipeline.ingest.synthetic.faces import draw_spec, render_face

PORTRAITS = [render_face(draw_spec(7, number), 128)[0] for number in range(4)]


def blurred(image, sigma=2.0):
    return cv2.GaussianBlur(image, (0, 0), sigma)


def noisy(image, level):
    noise = np.random.default_rng(0).normal(0, level, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def square(photo):
    """A photo that is a face's square, before it is cut."""
    return RestoredFace(0, None, len(photo), quad=square_corners(0, 0, len(photo)))


@pytest.mark.parametrize(
    ("side", "tasks", "task"),
    [
        (16, ["blind", "x8"], "x8"),
        (23, ["blind", "x8"], "x8"),
        (24, ["x8", "blind"], "blind"),
        (500, ["x8"], "x8"),
        (16, ["blind"], "blind"),
    ],
)
def test_the_side_of_a_face_chooses_its_network(side, tasks, task):
    assert faces.choose(side, tasks) == task


def test_agrnet_sees_sixteen_pixels_enlarged_and_says_what_that_costs(tmp_path):
    weights = check(model_folder(tmp_path / "a", "agrnet", 128))
    large = square(PORTRAITS[0])
    faces.prepare(large, PORTRAITS[0], weights)
    expected = pixels.resize(pixels.resize(PORTRAITS[0], 16), 128)
    np.testing.assert_array_equal(large.seen, expected)
    np.testing.assert_array_equal(large.given, expected)
    np.testing.assert_array_equal(large.cut, PORTRAITS[0])
    assert large.warnings[0].startswith("detail was thrown away: agrnet restores from 16 px and the face has 128")


def test_a_face_of_sixteen_pixels_is_what_agrnet_is_trained_on(tmp_path):
    """Not brought to 128 px and back: that blurs it."""
    weights, low = check(model_folder(tmp_path / "a", "agrnet", 128)), pixels.resize(PORTRAITS[0], 16)
    face = square(low)
    faces.prepare(face, low, weights)
    np.testing.assert_array_equal(face.given, pixels.resize(low, 128))
    assert face.warnings == []


def test_agrnet_hr_sees_all(tmp_path):
    weights = check(model_folder(tmp_path / "a", "hr", 128))
    large, small = square(PORTRAITS[0]), square(pixels.resize(PORTRAITS[0], 17))
    for face, photo in ((large, PORTRAITS[0]), (small, pixels.resize(PORTRAITS[0], 17))):
        faces.prepare(face, photo, weights)
        assert face.given is face.seen is face.cut
    assert large.warnings == []
    assert "17 px are fewer than hr is made for" in small.warnings[0]


@pytest.mark.parametrize("portrait", range(4))
def test_a_face_sharper_than_its_restoration_is_left_alone_unless_forced(portrait):
    sharp, soft = PORTRAITS[portrait], blurred(PORTRAITS[portrait])
    face = RestoredFace(0, None, 128, cut=sharp, restored=soft)
    assert not faces.judge(face, force=False)
    assert face.done.startswith("left alone: sharper already")
    assert faces.mixed(face, 1.0) is sharp
    assert faces.judge(face, force=True)
    assert face.done == faces.RESTORED
    assert "--force" in face.warnings[0]
    other = RestoredFace(0, None, 128, cut=soft, restored=sharp)
    assert faces.judge(other, force=False)
    assert faces.mixed(other, 1.0) is sharp


@pytest.mark.parametrize("level", [4, 8, 12])
@pytest.mark.parametrize("portrait", range(4))
def test_noise_is_no_sharpness(portrait, level):
    soft = blurred(PORTRAITS[portrait])
    assert faces.sharpness(noisy(soft, level)) < faces.sharpness(PORTRAITS[portrait])
    face = RestoredFace(0, None, 128, cut=noisy(soft, level), restored=PORTRAITS[portrait])
    assert faces.judge(face, force=False)


def test_sharpness_is_that_of_a_faces_own_size_and_at_128_px_the_filters():
    grey = cv2.cvtColor(PORTRAITS[0], cv2.COLOR_RGB2GRAY)
    noise = np.median(np.abs(cv2.filter2D(grey.astype(np.float32), -1, faces._NOISE_FILTER))) / 0.6745
    expected = measure.sharpness(grey, 0, 0, 128) - 20 * noise**2
    assert faces.sharpness(PORTRAITS[0]) == pytest.approx(expected)
    large = render_face(draw_spec(7, 0), 512)[0]
    # What 512 px have and 128 px cannot show: a blur of 1.5 px costs there most, here little.
    assert faces.sharpness(blurred(large, 1.5)) < 0.3 * faces.sharpness(large)


def test_grey_stays_as_it_is():
    grey = faces.greyed(PORTRAITS[0])
    assert (grey[..., :1] == grey).all()
    np.testing.assert_array_equal(faces.greyed(grey), grey)


def test_strength_mixes():
    face = RestoredFace(0, None, 128, cut=np.zeros((8, 8, 3), np.uint8), restored=np.full((8, 8, 3), 200, np.uint8))
    face.done = faces.RESTORED
    assert [int(faces.mixed(face, s)[0, 0, 0]) for s in (0, 0.25, 1)] == [0, 50, 200]


def test_landmarks_that_moved_far_are_flagged():
    before = np.array([[30, 40], [70, 40], [50, 60], [35, 80], [65, 80]], float)

    def moved(by):
        face = RestoredFace(0, None, 128, landmarks=before)
        faces.compare_landmarks(face, None if by is None else before + np.array([by * 40, 0]))
        return face

    assert moved(0.1).distance == pytest.approx(0.1)
    assert moved(0.1).warnings == []
    assert "landmarks moved by 0.25" in moved(0.25).warnings[0]
    assert moved(None).distance is None
    assert "no face is found in what the network made" in moved(None).warnings[0]
    one_eyed = RestoredFace(0, None, 128, landmarks=before[[0, 0, 2, 3, 4]])
    faces.compare_landmarks(one_eyed, before)
    assert "landmarks cannot be compared" in one_eyed.warnings[0]
