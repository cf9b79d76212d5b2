"""The packaged photographs as a network gets them: with ground truth from a portrait, without from small photographs.

The portrait is the astronaut's, cut and degraded as the network's own test set would be. lfw_subset's photographs are poor
already, of 25 px, each a face's square as it is: aligned as FFHQ, half of it would be reflection.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from pipeline.degrade.draw import Record, draw
from pipeline.degrade.eq28 import degrade
from pipeline.faces.detect import Detector, Face, detect_scaled, make_detector
from pipeline.faces.square import ffhq_quad, quad_side, square_around
from pipeline.images import pixels
from pipeline.infer.trained import Weights
from pipeline.params.data import CropParams
from pipeline.params.degrade import RealDegradation
from pipeline.photos import packaged
from pipeline.resize.cut import cut_face
from pipeline.store import images
from pipeline.store.landmarks import LANDMARK_COLUMNS

PORTRAIT, *SMALL = packaged.names()
SHOWN = 2  # small photographs: the first in which a face is found
DRAWS = 3  # of Eq. (28), in the paper's ranges: the first of this seed, not chosen by their looks
EQ28 = RealDegradation(kind="eq28", seed=0)
# How each task's sets are cut, in every profile.
CROPS = {"x8": CropParams(mode="box"), "blind": CropParams(mode="ffhq")}
INTERPOLATIONS = {"x8": "bicubic", "blind": "bilinear"}


@dataclass(frozen=True)
class GivenFace:
    """A face for a network. name, done, lr, original: as `store.examples.Example` has them. has_hr: whether `original` is
    the ground truth."""

    name: str
    done: str
    lr: np.ndarray
    original: np.ndarray
    has_hr: bool


def given_faces(weights: Weights) -> list[GivenFace]:
    """All that a network is shown, those with ground truth first."""
    return [*portraits(weights), *small_photographs(weights)]


def portraits(weights: Weights) -> list[GivenFace]:
    """The portrait with its ground truth: shrunk bicubically for the task x8 (Sec. 4.2), by draws of Eq. (28) for blind."""
    hr, side_px = _portrait(weights.task, weights.size_px)
    cut = f"{side_px:.0f} px in the photograph, brought to {weights.size_px} px"
    if weights.lr_px is not None:
        lr = pixels.resize(hr, weights.lr_px, "bicubic")
        return [GivenFace(PORTRAIT, f"{cut}, shrunk to {weights.lr_px} px", lr, hr, True)]
    found = []
    for number in range(DRAWS):
        record = draw(EQ28, PORTRAIT, weights.size_px, number)
        name, lr = f"{PORTRAIT}, draw {number} of seed {EQ28.seed}", images.decode(degrade(hr, record))
        found.append(GivenFace(name, f"{cut}; {_told(record)}", lr, hr, True))
    return found


def small_photographs(weights: Weights) -> list[GivenFace]:
    """The small photographs: shrunk to the network's input for the task x8, as they are for blind."""
    found = []
    for name, photo in islice(_with_a_face(CROPS[weights.task]), SHOWN):
        side_px = photo.shape[0]
        if weights.lr_px is None:
            found.append(GivenFace(name, f"{side_px} px", photo, photo, False))
        else:
            lr = pixels.resize(photo, weights.lr_px, "bicubic")
            found.append(GivenFace(name, f"{side_px} px, shrunk to {weights.lr_px} px", lr, photo, False))
    return found


def _portrait(task: str, size_px: int) -> tuple[np.ndarray, float]:
    """The portrait's face as RGB uint8 (size_px, size_px, 3), and its side in the photograph."""
    photo, crop = packaged.photo(PORTRAIT), CROPS[task]
    face = _faces(_detector(crop), photo, crop)[0]
    if crop.mode == "ffhq":
        row = dict(zip(LANDMARK_COLUMNS, face.landmarks.reshape(-1), strict=True))
        side_px = quad_side(ffhq_quad(face.landmarks))
    else:
        row = dict(zip(("left", "top", "side"), square_around(face.box, crop.margin, *photo.shape[1::-1]), strict=True))
        side_px = row["side"]
    return cut_face(photo, row | {"mode": crop.mode}, size_px, INTERPOLATIONS[task]), side_px


def _with_a_face(crop: CropParams) -> Iterator[tuple[str, np.ndarray]]:
    detector = _detector(crop)
    for name in SMALL:
        photo = packaged.photo(name)
        if _faces(detector, photo, crop):
            yield name, photo


def _detector(crop: CropParams) -> Detector:
    return make_detector(crop.detector, crop.min_face_px, crop.min_score, None)


def _faces(detector: Detector, photo: np.ndarray, crop: CropParams) -> list[Face]:
    return detect_scaled(detector, photo, crop.detect_side_px, crop.detect_max_side_px)


def _told(record: Record) -> str:
    """A draw of Eq. (28) in words."""
    blur = f"{record.kind} blur of {record.r:.3g} px"
    noise = f"noise of {record.noise_level:.1f} grey levels"
    return f"{blur}, shrunk to {record.lr_side_px} px, {noise}, JPEG of quality {record.quality}"
