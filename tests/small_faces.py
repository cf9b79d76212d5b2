"""A wide photo of small faces: NASA's portrait, shrunk, many times."""

from functools import cache

import cv2
import numpy as np
from skimage import data

_BOX = (179, 60, 88, 114)  # of the portrait's face, as MTCNN gives it
_FACE_PX = 24


@cache
def wide_photo() -> tuple[np.ndarray, list[tuple[float, ...]]]:
    """RGB uint8 (130, 6000, 3), not to be changed, and its faces' boxes of 24 px from left to right."""
    scale = _FACE_PX / _BOX[3]
    portrait = cv2.resize(data.astronaut(), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    height, width = portrait.shape[:2]
    photo = np.full((130, 6000, 3), (90, 120, 90), np.uint8)
    lefts = range(300, 5800, 611)
    for left in lefts:
        photo[8 : 8 + height, left : left + width] = portrait
    return photo, [(left + _BOX[0] * scale, 8 + _BOX[1] * scale, _BOX[2] * scale, _BOX[3] * scale) for left in lefts]
