"""Square crops, alignment and the filter's rules."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipeline.faces import crop
from pipeline.faces.align import align, ffhq_quad, quad_side
from pipeline.faces.cut import cut_face
from pipeline.faces.detect import Face, MTCNNDetector
from pipeline.faces.select import apply_rules
from pipeline.images import resize
from pipeline.manifest import kept
from pipeline.params import CropParams, FilterParams

FFHQ_TEMPLATE = np.array(  # of the 512 px release: eyes, nose, mouth corners (design: FFHQ's published template)
    [[192.98, 239.95], [318.90, 240.19], [256.63, 314.02], [201.26, 371.41], [313.09, 371.15]]
)

numbers = st.floats(-50, 400)
sides = st.floats(5, 400)


@given(
    x=numbers,
    y=numbers,
    w=sides,
    h=sides,
    margin=st.floats(1, 2),
    width=st.integers(30, 500),
    height=st.integers(30, 500),
)
def test_a_square_crop_lies_inside_the_photo(x, y, w, h, margin, width, height):
    left, top, side = crop.square_around((x, y, w, h), margin, width, height)
    assert 0 <= left <= left + side <= width
    assert 0 <= top <= top + side <= height
    assert side == min(width, height) or 0 <= side - margin * max(w, h) < 1


def test_a_square_crop_is_centred_where_there_is_room():
    assert crop.square_around((100, 80, 50, 100), 1.2, 400, 400) == (65, 70, 120)
    # at the edge it is shifted, not shrunk
    assert crop.square_around((0, 300, 50, 100), 1.2, 400, 400) == (0, 280, 120)


def test_a_side_just_over_the_limit_stays_over_it():
    assert crop.square_around((20, 20, 80, 107), 1.2, 178, 218)[2] == 129  # 128.4
    assert crop.square_around((20, 20, 80, 110), 1.2, 178, 218)[2] == 132  # exactly
    assert crop.square_around((20, 20, 80, 106), 1.2, 178, 218)[2] == 128  # 127.2


def test_ffhq_quad_of_its_own_template_is_the_whole_picture():
    quad = ffhq_quad(FFHQ_TEMPLATE)
    # The template is a mean over faces: its square is the picture's to a few percent.
    np.testing.assert_allclose(quad, [[0, 0], [0, 512], [512, 512], [512, 0]], atol=0.04 * 512)
    assert quad_side(quad) == pytest.approx(512, rel=0.03)


def test_alignment_undoes_rotation_scale_and_shift():
    y, x = np.mgrid[:512, :512]
    upright = np.stack([x // 2, y // 2, (x + y) // 4], -1).astype(np.uint8)
    image = Image.fromarray(upright)
    turned = np.asarray(image.rotate(20, resample=Image.Resampling.BICUBIC))
    angle = np.deg2rad(-20)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    landmarks = np.array([[215, 240], [297, 240], [256, 290], [225, 330], [287, 330]], dtype=float)
    moved = (landmarks - 255.5) @ rotation.T + 255.5
    direct, undone = align(upright, landmarks, 128), align(turned, moved, 128)
    assert np.abs(direct.astype(int) - undone).mean() < 1.5
    assert direct.shape == (128, 128, 3)


def test_alignment_reaches_over_the_photos_edge():
    photo = np.random.default_rng(0).integers(0, 256, (120, 120, 3), dtype=np.uint8)
    landmarks = np.array([[5, 20], [45, 20], [25, 40], [8, 60], [42, 60]], dtype=float)
    assert align(photo, landmarks, 64).shape == (64, 64, 3)


def test_coinciding_landmarks_are_an_error():
    with pytest.raises(ValueError, match="no orientation"):
        ffhq_quad(np.zeros((5, 2)))


class Finder:
    """A detector that finds one face and remembers what it saw."""

    def detect(self, photo):
        self.saw = photo.shape[:2]
        return [Face((40.0, 40.0, 80.0, 100.0), np.arange(10.0).reshape(5, 2), 0.9)]


def test_small_photos_are_enlarged_for_the_detector_alone():
    finder = Finder()
    (face,) = crop.detect_enlarged(finder, np.zeros((25, 30, 3), np.uint8), 96)
    assert finder.saw == (100, 120)
    assert face.box == (10, 10, 20, 25)
    np.testing.assert_allclose(face.landmarks, np.arange(10.0).reshape(5, 2) / 4)
    crop.detect_enlarged(finder, np.zeros((96, 200, 3), np.uint8), 96)
    assert finder.saw == (96, 200)


def test_cut_is_the_resized_square():
    photo = np.random.default_rng(0).integers(0, 256, (100, 90, 3), dtype=np.uint8)
    row = {"left": 10, "top": 20, "side": 64.0}
    np.testing.assert_array_equal(cut_face(photo, row, 32, "bicubic"), resize(photo[20:84, 10:74], 32, "bicubic"))


def test_rules_reject_with_the_value_seen():
    rows = [kept("a", side=128.0), kept("b", side=129.0), kept("c", side=300.0)]
    judged = apply_rules(rows, FilterParams(side_over_px=128, side_under_px=200))
    assert [row["reason"] for row in judged] == ["too small", "", "too large"]
    assert "128 px" in judged[0]["detail"]
    assert [row["kept"] for row in apply_rules(rows, FilterParams())] == [True] * 3


def test_the_packaged_detector_finds_the_astronaut():
    from skimage import data

    (face,) = MTCNNDetector(min_face_px=60).detect(data.astronaut())
    assert face.score > 0.99
    left_eye, right_eye, nose, mouth_left, mouth_right = face.landmarks
    assert left_eye[0] < nose[0] < right_eye[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < min(mouth_left[1], mouth_right[1])
    np.testing.assert_allclose(left_eye, [203, 101], atol=4)


@pytest.mark.middle
def test_a_photo_without_a_face_is_rejected_by_name(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (100, 100, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    row = kept("noise.png", path="noise.png", shard="", offset=-1, size=-1, width=100, height=100)
    task = crop.CropTask(tmp_path, tmp_path, CropParams(mode="box"))
    (out,) = task({"rows": [row], "shard": "00000.tar", "first": 0})
    assert (out["kept"], out["reason"]) == (False, "no face")
    (tmp_path / "noise.png").write_bytes(b"")
    (out,) = task({"rows": [row], "shard": "00000.tar", "first": 0})
    assert out["reason"] == "changed"
