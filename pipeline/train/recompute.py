"""Activation checkpointing: units keep their input alone and are run again in the backward pass."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import MethodType

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized
from torch.utils.checkpoint import checkpoint


def recomputed(net: nn.Module) -> nn.Module:
    """The network, each of whose `units` (`networks.build`) forgets what it computed and computes it again in the backward
    pass.

    Outputs, gradients, running statistics, parameters and state_dict keys stay what they are; memory for a training step
    falls for another forward pass of arithmetic. In eval mode or without gradients units run as ever. Works in place, before
    or after other changes of a unit's class, under torch.compile too; copies of the network do the same.
    Raises ValueError for a network with spectral normalisation.
    """
    if any(is_parametrized(module) for module in net.modules()):
        raise ValueError(
            "recompute: spectral normalisation takes a step at every pass, so a second one gives other weights"
        )
    kinds = getattr(net, "units", tuple)()
    for unit in net.modules():
        if isinstance(unit, kinds):
            unit.forward = MethodType(_forward, unit)  # no module around it: its name would get into the state_dict
    return net


def _forward(unit: nn.Module, *inputs: Tensor) -> Tensor:
    forward = type(unit).forward
    if not (unit.training and torch.is_grad_enabled()):
        return forward(unit, *inputs)

    def contexts() -> tuple[AbstractContextManager, AbstractContextManager]:
        return nullcontext(), _buffers_kept(unit)

    # A compiled graph keeps updates of buffers out of what it computes again, and takes no contexts of ours.
    options = {} if torch.compiler.is_compiling() else {"context_fn": contexts}
    # Nothing in a unit is drawn at random, so the generators' states need not be kept.
    return checkpoint(forward, unit, *inputs, use_reentrant=False, preserve_rng_state=False, **options)


@contextmanager
def _buffers_kept(unit: nn.Module) -> Iterator[None]:
    """Lets the unit run on copies of its buffers, so that a batch norm counts a batch once.

    track_running_stats = False would not do: nn.BatchNorm2d then saves fewer tensors than in the first run, which
    `checkpoint` takes for a mistake.
    """
    kept = [(module, name, buffer) for module in unit.modules() for name, buffer in module.named_buffers(recurse=False)]
    for module, name, buffer in kept:
        setattr(module, name, buffer.clone())
    try:
        yield
    finally:
        for module, name, buffer in kept:
            setattr(module, name, buffer)
