"""Exponential moving average of a network."""

import copy

import torch

DIRECTIONS = ("._u", "._v")  # buffers of a spectral normalisation: unit vectors, whose average is none


class Ema:
    """The average of a network over its steps, buffers included; with decay 0 it is the network itself.

    Paper silent: we take SPARNetHD's average with decay 0.999 as what is evaluated.
    """

    def __init__(self, net: torch.nn.Module, decay: float):
        self.decay = decay
        self.net = copy.deepcopy(net).requires_grad_(False).eval()

    @torch.no_grad()
    def update(self, net: torch.nn.Module) -> None:
        """average <- decay average + (1 - decay) network; counters and a spectral normalisation's directions are copied."""
        mine, theirs = self.net.state_dict(), net.state_dict()
        for name, average in mine.items():
            if average.is_floating_point() and not name.endswith(DIRECTIONS):
                average.lerp_(theirs[name], 1 - self.decay)
            else:
                average.copy_(theirs[name])
