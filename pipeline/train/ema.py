"""Exponential moving average of a network."""

import copy

import torch
from torch import Tensor

from pipeline.networks.units.together import copy_all

DIRECTIONS = ("._u", "._v")  # buffers of a spectral normalisation: unit vectors, whose average is none


class Ema:
    """The average of a network over its steps, buffers included; with decay 0 it is the network itself.

    The network before its first step has no share in it: started from there, an average of decay 0.999 would after 1,000
    steps still be to 37 % an untrained network. Paper silent: we take SPARNetHD's average with decay 0.999 as what is
    evaluated.
    """

    def __init__(self, net: torch.nn.Module, decay: float):
        self.decay = decay
        self.net = copy.deepcopy(net).requires_grad_(False).eval()
        device = next(net.parameters()).device
        self._steps = torch.zeros((), dtype=torch.float64, device=device)  # on the device, where a recorded step counts

    @torch.no_grad()
    def update(self, net: torch.nn.Module) -> None:
        """The network of the nth step comes in with (1 - decay) / (1 - decay^n), the weight of the newest of n terms whose
        weights fall by `decay` and add up to 1; counters and a spectral normalisation's directions are copied."""
        self._steps += 1
        share = ((1 - self.decay) / (1 - self.decay**self._steps)).float()
        mine, theirs = self.net.state_dict(), net.state_dict()
        averaged = [key for key, value in mine.items() if value.is_floating_point() and not key.endswith(DIRECTIONS)]
        # A CPU launches nothing, and its averages stay what they were to the last bit.
        move = one_by_one if share.device.type == "cpu" else together
        move([mine[key] for key in averaged], [theirs[key] for key in averaged], share)
        copied = mine.keys() - averaged
        copy_all([mine[key] for key in copied], [theirs[key] for key in copied])

    def state(self) -> dict:
        """Everything that the next update depends on."""
        return {"net": self.net.state_dict(), "steps": self._steps}

    def load_state(self, state: dict) -> None:
        """Go back to a state."""
        self.net.load_state_dict(state["net"])
        self._steps.copy_(state["steps"])


def one_by_one(tensors: list[Tensor], ends: list[Tensor], share: Tensor) -> None:
    """Each tensor goes `share`, a scalar on their device, of the way to its end, in place."""
    for tensor, end in zip(tensors, ends, strict=True):
        tensor.lerp_(end, share)


def together(tensors: list[Tensor], ends: list[Tensor], share: Tensor) -> None:
    """`one_by_one` but for rounding, by a few kernels for all; needs memory for one more of each tensor."""
    ways = torch._foreach_sub(ends, tensors)
    torch._foreach_mul_(ways, share)
    torch._foreach_add_(tensors, ways)
