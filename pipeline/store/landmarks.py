"""The five landmarks that the pipeline works with, and their columns and the box's in a manifest."""

import numpy as np

LANDMARKS = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")  # left and right as the viewer sees them
LANDMARK_COLUMNS = tuple(f"{name}_{axis}" for name in LANDMARKS for axis in "xy")
BOX_COLUMNS = ("box_x", "box_y", "box_width", "box_height")


class BoxesError(ValueError):
    """Given boxes that cannot be used; the message names file, column and row, or what to do."""


def landmarks_of(row: dict) -> np.ndarray:
    """The five landmarks of a manifest row in pixels, float64 (5, 2)."""
    return np.array([row[name] for name in LANDMARK_COLUMNS], dtype=np.float64).reshape(5, 2)
