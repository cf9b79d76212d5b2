"""Leads a degrade stage over Ray and says how much memory that took.

`python -m pipeline.commands.benchmarks.driver FOLDER IMAGES WORKERS`: a process of its own, so that its peak is the stage's.
"""

import json
import resource
import sys
from pathlib import Path

import numpy as np

from pipeline.degrade.write import DegradeFaces
from pipeline.params.degrade import RealDegradation
from pipeline.params.stages import RuntimeParams
from pipeline.runtime.parallel import run_units, shard_units
from pipeline.store import images, manifest
from pipeline.store.shards import ShardWriter


def hr_set(folder: Path, pictures: list[np.ndarray], count: int) -> list[dict]:
    """Shards of `count` HR images as resize writes them, the pictures in turn; returns their rows."""
    data = [images.encode_png(picture) for picture in pictures]
    rows = []
    for unit in shard_units([{"key": f"{number:06d}"} for number in range(count)]):
        with ShardWriter(folder / unit["shard"]) as shard:
            for number, row in enumerate(unit["rows"]):
                place = shard.add(f"{number:06d}.png", data[int(row["key"]) % len(data)])
                rows.append(manifest.kept(row["key"], **place))
    return rows


def main(folder: Path, count: int, workers: int) -> None:
    rows = hr_set(folder / "hr", [np.full((32, 32, 3), 128, np.uint8)], count)
    task = DegradeFaces(folder / "hr", folder / "lr", RealDegradation(kind="eq28", seed=0))
    made = run_units(task, rows, RuntimeParams(ray_above_images=0, workers=workers), f"degrade {count}")
    manifest.write_manifest(folder / "lr", made, [row["key"] for row in rows])
    print(json.dumps({"peak_bytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
