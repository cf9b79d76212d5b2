"""Boxes that the user's sources name instead of a detector: what makes crops reproducible without one."""

import math
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.faces.detect import Face
from pipeline.store import paths
from pipeline.store.landmarks import BOX_COLUMNS, LANDMARK_COLUMNS, BoxesError, landmarks_of


def with_given(photos: list[dict], ingested: Path, landmarks_needed: bool) -> list[dict]:
    """The photos' rows, each with its boxes as the column `given`: a list of dicts of numbers, empty where there is none.

    They travel with the photo, so that no worker reads the file. Raises BoxesError where ingest wrote no boxes, or where
    landmarks are needed and a box comes without.
    """
    path = ingested / paths.BOXES
    if not path.is_file():
        raise BoxesError(
            f"crop.detector is given, but {path} is missing: name a file under `boxes` of a source, or take another detector"
        )
    frame = pd.read_parquet(path)
    frame = frame.reindex(columns=["key", *BOX_COLUMNS, "score", *LANDMARK_COLUMNS]).dropna(subset=BOX_COLUMNS)
    bare = frame[frame[list(LANDMARK_COLUMNS)].isna().any(axis=1)]
    if landmarks_needed and len(bare):
        raise BoxesError(
            f"crop.mode is ffhq, which needs five landmarks, but {len(bare)} of {len(frame)} boxes of {path} come without; "
            f"first: {bare['key'].iloc[0]!r}. Give {', '.join(LANDMARK_COLUMNS)}, or take the mode box"
        )
    boxes: dict[str, list[dict]] = {}
    for row in frame.to_dict("records"):
        boxes.setdefault(row.pop("key"), []).append(row)
    return [photo | {"given": boxes.get(photo["key"], [])} for photo in photos]


def given_faces(row: dict) -> list[Face]:
    """The faces of a row that `with_given` made, largest box first."""
    faces = [_face(numbers) for numbers in row["given"]]
    return sorted(faces, key=lambda face: -face.box[2] * face.box[3])


def _face(numbers: dict) -> Face:
    box = tuple(float(numbers[name]) for name in BOX_COLUMNS)
    if not (all(map(math.isfinite, box)) and min(box[2:]) > 0):
        raise ValueError(f"the given box {box} has no area")
    landmarks = landmarks_of(numbers)
    if not np.isfinite(landmarks).all():
        landmarks = np.full((5, 2), np.nan)
    return Face(box, landmarks, float(numbers["score"]))
