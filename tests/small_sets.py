"""Small data sets as the data stages leave them, written by the pipeline's own writers."""

import numpy as np

from pipeline.degrade.write import DegradeFaces
from pipeline.params.degrade import BicubicDegradation, Degradation, NoDegradation, RealDegradation
from pipeline.store import paths
from pipeline.store.images import encode_png
from pipeline.store.landmarks import LANDMARK_COLUMNS
from pipeline.store.manifest import kept, write_manifest
from pipeline.store.shards import ShardWriter

DEGRADATIONS = {
    "celeba": BicubicDegradation(kind="bicubic", lr_px=4),
    "helen": BicubicDegradation(kind="bicubic", lr_px=4),
    "ffhq": RealDegradation(kind="eq28", seed=0),
    "celebahq": RealDegradation(kind="eq28", seed=0),
    "real": NoDegradation(kind="none"),
}


def smooth_image(seed: int, size_px: int = 32) -> np.ndarray:
    """Coloured blocks: something that survives shrinking, and that differs by seed."""
    blocks = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return blocks.repeat(size_px // 4, 0).repeat(size_px // 4, 1)


def smooth_landmarks(seed: int) -> np.ndarray:
    """Five places between 0 and 1, that differ by seed."""
    return np.random.default_rng([seed, 1]).random((5, 2))


def make_resized(folder, images: int = 6, size_px: int = 32) -> list[dict]:
    """Write HR images as resize leaves them; returns their rows."""
    with ShardWriter(folder / "00000.tar") as shard:
        rows = [
            kept(
                f"{n}",
                source="synthetic",
                **dict(zip(LANDMARK_COLUMNS, (smooth_landmarks(n) * size_px).reshape(-1).tolist(), strict=True)),
                **shard.add(f"{n:06d}.png", encode_png(smooth_image(n, size_px))),
            )
            for n in range(images)
        ]
    write_manifest(folder, rows)
    return rows


def make_set(key: str, images: int = 6, size_px: int = 32, degradation: Degradation | None = None) -> list[np.ndarray]:
    """Write the resize and degrade outputs of a set below the working folder; returns its HR images."""
    resized, degraded = paths.paired_folder("resize", key), paths.paired_folder("degrade", key)
    rows = make_resized(resized, images, size_px)
    task = DegradeFaces(resized, degraded, degradation or DEGRADATIONS[key])
    write_manifest(degraded, task({"shard": "00000.tar", "first": 0, "rows": rows}))
    return [smooth_image(n, size_px) for n in range(images)]
