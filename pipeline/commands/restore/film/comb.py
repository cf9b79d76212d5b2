"""Interlaced films: two moments in one frame, the even lines of one and the odd ones of the other."""

import cv2
import numpy as np

_MOVED = 8  # grey levels by which a pixel's surroundings change where something moves
_LEAST_PIXELS = 2_000  # that moved; with fewer nothing can be said
# Roughness between neighbouring lines over that between lines of one field, where it moves. Of generated portraits that move
# by 1 to 4 px a frame, under noise of 0 to 20 levels, stored as JPEG of quality 50 or not, it is 0.3 to 0.8, and 2.3 to 9
# where two moments are woven.
_RATIO = 1.4


class CombCount:
    """Measures how rough a film is from line to line where it moves. `add` takes luma uint8 (H, W) frame by frame."""

    def __init__(self):
        self._before: np.ndarray | None = None
        self._moving = 0
        self._beside = self._of_field = 0.0

    def add(self, luma: np.ndarray) -> None:
        """One more frame, which is kept until the next."""
        # Averaged over two lines of each field: noise moves nothing.
        smooth = cv2.blur(luma, (5, 4))
        before, self._before = self._before, smooth
        if before is None or len(luma) < 9:
            return
        moving = (cv2.absdiff(smooth, before) > _MOVED)[4:-4]
        self._moving += int(moving.sum())
        lines = luma.astype(np.float32)
        self._beside += _roughness(lines, 1, moving)
        self._of_field += _roughness(lines, 2, moving)

    @property
    def ratio(self) -> float:
        """Roughness between neighbouring lines over that between a field's, below 1 in a progressive film; 0 if unknown."""
        return round(self._beside / self._of_field, 3) if self._moving >= _LEAST_PIXELS and self._of_field > 0 else 0.0

    @property
    def is_interlaced(self) -> bool:
        """Whether what moved so far looks like a comb."""
        return self.ratio > _RATIO


def one_field(frame: np.ndarray) -> np.ndarray:
    """A frame (H, W, 3) uint8 from its even lines alone, each odd one the mean of its neighbours."""
    result = frame.copy()
    below = np.concatenate([frame[2::2], frame[-2::2][:1] if len(frame) % 2 == 0 else frame[:0]])
    odd = result[1::2]
    result[1::2] = cv2.addWeighted(frame[0::2][: len(odd)], 0.5, below[: len(odd)], 0.5, 0)
    return result


def _roughness(lines: np.ndarray, far: int, moving: np.ndarray) -> float:
    """Sum of squared second differences over lines `far` above and below, of the pixels that move."""
    here, end = lines[4:-4], len(lines) - 4
    bend = 2 * here - lines[4 - far : end - far] - lines[4 + far : end + far]
    return float((bend[moving].astype(np.float64) ** 2).sum())
