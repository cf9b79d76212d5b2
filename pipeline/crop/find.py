"""Where the faces are in a photo. The pixels are cut by the resize stage, so no intermediate image is stored.

One row per face found, or one for a photo without a face. Beside where the photo lies (`photos.PLACE_COLUMNS`):

    photo        key of the photo in ingest's manifest; the row's own key is the same, or <photo>#<face>
    face         number of the face in its photo, by falling area of its box; -1: none
    faces_found  in the photo; -1: nobody looked (mode none, an unreadable photo)
    score, box_x ... box_height, left_eye_x ... mouth_right_y    in pixels of the photo; NaN: none
    mode         how the face is cut: box, ffhq, or none (the photo's central square)
    side, left, top    of the square that is cut, in pixels; left and top are -1 for ffhq
    face_side    side of the square around the box, whatever is cut; the photo's shorter side where there is no box
    sharpness, phash   `pipeline.crop.measure`, of the faces that go on
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from pipeline.crop import measure
from pipeline.crop.given import given_faces
from pipeline.faces import square
from pipeline.faces.detect import Detector, Face, detect_scaled, largest_first, make_detector
from pipeline.faces.search import make_search
from pipeline.faces.square import ffhq_quad, quad_inside, quad_side, square_around
from pipeline.params.data import CropParams
from pipeline.photos.reader import PLACE_COLUMNS, PhotoReader
from pipeline.store import images
from pipeline.store.landmarks import BOX_COLUMNS, LANDMARK_COLUMNS
from pipeline.store.manifest import count, kept, rejected

NOT_LOOKED = -1  # faces_found where no detector looked
_NO_FACE = {
    "photo": "",
    "face": -1,
    "faces_found": NOT_LOOKED,
    **dict.fromkeys(("score", *BOX_COLUMNS, *LANDMARK_COLUMNS), math.nan),
    "mode": "none",
    "side": math.nan,
    "left": -1,
    "top": -1,
    "face_side": math.nan,
    "sharpness": math.nan,
    "phash": "",
}


def chosen(faces: list[Face], rule: str, width: int, height: int) -> set[int]:
    """Which of the faces, largest box first, go on: all, or the number of the largest or the most central one.

    Paper silent on several faces in a photo: we take the largest by default, as the aligned releases do.
    """
    if rule == "all":
        return set(range(len(faces)))
    if rule == "largest":
        return {0}

    def off_centre(number: int) -> float:
        x, y, box_width, box_height = faces[number].box
        return math.hypot(x + box_width / 2 - width / 2, y + box_height / 2 - height / 2)

    return {min(range(len(faces)), key=off_centre)}


def ambiguous(keys: Iterable[str]) -> frozenset[str]:
    """The keys that read like a further face of another photo, e.g. "a.jpg#1"."""
    return frozenset(key for key in keys if re.search(r"#\d+$", key))


@dataclass(frozen=True)
class FindFaces:
    """Finds the faces of each photo of a unit; rows as this module's first lines say.

    root, ingested: where the photos lie. yunet: where that detector's file lies. avoid: keys that no face may get, being
    photos' (`ambiguous`). With the detector `given`, rows carry their boxes (`given.with_given`).
    """

    root: Path
    ingested: Path
    params: CropParams
    yunet: Path | None = None
    avoid: frozenset[str] = frozenset()

    def __call__(self, unit: dict) -> list[dict]:
        cv2.setNumThreads(1)  # workers are the unit of parallelism
        detector = None
        if self.params.mode != "none" and self.params.detector != "given":
            detector = _detector(self.params, self.yunet)
        with PhotoReader(self.root, self.ingested) as photos:
            return [made for row in unit["rows"] for made in self._rows(photos, detector, row)]

    def _rows(self, photos: PhotoReader, detector: Detector | None, row: dict) -> list[dict]:
        key = row["key"]
        columns = {name: row[name] for name in PLACE_COLUMNS} | _NO_FACE | {"photo": key}
        try:
            photo = photos.read(row)
            grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
            if self.params.mode == "none":
                return [kept(key, **columns | _whole(grey))]
            faces = self._faces(detector, photo, row)
            columns["faces_found"] = len(faces)
            if faces:
                return self._face_rows(grey, faces, key, columns)
            if self.params.detector == "given":
                return [rejected(key, "no given box", "the boxes name no face in it", **columns)]
            return [kept(key, **columns | _whole(grey))]
        except images.UnreadableImage as error:
            return [rejected(key, "unreadable", str(error), **columns)]
        except OSError as error:
            return [rejected(key, "changed", f"there at ingest, not any more: {error}", **columns)]
        except Exception as error:
            # Whatever it is: one strange photo must not cost the other 200,000. It is recorded, not swallowed.
            return [rejected(key, "failed", f"{type(error).__name__}: {error}", **columns)]

    def _faces(self, detector: Detector | None, photo: np.ndarray, row: dict) -> list[Face]:
        if detector is None:
            return given_faces(row)
        if self.params.search == "deep":
            return largest_first(detector.detect(photo))
        return detect_scaled(detector, photo, self.params.detect_side_px, self.params.detect_max_side_px)

    def _face_rows(self, grey: np.ndarray, faces: list[Face], photo: str, columns: dict) -> list[dict]:
        height, width = grey.shape
        rule = self.params.faces
        go_on = chosen(faces, rule, width, height)
        rows = []
        for number, face in enumerate(faces):
            goes_on = number in go_on
            key = photo if goes_on and rule != "all" else self._key(photo, number)
            found = columns | {"face": number, "score": face.score}
            found |= dict(zip(BOX_COLUMNS, face.box, strict=True))
            found |= dict(zip(LANDMARK_COLUMNS, map(float, face.landmarks.reshape(-1)), strict=True))
            try:
                found |= self._square(grey, face, measured=goes_on)
            except ValueError as error:  # landmarks that coincide, a box outside the photo: of this face alone
                rows.append(rejected(key, "failed", str(error), **found))
                continue
            not_taken = "not the largest" if rule == "largest" else "not the most central"
            detail = f"face {number + 1} of {len(faces)} by size"
            rows.append(kept(key, **found) if goes_on else rejected(key, not_taken, detail, **found))
        return rows

    def _key(self, photo: str, number: int) -> str:
        key = f"{photo}#{number}"
        while key in self.avoid:
            key = f"{photo}#{key.removeprefix(photo)}"
        return key

    def _square(self, grey: np.ndarray, face: Face, measured: bool) -> dict:
        height, width = grey.shape
        x, y, box_width, box_height = face.box
        if x >= width or y >= height or x + box_width <= 0 or y + box_height <= 0:
            raise ValueError(f"the box {face.box} lies outside the photo of {width}x{height} px")
        left, top, side = square_around(face.box, self.params.margin, width, height)
        columns = {"mode": self.params.mode, "face_side": float(side)}
        if self.params.mode == "ffhq":
            quad = quad_inside(ffhq_quad(face.landmarks), width, height)
            columns |= {"side": quad_side(quad)}
        else:
            columns |= {"side": float(side), "left": left, "top": top}
        if measured:
            columns["sharpness"] = measure.sharpness(grey, left, top, side)
            columns["phash"] = measure.perceptual_hash(grey, _hashed(face, width, height, left, top, side))
        return columns


def count_photos(frame: pd.DataFrame) -> dict:
    """The stage's counts, in photos, and its faces: in = kept + rejected; a photo is kept where any row of it is, and counts
    by the reason of its first row otherwise.
    """
    if frame.empty:
        return count(frame) | {"faces": {"found": 0, "kept": 0}}
    first = frame.drop_duplicates("photo")
    first = first.assign(kept=frame.groupby("photo", sort=False)["kept"].any().to_numpy())
    found = frame["face"] >= 0
    return count(first) | {"faces": {"found": int(found.sum()), "kept": int((found & frame["kept"]).sum())}}


def _whole(grey: np.ndarray) -> dict:
    """The columns of a photo that is cut as its central square."""
    height, width = grey.shape
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    # An aligned photo: hashed where FFHQ's square of a face found in it would be.
    quad = measure.inner(square.square_corners(left, top, side))
    return {
        "side": float(side),
        "left": left,
        "top": top,
        "face_side": float(side),
        "sharpness": measure.sharpness(grey, left, top, side),
        "phash": measure.perceptual_hash(grey, quad),
    }


def _hashed(face: Face, width: int, height: int, left: int, top: int, side: int) -> np.ndarray:
    try:
        return measure.inner(quad_inside(ffhq_quad(face.landmarks), width, height))
    except ValueError:  # no landmarks, or no square from them: what is cut instead
        return square.square_corners(left, top, side)


@lru_cache(maxsize=1)
def _detector(params: CropParams, yunet: Path | None) -> Detector:
    # Loading the networks takes longer than a photo: once per process.
    asked = params.detector, params.min_face_px, params.min_score, yunet
    if params.search == "deep":
        return make_search(*asked, params.detect_side_px, params.detect_max_side_px)
    return make_detector(*asked)
