"""Images between stages, RGB uint8 (H, W, 3): resized, compressed as JPEG."""

import cv2
import numpy as np
from PIL import Image

from pipeline.store.images import encode

RESAMPLING = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}


def resize(image: np.ndarray, size_px: int, interpolation: str = "bicubic") -> np.ndarray:
    """Square resize of RGB uint8 as PIL does it: antialiased when shrinking, rounded to uint8 after each axis."""
    if image.shape[0] == image.shape[1] == size_px:
        return image
    return np.asarray(Image.fromarray(image).resize((size_px, size_px), RESAMPLING[interpolation]))


def encode_jpeg(image: np.ndarray, quality: int) -> bytes:
    """RGB uint8 -> baseline JPEG with chroma 4:2:0."""
    sampling = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420]
    return encode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality, *sampling])
