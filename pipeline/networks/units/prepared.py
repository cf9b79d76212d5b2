"""A network called with its weights as matrix units take them: short, and filled up to whole blocks of channels.

Parameters, gradients, state_dict and results stay those of the network's own widths.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.utils.parametrize import is_parametrized

from pipeline.networks.units.acon import MetaAconC
from pipeline.networks.units.fast import RGB, FastARU, ImageConv
from pipeline.networks.units.together import copy_all

PRODUCTS = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)


@dataclass(frozen=True)
class Own:
    """A parameter or buffer, and as what the network sees it: `filled` zeros more along a dimension, in `dtype`."""

    tensor: Tensor
    dtype: torch.dtype
    filled: tuple[tuple[int, int], ...] = ()  # (dimension, zeros)

    def room(self) -> Tensor:
        """Zeros for what the network sees, laid out as the tensor is."""
        if not self.filled:
            return torch.zeros_like(self.tensor, dtype=self.dtype)
        shape = list(self.tensor.shape)
        for dim, zeros in self.filled:
            shape[dim] += zeros
        last = self.tensor.dim() == 4 and self.tensor.is_contiguous(memory_format=torch.channels_last)
        layout = torch.channels_last if last else torch.contiguous_format
        return torch.zeros(shape, dtype=self.dtype, device=self.tensor.device).contiguous(memory_format=layout)

    def within(self, seen: Tensor) -> Tensor:
        """The tensor's part of what the network sees."""
        for dim, zeros in self.filled:
            seen = seen.narrow(dim, 0, seen.shape[dim] - zeros)
        return seen


class Prepared:
    """Called as the network is, in train mode.

    net: on its device, in its layout. call: the network, or what torch.compile made of it. short: the weights of its
    products are given to it in that dtype, cast together once a call, where autocast casts each by a kernel of its own; the
    values are the same. block: hidden channels of the faster forms are filled up to a multiple of it. Added channels are 0,
    and so are their gradients: GAM's C / r, what AGRNet's head hands to the first unit, images. Not for networks whose units
    are computed again in the backward pass, when these weights are gone.
    """

    def __init__(self, net: nn.Module, call: Callable, short: torch.dtype | None = None, block: int = 1):
        self._net = call if isinstance(call, nn.Module) else net
        owned = _owned(net, short, block)
        places = {id(own.tensor): own for own in owned}
        named = [*self._net.named_parameters(), *self._net.named_buffers()]
        self._names = {name: places[id(tensor)] for name, tensor in named if id(tensor) in places}
        self._rooms = {name: own.room() for name, own in self._names.items()}
        self._weights = [name for name, own in self._names.items() if isinstance(own.tensor, nn.Parameter)]
        self._statistics = [name for name in self._names if name not in self._weights]

    def __call__(self, x: Tensor) -> Tensor | list[Tensor]:
        """What the network makes of x."""
        owns, rooms = ([of[name] for name in self._weights] for of in (self._names, self._rooms))
        seen = dict(zip(self._weights, _Seen.apply(owns, rooms, *(own.tensor for own in owns)), strict=True))
        mine = [self._names[name].tensor for name in self._statistics]
        within = [self._names[name].within(self._rooms[name]) for name in self._statistics]
        copy_all(within, mine)
        out = functional_call(self._net, seen | {name: self._rooms[name] for name in self._statistics}, (x,))
        copy_all(mine, within)
        return out


class _Seen(torch.autograd.Function):
    @staticmethod
    def forward(ctx, owns, rooms, *tensors):
        ctx.owns = owns
        ctx.set_materialize_grads(False)
        copy_all([own.within(room) for own, room in zip(owns, rooms, strict=True)], list(tensors))
        return tuple(room.detach() for room in rooms)

    @staticmethod
    def backward(ctx, *grads):
        given = [None if grad is None else own.within(grad) for own, grad in zip(ctx.owns, grads, strict=True)]
        wide = [
            None if grad is None else torch.empty_like(grad, dtype=own.tensor.dtype)
            for own, grad in zip(ctx.owns, given, strict=True)
        ]
        copy_all([grad for grad in wide if grad is not None], [grad for grad in given if grad is not None])
        return None, None, *wide


def _owned(net: nn.Module, short: torch.dtype | None, block: int) -> list[Own]:
    """What the network is to see otherwise than it is."""
    owned = {id(own.tensor): own for own in (_shortened(net, short) if short else ())}
    for tensor, dim in _hidden(net):
        zeros = -tensor.shape[dim] % block
        if zeros:
            own = owned.get(id(tensor), Own(tensor, tensor.dtype))
            owned[id(tensor)] = replace(own, filled=(*own.filled, (dim, zeros)))
    return list(owned.values())


def _shortened(net: nn.Module, short: torch.dtype) -> Iterator[Own]:
    """Weights and biases of the products, but those of a kernel that a faster form makes of them in float32."""
    units = [unit for unit in net.modules() if isinstance(unit, FastARU)]
    made = {
        conv
        for unit in units
        for layers in (unit.residual, unit.shortcut)
        if isinstance(layers, nn.Sequential)
        for before, conv in pairwise(layers)
        if isinstance(before, nn.Upsample)
    }
    for module in net.modules():
        if isinstance(module, PRODUCTS) and not is_parametrized(module) and module not in made:
            for parameter in (module.weight, module.bias):
                if parameter is not None and parameter.requires_grad:
                    yield Own(parameter, short)


def _hidden(net: nn.Module) -> Iterator[tuple[Tensor, int]]:
    """(parameter or buffer, dimension) wherever a width hidden in a faster form, that between head and first unit, or an
    image's stands."""
    for unit in net.modules():
        if isinstance(unit, FastARU) and unit.attention is not None:
            reduce, _, expand = unit.attention[0].channel
            yield from _between([reduce], [], [expand])
            reduce, norm, _, expand, _ = unit.attention[0].spatial
            yield from _between([reduce], [norm], [expand])
            yield from _between([unit.attention[1]], [], [])  # to one map
        elif isinstance(unit, ImageConv):
            if unit.in_channels == RGB:
                yield unit.weight, 1
            if unit.out_channels == RGB:
                yield from _between([unit], [], [])
    head, first = getattr(net, "head", None), getattr(net, "dsm", [None])[0]
    if isinstance(head, nn.Conv2d) and isinstance(first, FastARU):
        yield from _between_head_and(first, head)


def _between_head_and(unit: FastARU, head: nn.Conv2d) -> Iterator[tuple[Tensor, int]]:
    """The width that the head gives to the first unit, unless a norm there takes a mean over channels."""
    norm, activation, conv, *_ = unit.residual
    if isinstance(activation, MetaAconC):
        if isinstance(activation.norm2, nn.GroupNorm):
            return
        yield from _between([activation.fc2], [activation.norm2], [activation.fc1])
        yield from ((activation.p1, 1), (activation.p2, 1))
    yield from _between([head], [norm], [conv, unit.shortcut[0]])


def _between(makers: list[nn.Module], norms: list[nn.Module], takers: list[nn.Module]) -> Iterator[tuple[Tensor, int]]:
    """The width that the products `makers` give, norms keep and the products `takers` take."""
    for module in [*makers, *norms]:
        for name in ("weight", "bias", "running_mean", "running_var"):
            if getattr(module, name, None) is not None:
                yield getattr(module, name), 0
    yield from ((taker.weight, 1) for taker in takers)
