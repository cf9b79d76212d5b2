"""A trained network for inference: batch normalisations folded into the convolutions before them (Sec. 3.2)."""

import copy
from itertools import pairwise

import torch
from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from pipeline.networks.units.acon import MetaAconC
from pipeline.networks.units.aru import ARU
from pipeline.networks.units.fast import faster
from pipeline.networks.units.fast_ops import upsampled_kernel


@torch.no_grad()
def folded(net: nn.Module) -> nn.Module:
    """A copy of `net` in eval mode and the faster forms, without gradients, for inference only.

    Folded: the second batch normalisation of each residual branch, those of GAM and those of meta-ACON's beta branch; and
    the nearest x2 before a convolution, into its kernel. A weight that is divided by its norm is divided once for all.
    Kept: instance and layer normalisations, which need their input's statistics, and the first normalisation of a unit,
    which comes after an addition; merging its factor into meta-ACON would take as many passes over the map. Equals
    net.eval() within 1e-4 of float32 outputs of size 1.
    The state_dict differs from the network's: keep the network itself for that.
    """
    copied = copy.deepcopy(net).eval().requires_grad_(False)
    for module in list(copied.modules()):
        if is_parametrized(module, "weight"):
            _fix_weight(module)
        elif isinstance(module, MetaAconC):
            _fold_norm(module.fc1, module.norm1, module, "norm1")
            _fold_norm(module.fc2, module.norm2, module, "norm2")
        elif isinstance(module, ARU):
            module.residual = _folded_layers(module.residual)
            if isinstance(module.shortcut, nn.Sequential):
                module.shortcut = _folded_layers(module.shortcut)
            if module.attention is not None:
                module.attention[0].spatial = _folded_layers(module.attention[0].spatial)
    return faster(copied)


def _fix_weight(module: nn.Module) -> None:
    """Take the weight that a parametrisation gives now for a parameter like any other.

    torch's remove_parametrizations would take it out of the class, which a copy shares with the network it was made of.
    """
    weight = nn.Parameter(module.weight.detach().clone(), requires_grad=False)
    del module.parametrizations
    module.__class__ = type(module).__base__
    module.weight = weight


def _folded_layers(layers: nn.Sequential) -> nn.Sequential:
    """The layers with each normalisation after a convolution folded into it, and each upsampling into the next layer."""
    for i in range(1, len(layers)):
        if isinstance(layers[i - 1], nn.Conv2d):
            _fold_norm(layers[i - 1], layers[i], layers, str(i))
    kept = []
    for before, layer in pairwise((None, *layers)):
        if isinstance(before, nn.Upsample):
            kept.append(_with_upsampling(layer))
        elif not isinstance(layer, nn.Upsample):
            kept.append(layer)
    return nn.Sequential(*kept)


def _fold_norm(conv: nn.Conv2d, norm: nn.Module, owner: nn.Module, name: str) -> None:
    """Take a batch normalisation in eval mode into the convolution before it, and the identity into its place."""
    if not isinstance(norm, nn.BatchNorm2d):
        return
    factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    bias = norm.bias - norm.running_mean * factor
    if conv.bias is not None:
        bias = bias + conv.bias * factor
    conv.weight = nn.Parameter(conv.weight * factor[:, None, None, None], requires_grad=False)
    conv.bias = nn.Parameter(bias, requires_grad=False)
    setattr(owner, name, nn.Identity())


def _with_upsampling(conv: nn.Conv2d) -> nn.ConvTranspose2d:
    """The transposed convolution that equals the 3x3 one after nearest x2."""
    kernel = upsampled_kernel(conv.weight)
    with torch.device("meta"):  # a shell: its own weights would be drawn for nothing, and move the random state
        up = nn.ConvTranspose2d(conv.in_channels, conv.out_channels, 4, 2, 1, bias=conv.bias is not None)
    up.weight = nn.Parameter(kernel.contiguous(), requires_grad=False)
    up.bias = conv.bias
    return up.eval()
