"""The discriminators by fewer kernels: the spectral normalisations of a layer are computed for all scales at once."""

from collections.abc import Sequence
from contextlib import nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.losses.composite.discriminator import Discriminator, MultiScaleDiscriminator
from pipeline.networks.units.together import copy_all


def faster(D: MultiScaleDiscriminator) -> MultiScaleDiscriminator:
    """Put the discriminators into their faster form, in place; returns them.

    Parameters, directions, state_dict stay as they are. Equal to the plain form but for the order of additions; where TF32
    is switched on, norms of weights are products in TF32 too.
    """
    D.__class__ = FastMultiScaleDiscriminator
    return D


class FastMultiScaleDiscriminator(MultiScaleDiscriminator):
    """A MultiScaleDiscriminator, computed otherwise; built by `faster` from one."""

    def forward(self, images: Sequence[Tensor]) -> tuple[list[Tensor], list[list[Tensor]]]:
        self.check(images)
        device_type = images[0].device.type
        by_layer = list(zip(*(D_k.convs for D_k in self.D), strict=True))  # (layers, scales)
        with _in_float32(device_type):
            weights = _normalised(by_layer, self.training)
        if _autocasts(device_type):
            weights = [stacked.to(torch.get_autocast_dtype(device_type)) for stacked in weights]
        of_scale = zip(*(stacked.unbind() for stacked in weights), strict=True)
        judged = [
            _judged(D_k, image, own) for D_k, image, own in zip(self.D, images[-len(self.D) :], of_scale, strict=True)
        ]
        return [score for score, _ in judged], [features for _, features in judged]


def _judged(D_k: Discriminator, image: Tensor, weights: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """What D_k says with the given weights, (O, 3, 3, I) each."""
    *inner, last = [weight.permute(0, 3, 1, 2) for weight in weights]
    features, x = [], image
    for (conv, *rest), weight in zip(D_k.layers, inner, strict=True):
        x = F.conv2d(x, weight, conv.bias, conv.stride, conv.padding)
        for layer in rest:
            x = layer(x)
        features.append(x)
    return F.conv2d(x, last, D_k.score.bias), features


def _normalised(by_layer: Sequence[Sequence[nn.Conv2d]], training: bool) -> list[Tensor]:
    """Each layer's weights over their largest singular values, (scales, O, 3, 3, I); in train mode after a step of the power
    iteration, which moves the directions."""
    directions = [conv.parametrizations.weight[0] for convs in by_layer for conv in convs]
    held = [vector for direction in directions for vector in (direction._u, direction._v)]
    copies = iter(torch.cat(held).split([len(vector) for vector in held]))
    normalised, moved = [], []
    for convs in by_layer:
        W = torch.stack([conv.parametrizations.weight.original.permute(0, 2, 3, 1) for conv in convs])
        M = W.flatten(2)  # (scales, O, 9 I), the three kernels of a layer as matrices
        pairs = [(next(copies), next(copies)) for _ in convs]
        u, v = (torch.stack(vectors) for vectors in zip(*pairs, strict=True))
        v = v.unflatten(1, (W.shape[4], 9)).mT.flatten(1)  # from (I, 3, 3), as the state has it, to M's (3, 3, I)
        if training:
            u, v = _stepped(M.detach(), v, directions[0].eps)
            own_v = v.unflatten(1, (9, W.shape[4])).mT.flatten(1)
            moved += [vector for pair in zip(u, own_v, strict=True) for vector in pair]
        sigma = (u * _times(M, v)).sum(1)
        normalised.append(W * sigma.reciprocal().view(-1, 1, 1, 1, 1))
    if training:
        copy_all(held, moved)
    return normalised


def _stepped(M: Tensor, v: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    u = F.normalize(_times(M, v), dim=1, eps=eps)
    return u, F.normalize(_times(M.mT, u), dim=1, eps=eps)


def _times(M: Tensor, v: Tensor) -> Tensor:
    """(scales, O, I) times (scales, I)."""
    return torch.bmm(M, v.unsqueeze(2)).squeeze(2)


def _autocasts(device_type: str) -> bool:
    return torch.amp.is_autocast_available(device_type) and torch.is_autocast_enabled(device_type)


def _in_float32(device_type: str) -> torch.autocast | nullcontext:
    return torch.autocast(device_type, enabled=False) if _autocasts(device_type) else nullcontext()
