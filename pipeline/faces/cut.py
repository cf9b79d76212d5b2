"""Cuts the faces that the filter kept out of their photos and brings them to the set's size."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline import images
from pipeline.faces.align import align
from pipeline.faces.landmarks import landmarks_of
from pipeline.manifest import kept, rejected
from pipeline.params import ResizeParams
from pipeline.photos import PhotoReader
from pipeline.shards import ShardWriter


def cut_face(photo: np.ndarray, row: dict, size_px: int, interpolation: str) -> np.ndarray:
    """The face of a crop row as RGB uint8 (size_px, size_px, 3): a square crop, or FFHQ's alignment where left is -1."""
    if row["left"] < 0:
        return align(photo, landmarks_of(row), size_px, interpolation)
    left, top, side = int(row["left"]), int(row["top"]), int(row["side"])
    return images.resize(photo[top : top + side, left : left + side], size_px, interpolation)


@dataclass(frozen=True)
class ResizeTask:
    """Writes the faces of one unit as PNG into its shard.

    root, ingested: where the photos lie. out: where shards go.
    """

    root: Path
    ingested: Path
    out: Path
    params: ResizeParams

    def __call__(self, unit: dict) -> list[dict]:
        photos = PhotoReader(self.root, self.ingested)
        rows = []
        with ShardWriter(self.out / unit["shard"]) as shard:
            for number, row in enumerate(unit["rows"]):
                source_side = {"source_side": row["side"]}
                try:
                    photo = photos.read(row)
                except (images.UnreadableImage, OSError) as error:
                    nowhere = {"shard": "", "offset": -1, "size": -1, "sha256": ""}
                    rows.append(rejected(row["key"], "changed", str(error), **nowhere, **source_side))
                    continue
                face = cut_face(photo, row, self.params.size_px, self.params.interpolation)
                place = shard.add(f"{number:06d}.png", images.encode_png(face))
                rows.append(kept(row["key"], **place, **source_side))
        return rows
