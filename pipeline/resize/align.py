"""FFHQ's alignment (Karras et al. 2019) from five landmarks instead of 68: the two eyes and the two mouth corners.

The recipe and its constants are those of the data set's published script: an oriented square from the eyes and the mouth,
the photo shrunk where it is far too large, cropped, extended by blurred reflection where the square leaves it, and warped
at four times the output size. Faces of the output's size or more come out as the script's, to one grey level.
"""

import cv2
import numpy as np
from PIL import Image

from pipeline.faces.square import ffhq_quad, quad_inside, quad_side
from pipeline.images.pixels import RESAMPLING

SUPERSAMPLING = 4


def align(photo: np.ndarray, landmarks: np.ndarray, size_px: int, interpolation: str = "bicubic") -> np.ndarray:
    """Cut the aligned face out of an RGB uint8 photo, as RGB uint8 (size_px, size_px, 3).

    Faces smaller than the output are enlarged by `interpolation` from the warp at their own size.
    Raises ValueError where the landmarks give no square, or one outside the photo.
    """
    height, width = photo.shape[:2]
    quad = quad_inside(ffhq_quad(landmarks), width, height)
    image, quad = _pad(*_crop(Image.fromarray(photo), quad, size_px))
    # Small faces are warped near their own size: the interpolation asked for is what enlarges them.
    warp_px = min(SUPERSAMPLING * size_px, SUPERSAMPLING * max(round(quad_side(quad)), 16))
    corners = (quad + 0.5).flatten()
    aligned = image.transform((warp_px, warp_px), Image.Transform.QUAD, corners, Image.Resampling.BILINEAR)
    own_px = min(size_px, warp_px // SUPERSAMPLING)
    aligned = aligned.resize((own_px, own_px), Image.Resampling.LANCZOS)
    if own_px < size_px:
        aligned = aligned.resize((size_px, size_px), RESAMPLING[interpolation])
    return np.asarray(aligned)


def _crop(image: Image.Image, quad: np.ndarray, size_px: int) -> tuple[Image.Image, np.ndarray]:
    """The region of the square and a border, shrunk by a whole factor where the square is four outputs wide or more."""
    factor = max(int(np.floor(quad_side(quad) / size_px * 0.5)), 1)
    quad = quad / factor
    shrunk = np.maximum(np.rint(np.array(image.size) / factor), 1).astype(int)
    border = _border(quad)
    low = np.clip(np.floor(quad.min(0)).astype(int) - border, 0, shrunk - 1)
    high = np.clip(np.ceil(quad.max(0)).astype(int) + border, low + 1, shrunk)
    if factor == 1:
        return image.crop((*low, *high)), quad - low
    # The script shrinks the whole photo and crops then; the filter over this box alone gives the same pixels.
    scale = np.array(image.size) / shrunk
    region = (*(low * scale), *(high * scale))
    return image.resize(tuple(high - low), Image.Resampling.LANCZOS, box=region), quad - low


def _pad(image: Image.Image, quad: np.ndarray) -> tuple[Image.Image, np.ndarray]:
    side, border = quad_side(quad), _border(quad)
    before = np.maximum(border - np.floor(quad.min(0)).astype(int), 0)
    after = np.maximum(np.ceil(quad.max(0)).astype(int) + border - image.size, 0)
    if max(*before, *after) <= border - 4:
        return image, quad
    before, after = (np.maximum(pad, max(round(side * 0.3), 1)) for pad in (before, after))
    pixels = np.pad(np.float32(image), ((before[1], after[1]), (before[0], after[0]), (0, 0)), "reflect")
    height, width = pixels.shape[:2]
    y, x = np.ogrid[:height, :width]
    # 0 inside the photo, rising to 1 at the far edge of the extension: there the reflection gives way to blur and mean.
    mask = np.maximum(
        1 - np.minimum(np.float32(x) / before[0], np.float32(width - 1 - x) / after[0]),
        1 - np.minimum(np.float32(y) / before[1], np.float32(height - 1 - y) / after[1]),
    )
    mask = mask[..., None]
    blurred = cv2.GaussianBlur(pixels, (0, 0), side * 0.02)
    pixels += (blurred - pixels) * np.clip(mask * 3 + 1, 0, 1)
    pixels += (np.median(pixels, axis=(0, 1)) - pixels) * np.clip(mask, 0, 1)
    return Image.fromarray(np.uint8(np.clip(np.rint(pixels), 0, 255))), quad + before


def _border(quad: np.ndarray) -> int:
    return max(round(quad_side(quad) * 0.1), 3)
