"""The photos that ingest listed, opened again."""

from pathlib import Path

import numpy as np

from pipeline import images
from pipeline.shards import ShardReader


class PhotoReader:
    """Opens the photos of an ingest manifest again: files below `root`, the others from the shards in `shards`."""

    def __init__(self, root: Path, shards: Path):
        self._root = root
        self._shards = ShardReader(shards)

    def read(self, row: dict) -> np.ndarray:
        """The photo as RGB uint8 (H, W, 3). Raises UnreadableImage or OSError where it changed since it was listed."""
        if row["shard"]:
            return images.decode_photo(self._shards.read(row["shard"], row["offset"], row["size"]))
        return images.decode_photo((self._root / row["path"]).read_bytes())
