"""Cuts the faces that the filter kept out of their photos and brings them to the set's size."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from pipeline.faces.square import ffhq_quad
from pipeline.images import pixels
from pipeline.params.data import ResizeParams
from pipeline.photos.reader import PhotoReader
from pipeline.resize.align import align
from pipeline.store import images
from pipeline.store.landmarks import LANDMARK_COLUMNS, landmarks_of
from pipeline.store.manifest import kept, rejected
from pipeline.store.shards import ShardWriter

_NOWHERE = {"shard": "", "offset": -1, "size": -1, "sha256": ""}
_NO_LANDMARKS = dict.fromkeys(LANDMARK_COLUMNS, float("nan"))


def cut_face(photo: np.ndarray, row: dict, size_px: int, interpolation: str) -> np.ndarray:
    """The face of a crop row as RGB uint8 (size_px, size_px, 3): FFHQ's alignment, or the square that the row names."""
    if row["mode"] == "ffhq":
        return align(photo, landmarks_of(row), size_px, interpolation)
    left, top, side = int(row["left"]), int(row["top"]), int(row["side"])
    return pixels.resize(photo[top : top + side, left : left + side], size_px, interpolation)


def cut_landmarks(row: dict, size_px: int) -> np.ndarray:
    """The landmarks of a crop row in the face that `cut_face` makes of it, float64 (5, 2) in pixels.

    NaN where there are none. Pixel i reaches from i to i + 1.
    """
    points = landmarks_of(row)
    if row["mode"] == "ffhq":
        top_left, _, _, top_right = ffhq_quad(points)
        x = (top_right - top_left) / np.square(top_right - top_left).sum()  # a square: y is x turned by 90 degrees
        return (points - top_left) @ np.stack([x, [-x[1], x[0]]]).T * size_px
    # Landmarks name centres of pixels.
    return (points + 0.5 - (int(row["left"]), int(row["top"]))) * (size_px / int(row["side"]))


class FaceReader:
    """Cuts faces out of photos; the last photo stays decoded, since the faces of a photo stand next to each other."""

    def __init__(self, photos: PhotoReader):
        self._photos = photos
        self._key, self._photo = None, None

    def read(self, row: dict, size_px: int, interpolation: str) -> np.ndarray:
        """`cut_face` of a crop row. Raises UnreadableImage or OSError where its photo changed."""
        if row["photo"] != self._key:
            self._photo = self._photos.read(row)
            self._key = row["photo"]
        return cut_face(self._photo, row, size_px, interpolation)


@dataclass(frozen=True)
class CutFaces:
    """Writes the faces of one unit as PNG into its shard.

    root, ingested: where the photos lie. out: where shards go. Rows carry the landmarks in pixels of what is written.
    """

    root: Path
    ingested: Path
    out: Path
    params: ResizeParams

    def __call__(self, unit: dict) -> list[dict]:
        cv2.setNumThreads(1)  # workers are the unit of parallelism
        rows = []
        with PhotoReader(self.root, self.ingested) as photos, ShardWriter(self.out / unit["shard"]) as shard:
            faces = FaceReader(photos)
            for number, row in enumerate(unit["rows"]):
                columns = {"photo": row["photo"], "source": row["kind"], **_NOWHERE, "source_side": row["side"]}
                png = self._png(faces, row)
                if isinstance(png, bytes):
                    points = cut_landmarks(row, self.params.size_px).reshape(-1).tolist()
                    columns |= dict(zip(LANDMARK_COLUMNS, points, strict=True))
                    rows.append(kept(row["key"], **columns | shard.add(f"{number:06d}.png", png)))
                else:
                    reason, detail = png
                    rows.append(rejected(row["key"], reason, detail, **columns | _NO_LANDMARKS))
        return rows

    def _png(self, faces: FaceReader, row: dict) -> bytes | tuple[str, str]:
        """The face as PNG, or why there is none: reason and detail."""
        try:
            return images.encode_png(faces.read(row, self.params.size_px, self.params.interpolation))
        except (images.UnreadableImage, OSError) as error:
            return "changed", f"readable at crop, not any more: {error}"
        except Exception as error:
            # Whatever it is: one strange photo must not cost the other 200,000. It is recorded, not swallowed.
            return "failed", f"{type(error).__name__}: {error}"
