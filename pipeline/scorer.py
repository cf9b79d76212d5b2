"""The metrics of params, as far as they can be computed here; of the others it is said why not."""

from pathlib import Path

import numpy as np
import torch

from pipeline import layout
from pipeline.metrics.psnr import psnr_y
from pipeline.metrics.ssim import ssim_y
from pipeline.pairs import Pairs
from pipeline.params import EvaluateParams
from pipeline.pretrained import PretrainedMissing, weights_path

WEIGHTS = layout.PRETRAINED / "metrics"
LPIPS_WEIGHTS = {"lpips_alex": "alexnet", "lpips_vgg": "vgg16"}


class Scorer:
    """Measures batches of restored images. absent: metric, or set -> why it could not be measured.

    columns: the metrics of single images, in their order. headline: those of them that the metrics file shows.
    """

    def __init__(self, params: EvaluateParams, device: torch.device):
        self.absent: dict[str, str] = {}
        self._lpips = {}
        for metric, weights in LPIPS_WEIGHTS.items():
            path = self._weights(metric, weights) if metric in params.metrics else None
            if path:
                from pipeline.metrics.lpips import LPIPSMetric

                self._lpips[metric] = LPIPSMetric(metric.removeprefix("lpips_"), path, str(device))
        self.headline = ("psnr_y", "ssim_y", *self._lpips)
        self.columns = self.headline

    def of_images(self, pairs: Pairs, first: int, sr: np.ndarray) -> list[dict]:
        """The values of each image of a batch, uint8 (N, H, W, 3), whose first is number `first` of the pairs."""
        rows = [{"key": pairs.row(first + number)["key"]} for number in range(len(sr))]
        if not pairs.has_hr:
            return rows
        hr = np.stack([pairs.hr(first + number) for number in range(len(sr))])
        for row, a, b in zip(rows, sr, hr, strict=True):
            row |= {"psnr_y": psnr_y(a, b), "ssim_y": ssim_y(a, b)}
        for metric, distance in self._lpips.items():
            for row, value in zip(rows, distance(sr, hr), strict=True):
                row[metric] = value
        return rows

    def _weights(self, metric: str, name: str) -> Path | None:
        try:
            return weights_path(WEIGHTS, name)
        except PretrainedMissing as error:
            self.absent[metric] = str(error)
            return None
