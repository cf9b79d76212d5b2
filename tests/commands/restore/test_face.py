"""One face: its network, what the network sees, and whether the result is put in place."""

import cv2
import numpy as np
import pytest
from commands.restore.made import model_folder

from pipeline.commands.restore import face as faces
from pipeline.commands.restore.face import RestoredFace
from pipeline.commands.restore.gate.fusion import cut_within, fused
from pipeline.commands.restore.gate.gate import Verdict
from pipeline.faces.square import square_corners
from pipeline.images import pixels
from pipeline.infer.trained import check
from pipeline.ingest.synthetic.faces import draw_spec, render_face

PORTRAITS = [render_face(draw_spec(7, number), 128)[0] for number in range(4)]


def blurred(image, sigma=2.0):
    return cv2.GaussianBlur(image, (0, 0), sigma)


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
    assert large.caveats[0].startswith("detail was thrown away: agrnet restores from 16 px and the face has 128")


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
    assert "17 px are fewer than hr is made for" in small.caveats[0]


@pytest.mark.parametrize(("helps", "force"), [(True, False), (False, False), (False, True)])
def test_the_gate_decides_unless_forced(helps, force):
    class Gate:
        def verdict(self, seen):
            return Verdict(helps, 8, 0.1, -1.0, 0.05)

    made = blurred(PORTRAITS[1])
    face = RestoredFace(0, None, 128, cut=PORTRAITS[0], seen=PORTRAITS[0], restored=made)
    assert faces.judge(face, Gate(), force) == (helps or force)
    if helps or force:
        np.testing.assert_array_equal(faces.mixed(face, 1.0), fused(PORTRAITS[0], made, 8))
    else:
        assert faces.mixed(face, 1.0) is PORTRAITS[0]
        figures = "(predicted gain 0.10 LPIPS, usually off by 0.05, and -1.0 dB)"
        assert face.done == f"left alone: the network would go too far from the photo {figures}"
    assert bool(face.warnings) == (force and not helps)


def test_a_network_for_small_faces_takes_no_large_one_unless_forced():
    class Gate:
        def verdict(self, seen):
            return Verdict(True, 8, 0.5, 1.0, 0.01)

    for side_px, force, taken in ((23, False, True), (24, False, False), (24, True, True)):
        face = RestoredFace(0, None, side_px, "x8", cut=PORTRAITS[0], seen=PORTRAITS[0], restored=PORTRAITS[1])
        assert faces.judge(face, Gate(), force) == taken
    assert faces.judge(
        RestoredFace(0, None, 500, "blind", cut=PORTRAITS[0], seen=PORTRAITS[0], restored=PORTRAITS[1]), Gate(), False
    )


def test_without_a_gate_only_by_force_and_then_as_far_as_the_photo_has_detail():
    made, soft = PORTRAITS[1], blurred(PORTRAITS[0], 3)
    face = RestoredFace(0, None, 128, cut=soft, seen=soft, restored=made)
    assert not faces.judge(face, None, force=False)
    assert face.done == f"left alone: {faces.NOT_MEASURED}"
    assert faces.judge(face, None, force=True)
    assert face.kept_cycles == cut_within(face.bandwidth) < cut_within(64)
    np.testing.assert_array_equal(face.restored, fused(soft, made, face.kept_cycles))


def test_grey_stays_as_it_is():
    grey = faces.greyed(PORTRAITS[0])
    assert (grey[..., :1] == grey).all()
    np.testing.assert_array_equal(faces.greyed(grey), grey)


def test_strength_mixes():
    face = RestoredFace(0, None, 128, cut=np.zeros((8, 8, 3), np.uint8), restored=np.full((8, 8, 3), 200, np.uint8))
    face.done = faces.RESTORED
    assert [int(faces.mixed(face, s)[0, 0, 0]) for s in (0, 0.25, 1)] == [0, 50, 200]


def test_landmarks_that_moved_are_flagged_and_left_alone_where_they_moved_far():
    before = np.array([[30, 40], [70, 40], [50, 60], [35, 80], [65, 80]], float)

    def moved(by, force=False):
        face = RestoredFace(0, None, 128, landmarks=before, done=faces.RESTORED)
        found = None if by is None else before + np.array([by * 40, 0])
        return face, faces.compare_landmarks(face, found, force)

    face, same = moved(0.1)
    assert (face.distance, face.warnings, same) == (pytest.approx(0.1), [], True)
    face, same = moved(0.25)
    assert same
    assert "landmarks moved by 0.25" in face.warnings[0]
    for by, why in ((0.35, "landmarks moved by 0.35"), (None, "no face is found in what the network made")):
        face, same = moved(by)
        assert not same
        assert face.done.startswith(f"left alone: {why}")
        face, same = moved(by, force=True)
        assert same
        assert why in face.warnings[0]
    one_eyed = RestoredFace(0, None, 128, landmarks=before[[0, 0, 2, 3, 4]])
    assert not faces.compare_landmarks(one_eyed, before, force=False)
    assert "landmarks cannot be compared" in one_eyed.done
