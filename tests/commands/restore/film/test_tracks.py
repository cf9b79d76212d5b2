"""Faces followed: who is the same, what is bridged, what is dropped, how places are smoothed."""

import numpy as np
import pytest

from pipeline.commands.restore.film.tracks import follow, smooth
from pipeline.faces.detect import Face

RATE = 25.0


def face(x, y=10.0, side=40.0):
    points = np.array([[x + 10, y + 12], [x + 30, y + 12], [x + 20, y + 22], [x + 12, y + 32], [x + 28, y + 32]])
    return Face((x, y, side, side), points, 0.9)


def test_two_faces_side_by_side_are_two_tracks():
    found = [[face(10 + t), face(200 - t)] if t % 2 else [face(200 - t), face(10 + t)] for t in range(30)]
    tracks, dropped = follow(found, set(), RATE)
    assert (len(tracks), dropped) == (2, 0)
    assert [(track.first, track.last, len(track.seen)) for track in tracks] == [(0, 29, 30)] * 2
    assert sorted(track.faces[15].box[0] for track in tracks) == pytest.approx([25, 185], abs=1e-6)


def test_a_gap_is_bridged_where_the_face_moves_on():
    found = [[face(5.0 * t)] if t not in range(10, 20) else [] for t in range(40)]
    tracks, _ = follow(found, set(), RATE)
    assert len(tracks) == 1
    assert [one.box[0] for one in tracks[0].faces] == pytest.approx([5.0 * t for t in range(40)], abs=1e-6)
    assert tracks[0].faces[15].landmarks[0, 0] == pytest.approx(85, abs=1e-6)
    assert set(range(10, 20)).isdisjoint(tracks[0].seen)


def test_a_long_gap_ends_a_track():
    found = [[face(10)] if t not in range(10, 30) else [] for t in range(40)]
    tracks, _ = follow(found, set(), RATE)
    assert [(track.first, track.last) for track in tracks] == [(0, 9), (30, 39)]


def test_nobody_is_followed_over_a_cut():
    tracks, _ = follow([[face(10)] for _ in range(40)], {17}, RATE)
    assert [(track.first, track.last) for track in tracks] == [(0, 16), (17, 39)]


@pytest.mark.parametrize(("frames", "left"), [(2, 0), (4, 0), (5, 1)])
def test_what_is_there_for_a_moment_is_dropped_and_counted(frames, left):
    found = [[face(10), face(100)] if t in range(20, 20 + frames) else [face(10)] for t in range(60)]
    tracks, dropped = follow(found, set(), RATE)
    assert (len(tracks), dropped) == (1 + left, 1 - left)


def test_a_film_of_one_frame_has_its_face():
    tracks, dropped = follow([[face(10)]], set(), RATE)
    assert (len(tracks), dropped) == (1, 0)


def test_at_a_frame_a_second_a_face_is_followed_and_not_smoothed():
    places = [10.0, 18, 12, 20, 15, 22]
    tracks, _ = follow([[face(x)] for x in places], set(), 1.0)
    assert [one.box[0] for one in tracks[0].faces] == places


def test_jumps_by_a_pixel_become_small_and_steady_motion_stays():
    rng = np.random.default_rng(0)
    line = np.linspace(0, 60, 50)[:, None]
    jumping = line + rng.integers(-1, 2, line.shape)
    smoothed = smooth(jumping, 2.0)
    assert np.abs(np.diff(smoothed - line, axis=0)).mean() < 0.25 * np.abs(np.diff(jumping - line, axis=0)).mean()
    np.testing.assert_allclose(smooth(line, 2.0), line, atol=1e-9)
    np.testing.assert_allclose(smooth(line[:4], 2.0), line[:4], atol=1e-9)
