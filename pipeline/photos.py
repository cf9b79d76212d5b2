"""The photos of an ingest manifest, opened again."""

from pathlib import Path

import numpy as np

from pipeline import images
from pipeline.shards import ShardReader

# Where a photo lies and what it is: what every later stage carries beside the key.
PLACE_COLUMNS = ("kind", "number", "path", "member", "shard", "offset", "size", "sha256", "width", "height")


class PhotoReader:
    """Opens the photos of an ingest manifest again: files below `root`, the others from the shards in `ingested`."""

    def __init__(self, root: Path, ingested: Path):
        self._root = root
        self._shards = ShardReader(ingested)

    def read(self, row: dict) -> np.ndarray:
        """The photo as RGB uint8 (H, W, 3). Raises UnreadableImage or OSError where it changed since it was listed."""
        return images.decode_photo(self.read_bytes(row))

    def read_bytes(self, row: dict) -> bytes:
        """The photo's bytes. Raises OSError where it changed since it was listed."""
        if row["shard"]:
            return self._shards.read(row["shard"], row["offset"], row["size"])
        return (self._root / row["path"]).read_bytes()

    def __enter__(self) -> "PhotoReader":
        return self

    def __exit__(self, *exc) -> None:
        self._shards.close()
