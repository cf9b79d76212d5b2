"""SFMNet's losses: L1 on both images, L1 on amplitude and phase of the frequency branch's image (its section on losses)."""

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.losses.units.loss import Loss
from pipeline.networks.units.tensors import at_least_float32
from pipeline.params.losses import SFMNetLossParams


def amplitude_loss(image: Tensor, I_HR: Tensor) -> Tensor:
    """Mean |amplitude of the image - amplitude of I_HR| over images, channels and the half spectrum: scalar.

    `image` and I_HR: float (N, C, H, W). As in the released code the transform is unnormalised, and only the W / 2 + 1
    columns that a real image's spectrum has without repetition are counted.
    """
    return F.l1_loss(torch.fft.rfft2(image).abs(), torch.fft.rfft2(I_HR).abs())


def phase_loss(image: Tensor, I_HR: Tensor) -> Tensor:
    """Mean |phase of the image - phase of I_HR|: scalar. Arguments as amplitude_loss's.

    Each phase is in (-pi, pi] radians; their difference is not wrapped.
    """
    return F.l1_loss(torch.fft.rfft2(image).angle(), torch.fft.rfft2(I_HR).angle())


def sfmnet_loss(frequency: Tensor, final: Tensor, I_HR: Tensor, frequency_weight: float = 0.01) -> Tensor:
    """The PSNR-oriented loss: L1 of both images + frequency_weight (amplitude + phase loss of the frequency image).

    The frequency branch's image, the final one and I_HR are float (N, 3, H, W) in [-1, 1]; the loss is taken on [0, 1],
    where the published weight of 0.01 belongs (training code of github.com/wcy-cs/SFMNet). Compute it in float32: there
    is no bfloat16 Fourier transform.
    """
    frequency, final, I_HR = ((image + 1) / 2 for image in (frequency, final, I_HR))
    spectral = amplitude_loss(frequency, I_HR) + phase_loss(frequency, I_HR)
    return F.l1_loss(final, I_HR) + F.l1_loss(frequency, I_HR) + frequency_weight * spectral


class SFMNetLoss(Loss):
    """`sfmnet_loss` of a network that gives the frequency branch's image and the final one.

    Called with what another network gives it raises ValueError.
    """

    def __init__(self, params: SFMNetLossParams, _compute: Any, _brought: Path):
        super().__init__()
        self._frequency_weight = params.frequency_weight

    def __call__(self, out: Any, part: Any) -> tuple[Tensor, dict[str, Tensor]]:
        if not isinstance(out, list | tuple) or len(out) != 2:
            raise ValueError(
                "the loss sfmnet is for networks that give two images, as SFMNet does; take another `loss`"
            )
        return sfmnet_loss(*(at_least_float32(image) for image in out), part.hr, self._frequency_weight), {}
