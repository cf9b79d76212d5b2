"""What DIC is trained with: heat maps of landmarks, and the losses of its images and heat maps at every step.

Source: objective functions of the paper that `pipeline.networks.dic.network` names; weights, norms and the width of the heat
maps are those of the released code (github.com/Maclory/Deep-Iterative-Collaboration, MIT).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pipeline.losses.units.loss import Loss
from pipeline.networks.units.tensors import at_least_float32
from pipeline.params.losses import DICLossParams

HEAT_MAP_STRIDE = 4  # pixels of the image to one of the network's heat maps


def heat_map_targets(landmarks: Tensor, height_px: int, width_px: int, sigma: float = 1.0) -> Tensor:
    """A Gaussian around every landmark, of height 1, at a quarter of the image's size.

    landmarks: float (..., K, 2), x and y in pixels of the image of height_px x width_px, where pixel i reaches from i to
    i + 1; the pipeline's order for K = 5. They may lie outside. Returns float32 (..., K, height_px / 4, width_px / 4) in
    [0, 1]; `sigma` in pixels of the heat map. A landmark that is NaN, as of a face without landmarks, gives a map of NaN,
    which `alignment_loss` leaves out. Raises ValueError for other shapes and for sides not divisible by 4.
    """
    if landmarks.ndim < 2 or landmarks.shape[-1] != 2:
        raise ValueError(f"landmarks have shape {tuple(landmarks.shape)}; expected (..., K, 2)")
    if height_px % HEAT_MAP_STRIDE or width_px % HEAT_MAP_STRIDE:
        raise ValueError(
            f"images are {height_px}x{width_px} (HxW) px; both sides must be divisible by {HEAT_MAP_STRIDE}"
        )
    x, y = (
        _bumps(landmarks[..., axis].float() / HEAT_MAP_STRIDE, side // HEAT_MAP_STRIDE, sigma)
        for axis, side in ((0, width_px), (1, height_px))
    )
    return y[..., :, None] * x[..., None, :]  # (..., K, H / 4, W / 4): the 2D Gaussian is a product


def recovery_loss(images: Sequence[Tensor], hr: Tensor) -> Tensor:
    """Mean absolute difference to `hr` (N, 3, H, W), summed over the steps' images.

    Images are in [-1, 1]; differences count half, since the weight beside it was published for images in [0, 1].
    """
    return sum((at_least_float32(image) - at_least_float32(hr)).abs().mean() / 2 for image in images)


def alignment_loss(heat_maps: Sequence[Tensor], targets: Tensor) -> Tensor:
    """Mean squared difference to `targets` (N, K, h, w), summed over the steps' heat maps.

    Where `targets` are NaN nothing is known, and the mean is taken over the others; it is 0 where nothing is known at all.
    """
    known = targets.isfinite()
    count = known.sum().clamp(min=1)
    return sum(
        torch.where(known, at_least_float32(maps) - at_least_float32(targets), 0).square().sum() / count
        for maps in heat_maps
    )


def dic_loss(
    heat_maps: Sequence[Tensor], images: Sequence[Tensor], hr: Tensor, targets: Tensor, align_weight: float = 0.1
) -> tuple[Tensor, dict[str, Tensor]]:
    """DIC's loss: recovery_loss + align_weight alignment_loss, both over all steps of the network.

    Returns the loss and its detached, unweighted terms "recovery" and "alignment". Published: align_weight 0.1.
    """
    terms = {
        "recovery": recovery_loss(images, hr),
        "alignment": alignment_loss(heat_maps, targets),
    }
    loss = terms["recovery"] + align_weight * terms["alignment"]
    return loss, {name: term.detach() for name, term in terms.items()}


class DICLoss(Loss):
    """`dic_loss` of a network that gives images and heat maps of every step; heat maps need the landmarks of HR.

    Called with what another network gives it raises ValueError.
    """

    landmarks = True

    def __init__(self, params: DICLossParams, _compute: Any, _brought: Path):
        super().__init__()
        self._align_weight = params.align_weight

    def __call__(self, out: Any, part: Any) -> tuple[Tensor, dict[str, Tensor]]:
        if not hasattr(out, "heat_maps"):
            raise ValueError("the loss dic is for networks that give heat maps, as DIC does; take another `loss`")
        targets = heat_map_targets(part.landmarks, *part.hr.shape[2:])
        return dic_loss(out.heat_maps, out.images, part.hr, targets, self._align_weight)


def _bumps(position: Tensor, length: int, sigma: float) -> Tensor:
    """exp(-d^2 / (2 sigma^2)) of the distances d from each position to `length` pixel centres: (..., length)."""
    centres = torch.arange(length, device=position.device) + 0.5
    return torch.exp(-((centres - position[..., None]) ** 2) / (2 * sigma**2))
