"""How sure a mean is: bootstrap intervals over images, and differences of two networks image by image.

An interval is about images: where the mean might lie, had others of their kind been tested. It knows nothing of how a
network would have turned out in another training run.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

LEVEL = 0.95
RESAMPLES = 2000
SEED = 0
FEW = 20  # images; with fewer an interval is too narrow: of 95 % ones 83 % hold the mean with 5 images, 90 % with 10


@dataclass(frozen=True)
class Interval:
    """A mean over `images` images and the ends of its 95 % interval."""

    mean: float
    low: float
    high: float
    images: int

    @property
    def excludes_zero(self) -> bool:
        """Whether all of the interval lies on one side of 0."""
        return self.low > 0 or self.high < 0


def mean_interval(values: np.ndarray) -> Interval | None:
    """The mean of per-image values (N,), NaN left out, with its percentile bootstrap interval; None without any value.

    The images are drawn anew 2,000 times with replacement, always the same draws for the same N, from the sorted values:
    their order is of no account. A single image says nothing about others: its interval is infinite. With infinite values
    among them the ends are the smallest and the largest value; the mean is NaN where there are infinite ones of both signs.
    """
    values = np.sort(np.asarray(values, dtype=np.float64))
    values = values[~np.isnan(values)]
    if not len(values):
        return None
    with np.errstate(invalid="ignore"):  # inf - inf
        mean = float(values.mean())
    if len(values) == 1:
        return Interval(mean, -np.inf, np.inf, 1)
    if not np.isfinite(values).all():  # PSNR of identical images
        return Interval(mean, float(values.min()), float(values.max()), len(values))
    low, high = _bootstrap(values)
    return Interval(mean, low, high, len(values))


def _bootstrap(values: np.ndarray) -> tuple[float, float]:
    """Ends of the percentile interval: `scipy.stats.bootstrap`'s within rounding, without the second its import takes."""
    rng, means = np.random.default_rng(SEED), []
    batch = max(1, 4_000_000 // len(values))
    for first in range(0, RESAMPLES, batch):
        drawn = rng.integers(0, len(values), (min(batch, RESAMPLES - first), len(values)))
        means.append(values[drawn].mean(axis=-1))
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(np.concatenate(means), [tail, 1 - tail])
    return float(low), float(high)


def paired_difference(values: pd.Series, baseline: pd.Series) -> Interval | None:
    """The mean difference of two networks' values on the same images, as `mean_interval`.

    Both are indexed by the images' names. Raises ValueError where they are not the same images; an image without a value on
    one of the sides is left out. Equal values, infinite ones too, differ by 0.
    """
    if not values.index.is_unique or set(values.index) != set(baseline.index) or len(values) != len(baseline):
        raise ValueError("two networks can only be compared on the same images; evaluate both on the same set")
    ours, theirs = values.to_numpy(float), baseline.reindex(values.index).to_numpy(float)
    with np.errstate(invalid="ignore"):  # inf - inf, which is not taken
        return mean_interval(np.where(ours == theirs, 0.0, ours - theirs))


def per_image(frame: pd.DataFrame, metric: str) -> pd.Series:
    """A metric's value of each image, the mean over the seeds, by the image's name in the frame's order.

    frame: columns seed, key and the metric.
    """
    return frame.groupby("key", sort=False)[metric].mean()


def per_seed(frame: pd.DataFrame, metric: str) -> pd.Series:
    """A metric's mean over the images of each seed's training run."""
    return frame.groupby("seed")[metric].mean()
