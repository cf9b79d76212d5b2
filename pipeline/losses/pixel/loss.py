"""The difference of pixels: AGRNet's loss, Eq. (15), and other people's L1."""

from pathlib import Path
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from pipeline.losses.units.loss import Loss
from pipeline.networks.units.tensors import at_least_float32, final_image
from pipeline.params.losses import PixelParams


def pixel_l2(sr: Tensor, hr: Tensor) -> Tensor:
    """Mean squared error over all elements of two (N, 3, H, W) batches. Raises ValueError for different shapes.

    Source: Eq. (15), divided by the 3 H W elements of an image (a constant factor, to which Adam is indifferent).
    """
    _check_same_shape(sr, hr)
    return F.mse_loss(sr, hr)


def pixel_l1(sr: Tensor, hr: Tensor) -> Tensor:
    """Mean absolute error over all elements of two (N, 3, H, W) batches. Raises ValueError for different shapes."""
    _check_same_shape(sr, hr)
    return F.l1_loss(sr, hr)


class PixelLoss(Loss):
    """Difference of a network's final image to HR, mean over all elements; nothing is learnt."""

    def __init__(self, params: PixelParams, _compute: Any, _brought: Path):
        super().__init__()
        self._distance = {"l1": pixel_l1, "l2": pixel_l2}[params.norm]

    def __call__(self, out: Any, part: Any) -> tuple[Tensor, dict[str, Tensor]]:
        return self._distance(at_least_float32(final_image(out)), part.hr), {}


def _check_same_shape(sr: Tensor, hr: Tensor) -> None:
    if sr.shape != hr.shape:
        raise ValueError(f"SR has shape {tuple(sr.shape)}, HR {tuple(hr.shape)}; they must be equal")
