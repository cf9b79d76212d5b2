"""What a network made of the test sets: where its images lie and how they are read.

Apart from `pipeline.infer.sets`, which writes them, so that who only looks at them needs no torch.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipeline.store import images, manifest, paths
from pipeline.store.files import write_json
from pipeline.store.shards import ShardReader

# (test set, seed) -> names and restored images of the set, RGB uint8, in one order.
Restored = Callable[[str, int], tuple[list[str], Iterator[np.ndarray]]]


MADE = "made.json"


class Made(NamedTuple):
    """What a network's folder of restored images holds: those of a task's test sets, by the weights of some seeds."""

    task: str
    seeds: list[int]


def write_made(name: str, made: Made) -> None:
    """Say it beside the images."""
    write_json(paths.INFERRED / name / MADE, made._asdict())


def read_made(name: str) -> Made:
    """What is said beside the images of a network. Raises ManifestError where there are none."""
    path = paths.INFERRED / name / MADE
    if not path.is_file():
        raise manifest.ManifestError(f"{path} is missing: run the stage that writes it (dvc repro infer@{name})")
    return Made(**json.loads(path.read_bytes()))


def restored_folder(name: str, seed: int, key: str) -> Path:
    """Where a network's restored images of a test set lie: shards and a manifest."""
    return paths.INFERRED / name / f"seed_{seed}" / key


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
        raise manifest.ManifestError(f"{folder} holds no restored image of {missing[0]!r}: run its stage infer again")
    return list(_decoded(folder, [rows[key] for key in keys]))


def _decoded(folder: Path, rows: list[dict]) -> Iterator[np.ndarray]:
    with ShardReader(folder) as shards:
        for row in rows:
            yield images.decode(shards.read(row["shard"], row["offset"], row["size"]))
