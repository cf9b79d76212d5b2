"""The pairs of one set: the network's input (LR, upsampled) and the HR image beside it, from the shards.

Eq. (21) and Sec. 3.1: the low-resolution image is upsampled by bicubic interpolation to the HR size before it enters a
network; Sec. 4.2 names the result I_LR-UP.
"""

from collections.abc import Callable, Hashable
from pathlib import Path

import numpy as np

from pipeline.images import pixels
from pipeline.store import images, manifest, paths
from pipeline.store.landmarks import landmarks_of
from pipeline.store.manifest import read_kept
from pipeline.store.shards import ShardReader


class Pairs:
    """LR/HR pairs by number, in the manifest's order; several may share an HR image.

    degraded, resized: the two stages' folders of the set. cache: keep decoded images in memory (uint8).
    size_px: side of the HR images and of the upsampled input.
    """

    def __init__(self, degraded: Path, resized: Path, cache: bool = False):
        self._rows = read_kept(degraded)
        if not self._rows:
            raise ValueError(f"{degraded} holds no image: see its manifest for what was rejected and why")
        self._lr_shards = ShardReader(degraded)
        self._hr_shards = ShardReader(resized)
        self._resized_folder = resized
        self._cache: dict[Hashable, np.ndarray] | None = {} if cache else None
        self.size_px = self._resized(self._rows[0]).shape[0]

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def keys(self) -> list[str]:
        """The images' names."""
        return [row["key"] for row in self._rows]

    @property
    def has_hr(self) -> bool:
        """Whether there is a ground truth: false for photos that were low-resolution already."""
        return self._rows[0]["shard"] != ""

    def row(self, index: int) -> dict:
        """The manifest row, degradation record included."""
        return self._rows[index]

    def hr(self, index: int) -> np.ndarray:
        """I_HR as RGB uint8 (size_px, size_px, 3)."""
        row = self._rows[index]
        if not self.has_hr:
            raise ValueError(f"{row['key']}: this set has no HR images")
        return self._cached((row["hr_shard"], row["hr_offset"]), lambda: self._resized(row))

    def lr(self, index: int) -> np.ndarray:
        """The low-resolution image as stored, RGB uint8; a set without HR images: its resized photo."""
        row = self._rows[index]
        if not row["shard"]:
            return self._resized(row)
        return images.decode(self._lr_shards.read(row["shard"], row["offset"], row["size"]))

    def lr_up(self, index: int) -> np.ndarray:
        """I_LR-UP, the network's input, as RGB uint8 (size_px, size_px, 3)."""
        return self._cached(index, lambda: pixels.resize(self.lr(index), self.size_px, "bicubic"))

    def landmarks(self) -> np.ndarray:
        """The five landmarks of every HR image in its pixels, float64 (images, 5, 2); NaN where a face has none."""
        rows = {row["key"]: row for row in read_kept(self._resized_folder)}
        return np.stack([landmarks_of(rows[row["hr_key"]]) for row in self._rows])

    def _resized(self, row: dict) -> np.ndarray:
        return images.decode(self._hr_shards.read(row["hr_shard"], row["hr_offset"], row["hr_size"]))

    def _cached(self, what: Hashable, read: Callable[[], np.ndarray]) -> np.ndarray:
        """what: an HR image's place, or the index of an upsampled one."""
        if self._cache is None:
            return read()
        if what not in self._cache:
            self._cache[what] = read()
        return self._cache[what]


def open_test_set(key: str) -> Pairs:
    """The pairs of a test set."""
    return Pairs(paths.paired_folder("degrade", key), paths.paired_folder("resize", key))


def set_size(key: str) -> int:
    """How many images a test set holds; none where everything was rejected or nothing was there."""
    return len(manifest.read_kept(paths.paired_folder("degrade", key)))
