"""Measures restored images: each against its HR image, and whole sets where there is none."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from pipeline.evaluate.instruments import Instruments
from pipeline.evaluate.reference import read_features, read_landmarks
from pipeline.images.pairs import Pairs
from pipeline.metrics.conventions import CONVENTIONS, measure
from pipeline.metrics.frechet import frechet_features
from pipeline.metrics.kid import kid
from pipeline.metrics.landmarks import landmark_distance
from pipeline.store import paths

HEADLINE = ("psnr_y", "ssim_y", "lpips_alex", "lpips_vgg", "landmark_distance", "faces_found")
OTHERS = tuple(name for name in CONVENTIONS if name != "y")
COLUMNS = (*HEADLINE, *(f"{metric}_{name}" for name in OTHERS for metric in ("psnr", "ssim")))


class Scorer:
    """Measures the restored images of one test set. absent: metric -> why it could not be measured."""

    def __init__(self, key: str, pairs: Pairs, instruments: Instruments):
        self.absent: dict[str, str] = {}
        self._pairs, self._instruments = pairs, instruments
        self._landmarks = read_landmarks(key)
        self._conventions = ("y", *OTHERS) if instruments.conventions else ("y",)

    def of_images(self, first: int, sr: np.ndarray) -> list[dict]:
        """The values of each image of a batch, uint8 (N, H, W, 3), whose first is number `first` of the set.

        Without ground truth only whether a face is found in it.
        """
        rows = [{"key": self._pairs.row(first + number)["key"]} for number in range(len(sr))]
        if self._pairs.has_hr:
            hr = np.stack([self._pairs.hr(first + number) for number in range(len(sr))])
            for row, a, b in zip(rows, sr, hr, strict=True):
                row |= measure(a, b, self._conventions)
            for metric, distance in self._instruments.lpips.items():
                for row, value in zip(rows, distance(sr, hr), strict=True):
                    row[metric] = value
        if self._instruments.find_landmarks:
            for row, image in zip(rows, sr, strict=True):
                row |= self._landmark_values(row["key"], image)
        return rows

    def of_set(self, open_images: Callable[[], Iterator[np.ndarray]]) -> dict[str, float]:
        """Distances of a whole set without ground truth to the HR images of the reference set (Sec. 4.4).

        open_images: makes an iterator over the restored images, once for each feature network.
        """
        found = {}
        for network, extract in self._instruments.features.items():
            metrics = [metric for metric, of in self._instruments.set_metrics.items() if of == network]
            reference = read_features(paths.REFERENCE_SET, network)
            if reference is None:
                self.absent |= dict.fromkeys(metrics, f"the reference set {paths.REFERENCE_SET} holds no image")
                continue
            found |= self._distances(metrics, extract(open_images()), reference)
        return found

    def _distances(self, metrics: Iterable[str], features: np.ndarray, reference: np.ndarray) -> dict[str, float]:
        found = {}
        try:
            for metric in metrics:
                if metric.startswith("kid"):
                    distance = kid(features, reference)
                    found |= {metric: distance.mean, f"{metric}_std": distance.std}
                else:
                    found[metric] = frechet_features(features, reference)
        except ValueError as error:  # too few images on a side
            self.absent |= {metric: str(error) for metric in metrics if metric not in found}
        return found

    def _landmark_values(self, key: str, image: np.ndarray) -> dict[str, float]:
        """Whether a face is found, and how far its landmarks are from HR's; NaN where HR itself shows the detector none."""
        if not self._pairs.has_hr:
            return {"faces_found": float(self._instruments.find_landmarks(image) is not None)}
        of_hr = self._landmarks[key]
        if of_hr is None:
            return {"landmark_distance": np.nan, "faces_found": np.nan}
        of_sr = self._instruments.find_landmarks(image)
        distance = np.nan if of_sr is None else landmark_distance(of_sr, of_hr)
        return {"landmark_distance": distance, "faces_found": float(of_sr is not None)}
