"""Where the face is in a photo. The pixels are cut by the resize stage, so no intermediate image is stored.

A row that is kept carries, in pixels of the photo: the detected box (box_x, box_y, box_width, box_height), the five
landmarks (left_eye_x ... mouth_right_y), the detector's score, the number of faces found, and what the next stages use: the
crop's side and, for a square crop, its left and top.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from pipeline import images
from pipeline.faces.align import ffhq_quad, quad_side
from pipeline.faces.detect import Detector, Face, MTCNNDetector
from pipeline.faces.landmarks import LANDMARK_COLUMNS
from pipeline.manifest import kept, rejected
from pipeline.params import CropParams
from pipeline.photos import PhotoReader

PHOTO_COLUMNS = ("path", "shard", "offset", "size", "width", "height")


def square_around(
    box: tuple[float, float, float, float], margin: float, width: int, height: int
) -> tuple[int, int, int]:
    """(left, top, side) of the square crop around a box (x, y, width, height), whole pixels, inside the photo.

    side = margin x the box's longer side, rounded up, at most the photo's shorter side; centred on the box, then shifted
    inside. Rounded up, since a side of 128.4 px is "greater than 128" (Sec. 4.3.1) and the cut face must be so too.
    Paper silent on the margin: we take 1.2, which keeps the share of CelebA that the paper keeps (Sec. 4.3.1).
    """
    x, y, box_width, box_height = box
    # The small amount keeps 1.2 x 110 = 132.00000000000003 from becoming 133.
    side = min(math.ceil(margin * max(box_width, box_height) - 1e-9), width, height)
    left = round(x + box_width / 2 - side / 2)
    top = round(y + box_height / 2 - side / 2)
    return min(max(left, 0), width - side), min(max(top, 0), height - side), side


def detect_enlarged(detector: Detector, photo: np.ndarray, min_side_px: int) -> list[Face]:
    """Detect in the photo, enlarged first (bicubic, whole factor) where its shorter side is below `min_side_px`.

    Detectors are trained on larger faces than the 25 px crops that old photos and surveillance give. Coordinates returned
    are those of the photo itself.
    """
    factor = -(-min_side_px // min(photo.shape[:2]))
    if factor <= 1:
        return detector.detect(photo)
    size = (photo.shape[1] * factor, photo.shape[0] * factor)
    enlarged = np.asarray(images.Image.fromarray(photo).resize(size, images.RESAMPLING["bicubic"]))
    return [
        Face(box=tuple(v / factor for v in face.box), landmarks=face.landmarks / factor, score=face.score)
        for face in detector.detect(enlarged)
    ]


@dataclass(frozen=True)
class CropTask:
    """Finds the largest face of each photo of a unit.

    root, ingested: where the photos lie. Paper silent on several faces in a photo: we take the largest, as the aligned
    releases do.
    """

    root: Path
    ingested: Path
    params: CropParams

    def __call__(self, unit: dict) -> list[dict]:
        photos = PhotoReader(self.root, self.ingested)
        return [self._row(photos, row) for row in unit["rows"]]

    def _row(self, photos: PhotoReader, row: dict) -> dict:
        place = {name: row[name] for name in PHOTO_COLUMNS} | _no_face()
        if self.params.mode == "none":
            side = min(row["width"], row["height"])
            left, top = (row["width"] - side) // 2, (row["height"] - side) // 2
            return kept(row["key"], **place | {"side": float(side), "left": left, "top": top})
        try:
            photo = photos.read(row)
        except (images.UnreadableImage, OSError) as error:
            return rejected(row["key"], "changed", f"readable at ingest, not any more: {error}", **place)
        faces = detect_enlarged(_detector(self.params.min_face_px), photo, self.params.detect_side_px)
        sure = [face for face in faces if face.score >= self.params.min_score]
        place["faces_found"] = len(sure)
        if not sure:
            best = f"best score {max(face.score for face in faces):.3f}" if faces else ""
            return rejected(row["key"], "low score" if faces else "no face", best, **place)
        return kept(row["key"], **place | self._crop(sure[0], row["width"], row["height"]))

    def _crop(self, face: Face, width: int, height: int) -> dict:
        columns = {"score": face.score}
        columns |= dict(zip(("box_x", "box_y", "box_width", "box_height"), face.box, strict=True))
        columns |= dict(zip(LANDMARK_COLUMNS, map(float, face.landmarks.reshape(-1)), strict=True))
        if self.params.mode == "ffhq":
            return columns | {"side": float(quad_side(ffhq_quad(face.landmarks)))}
        left, top, side = square_around(face.box, self.params.margin, width, height)
        return columns | {"side": float(side), "left": left, "top": top}


def _no_face() -> dict:
    numbers = ("score", "box_x", "box_y", "box_width", "box_height", *LANDMARK_COLUMNS, "side")
    return dict.fromkeys(numbers, float("nan")) | {"faces_found": 0, "left": -1, "top": -1}


@lru_cache(maxsize=1)
def _detector(min_face_px: int) -> Detector:
    # Loading the three networks takes longer than a photo: once per process.
    return MTCNNDetector(min_face_px)
