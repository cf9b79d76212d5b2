"""The deep search: every face of the size asked for, whatever the photo's size, each once."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_faces import wide_photo

from pipeline.faces.detect import Face, MTCNNDetector, detect_scaled
from pipeline.faces.search import DeepSearch, joined, make_search

LEAST_PX, TILE_PX = 10, 256


class Squares:
    """A detector that finds white squares from a side on, cut ones too, and remembers the largest side that it was shown."""

    largest = 0

    def __init__(self, least_px: int):
        self.least_px = least_px

    def detect(self, photo):
        Squares.largest = max(Squares.largest, *photo.shape[:2])
        _, _, stats, _ = cv2.connectedComponentsWithStats(np.uint8(photo[..., 0] > 127))
        boxes = [tuple(map(float, row[:4])) for row in stats[1:] if min(row[2:4]) >= 0.9 * self.least_px]
        return [Face(box, np.tile(np.add(box[:2], np.divide(box[2:], 2)), (5, 1)), 0.9) for box in boxes]


def face(x, y, side, score=0.9):
    return Face((x, y, side, side), np.full((5, 2), float(x)), score)


@settings(max_examples=25, deadline=None)
@given(data=st.data(), size=st.tuples(st.integers(60, 1600), st.integers(60, 1600)))
def test_every_square_is_found_once_and_whole(data, size):
    width, height = size
    photo, wanted = np.zeros((height, width, 3), np.uint8), []
    cell = data.draw(st.integers(max(30, max(width, height) // 8), max(width, height)))
    apart = 4 + 2 * max(width, height) // TILE_PX  # in the coarsest view still two squares for this detector
    for left in range(0, width - cell, cell):
        for top in range(0, height - cell, cell):
            side = data.draw(st.integers(LEAST_PX + 2, cell - apart))
            photo[top + 1 : top + 1 + side, left + 1 : left + 1 + side] = 255
            wanted.append((left + 1, top + 1, side, side))
    fine = Squares(round(1.5 * LEAST_PX))
    found = DeepSearch(Squares(LEAST_PX), fine, LEAST_PX, 32, TILE_PX).detect(photo)
    assert len(found) == len(wanted)
    for square in wanted:
        one = min(found, key=lambda face: np.abs(np.subtract(face.box, square)).sum())
        # As far as the view allows in which it is seen.
        np.testing.assert_allclose(one.box, square, atol=2 + 0.1 * square[2])
        np.testing.assert_allclose(one.landmarks, np.tile(np.add(one.box[:2], np.divide(one.box[2:], 2)), (5, 1)))


def test_no_detector_is_shown_more_than_a_tile():
    Squares.largest = 0
    search = DeepSearch(Squares(LEAST_PX), Squares(15), LEAST_PX, 32, TILE_PX)
    search.detect(np.zeros((900, 1300, 3), np.uint8))
    assert TILE_PX < Squares.largest <= 1.5 * TILE_PX


def test_small_photos_are_shown_twice_as_large_and_none_larger_than_two_megapixels():
    for (width, height), side in {(300, 200): 600, (20, 20): 96, (1250, 1000): 1581, (2000, 1000): 2000}.items():
        Squares.largest = 0
        DeepSearch(Squares(20), Squares(30), 20, 96, 2048).detect(np.zeros((height, width, 3), np.uint8))
        assert Squares.largest == pytest.approx(side, abs=2)


def test_a_face_too_large_for_a_closer_view_is_found_where_the_whole_photo_shows_it():
    class Limited(Squares):
        def detect(self, photo):
            return [one for one in super().detect(photo) if one.box[2] <= 100]

    photo = np.zeros((120, 140, 3), np.uint8)
    photo[20:90, 30:100] = 255
    (one,) = DeepSearch(Limited(LEAST_PX), Limited(15), LEAST_PX, 32, TILE_PX).detect(photo)
    assert one.box == (30, 20, 70, 70)


@pytest.mark.parametrize(
    ("views", "boxes"),
    [
        ([[face(10, 10, 40, 0.99)], [face(12, 10, 40, 0.8)], [face(11, 11, 40, 0.7)]], [(11, 11, 40)]),
        ([[face(0, 0, 100, 0.8)], [face(20, 30, 20, 0.99), face(90, 0, 100, 0.7)]], [(0, 0, 100), (90, 0, 100)]),
        ([[], [face(10, 10, 40, 0.8), face(12, 10, 40, 0.9)]], [(12, 10, 40)]),
        ([[face(0, 0, 100), face(70, 70, 100)], [face(72, 70, 100)]], [(0, 0, 100), (72, 70, 100)]),
        ([[], []], []),
    ],
    ids=[
        "the finest view says where",
        "an eye is no face and takes none away",
        "the surest of one view",
        "two",
        "none",
    ],
)
def test_each_face_counts_once(views, boxes):
    assert [one.box[:3] for one in joined(views)] == boxes


def test_mtcnn_finds_small_faces_in_a_wide_photo():
    photo, faces = wide_photo()
    assert detect_scaled(MTCNNDetector(), photo, 96, 2048) == []
    search = make_search("mtcnn", 20, 0.7, None, 96, 2048)
    found = sorted(search.detect(photo), key=lambda face: face.box[0])
    assert len(found) == len(faces)
    for one, (x, y, width, height) in zip(found, faces, strict=True):
        np.testing.assert_allclose(one.box, (x, y, width, height), atol=4)
        assert (np.abs(one.landmarks - (x + width / 2, y + height / 2)) < (width / 2, height / 2)).all()
    np.testing.assert_array_equal([face.box for face in found], sorted(face.box for face in search.detect(photo)))
