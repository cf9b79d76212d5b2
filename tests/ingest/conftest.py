"""Small trees of small images, and ingest from listing to manifest."""

import numpy as np
import pytest
from PIL import Image

from pipeline.ingest.listing import list_photos
from pipeline.ingest.read import ReadPhotos, copy_compressed
from pipeline.photos.reader import PhotoReader
from pipeline.store.manifest import read_manifest, write_manifest


class Ingested:
    """What ingest made of a folder: its manifest as `frame` (index: key), its notes, and a reader of its photos."""

    def __init__(self, root, out, sources, shard="00000.tar"):
        listing = list_photos(root, sources)
        photos = copy_compressed(root, listing.photos, out)
        rows, seen = listing.in_order(ReadPhotos(root, out)({"shard": shard, "first": 0, "rows": photos}))
        write_manifest(out, rows, seen)
        self.notes = listing.notes
        table = read_manifest(out)
        self.rows = table.to_dict("records")
        self.frame = table.set_index("key") if self.rows else None
        self._places = root, out

    @property
    def keys(self):
        return [row["key"] for row in self.rows]

    @property
    def kept(self):
        return [row["key"] for row in self.rows if row["kept"]]

    @property
    def rejected(self):
        """Key -> reason of what was not taken."""
        return {row["key"]: row["reason"] for row in self.rows if not row["kept"]}

    def detail(self, key):
        return self.frame.loc[key, "detail"]

    def read(self, key):
        with PhotoReader(*self._places) as reader:
            return reader.read(next(row for row in self.rows if row["key"] == key))


@pytest.fixture
def ingest(tmp_path):
    """A function of a root and sources -> Ingested. Every photo kept must open again as what the manifest says."""
    calls = []

    def run(root, *sources, damaged=()):
        calls.append(root)
        made = Ingested(root, tmp_path / f"out_{len(calls)}", list(sources))
        for row in made.rows:
            if row["kept"] and row["key"] not in damaged:
                assert made.read(row["key"]).shape == (row["height"], row["width"], 3)
        return made

    return run


@pytest.fixture
def photo():
    """A function that writes a small image of random pixels, different for each seed, and returns its pixels."""

    def write(path, seed=0, size=(24, 20), **options):
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path, **options)
        return pixels

    return write
