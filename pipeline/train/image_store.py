"""The training images, held where they fit: on the device, in host memory, or on disk, always as uint8.

A low-resolution image is held as it was stored; it is enlarged on the device, batch by batch, to the same bytes that Pillow
makes of it (`pipeline.train.bicubic`).
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from pipeline.images.pairs import Pairs
from pipeline.runtime.cores import usable_cores

DEVICE_SHARE = 0.3  # of the device's free memory that images may take; the rest is for the network
HOST_SHARE = 0.5  # of the host's free memory
DECODERS = 2 * usable_cores()  # threads; decoding does not hold Python's lock


@dataclass(frozen=True)
class Read:
    """Some pairs as stored, uint8. lr: (N, s, s, 3), each in the upper left corner, 0 outside of its own side in px. hr:
    (N, S, S, 3)."""

    lr: torch.Tensor
    sides_px: list[int]
    hr: torch.Tensor


def hold_out(pairs: Pairs, count: int) -> tuple[list[int], list[int]]:
    """(indices to train on, indices held out for validation): `count` HR images with all that was made of them.

    Chosen by a hash of their names, so that every network and seed holds out the same ones and a new photo moves few.
    Raises ValueError where nothing would be left to train on.
    """
    owners = [pairs.row(index)["hr_key"] for index in range(len(pairs))]
    names = sorted(set(owners), key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    if count >= len(names):
        raise ValueError(f"validation_images is {count}, but the training set has {len(names)} HR images")
    held = set(names[:count])
    places = range(len(owners))
    return [i for i in places if owners[i] not in held], [i for i in places if owners[i] in held]


class ImageStore:
    """The images of some pairs, read by their number.

    indices: which of the pairs are here; numbers count in that order. device: where they are read to. where they are held:
    "device", "host", "disk", or "auto": the first of them that has room. A progress bar announces that many are read.
    """

    def __init__(self, pairs: Pairs, indices: Sequence[int], where: str, device: torch.device):
        self._pairs, self._indices, self.device = pairs, list(indices), device
        self.where = fits(pairs, len(indices), device) if where == "auto" else where
        self._threads = ThreadPoolExecutor(DECODERS)
        if self.where != "disk":
            self._hold(torch.device("cpu") if self.where == "host" else device)

    def __len__(self) -> int:
        return len(self._indices)

    @property
    def size_px(self) -> int:
        """Side of the HR images."""
        return self._pairs.size_px

    @property
    def degraded(self) -> bool:
        """Whether the low-resolution images were made by Eq. (28), and not by shrinking alone."""
        return "compression" in self._pairs.row(0)

    def key(self, number: int) -> str:
        """An image's name."""
        return self._pairs.row(self._indices[number])["key"]

    def read_all(self, batches: Iterator[Sequence[int]], ahead: int = 3) -> Iterator[Read]:
        """Each batch of numbers on the device; from disk, `ahead` batches are decoded while the one before is in use."""
        if self.where != "disk":
            yield from map(self._gather, batches)
            return
        coming = []
        for numbers in batches:
            coming.append([self._threads.submit(self._decode, number) for number in numbers])
            if len(coming) > ahead:
                yield self._together(coming.pop(0))
        yield from map(self._together, coming)

    def _decode(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        index = self._indices[number]
        return self._pairs.lr(index), self._pairs.hr(index)

    def _together(self, futures) -> Read:
        lr, hr = zip(*(future.result() for future in futures), strict=True)
        largest = max(map(len, lr))
        together = torch.zeros(len(lr), largest, largest, 3, dtype=torch.uint8)
        for place, image in enumerate(lr):
            together[place, : len(image), : len(image)] = torch.from_numpy(image)
        return Read(self._sent(together), [len(image) for image in lr], self._sent(torch.from_numpy(np.stack(hr))))

    def _sent(self, tensor: torch.Tensor) -> torch.Tensor:
        """On the device; from pinned memory, of which a copy waits for nothing."""
        return tensor.pin_memory().to(self.device, non_blocking=True) if self.device.type == "cuda" else tensor

    def _hold(self, place: torch.device) -> None:
        """Decode everything once. An HR image that several pairs share is held once."""
        rows = [self._pairs.row(index) for index in self._indices]
        owners = [(row["hr_shard"], row["hr_offset"]) for row in rows]
        first = {owner: number for number, owner in reversed(list(enumerate(owners)))}  # the first number that has it
        places = {owner: at for at, owner in enumerate(sorted(first, key=first.get))}
        self._hr_place = [places[owner] for owner in owners]
        size = self._pairs.size_px
        self._hr = self._room((len(first), size, size, 3), place)
        hr = self._in_order(lambda n: self._pairs.hr(self._indices[n]), sorted(first.values()), "HR images")
        for at, image in enumerate(hr):
            self._hr[at] = torch.from_numpy(image)
        numbers = range(len(rows))
        lr = [
            torch.from_numpy(n)
            for n in self._in_order(lambda n: self._pairs.lr(self._indices[n]), numbers, "LR images")
        ]
        self._sides_px = [len(image) for image in lr]
        self._lr = self._room((len(lr), max(self._sides_px), max(self._sides_px), 3), place).zero_()
        for at, (image, side) in enumerate(zip(lr, self._sides_px, strict=True)):
            self._lr[at, :side, :side] = image

    def _room(self, shape: tuple[int, ...], place: torch.device) -> torch.Tensor:
        pinned = place.type == "cpu" and self.device.type == "cuda"
        return torch.empty(shape, dtype=torch.uint8, device=place, pin_memory=pinned)

    def _in_order(self, read: Callable, numbers: Sequence[int], what: str) -> Iterator[np.ndarray]:
        for start in tqdm(range(0, len(numbers), 256), desc=f"reading {what}", unit="shard", leave=False, delay=2):
            yield from self._threads.map(read, numbers[start : start + 256])

    def _gather(self, numbers: Sequence[int]) -> Read:
        sides_px = [self._sides_px[number] for number in numbers]
        lr = self._picked(self._lr[:, : max(sides_px), : max(sides_px)], numbers)
        return Read(lr, sides_px, self._picked(self._hr, [self._hr_place[number] for number in numbers]))

    def _picked(self, images: torch.Tensor, places: Sequence[int]) -> torch.Tensor:
        chosen = torch.tensor(list(places))
        return images[self._sent(chosen)] if self.where == "device" else self._sent(images[chosen])


def fits(pairs: Pairs, count: int, device: torch.device) -> str:
    """Where `count` pairs have room: "device", "host" or "disk"."""
    size = pairs.size_px
    sides = [pairs.lr(index).shape[0] for index in {0, len(pairs) // 2, len(pairs) - 1}]
    owners = len({pairs.row(index)["hr_key"] for index in range(len(pairs))}) / len(pairs)
    needed = 3 * count * (owners * size**2 + max(sides) ** 2)
    if device.type == "cuda" and needed <= DEVICE_SHARE * torch.cuda.mem_get_info(device)[0]:
        return "device"
    return "host" if needed <= HOST_SHARE * _free_memory() else "disk"


def _free_memory() -> int:
    """Bytes of host memory that can be had without swapping; where the system does not say, all that there is."""
    with suppress(OSError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return 1024 * int(line.split()[1])
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
