"""A run's batches, as the network takes them: read, varied, enlarged and turned into floats on the device."""

from collections.abc import Iterator

import numpy as np
import torch

from pipeline.schema.models import TrainParams
from pipeline.training import bicubic
from pipeline.training.batches import batch_indices, flips, scales
from pipeline.training.distributed import World
from pipeline.training.images import ImageStore, Read
from pipeline.training.tensors import as_float

Part = tuple[torch.Tensor, torch.Tensor]  # I_LR-UP and I_HR, each (N, 3, H, W)


class Batches:
    """The batches of one run, or one process's share of them.

    images: what is trained on. lowest: of the network's range, see `pipeline.training.tensors`. Raises ValueError where
    images are to be scaled whose low-resolution image cannot be made again on the device, and where a batch cannot be split
    evenly.
    """

    def __init__(self, images: ImageStore, seed: int, options: TrainParams, lowest: float, world: World):
        self._images, self._seed, self._options, self._lowest, self._world = images, seed, options, lowest, world
        if options.batch_size % (world.size * options.accumulate):
            raise ValueError(
                f"train.batch_size {options.batch_size} cannot be split over {world.size} processes times accumulate "
                f"{options.accumulate}"
            )
        if options.scale > 1 and images.degraded:
            raise ValueError("train.scale is above 1, but the training set is degraded by Eq. (28); set it to 1")

    def numbers(self, step: int) -> np.ndarray:
        """The images of batch number `step`, over all processes."""
        return batch_indices(self._seed, step, self._options.batch_size, len(self._images))

    def keys(self, step: int) -> list[str]:
        """Their names."""
        return [self._images.key(number) for number in self.numbers(step)]

    def run(self, first: int, steps: int) -> Iterator[list[Part]]:
        """Batches first .. steps - 1, each in the parts that gradients are accumulated over."""
        parts = [(step, part) for step in range(first, steps) for part in range(self._options.accumulate)]
        reads = self._images.read_all(self.numbers(step)[self._places(part)].tolist() for step, part in parts)
        batch = []
        for (step, part), read in zip(parts, reads, strict=True):
            batch.append(self._varied(read, step, self._places(part)))
            if len(batch) == self._options.accumulate:
                yield batch
                batch = []

    def _places(self, part: int) -> slice:
        """Where in the whole batch this process's part lies."""
        size = self._options.batch_size // (self._world.size * self._options.accumulate)
        start = (self._world.rank * self._options.accumulate + part) * size
        return slice(start, start + size)

    def _varied(self, read: Read, step: int, places: slice) -> Part:
        batch_size, hr, lr = self._options.batch_size, read.hr, read.lr
        size_px = hr.shape[1]
        if self._options.scale > 1:
            sides, corners = scales(self._seed, step, batch_size, self._options.scale, size_px)
            tops, lefts = corners[places].T.tolist()
            hr = bicubic.zoom(hr, sides[places].tolist(), tops, lefts)
            lr = [(bicubic.resize(hr[at], images.shape[1]), at) for images, at in lr]
        lr_up = torch.empty_like(hr)
        for images, at in lr:
            lr_up[at] = bicubic.resize(images, size_px)  # Sec. 3.1: I_LR-UP
        if self._options.flip:
            mirrored = torch.from_numpy(flips(self._seed, step, batch_size)[places]).to(hr.device)[:, None, None, None]
            lr_up, hr = (torch.where(mirrored, images.flip(2), images) for images in (lr_up, hr))
        return as_float(lr_up, self._lowest), as_float(hr, self._lowest)
