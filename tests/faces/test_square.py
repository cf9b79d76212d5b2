"""The square around a box, which face is taken, and what keys faces get."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.crop.find import FindFaces, ambiguous, chosen
from pipeline.faces.detect import Face
from pipeline.faces.square import square_around
from pipeline.images.pixels import resize
from pipeline.params.data import CropParams
from pipeline.resize.cut import cut_face

numbers = st.floats(-50, 400)
sides = st.floats(5, 400)


@given(
    x=numbers,
    y=numbers,
    w=sides,
    h=sides,
    margin=st.floats(1, 2),
    width=st.integers(1, 500),
    height=st.integers(1, 500),
)
def test_a_square_crop_lies_inside_the_photo(x, y, w, h, margin, width, height):
    left, top, side = square_around((x, y, w, h), margin, width, height)
    assert 0 <= left < left + side <= width
    assert 0 <= top < top + side <= height
    assert side == min(width, height) or -2e-9 <= side - margin * max(w, h) < 1


def test_a_square_crop_is_centred_where_there_is_room():
    assert square_around((100, 80, 50, 100), 1.2, 400, 400) == (65, 70, 120)
    # at the edge it is shifted, not shrunk
    assert square_around((0, 300, 50, 100), 1.2, 400, 400) == (0, 280, 120)


def test_a_side_just_over_the_limit_stays_over_it():
    assert square_around((20, 20, 80, 107), 1.2, 178, 218)[2] == 129  # 128.4
    assert square_around((20, 20, 80, 110), 1.2, 178, 218)[2] == 132  # exactly
    assert square_around((20, 20, 80, 106), 1.2, 178, 218)[2] == 128  # 127.2


def test_the_largest_the_most_central_or_all():
    faces = [Face(box, np.zeros((5, 2)), 1.0) for box in [(0, 0, 60, 60), (60, 60, 40, 40), (65, 65, 30, 30)]]
    assert chosen(faces, "largest", 160, 160) == {0}
    # both small ones sit in the middle: of equally central ones the larger
    assert chosen(faces, "central", 160, 160) == {1}
    assert chosen(faces, "all", 160, 160) == {0, 1, 2}


def test_no_face_gets_the_key_of_a_photo(tmp_path):
    avoid = ambiguous(["a.jpg", "a.jpg#1", "a.jpg#x", "#2"])
    assert avoid == {"a.jpg#1", "#2"}
    task = FindFaces(tmp_path, tmp_path, CropParams(mode="box"), avoid=avoid)
    assert [task._key("a.jpg", number) for number in (0, 1, 2)] == ["a.jpg#0", "a.jpg##1", "a.jpg#2"]


def test_the_cut_is_the_resized_square():
    image = np.random.default_rng(0).integers(0, 256, (100, 90, 3), dtype=np.uint8)
    row = {"mode": "box", "left": 10, "top": 20, "side": 64.0}
    np.testing.assert_array_equal(cut_face(image, row, 32, "bicubic"), resize(image[20:84, 10:74], 32, "bicubic"))
