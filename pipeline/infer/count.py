"""What a network costs: parameters and multiply-accumulates."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import nn

# A network of fewer multiply-accumulates, were each weight used once a pixel, is run to be counted: mostly under a second.
# A larger one is counted without arithmetic, on torch's device "meta", for which torch loads a computer algebra: some 3 s.
RUN_MACS = 2e10


def count_cost(build: Callable[[], nn.Module], size_px: int) -> dict[str, float]:
    """Parameters in millions and multiply-accumulates in billions of a network for one input of that side."""
    net = build()
    parameters = count_parameters(net)
    if parameters * size_px**2 >= RUN_MACS:
        with torch.device("meta"):
            net = build()
    return {"parameters_m": parameters / 1e6, "gmac": count_macs(net, (1, 3, size_px, size_px)) / 1e9}


def count_parameters(net: nn.Module) -> int:
    """Number of parameters, each shared one once; buffers (running statistics) are not parameters."""
    return sum(p.numel() for p in net.parameters())


def count_macs(net: nn.Module, input_shape: Sequence[int]) -> int:
    """Multiply-accumulates of one forward pass of a float input of `input_shape`, e.g. (1, 3, 128, 128).

    Convention: only Conv2d and Linear modules that are called count, one MAC per weight and output position; biases,
    normalisation, activations, interpolation and products of activations (attention matrices) count nothing. FLOPs in
    the sense of two per MAC are twice this. The network runs once in eval mode on its own device and is left as it was.
    A network built under `torch.device("meta")` is counted without memory or arithmetic.
    """
    total = 0

    def add(module: nn.Module, _inputs: tuple, output: torch.Tensor) -> None:
        nonlocal total
        if isinstance(module, nn.Conv2d):
            per_output = module.in_channels // module.groups * math.prod(module.kernel_size)
        else:
            per_output = module.in_features
        total += output.numel() * per_output

    hooks = [m.register_forward_hook(add) for m in net.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    modes = [(m, m.training) for m in net.modules()]
    like = next(net.parameters())
    try:
        with torch.no_grad():
            net.eval()
            net(torch.zeros(tuple(input_shape), device=like.device, dtype=like.dtype))
    finally:
        for hook in hooks:
            hook.remove()
        for module, training in modes:
            module.training = training
    return total
