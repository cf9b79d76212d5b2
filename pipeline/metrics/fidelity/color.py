"""The brightness channel on which PSNR and SSIM are measured (Sec. 4.4)."""

import numpy as np

# BT.601 for gamma-coded R'G'B' in 0..1 to Y in 16..235; the offset of 16 is added below.
BT601_LIMITED = np.array([65.481, 128.553, 24.966])


def luma(rgb: np.ndarray) -> np.ndarray:
    """Brightness Y of a picture, not rounded.

    Takes (H, W, 3) uint8 RGB; gives (H, W) float64 in 16..235. ValueError on any other shape or dtype.
    Sec. 4.4 says "the brightness channel". Paper silent on which: we take BT.601 limited range, because the methods of
    it compares itself with measure on it; RGB or full-range Y reads 1.3 to 1.45 dB lower.
    """
    if rgb.dtype != np.uint8:
        raise ValueError(f"picture of dtype {rgb.dtype}; uint8 in 0..255 is needed: round and clip before measuring")
    if rgb.ndim != 3 or rgb.shape[2] != 3:
        raise ValueError(f"picture of shape {rgb.shape}; (H, W, 3) in RGB order is needed")
    return 16.0 + rgb.astype(np.float64) @ (BT601_LIMITED / 255.0)


def luma_pair(sr: np.ndarray, hr: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Y of a restored picture and of its ground truth, both (H, W) float64.

    ValueError where the two differ in shape, or as `luma`.
    """
    if sr.shape != hr.shape:
        raise ValueError(f"restored picture of shape {sr.shape} against ground truth {hr.shape}; they must be the same")
    return luma(sr), luma(hr)
