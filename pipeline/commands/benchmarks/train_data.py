"""The data paths that bench-train compares: an ordinary DataLoader over PNG files, and the project's own."""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from pipeline.images import pixels
from pipeline.images.pairs import Pairs
from pipeline.params.tasks import TrainParams
from pipeline.runtime.cores import usable_cores
from pipeline.store import images, manifest
from pipeline.store.shards import ShardWriter
from pipeline.train.batches import Batches, Part
from pipeline.train.distributed import ALONE
from pipeline.train.graph import WARM_UP
from pipeline.train.image_store import ImageStore

TrainStep = Callable[[Part], None]
SHRINK = 8  # HR side over LR side, as from 16 to 128 px
FIRST_STEPS = {"cpu": 1, "cuda": WARM_UP + 2}  # not counted; on a GPU the step is recorded in them


class PngPairs(Dataset):
    """LR and HR files of the same name under lr/ and hr/, decoded and upsampled: float32 (3, H, W) pairs in [-1, 1]."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._names = sorted(file.name for file in (folder / "hr").iterdir())

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        lr, hr = (images.decode((self._folder / kind / self._names[index]).read_bytes()) for kind in ("lr", "hr"))
        return _image_tensor(pixels.resize(lr, hr.shape[0], "bicubic")), _image_tensor(hr)


def _image_tensor(image: np.ndarray) -> Tensor:
    return torch.tensor(image).permute(2, 0, 1).float().div_(127.5).sub_(1)


def write_png_pairs(folder: Path, pictures: list[np.ndarray], count: int) -> None:
    """`count` pairs as files, the pictures (RGB uint8, square) in turn."""
    for kind in ("lr", "hr"):
        (folder / kind).mkdir(parents=True)
    for number, (lr, hr) in enumerate(_encoded(pictures, count)):
        (folder / f"lr/{number:06d}.png").write_bytes(lr)
        (folder / f"hr/{number:06d}.png").write_bytes(hr)


def write_shards(folder: Path, pictures: list[np.ndarray], count: int, lr_px: Sequence[int] = ()) -> None:
    """The same pairs in shards, as the stages degrade and resize leave them. lr_px: sides of the LR images, in turn."""
    rows = []
    (folder / "resize").mkdir(parents=True)
    (folder / "degrade").mkdir()
    with ShardWriter(folder / "resize/00000.tar") as hr_shard, ShardWriter(folder / "degrade/00000.tar") as lr_shard:
        for number, (lr, hr) in enumerate(_encoded(pictures, count, lr_px)):
            key = f"{number:06d}"
            place = {f"hr_{name}": value for name, value in hr_shard.add(f"{key}.png", hr).items()}
            rows.append(manifest.kept(key, hr_key=key, **lr_shard.add(f"{key}.png", lr), **place))
    manifest.write_manifest(folder / "degrade", rows)


def dataloader_with_data(step: TrainStep, folder: Path, steps: int, batch: int, device: torch.device) -> float:
    """Seconds of a step fed by a DataLoader with as many workers as there are cores to run on, its start not counted."""
    loader = DataLoader(
        PngPairs(folder),
        batch,
        shuffle=True,
        drop_last=True,
        num_workers=usable_cores(),
        pin_memory=device.type == "cuda",
    )
    pairs = (Part(*(t.to(device, non_blocking=True) for t in pair)) for pair in loader)
    return _seconds_a_step(step, pairs, steps, device)


def ours_with_data(step: TrainStep, folder: Path, steps: int, batch: int, device: torch.device) -> float:
    """Seconds of a step fed by the project's batches, as training reads them; decoding the images once is not counted, which
    training does at its start."""
    pairs = Pairs(folder / "degrade", folder / "resize")
    images_held = ImageStore(pairs, range(len(pairs)), "auto", device)
    options = TrainParams(steps=steps, batch_size=batch, learning_rate=1.0, betas=(0.9, 0.99))
    batches = Batches(images_held, 0, options, ALONE)
    return _seconds_a_step(step, (part for (part,) in batches.run(0, steps + FIRST_STEPS[device.type])), steps, device)


def _seconds_a_step(step: TrainStep, batches: Iterator[Part], steps: int, device: torch.device) -> float:
    for _ in range(FIRST_STEPS[device.type]):
        step(next(batches))
    if device.type == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(steps):
        step(next(batches))
    if device.type == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - start) / steps


def _encoded(pictures: list[np.ndarray], count: int, lr_px: Sequence[int] = ()) -> Iterator[tuple[bytes, bytes]]:
    """(LR, HR) as PNG, `count` times."""
    sides = lr_px or (pictures[0].shape[0] // SHRINK,)
    encode = lru_cache(maxsize=None)(
        lambda number, side: images.encode_png(pixels.resize(pictures[number], side, "bicubic"))
    )
    hr = [images.encode_png(picture) for picture in pictures]
    for number in range(count):
        yield encode(number % len(hr), sides[number % len(sides)]), hr[number % len(hr)]
