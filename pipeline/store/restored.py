"""Restored images of the test sets beside the pairs they were made from: where they lie and how they are read.

Apart from `pipeline.infer.sets`, which writes them, so that who only looks at them needs no torch.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from pipeline.store import images, manifest, paths
from pipeline.store.shards import ShardReader

# (test set, seed) -> names and restored images of the set, RGB uint8, in one order.
Restored = Callable[[str, int], tuple[list[str], Iterator[np.ndarray]]]


def restored_folder(name: str, seed: int, key: str) -> Path:
    """Where a variant's restored images of a test set lie: shards and a manifest."""
    return paths.RESTORED / name / f"seed_{seed}" / key


def restored_by(name: str) -> Restored:
    """What a network restored, as kept."""

    def restored(key: str, seed: int) -> tuple[list[str], Iterator[np.ndarray]]:
        folder = restored_folder(name, seed, key)
        return restored_keys(folder), restored_images(folder)

    return restored


def restored_keys(folder: Path) -> list[str]:
    """The names of a folder's restored images, in the manifest's order."""
    return [row["key"] for row in manifest.read_kept(folder)]


def restored_images(folder: Path) -> Iterator[np.ndarray]:
    """The restored images of a folder in the manifest's order, RGB uint8 (H, W, 3)."""
    yield from _decoded(folder, manifest.read_kept(folder))


def pick_restored(folder: Path, keys: list[str]) -> list[np.ndarray]:
    """The restored images of some keys, in their order, RGB uint8 (H, W, 3). Raises ManifestError for a key not there."""
    rows = {row["key"]: row for row in manifest.read_kept(folder)}
    missing = [key for key in keys if key not in rows]
    if missing:
        raise manifest.ManifestError(f"{folder} holds no restored image of {missing[0]!r}: run its stage restore again")
    return list(_decoded(folder, [rows[key] for key in keys]))


def _decoded(folder: Path, rows: list[dict]) -> Iterator[np.ndarray]:
    with ShardReader(folder) as shards:
        for row in rows:
            yield images.decode(shards.read(row["shard"], row["offset"], row["size"]))
