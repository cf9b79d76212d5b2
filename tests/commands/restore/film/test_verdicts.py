"""What holds for a track: its looks, its side, the square in each frame."""

import numpy as np
import pytest
from commands.restore.made import gate_file, model_folder

from pipeline.commands.restore.film.tracks import Track
from pipeline.commands.restore.film.verdicts import _spread, cut_at, side_of
from pipeline.commands.restore.networks.weights import find
from pipeline.faces.detect import Face
from pipeline.faces.square import quad_side


def track(sides, step=0.0):
    faces = []
    for number, side in enumerate(sides):
        x = 20 + step * number
        points = np.array([[0.3, 0.35], [0.7, 0.35], [0.5, 0.55], [0.35, 0.75], [0.65, 0.75]]) * side + (x, 20)
        faces.append(Face((x, 20.0, side, side), points, 0.9))
    return Track(0, faces, list(range(len(sides))))


def test_looks_are_spread_over_the_frames_in_which_the_face_was_found():
    assert _spread([7]) == [7]
    assert _spread([1, 2, 9]) == [1, 2, 9]
    assert _spread(list(range(100, 200))) == [110, 130, 150, 170, 190]


def test_a_small_faces_square_keeps_its_side_where_its_box_does_not(tmp_path):
    networks, _ = find([gate_file(model_folder(tmp_path / "agrnet", "agrnet")), model_folder(tmp_path / "hr")], "cpu")
    frame = np.zeros((80, 120, 3), np.uint8)
    small = track([15.0, 16, 17.5, 18, 17, 16, 15.5])  # squares of 18 to 22 px: own pixels up to 20
    side = side_of(small, frame.shape)
    cut = [cut_at(frame, at, 0, small, side, networks) for at in range(7)]
    assert {face.task for face in cut} == {"x8"}
    assert len({quad_side(face.quad) for face in cut}) == 1
    # One network for the whole track, though some of its squares have 24 px and more.
    around = track([18.0, 19, 18, 21, 19])
    assert {cut_at(frame, at, 0, around, side_of(around, frame.shape), networks).task for at in range(5)} == {"x8"}


def test_a_large_faces_square_follows_it(tmp_path):
    networks, _ = find([model_folder(tmp_path / "hr")], "cpu")
    frame = np.zeros((160, 240, 3), np.uint8)
    growing = track([40.0, 50, 60])
    sides = [quad_side(cut_at(frame, at, 0, growing, 60, networks).quad) for at in range(3)]
    assert sides[2] / sides[0] == pytest.approx(1.5)
