"""The squares around a face: the one around its detected box, and the one of FFHQ's alignment."""

import math

import numpy as np

LEAST_PX = 1e-3  # between landmarks: what is nearer is one point, but for rounding


def ffhq_quad(landmarks: np.ndarray) -> np.ndarray:
    """The four corners of the aligned square in the photo.

    landmarks: (5, 2) in pixels, order of `store.landmarks.LANDMARKS`. Returns float64 (4, 2): top left, bottom left,
    bottom right, top right of the upright face. Raises ValueError where the landmarks give no square.
    """
    if not np.isfinite(landmarks).all():
        raise ValueError("landmarks are missing: the face has no orientation")
    left_eye, right_eye, _, mouth_left, mouth_right = landmarks
    eyes = (left_eye + right_eye) / 2
    eye_to_eye = right_eye - left_eye
    eye_to_mouth = (mouth_left + mouth_right) / 2 - eyes
    x = eye_to_eye - np.array([-eye_to_mouth[1], eye_to_mouth[0]])
    length = np.hypot(*x)
    if length < LEAST_PX:
        raise ValueError("landmarks coincide: the face has no orientation")
    x = x / length * max(np.hypot(*eye_to_eye) * 2.0, np.hypot(*eye_to_mouth) * 1.8)
    y = np.array([-x[1], x[0]])
    centre = eyes + eye_to_mouth * 0.1
    return np.stack([centre - x - y, centre - x + y, centre + x + y, centre + x - y])


def quad_side(quad: np.ndarray) -> float:
    """Side of the square in pixels of the photo."""
    return float(np.hypot(*(quad[3] - quad[0])))


def quad_inside(quad: np.ndarray, width: int, height: int) -> np.ndarray:
    """`quad`, if it meets the photo. Raises ValueError otherwise: there would be nothing but reflection in it."""
    if (quad.max(0) <= 0).any() or (quad.min(0) >= (width - 1, height - 1)).any():
        raise ValueError(f"the face lies outside the photo of {width}x{height} px")
    return quad


def square_around(
    box: tuple[float, float, float, float], margin: float, width: int, height: int
) -> tuple[int, int, int]:
    """(left, top, side) of the square crop around a box (x, y, width, height), whole pixels, inside the photo.

    side = margin x the box's longer side, rounded up, at most the photo's shorter side; centred on the box, then shifted
    inside. Rounded up, since a side of 128.4 px is "greater than 128" (Sec. 4.3.1) and the cut face must be so too.
    Paper silent on the margin: we take 1.2, which keeps the share of CelebA that the paper keeps (Sec. 4.3.1).
    """
    box_width, box_height = box[2:]
    # The small amount keeps 1.2 x 110 = 132.00000000000003 from becoming 133.
    return square_at(box, math.ceil(margin * max(box_width, box_height) - 1e-9), width, height)


def square_at(box: tuple[float, float, float, float], side: int, width: int, height: int) -> tuple[int, int, int]:
    """(left, top, side) of the square of that side, at most the photo's shorter, centred on a box and shifted inside."""
    x, y, box_width, box_height = box
    side = min(side, width, height)
    left = round(x + box_width / 2 - side / 2)
    top = round(y + box_height / 2 - side / 2)
    return min(max(left, 0), width - side), min(max(top, 0), height - side), side


def square_corners(left: float, top: float, side: float) -> np.ndarray:
    """The corners of an upright square of whole pixels, as `ffhq_quad` orders them: float64 (4, 2)."""
    low, high = np.array([left, top]) - 0.5, np.array([left, top]) + side - 0.5
    return np.array([low, (low[0], high[1]), high, (high[0], low[1])])
