"""Batches as a pure function of (seed, step): a run that was interrupted goes on with the images it would have seen."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from pipeline.pairs import Pairs


@dataclass(frozen=True)
class Batch:
    """One training batch: uint8 (N, H, W, 3) RGB arrays, and the images' names."""

    lr_up: np.ndarray
    hr: np.ndarray
    keys: list[str]


def batch_indices(seed: int, step: int, batch_size: int, images: int) -> np.ndarray:
    """The images of batch number `step` (from 0): a new random order of all images each epoch, none left out.

    A batch may reach over the end of an epoch; sets smaller than a batch are gone through several times for one batch.
    """
    places = step * batch_size + np.arange(batch_size)
    epochs = places // images
    orders = {epoch: np.random.default_rng([seed, 0, int(epoch)]).permutation(images) for epoch in np.unique(epochs)}
    return np.array([orders[epoch][place % images] for epoch, place in zip(epochs, places, strict=True)])


def flips(seed: int, step: int, batch_size: int) -> np.ndarray:
    """Which images of batch number `step` are mirrored: bool (batch_size,), each with probability one half."""
    return np.random.default_rng([seed, 1, step]).random(batch_size) < 0.5


class Batches:
    """The batches of one run.

    pairs: the training set. flip: mirror half of the images, the only augmentation (Paper silent: we take SPARNet's flips).
    """

    def __init__(self, pairs: Pairs, seed: int, batch_size: int, flip: bool):
        self._pairs, self._seed, self._batch_size, self._flip = pairs, seed, batch_size, flip

    def at(self, step: int) -> Batch:
        """Batch number `step`."""
        indices = batch_indices(self._seed, step, self._batch_size, len(self._pairs))
        mirrored = flips(self._seed, step, self._batch_size) & self._flip
        lr_up, hr = (
            np.stack([self._mirror(read(i), m) for i, m in zip(indices, mirrored, strict=True)])
            for read in (self._pairs.lr_up, self._pairs.hr)
        )
        return Batch(lr_up, hr, [self._pairs.row(i)["key"] for i in indices])

    def run(self, first: int, steps: int) -> Iterator[Batch]:
        """Batches first .. steps - 1, each prepared in a thread while the one before it is trained on."""
        with ThreadPoolExecutor(max_workers=1) as thread:
            coming = thread.submit(self.at, first) if first < steps else None
            for step in range(first, steps):
                batch = coming.result()
                if step + 1 < steps:
                    coming = thread.submit(self.at, step + 1)
                yield batch

    @staticmethod
    def _mirror(image: np.ndarray, mirrored: bool) -> np.ndarray:
        return image[:, ::-1] if mirrored else image
