"""Trained networks as functions of uint8 images."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from pipeline.infer.count import count_macs, count_parameters
from pipeline.infer.fold import folded
from pipeline.infer.sets import Restore
from pipeline.networks.build import build_network
from pipeline.networks.units.tensors import LOWEST, final_image, to_float, to_uint8
from pipeline.params.base import Section
from pipeline.params.models import AGRNetHRNetwork, AGRNetNetwork
from pipeline.runtime import device as devices
from pipeline.store.weights import load_weights, weights_file

# A network of fewer multiply-accumulates, were each weight used once a pixel, is run to be counted: mostly under a second.
# A larger one is counted without arithmetic, on torch's device "meta", for which torch loads its compiler: some 3 s.
RUN_MACS = 2e10


def trained(
    folder: Path,
    model_name: str,
    network: AGRNetNetwork | AGRNetHRNetwork | Section,
    seeds: list[int],
    device: torch.device,
    precision: str = "fp32",
    sets: str | None = None,
) -> Iterator[tuple[int, Restore]]:
    """(seed, network as a function) of each seed whose weights lie in `folder`, one after the other.

    sets: for a peer, whose sets it restores.
    """
    devices.use_precision(precision, device)
    for seed in seeds:
        net = build_network(model_name, network, sets)
        load_weights(weights_file(folder, seed), net)
        yield seed, restorer(net, LOWEST[sets or model_name], device, precision)


def restorer(net: torch.nn.Module, lowest: float, device: torch.device, precision: str = "fp32") -> Restore:
    """A network as a function of RGB uint8 (N, H, W, 3) batches of what it takes; of several images the last is returned.

    It is run in its forms for inference (`pipeline.infer.fold.folded`), channels last.
    """
    net = folded(net.eval()).to(device, memory_format=torch.channels_last)

    @torch.inference_mode()
    def restore(batch: np.ndarray) -> np.ndarray:
        with devices.autocast(precision, device):
            out = net(to_float(batch, lowest, device))
        return to_uint8(final_image(out), lowest)

    return restore


def cost(
    model_name: str, network: AGRNetNetwork | AGRNetHRNetwork | Section, size_px: int, sets: str | None = None
) -> dict:
    """Parameters in millions and multiply-accumulates in billions for one input of that side."""
    with torch.device("meta"):
        net = build_network(model_name, network, sets)
    parameters = count_parameters(net)
    if parameters * size_px**2 < RUN_MACS:
        net = build_network(model_name, network, sets)
    return {"parameters_m": parameters / 1e6, "gmac": count_macs(net, (1, 3, size_px, size_px)) / 1e9}
