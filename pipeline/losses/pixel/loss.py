"""The pixel losses of both networks: Eq. (15) and (20)."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor


def pixel_l2(sr: Tensor, hr: Tensor) -> Tensor:
    """Mean squared error over all elements of two (N, 3, H, W) batches.

    Source: Eq. (15), divided by the 3 H W elements of an image (a constant factor, to which Adam is indifferent).
    """
    _check_same_shape(sr, hr)
    return F.mse_loss(sr, hr)


def pixel_l1(sr: Tensor, hr: Tensor) -> Tensor:
    """Mean absolute error over all elements of two (N, 3, H, W) batches.

    Source: Eq. (20), divided by the 3 H W elements of an image: with the literal sum the published lambda_px = 100 would
    outweigh every other term by 78 million to one.
    """
    _check_same_shape(sr, hr)
    return F.l1_loss(sr, hr)


PIXEL_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"l1": pixel_l1, "l2": pixel_l2}


def _check_same_shape(sr: Tensor, hr: Tensor) -> None:
    if sr.shape != hr.shape:
        raise ValueError(f"SR has shape {tuple(sr.shape)}, HR {tuple(hr.shape)}; they must be equal")
