"""What metrics look through: LPIPS, the landmark detector, feature networks; made once, where their weights are there."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch

from pipeline.params.stages import EvaluateParams
from pipeline.store import paths
from pipeline.store.pretrained import PretrainedMissing, weights_path

WEIGHTS = paths.PRETRAINED / "metrics"
LPIPS_WEIGHTS = {"lpips_alex": "alexnet", "lpips_vgg": "vgg16"}
# Metrics of whole sets -> the network whose features they compare.
SET_METRICS = {"fid_inception": "inception", "kid_inception": "inception", "frechet_vgg16": "vgg16"}

# Images, RGB uint8 (H, W, 3) -> features (N, D).
Extract = Callable[[Iterable[np.ndarray]], np.ndarray]


class Instruments:
    """What the metrics of params need, as far as it can be had. absent: metric -> why it cannot be computed.

    lpips: metric -> distances of two uint8 batches (N, H, W, 3). find_landmarks: image -> (5, 2) or None; None where nobody
    asked. features: network -> features of images. set_metrics: those of SET_METRICS that can be computed.
    """

    def __init__(self, params: EvaluateParams, device: torch.device):
        self.absent: dict[str, str] = {}
        self.conventions = "conventions" in params.metrics
        self.lpips = {}
        for metric, network in LPIPS_WEIGHTS.items():
            if metric in params.metrics and (path := self._weights(metric, network)):
                from pipeline.metrics.lpips import LPIPSMetric

                self.lpips[metric] = LPIPSMetric(metric.removeprefix("lpips_"), path, str(device))
        self.find_landmarks = None
        if "landmarks" in params.metrics:
            from pipeline.metrics.landmarks import LandmarkFinder

            self.find_landmarks = LandmarkFinder().find
        self.set_metrics = {}
        self.features: dict[str, Extract] = {}
        for metric, network in SET_METRICS.items():
            if metric in params.metrics and (path := self._weights(metric, network)):
                self.set_metrics[metric] = network
                self.features[network] = _extractor(network, path, device, params.batch_size)

    def _weights(self, metric: str, name: str) -> Path | None:
        try:
            return weights_path(WEIGHTS, name)
        except PretrainedMissing as error:
            self.absent[metric] = str(error)
            return None


def _extractor(network: str, weights: Path, device: torch.device, batch: int) -> Extract:
    def extract(images: Iterable[np.ndarray]) -> np.ndarray:
        if network == "inception":
            from pipeline.metrics.fid import inception_features as features
        else:
            from pipeline.metrics.vgg_features import vgg_features as features
        return features(images, weights, str(device), batch)

    return extract
