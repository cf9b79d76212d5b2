"""A run's batches, as the network takes them: read, varied, enlarged and turned into floats on the device."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch

from pipeline.networks.units.tensors import as_float
from pipeline.params.tasks import TrainParams
from pipeline.train import bicubic
from pipeline.train.distributed import World
from pipeline.train.image_store import ImageStore, Read
from pipeline.train.order import batch_indices, flips, scales

MIRRORED = (1, 0, 2, 4, 3)  # which of the five landmarks each is in the mirror image


class Part(NamedTuple):
    """Some pairs of a batch, float32 in [-1, 1].

    input: I_LR-UP (N, 3, H, W), or I_LR (N, 3, h, w) for a network that takes it. hr: I_HR (N, 3, H, W). landmarks: of
    I_HR, (N, 5, 2) in its pixels, where they were asked for.
    """

    input: torch.Tensor
    hr: torch.Tensor
    landmarks: torch.Tensor | None = None


class Batches:
    """The batches of one run, or one process's share of them.

    images: what is trained on. takes: the network's input, "lr_up" or "lr". landmarks: of all images, (images, 5, 2), for
    who asks for them. Raises ValueError where images are to be scaled whose low-resolution image cannot be made again on the
    device, and where a batch cannot be split evenly.
    """

    def __init__(
        self,
        images: ImageStore,
        seed: int,
        options: TrainParams,
        world: World,
        takes: str = "lr_up",
        landmarks: np.ndarray | None = None,
    ):
        self._images, self._seed, self._options, self._world = images, seed, options, world
        self._takes, self._landmarks = takes, landmarks
        if options.batch_size % (world.size * options.accumulate):
            raise ValueError(
                f"batch_size {options.batch_size} cannot be split over {world.size} processes times accumulate "
                f"{options.accumulate}"
            )
        if options.scale > 1 and images.degraded:
            raise ValueError("scale is above 1, but the training set is degraded by Eq. (28); set it to 1")

    def numbers(self, step: int) -> np.ndarray:
        """The images of batch number `step`, over all processes."""
        return batch_indices(self._seed, step, self._options.batch_size, len(self._images))

    def keys(self, step: int) -> list[str]:
        """Their names."""
        return [self._images.key(number) for number in self.numbers(step)]

    def run(self, first: int, steps: int) -> Iterator[list[Part]]:
        """Batches first .. steps - 1, each in the parts that gradients are accumulated over.

        On a GPU a batch is made beside the step that was launched before it was asked for.
        """
        made = self._made(first, steps)
        return beside(made) if self._images.device.type == "cuda" else made

    def _made(self, first: int, steps: int) -> Iterator[list[Part]]:
        parts = [(step, part) for step in range(first, steps) for part in range(self._options.accumulate)]
        reads = self._images.read_all(self.numbers(step)[self._places(part)].tolist() for step, part in parts)
        batch = []
        for (step, part), read in zip(parts, reads, strict=True):
            places = self._places(part)
            points = None if self._landmarks is None else self._landmarks[self.numbers(step)[places]]
            batch.append(self._varied(read, points, step, places))
            if len(batch) == self._options.accumulate:
                yield batch
                batch = []

    def _places(self, part: int) -> slice:
        """Where in the whole batch this process's part lies."""
        size = self._options.batch_size // (self._world.size * self._options.accumulate)
        start = (self._world.rank * self._options.accumulate + part) * size
        return slice(start, start + size)

    def _varied(self, read: Read, points: np.ndarray | None, step: int, places: slice) -> Part:
        batch_size, hr, lr, sides_px = self._options.batch_size, read.hr, read.lr, read.sides_px
        size_px = hr.shape[1]
        if self._options.scale > 1:
            sides, corners = scales(self._seed, step, batch_size, self._options.scale, size_px)
            tops, lefts = corners[places].T.tolist()
            hr = bicubic.zoom(hr, sides[places].tolist(), tops, lefts)
            lr = bicubic.resize(hr, _one_side(sides_px))
            if points is not None:
                corner = corners[places][:, None, ::-1]  # x, y
                points = points * (sides[places] / size_px)[:, None, None] - corner
        if self._takes == "lr":
            given = lr[:, : _one_side(sides_px)]
        else:
            given = bicubic.enlarge(lr, sides_px, size_px)  # Sec. 3.1: I_LR-UP
        if self._options.flip:
            drawn = flips(self._seed, step, batch_size)[places]
            mirrored = torch.from_numpy(drawn).to(hr.device)[:, None, None, None]
            given, hr = (torch.where(mirrored, images.flip(2), images) for images in (given, hr))
            if points is not None:
                flipped = points[:, MIRRORED] * (-1, 1) + (size_px, 0)
                points = np.where(drawn[:, None, None], flipped, points)
        landmarks = None if points is None else torch.from_numpy(np.float32(points)).to(hr.device)
        return Part(as_float(given), as_float(hr), landmarks)


def beside(batches: Iterator[list[Part]]) -> Iterator[list[Part]]:
    """The batches, made on a stream of their own: what waits for them, and what they wait for, is their reader alone."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())  # on which the images were brought
    while True:
        with torch.cuda.stream(stream):
            batch = next(batches, None)
        if batch is None:
            return
        reader = torch.cuda.current_stream()
        reader.wait_stream(stream)
        for part in batch:
            for images in part:
                if images is not None:
                    images.record_stream(reader)  # or its memory would be given to the next batch while it is read
        yield batch


def _one_side(sides_px: list[int]) -> int:
    if len(set(sides_px)) > 1:
        sides = ", ".join(map(str, sorted(set(sides_px))))
        raise ValueError(f"low-resolution images of several sizes ({sides} px); this network takes images of one size")
    return sides_px[0]
