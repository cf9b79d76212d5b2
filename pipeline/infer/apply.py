"""Trained networks as functions of uint8 images."""

from collections.abc import Callable

import numpy as np
import torch

from pipeline.infer.fold import folded
from pipeline.networks.units.tensors import final_image, to_float, to_uint8
from pipeline.runtime import device as devices

# What a network takes as RGB uint8 (N, H, W, 3) -> what it makes of it, the same.
Apply = Callable[[np.ndarray], np.ndarray]


def applied(net: torch.nn.Module, device: torch.device, precision: str = "fp32") -> Apply:
    """A network as a function of RGB uint8 (N, H, W, 3) batches of what it takes; of several images the last is returned.

    It is run in its forms for inference (`pipeline.infer.fold.folded`), channels last.
    """
    net = folded(net.eval()).to(device, memory_format=torch.channels_last)

    @torch.inference_mode()
    def apply(batch: np.ndarray) -> np.ndarray:
        with devices.autocast(precision, device):
            out = net(to_float(batch, device))
        return to_uint8(final_image(out))

    return apply
