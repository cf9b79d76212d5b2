"""What a film's frames say of its times: an even rate, and which frame is shown at each of its ticks."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from pipeline.commands.restore.film.comb import CombCount
from pipeline.commands.restore.film.reel import Reel, UnreadableFilm

_RATES = 0.05, 250.0  # frames a second that are believed: of slow motion 240
_ODD_RATE = 25.0  # where a film says nothing of its times
_RISING = 0.95  # share of the times that lie after the one before; below, they are none
# More ticks than so many a frame: the times jump, as a recorder's do whose clock was set.
_TICKS_PER_FRAME, _TICKS = 60, 1000
# A new scene: the mean change of a small grey picture, in levels, and how many times the last changes' it is.
_SMALL, _CUT, _CUT_RATIO = (32, 18), 25.0, 4.0
_CUT_OFF = 0.95  # share of the length that the file claims, below which it is said to be cut off
_FAR_OFF = (
    0.6  # below it the exit code says so too; above, sound that begins before the pictures may be all that is missing
)


@dataclass(frozen=True)
class Timeline:
    """A film as it was looked through once.

    width, height: upright pixels. rate: frames a second of what is written. times_ms: of each frame that was read, rising.
    cuts: frames that begin a scene. interlaced: whether it is, by `comb_ratio` (`comb.CombCount.ratio`). repeats:
    frames that are the one before to the bit. cut_off: whether much of what it claims cannot be read. warnings: what is
    wrong with it.
    """

    width: int
    height: int
    rate: float
    times_ms: list[float]
    cuts: list[int]
    interlaced: bool
    comb_ratio: float
    repeats: int
    cut_off: bool
    warnings: list[str]

    def said(self) -> dict:
        """As JSON."""
        return asdict(self)

    def shown(self) -> list[int]:
        """How often each frame is shown: at each tick the latest frame whose time has come, within half a tick."""
        times = np.array(self.times_ms) / 1000 * self.rate
        ticks = np.arange(int(np.rint(times[-1])) + 1)
        frames = np.searchsorted(times, ticks + 0.5, side="left") - 1
        return np.bincount(np.maximum(frames, 0), minlength=len(times)).tolist()


def look_through(path: Path, progress: Callable[[], object]) -> Timeline:
    """Read a film once from end to end. progress: called after each frame.

    Raises UnreadableFilm where there is no frame in it.
    """
    times: list[float] = []
    cuts, combs = _Cuts(), CombCount()
    before, repeats = None, 0
    with Reel(path) as reel:
        while (frame := reel.take()) is not None:
            luma = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
            times.append(reel.time_ms)
            repeats += before is not None and np.array_equal(frame, before)
            before = frame
            cuts.add(luma)
            combs.add(luma)
            progress()
    if not times:
        raise UnreadableFilm("no frame in it can be read")
    rate, times, warnings = _settled(reel.rate, times)
    length_s = times[-1] / 1000 + 1 / rate
    if length_s < _CUT_OFF * reel.duration_s - 1 / rate:
        warnings.append(
            f"{length_s:.1f} s could be read of the {reel.duration_s:.1f} that the file claims: it is damaged or cut off"
        )
    if reel.is_deep:
        warnings.append("it has more than 8 bits a colour; 8 are read and written")
    return Timeline(
        reel.width,
        reel.height,
        rate,
        times,
        cuts.frames,
        combs.is_interlaced,
        combs.ratio,
        repeats,
        length_s < _FAR_OFF * reel.duration_s,
        warnings,
    )


def _settled(rate: float, times: list[float]) -> tuple[float, list[float], list[str]]:
    """Rate and times that can be worked with, and what was wrong with the film's own."""
    steps = np.diff(times)
    rises = len(steps) == 0 or float((steps > 0).mean()) >= _RISING
    if not _RATES[0] <= rate <= _RATES[1]:
        rate = 1000 / float(np.median(steps)) if len(steps) and rises else _ODD_RATE
    if rises and (times[-1] - times[0]) / 1000 * rate <= _TICKS_PER_FRAME * len(times) + _TICKS:
        return rate, np.maximum.accumulate(np.array(times) - times[0]).tolist(), []
    said = f"the times in it cannot be used: its frames are shown one after the other, {rate:.3g} a second"
    return rate, [number * 1000 / rate for number in range(len(times))], [said]


class _Cuts:
    """Finds the frames that begin another scene."""

    def __init__(self):
        self.frames: list[int] = []
        self._before: np.ndarray | None = None
        self._usual = 0.0
        self._count = 0

    def add(self, luma: np.ndarray) -> None:
        small = cv2.resize(luma, _SMALL, interpolation=cv2.INTER_AREA).astype(np.float32)
        if self._before is not None:
            change = float(np.abs(small - self._before).mean())
            if change > max(_CUT, _CUT_RATIO * self._usual):
                self.frames.append(self._count)
            else:
                self._usual = 0.8 * self._usual + 0.2 * change
        self._before = small
        self._count += 1
