"""What a film says of itself: its times, its cuts, whether it is interlaced."""

import cv2
import numpy as np
import pytest
from commands.restore.film.clips import moving, saved

from pipeline.commands.restore.film.comb import CombCount, one_field
from pipeline.commands.restore.film.reel import Reel, UnreadableFilm, frames_of
from pipeline.commands.restore.film.timeline import Timeline, look_through


def timeline(rate, times):
    return Timeline(4, 4, rate, times, [], False, 0.0, 0, False, [])


def seen(frames):
    count = CombCount()
    for frame in frames:
        count.add(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY))
    return count


def woven(frames):
    """Pairs of moments as one interlaced frame each, its even lines of the first."""
    result = frames[0::2].copy()
    result[:, 1::2] = frames[1::2, 1::2]
    return result


def test_a_film_is_looked_through_once(tmp_path):
    shown = []
    found = look_through(saved(tmp_path / "clip.mp4", moving(12), rate=12.5), lambda: shown.append(1))
    assert (found.width, found.height, found.rate, len(shown)) == (160, 96, 12.5, 12)
    assert found.times_ms == pytest.approx([80 * number for number in range(12)], abs=1)
    assert (found.cuts, found.interlaced, found.warnings) == ([], False, [])
    assert found.shown() == [1] * 12
    assert Timeline(**found.said()) == found


def test_a_cut_is_seen_and_motion_is_none(tmp_path):
    bright = np.full((8, 96, 160, 3), 200, np.uint8)
    found = look_through(
        saved(tmp_path / "clip.avi", np.concatenate([moving(8, 4), bright]), codec="MJPG"), lambda: None
    )
    assert found.cuts == [8]


def test_frames_are_shown_when_their_time_has_come():
    assert timeline(10, [0.0, 100, 200, 500, 600]).shown() == [1, 1, 3, 1, 1]
    assert timeline(10, [0.0, 96, 204, 301]).shown() == [1, 1, 1, 1]  # jitter
    assert timeline(10, [0.0, 20, 40, 100]).shown() == [0, 0, 1, 1]  # more than fit
    assert timeline(25, [0.0]).shown() == [1]


def test_one_time_that_does_not_rise_is_no_harm(monkeypatch, tmp_path):
    times = [40.0 * number for number in range(30)]
    times[20] = times[19]
    given = iter(times)
    monkeypatch.setattr(Reel, "time_ms", property(lambda self: next(given)))
    found = look_through(saved(tmp_path / "clip.mp4", moving(30, step=1)), lambda: None)
    assert (found.times_ms, found.warnings) == (times, [])
    assert found.shown()[18:22] == [1, 0, 2, 1]


@pytest.mark.parametrize(
    ("rate", "times", "left"),
    [
        (25.0, [0.0, 0, 0], [0, 40, 80]),
        (25.0, [0.0, 80, 40], [0, 40, 80]),
        (25.0, [0.0, 40, 9e7], [0, 40, 80]),
        (0.0, [0.0, 100, 200], [0, 100, 200]),
    ],
)
def test_times_that_cannot_be_used_become_even(rate, times, left, monkeypatch, tmp_path):
    given = iter(times)
    monkeypatch.setattr(Reel, "time_ms", property(lambda self: next(given)))
    init = Reel.__init__

    def rated(self, path):
        init(self, path)
        self.rate = rate

    monkeypatch.setattr(Reel, "__init__", rated)
    found = look_through(saved(tmp_path / "clip.mp4", moving(3)), lambda: None)
    assert found.times_ms == pytest.approx(left)
    assert bool(found.warnings) == (rate > 0)


def test_frames_by_number(tmp_path):
    path = saved(tmp_path / "clip.avi", moving(6, step=8), codec="MJPG")
    with Reel(path) as reel:
        every = [reel.take() for _ in range(6)]
        assert reel.take() is None
    for number, frame in frames_of(path, [1, 4, 5], lambda frame: frame):
        np.testing.assert_array_equal(frame, every[number])
    with pytest.raises(UnreadableFilm, match="frame 6"):
        list(frames_of(path, [6], lambda frame: frame))


@pytest.mark.parametrize("noise", [0, 4, 10, 20])
def test_interlaced_films_are_recognised_and_progressive_ones_are_not(noise):
    rng = np.random.default_rng(1)
    moments = np.clip(moving(24, step=1.0).astype(int) + rng.normal(0, noise, (24, 96, 160, 3)), 0, 255).astype(
        np.uint8
    )
    assert seen(woven(moments)).is_interlaced
    assert not seen(moments).is_interlaced
    assert not seen(np.repeat(moments[:1], 24, 0)).is_interlaced


def test_detail_as_fine_as_a_pixel_is_no_comb():
    rng = np.random.default_rng(0)
    texture = rng.integers(0, 255, (120, 400, 1)).repeat(3, 2).astype(np.uint8)
    assert not seen([texture[:, 4 * t : 4 * t + 160] for t in range(20)]).is_interlaced


@pytest.mark.parametrize("height", [8, 9])
def test_one_field_is_the_even_lines(height):
    frame = np.random.default_rng(0).integers(0, 255, (height, 4, 3), np.uint8)
    result = one_field(frame)
    np.testing.assert_array_equal(result[::2], frame[::2])
    np.testing.assert_allclose(result[1], (frame[0].astype(float) + frame[2]) / 2, atol=0.51)
    last = height - 1 if height % 2 == 0 else height - 2
    below = frame[last + 1] if height % 2 else frame[last - 1]
    np.testing.assert_allclose(result[last], (frame[last - 1].astype(float) + below) / 2, atol=0.51)
