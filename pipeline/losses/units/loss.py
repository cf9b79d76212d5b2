"""What a loss is. Each stands in a room of its own; `pipeline.losses.build` says which there are."""

from typing import Any

import torch
from torch import Tensor, nn


class Loss:
    """What a network minimises. A loss may learn (discriminators), and may lack a term.

    landmarks: whether it asks for those of HR. absent: term -> why it is left out. trunk: SHA-256 of the weights that it
    looks through, None where there are none. optimisers: its own, each with its learning rate. D: its discriminators, which
    are kept beside weights and which another training may begin from.
    """

    landmarks = False
    D: nn.Module | None = None

    def __init__(self) -> None:
        self.absent: dict[str, str] = {}
        self.trunk: str | None = None
        self.optimisers: list[tuple[torch.optim.Optimizer, float]] = []

    def __call__(self, out: Any, part: Any) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of one part of a batch, and its detached terms.

        out: what the network gives. part: `pipeline.train.batches.Part`, with input, hr and, where asked for, landmarks.
        """
        raise NotImplementedError

    def learn(self) -> dict[str, Tensor]:
        """Its own update, after the network's, from the parts called since the last; returns detached terms of it."""
        return {}

    def forget(self) -> None:
        """Drop what a step that failed half way has left for `learn`."""

    def state(self) -> dict:
        """Everything that its next update depends on."""
        return {}

    def load_state(self, state: dict) -> None:
        """Go back to a state."""
