"""Peak signal-to-noise ratio, Eq. (30) and (31), Sec. 4.4."""

import math

import numpy as np

from pipeline.metrics.fidelity.color import luma_pair

MAX_I = 255.0  # 2^8 - 1, Sec. 4.4


def psnr_y(sr: np.ndarray, hr: np.ndarray) -> float:
    """PSNR in dB on Y of BT.601 limited range, over the whole picture.

    Takes two (H, W, 3) uint8 RGB pictures of one shape; identical ones give inf. ValueError as `color.luma_pair`.
    Eq. (30), (31), Sec. 4.4. Paper silent: we take MAX_I = 255 for Y of 16..235 and crop no border, as its peers do.
    """
    i, k = luma_pair(sr, hr)
    mse = float(np.mean(np.square(i - k)))  # Eq. (30)
    return 10.0 * math.log10(MAX_I**2 / mse) if mse > 0.0 else math.inf  # Eq. (31)
