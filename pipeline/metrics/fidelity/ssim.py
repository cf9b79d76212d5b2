"""Structural similarity, Eq. (29), Sec. 4.4."""

import cv2
import numpy as np

from pipeline.metrics.fidelity.color import luma_pair

WINDOW_PX = 11
SIGMA_PX = 1.5
C1 = (0.01 * 255.0) ** 2
C2 = (0.03 * 255.0) ** 2


def ssim_y(sr: np.ndarray, hr: np.ndarray) -> float:
    """SSIM on Y of BT.601 limited range, the mean over all windows that lie wholly inside the picture.

    Takes two (H, W, 3) uint8 RGB pictures of one shape, at least 11 px a side; identical ones give exactly 1.0.
    ValueError on smaller ones and as `color.luma_pair`.
    Eq. (29), Sec. 4.4, whose print lost the factor 2 before sigma_xy; the standard form has it.
    Paper silent: we take the original SSIM's 11x11 Gaussian window of sigma 1.5, population covariance and constants.
    """
    x, y = luma_pair(sr, hr)
    if min(x.shape) < WINDOW_PX:
        raise ValueError(f"picture of {x.shape[1]}x{x.shape[0]} px; SSIM's window needs {WINDOW_PX} px a side")
    mu_x, mu_y = _window_mean(x), _window_mean(y)
    var_x = _window_mean(x * x) - mu_x * mu_x
    var_y = _window_mean(y * y) - mu_y * mu_y
    cov_xy = _window_mean(x * y) - mu_x * mu_y
    ssim = ((2 * mu_x * mu_y + C1) * (2 * cov_xy + C2)) / ((mu_x**2 + mu_y**2 + C1) * (var_x + var_y + C2))
    return float(ssim.mean())


def _window_mean(plane: np.ndarray) -> np.ndarray:
    """Gaussian-weighted mean of every whole window: (H, W) to (H - 10, W - 10)."""
    kernel = cv2.getGaussianKernel(WINDOW_PX, SIGMA_PX, cv2.CV_64F)
    half = WINDOW_PX // 2
    return cv2.sepFilter2D(plane, cv2.CV_64F, kernel, kernel)[half:-half, half:-half]
