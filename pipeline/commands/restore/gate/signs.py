"""What can be seen of a face without the truth: how far its detail reaches, its noise, what the network made of it."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from pipeline.commands.restore.gate.fusion import cycles

# Radial bands in cycles a face, half an octave each but for the first ones; the last ends in the square's corner.
_EDGES = (0.4, 2, 3, 4, 6, 8, 11, 16, 22.6, 32, 45, 64, 90, 128, 181, 256, 362)
_LAST_OVER_SIDE = 0.36  # where the last edge but one may lie: 90 of 256 px
_TINY_POWER = 0.02  # squared grey levels a coefficient: below what rounding to whole levels makes
# Faces' power falls as f^-2.4; through these bands, 3 to 11 cycles, the line is laid that a sharp face follows.
_SLOPE, _LAID_THROUGH = -2.4, slice(2, 6)
_LOST = 2.0  # nats below that line where detail ends
# Laplacian of a Laplacian (Immerkaer, Fast noise variance estimation, 1996), of unit gain for white noise; what is left of
# an image then is noise and corners, and the median looks away from the corners.
_NOISE_FILTER = np.float32([[1, -2, 1], [-2, 4, -2], [1, -2, 1]]) / 6
_MEDIAN_OF_NORMAL = 0.6745
_BLOCK_PX = 8  # JPEG's


@dataclass(frozen=True)
class Signs:
    """What was seen of one face.

    values: float64, in an order that `signs` fixes for a size. bandwidth: cycles a face up to which the photo has detail.
    noise: standard deviation of the photo's noise at the network's size, grey levels.
    """

    values: np.ndarray
    bandwidth: float
    noise: float


def signs(photo: np.ndarray, restored: np.ndarray) -> Signs:
    """Signs of a face and of what the network made of it, RGB uint8 (S, S, 3) each.

    Of the luma, per band, the photo's log power, the network's over it, and their coherence: 3 bands + 28 numbers in all.
    The others are about noise, JPEG's grid, flat places and how far the network went, with the squares and products of the
    four that say most.
    """
    planes, made = (cv2.cvtColor(image.astype(np.float32), cv2.COLOR_RGB2YCrCb) for image in (photo, restored))
    x, y = np.ascontiguousarray(planes[..., 0]), np.ascontiguousarray(made[..., 0])
    band, counts, centres = _bands(len(x))
    dct_x, dct_y = (cv2.dct(plane - plane.mean()) for plane in (x, y))
    products = dct_x * dct_x, dct_y * dct_y, dct_x * dct_y
    power_x, power_y, cross = (_means(product, band, counts) for product in products)
    power_x, power_y = power_x + _TINY_POWER, power_y + _TINY_POWER
    left_x, left_y = _left(x), _left(y)
    noise = [_noise(left) for left in (left_x, left_y)]
    kurtosis = [np.log(_kurtosis(left)) for left in (left_x, left_y)]
    bandwidth = _bandwidth(np.log(power_x), centres)
    reach, blocks = (np.log(bandwidth) - 3.3) / 0.7, np.log(_blockiness(x))
    log_noise = np.log(np.array(noise) + 0.3)
    four = np.array([reach, log_noise[0] - 0.8, kurtosis[0] - 2, blocks - 0.1])
    values = np.concatenate(
        [
            np.log(power_x),
            np.log(power_y) - np.log(power_x),
            cross / np.sqrt(power_x * power_y),
            *(log_noise, kurtosis, [blocks, reach], np.outer(four, four)[np.triu_indices(4)]),
            [np.log(_noise(_left(planes[..., channel])) + 0.1) for channel in (1, 2)],
            np.log((planes - made).reshape(-1, 3).std(0) + 0.3),
            *(_likeness(left_x), _flatness(x)),
        ]
    )
    return Signs(values, bandwidth, noise[0])


@lru_cache(maxsize=4)
def _bands(side_px: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of a square: each coefficient's band, flat, 0 for none; coefficients per band; the bands' centres in cycles."""
    edges = [edge for edge in _EDGES if edge <= _LAST_OVER_SIDE * side_px] + [side_px / np.sqrt(2) + 1]
    band = np.digitize(cycles(side_px).ravel(), edges)
    return band, np.bincount(band)[1:], np.sqrt(np.array(edges[1:]) * edges[:-1])


def _means(plane: np.ndarray, band: np.ndarray, counts: np.ndarray) -> np.ndarray:
    return np.bincount(band, plane.ravel())[1:] / counts


def _bandwidth(log_power: np.ndarray, centres: np.ndarray) -> float:
    """Where the power, falling, first lies _LOST under the line that a sharp face follows, in cycles a face."""
    log_f = np.log(centres)
    line = _SLOPE * log_f
    line += (log_power - line)[_LAID_THROUGH].mean()
    under = line - np.minimum.accumulate(log_power) - _LOST
    first = next((band for band in range(_LAID_THROUGH.stop, len(under)) if under[band] > 0), None)
    if first is None:
        return float(centres[-1])
    share = under[first - 1] / (under[first - 1] - under[first]) if under[first - 1] < 0 else 0.0
    return float(np.exp(log_f[first - 1] + share * (log_f[first] - log_f[first - 1])))


def _left(plane: np.ndarray) -> np.ndarray:
    """What the noise filter leaves of a plane, but for its border."""
    return cv2.filter2D(plane, -1, _NOISE_FILTER)[2:-2, 2:-2]


def _noise(left: np.ndarray) -> float:
    """Standard deviation of the noise, in grey levels."""
    return float(np.median(np.abs(left))) / _MEDIAN_OF_NORMAL


def _kurtosis(left: np.ndarray) -> float:
    """3 of Gaussian noise, more where edges stand out, less of a pattern."""
    square = np.square(left - left.mean())
    variance = max(float(square.mean()), 1e-6)
    return max(float(np.square(square).mean()) / variance**2, 1.0)


def _likeness(left: np.ndarray) -> list[float]:
    """Correlation with the neighbour to the right, below and at the corner: white noise, a film's grain, dots and lines
    differ in it."""
    variance = float(np.square(left).mean()) + 1e-6
    pairs = (left[:, 1:], left[:, :-1]), (left[1:], left[:-1]), (left[1:, 1:], left[:-1, :-1])
    return [float((one * other).mean()) / variance for one, other in pairs]


def _flatness(luma: np.ndarray) -> np.ndarray:
    """How much goes on in the flattest places, in flat ones, in usual and in lively ones: log of standard deviations."""
    size = (_BLOCK_PX, _BLOCK_PX)
    mean = cv2.blur(luma, size)
    deviation = np.sqrt(np.maximum(cv2.blur(luma * luma, size) - mean * mean, 0))
    return np.log(np.percentile(deviation, (5, 25, 50, 90)) + 0.3)


def _blockiness(luma: np.ndarray) -> float:
    """How much stronger second differences are along JPEG's grid than between its lines: 1 without a grid."""
    ratios = []
    for plane in (luma, luma.T):
        bend = np.abs(plane[:, 2:] - 2 * plane[:, 1:-1] + plane[:, :-2]).mean(0)
        phases = np.array([bend[phase::_BLOCK_PX].mean() for phase in range(_BLOCK_PX)]) + 1e-3
        ratios.append(phases.max() / np.median(phases))
    return float(np.mean(ratios))
