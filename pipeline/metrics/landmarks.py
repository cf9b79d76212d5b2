"""Landmark distance: how far a restored face's landmarks lie from those of its ground truth.

Not in the paper; DIC, which it compares itself with, reports it as normalised mean error (NME).
"""

import numpy as np

from pipeline.faces.detect import Detector, MTCNNDetector, detect_scaled
from pipeline.store.landmarks import LANDMARKS

SIDE_PX = 256  # every picture is shown to the detector at this size
MIN_FACE_PX = 40  # at that size; whole faces fill more than half of it


class LandmarkFinder:
    """The five landmarks of the largest face in a picture, by the detector that crops the photos.

    detector: another than MTCNN; built once and used for all pictures. Building MTCNN sets OpenCV to one thread.

    Settings, measured on 336 faces at 128 px (CelebA and Helen cropped at margin 1.2, FFHQ, CelebA-HQ) and on 67 at 512 px
    (CelebA-HQ): a face is found in all of them, in 330 of the bicubic enlargements from 16 to 128 px, in all from 32 to
    512 px. A replicated border around the picture does not help. A picture takes 12 to 14 ms of one CPU core at either
    size, being seen at 256 px. Bicubic lies 0.077 to 0.108 off at 128 px, by set, and 0.037 at 512 px. The detector's own
    uncertainty is 0.032 to 0.037: that far, on average, a face's landmarks lie from those of its mirror image turned back.
    """

    def __init__(self, detector: Detector | None = None):
        self._detector = detector if detector is not None else MTCNNDetector(MIN_FACE_PX)

    def find(self, image: np.ndarray) -> np.ndarray | None:
        """Landmarks of an (H, W, 3) uint8 RGB picture in its own pixels, float64 (5, 2) in the order of `LANDMARKS`.

        None where no face is found. ValueError on other arrays.
        """
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise ValueError(f"picture of shape {image.shape}, dtype {image.dtype}; (H, W, 3) uint8 RGB is needed")
        faces = detect_scaled(self._detector, image, SIDE_PX, SIDE_PX)
        return faces[0].landmarks if faces else None


def landmark_distance(sr_points: np.ndarray, hr_points: np.ndarray) -> float:
    """Mean Euclidean distance between five landmarks and the ground truth's, over the ground truth's eye distance.

    Takes two (5, 2) arrays in the order of `LANDMARKS`, in pixels of pictures of one size; 0 is best, without a unit.
    ValueError on other shapes, values that are not finite, and ground truth whose eyes coincide.
    The inter-ocular NME of five points as in DIC's published code (Maclory/Deep-Iterative-Collaboration,
    code/utils/util.py, calc_nme).
    """
    sr_points, hr_points = (np.asarray(points, dtype=np.float64) for points in (sr_points, hr_points))
    wanted = (len(LANDMARKS), 2)
    if sr_points.shape != wanted or hr_points.shape != wanted:
        raise ValueError(f"landmarks of shapes {sr_points.shape} and {hr_points.shape}; {wanted} each is needed")
    if not (np.isfinite(sr_points).all() and np.isfinite(hr_points).all()):
        raise ValueError("landmarks hold a value that is not finite")
    eyes = np.linalg.norm(hr_points[LANDMARKS.index("left_eye")] - hr_points[LANDMARKS.index("right_eye")])
    if eyes == 0:
        raise ValueError("the ground truth's eyes lie in one point; their distance cannot be a measure")
    return float(np.linalg.norm(sr_points - hr_points, axis=1).mean() / eyes)
