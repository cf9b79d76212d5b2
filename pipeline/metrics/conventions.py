"""PSNR and SSIM as the compared methods' published code computes them, by name, so that one table can hold all of them.

The same pictures read up to 1.4 dB and 0.03 of SSIM apart between these conventions, so a figure is worth nothing
without its convention's name. Each follows its code, also where that is odd; what was read is named at each entry.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.metrics.fidelity.color import luma
from pipeline.metrics.fidelity.psnr import MAX_I
from pipeline.metrics.fidelity.ssim import C1, C2, SIGMA_PX

Channels = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Convention:
    """One way to compute PSNR and SSIM.

    name, title, words: the key in `CONVENTIONS` and in metric names, a heading, and what is computed.
    channels: (H, W, 3) uint8 RGB to float64 (H, W) or (H, W, 3). stored: what becomes of these values before they are
    compared. border_px: what is cut off on every side. window_px: side of SSIM's window; gaussian: its weights, of
    sigma 1.5 px, or equal ones; sample_covariance: divides by n - 1 of n pixels in a window, and not by n.

    Both measures take two (H, W, 3) uint8 RGB pictures of one shape. Pictures with the same values after `stored`,
    identical ones first of all, give inf and exactly 1.0. ValueError on different shapes, other arrays, and pictures
    that are too small. PSNR is of MAX 255 and one error mean over all channels; SSIM is the mean over all windows that
    lie wholly inside, and over channels, with the constants of 0..255.
    """

    name: str
    title: str
    words: str
    channels: Channels
    stored: Channels
    border_px: int
    window_px: int
    gaussian: bool
    sample_covariance: bool

    def psnr(self, sr: np.ndarray, hr: np.ndarray) -> float:
        """PSNR in dB; the picture must be larger than its borders."""
        _check_pair(sr, hr)
        return self._psnr(self.channels(sr), self.channels(hr))

    def ssim(self, sr: np.ndarray, hr: np.ndarray) -> float:
        """SSIM in -1..1; the picture must hold a window between its borders."""
        _check_pair(sr, hr)
        return self._ssim(self.channels(sr), self.channels(hr))

    def _psnr(self, i: np.ndarray, k: np.ndarray) -> float:
        i, k = self._inside(i, 1, "PSNR"), self._inside(k, 1, "PSNR")
        mse = float(np.mean(np.square(i - k)))
        return 10.0 * math.log10(MAX_I**2 / mse) if mse > 0.0 else math.inf

    def _ssim(self, x: np.ndarray, y: np.ndarray) -> float:
        x, y = self._inside(x, self.window_px, "SSIM"), self._inside(y, self.window_px, "SSIM")
        n = self.window_px**2
        unbias = n / (n - 1) if self.sample_covariance else 1.0
        mu_x, mu_y = self._window_mean(x), self._window_mean(y)
        var_x = unbias * (self._window_mean(x * x) - mu_x * mu_x)
        var_y = unbias * (self._window_mean(y * y) - mu_y * mu_y)
        cov_xy = unbias * (self._window_mean(x * y) - mu_x * mu_y)
        ssim = ((2 * mu_x * mu_y + C1) * (2 * cov_xy + C2)) / ((mu_x**2 + mu_y**2 + C1) * (var_x + var_y + C2))
        return float(ssim.mean())

    def _inside(self, channels: np.ndarray, least_px: int, measure: str) -> np.ndarray:
        """What is compared: without the border, as stored."""
        height, width = channels.shape[:2]
        needed = least_px + 2 * self.border_px
        if min(height, width) < needed:
            raise ValueError(
                f"picture of {width}x{height} px; {measure} of {self.name} needs {needed} px a side: {least_px} px "
                f"between borders of {self.border_px} px"
            )
        b = self.border_px
        return self.stored(np.ascontiguousarray(channels[b : height - b, b : width - b]))

    def _window_mean(self, values: np.ndarray) -> np.ndarray:
        """Weighted mean of every whole window: each side shrinks by window_px - 1."""
        if self.gaussian:
            kernel = cv2.getGaussianKernel(self.window_px, SIGMA_PX, cv2.CV_64F)
        else:
            kernel = np.full((self.window_px, 1), 1.0 / self.window_px)
        half = self.window_px // 2
        return cv2.sepFilter2D(values, cv2.CV_64F, kernel, kernel)[half:-half, half:-half]


def measure(sr: np.ndarray, hr: np.ndarray, names: Sequence[str]) -> dict[str, float]:
    """PSNR and SSIM of a pair in the conventions named: {"psnr_y": .., "ssim_y": .., "psnr_dic": .., ..}.

    Takes two (H, W, 3) uint8 RGB pictures of one shape; errors as `Convention`'s, and ValueError for an unknown name.
    The channels are computed once for all conventions that start from the same ones.
    """
    unknown = [name for name in names if name not in CONVENTIONS]
    if unknown:
        raise ValueError(f"no convention called {', '.join(unknown)}; there are {', '.join(CONVENTIONS)}")
    _check_pair(sr, hr)
    pairs = {}
    measured = {}
    for convention in (CONVENTIONS[name] for name in names):
        if convention.channels not in pairs:
            pairs[convention.channels] = convention.channels(sr), convention.channels(hr)
        pair = pairs[convention.channels]
        measured[f"psnr_{convention.name}"] = convention._psnr(*pair)
        measured[f"ssim_{convention.name}"] = convention._ssim(*pair)
    return measured


def _check_pair(sr: np.ndarray, hr: np.ndarray) -> None:
    if sr.shape != hr.shape:
        raise ValueError(f"restored picture of shape {sr.shape} against ground truth {hr.shape}; they must be the same")
    for picture in (sr, hr):
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
            raise ValueError(f"picture of shape {picture.shape}, dtype {picture.dtype}; (H, W, 3) uint8 RGB is needed")


def _rounded_luma(rgb: np.ndarray) -> np.ndarray:
    # As the code of DIC and SFMNet does it, dot product first: 194 of the 16.8 million colours lie at a half, and another
    # order of the operations rounds some fifty of them the other way.
    return np.round(np.dot(rgb, np.array([65.481, 128.553, 24.966])) / 255.0 + 16.0)


def _rgb(rgb: np.ndarray) -> np.ndarray:
    return rgb.astype(np.float64)


def _as_is(values: np.ndarray) -> np.ndarray:
    return values


def _wrapped(values: np.ndarray) -> np.ndarray:
    """Y times 255 in 8 bits, which is 256 - Y: differences keep their size, the brightness is turned round."""
    return 256.0 - values


CONVENTIONS: dict[str, Convention] = {
    # pipeline/metrics/fidelity/psnr.py and ssim.py, to the bit.
    "y": Convention(
        name="y",
        title="Y (ours)",
        words="Y of BT.601 limited range, not rounded; no border; Gaussian 11x11 window, population covariance",
        channels=luma,
        stored=_as_is,
        border_px=0,
        window_px=11,
        gaussian=True,
        sample_covariance=False,
    ),
    # chaofengc/Face-SPARNet, psnr_ssim.py: rgb2y_matlab ends in astype(np.uint8). Its SSIM is scikit-image's 0.17.2,
    # pinned in its requirements.txt, whose Gaussian has 11 taps and whose data_range is 255 for uint8.
    "sparnet": Convention(
        name="sparnet",
        title="SPARNet",
        words="Y of BT.601 limited range, cut off to whole numbers; no border; Gaussian 11x11 window, population covariance",
        channels=luma,
        stored=np.floor,
        border_px=0,
        window_px=11,
        gaussian=True,
        sample_covariance=False,
    ),
    # Maclory/Deep-Iterative-Collaboration, code/utils/util.py: calc_metrics with crop_border = scale = 8 (code/test.py).
    # Its Y is uint8, and it multiplies that by 255 before measuring, meant for 0..1: in 8 bits that is 256 - Y. PSNR
    # does not notice; SSIM compares the brightness of negatives.
    "dic": Convention(
        name="dic",
        title="DIC",
        words=(
            "Y of BT.601 limited range, rounded, turned into 256 - Y by an overflow of 8 bits; border of 8 px cut off; "
            "Gaussian 11x11 window, population covariance"
        ),
        channels=_rounded_luma,
        stored=_wrapped,
        border_px=8,
        window_px=11,
        gaussian=True,
        sample_covariance=False,
    ),
    # wcy-cs/SFMNet, utils/metric.py: torch_psnr; SSIM is scikit-image's with its defaults and data_range 255.
    "sfmnet": Convention(
        name="sfmnet",
        title="SFMNet",
        words="Y of BT.601 limited range, rounded; border of 8 px cut off; uniform 7x7 window, sample covariance",
        channels=_rounded_luma,
        stored=_as_is,
        border_px=8,
        window_px=7,
        gaussian=False,
        sample_covariance=True,
    ),
    # XPixelGroup/BasicSR, basicsr/metrics/psnr_ssim.py with crop_border 0 and test_y_channel False.
    "rgb": Convention(
        name="rgb",
        title="RGB",
        words="red, green and blue; no border; Gaussian 11x11 window, population covariance, mean over the channels",
        channels=_rgb,
        stored=_as_is,
        border_px=0,
        window_px=11,
        gaussian=True,
        sample_covariance=False,
    ),
}
