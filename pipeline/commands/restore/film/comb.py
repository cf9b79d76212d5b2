"""Interlaced films: two moments in one frame, the even lines of one and the odd ones of the other."""

import cv2
import numpy as np

_MOVED = 8  # grey levels a pixel's surroundings change by where something moves
_TOOTH = 8  # grey levels by which a line lies beyond both lines beside it
# Of moving pixels, how many are teeth, and how many times as often as a field's own lines make such: in detail and noise
# the two are alike.
_SHARE, _RATIO = 0.03, 2.5
_LEAST_PIXELS = 2_000  # that moved; with fewer nothing can be said


class CombCount:
    """Counts comb teeth where a film moves. `add` takes luma uint8 (H, W) frame by frame."""

    def __init__(self):
        self._before: np.ndarray | None = None
        self._moving = self._teeth = self._usual = 0

    def add(self, luma: np.ndarray) -> None:
        """One more frame, which is kept until the next."""
        # Averaged over two lines of each field: noise moves nothing.
        smooth = cv2.blur(luma, (5, 4))
        before, self._before = self._before, smooth
        if before is None or before.shape != smooth.shape or len(luma) < 9:
            return
        moving = (cv2.absdiff(smooth, before) > _MOVED)[4:-4]
        count = int(moving.sum())
        if count == 0 or count > 0.6 * moving.size:  # a cut to another scene
            return
        lines = luma.astype(np.int16)
        self._moving += count
        self._teeth += _count(lines, 1, moving)
        self._usual += _count(lines, 2, moving)

    @property
    def is_interlaced(self) -> bool:
        """Whether what moved so far looks like a comb."""
        enough = self._moving >= _LEAST_PIXELS
        return enough and self._teeth > max(_SHARE * self._moving, _RATIO * self._usual)

    @property
    def figures(self) -> dict[str, float]:
        """For the record: shares of the moving pixels that lie beyond both lines beside them, and beyond their field's."""
        least = max(self._moving, 1)
        return {"teeth": round(self._teeth / least, 4), "of_one_field": round(self._usual / least, 4)}


def one_field(frame: np.ndarray) -> np.ndarray:
    """A frame (H, W, 3) uint8 from its even lines alone, each odd one the mean of its neighbours."""
    result = frame.copy()
    below = np.concatenate([frame[2::2], frame[-2::2][:1] if len(frame) % 2 == 0 else frame[:0]])
    odd = result[1::2]
    result[1::2] = cv2.addWeighted(frame[0::2][: len(odd)], 0.5, below[: len(odd)], 0.5, 0)
    return result


def _count(lines: np.ndarray, far: int, moving: np.ndarray) -> int:
    """Moving pixels beyond both lines `far` above and below, by more than a tooth and to the same side."""
    here, end = lines[4:-4], len(lines) - 4
    above, below = here - lines[4 - far : end - far], here - lines[4 + far : end + far]
    beyond = ((above > _TOOTH) & (below > _TOOTH)) | ((above < -_TOOTH) & (below < -_TOOTH))
    return int((beyond & moving).sum())
