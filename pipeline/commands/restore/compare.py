"""Pictures that set before and after side by side."""

import cv2
import numpy as np

FACE_PX = 256
GAP_PX = 4
_GAP = 255  # white


def side_by_side(
    faces: list[tuple[np.ndarray, np.ndarray]], photos: tuple[np.ndarray, np.ndarray] | None
) -> np.ndarray:
    """RGB uint8: a row per face, the photo's on the left and the restored one on the right; then the two photos.

    faces: RGB uint8 (S, S, 3) pairs, enlarged bicubically to 256 px where they are smaller. photos: RGB uint8, brought to
    one size that fits the rows' width, also where the second is larger (--upscale); None: faces alone.
    """
    rows = [_row([_at_least(image, FACE_PX) for image in pair]) for pair in faces]
    if photos is not None:
        width = max([row.shape[1] for row in rows], default=2 * FACE_PX)
        half, before = (width - GAP_PX) // 2, photos[0]
        height = max(round(before.shape[0] * half / before.shape[1]), 1)
        rows.append(_row([_to_size(image, half, height) for image in photos]))
    width = max(row.shape[1] for row in rows)
    padded = [np.pad(row, ((0, GAP_PX), (0, width - row.shape[1]), (0, 0)), constant_values=_GAP) for row in rows]
    return np.concatenate(padded)[:-GAP_PX]


def _row(pair: list[np.ndarray]) -> np.ndarray:
    gap = np.full((pair[0].shape[0], GAP_PX, 3), _GAP, np.uint8)
    return np.concatenate([pair[0], gap, pair[1]], axis=1)


def _at_least(image: np.ndarray, side_px: int) -> np.ndarray:
    if len(image) >= side_px:
        return image
    return cv2.resize(image, (side_px, side_px), interpolation=cv2.INTER_CUBIC)


def _to_size(image: np.ndarray, width: int, height: int) -> np.ndarray:
    interpolation = cv2.INTER_AREA if width < image.shape[1] else cv2.INTER_CUBIC
    return cv2.resize(image, (width, height), interpolation=interpolation)
