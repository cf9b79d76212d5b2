"""Which images a step sees and how they are varied: pure functions of (seed, step, index).

A run that was interrupted goes on with the images it would have seen, and several processes share a batch without talking.
"""

from functools import lru_cache

import numpy as np


def batch_indices(seed: int, step: int, batch_size: int, images: int) -> np.ndarray:
    """The images of batch number `step` (from 0): a new random order of all images each epoch, none left out.

    A batch may reach over the end of an epoch; sets smaller than a batch are gone through several times for one batch.
    """
    places = step * batch_size + np.arange(batch_size)
    return np.array([_order(seed, int(place // images), images)[place % images] for place in places])


@lru_cache(maxsize=4)
def _order(seed: int, epoch: int, images: int) -> np.ndarray:
    return np.random.default_rng([seed, 0, epoch]).permutation(images)


def flips(seed: int, step: int, batch_size: int) -> np.ndarray:
    """Which images of batch number `step` are mirrored: bool (batch_size,), each with probability one half."""
    return np.random.default_rng([seed, 1, step]).random(batch_size) < 0.5


def scales(seed: int, step: int, batch_size: int, largest: float, size_px: int) -> tuple[np.ndarray, np.ndarray]:
    """How batch number `step` is enlarged: sides in px (batch_size,), and (batch_size, 2) corners (top, left) of the
    size_px square that is cut out of each.

    SPARNet's augmentation, a factor uniform in [1, largest] and a random crop, without the change of aspect ratio that its
    code adds.
    """
    random = np.random.default_rng([seed, 2, step])
    sides = np.floor(size_px * random.uniform(1, largest, batch_size)).astype(np.int64)
    corners = np.floor(random.random((batch_size, 2)) * (sides - size_px + 1)[:, None]).astype(np.int64)
    return sides, corners
