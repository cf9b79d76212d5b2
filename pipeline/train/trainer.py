"""A network, its loss and its optimiser: one update at a time, the same for every network."""

import torch
from torch import Tensor, nn

from pipeline.losses.units.loss import Loss
from pipeline.params.tasks import TrainParams
from pipeline.train.batches import Part
from pipeline.train.compute import Compute
from pipeline.train.ema import Ema


class Trainer:
    """Trains a network by what its loss says; where the training asks for it, an average of its weights is evaluated.

    net: the network, untrained. optimisers: with their learning rates, the network's first, then those of its loss.
    Raises ValueError where a part of a batch has fewer images than the network trains on (`networks.build`).
    """

    def __init__(self, net: nn.Module, loss: Loss, options: TrainParams, compute: Compute):
        least, images = getattr(net, "least_batch", 1), options.batch_size // options.accumulate
        if images < least:
            raise ValueError(
                f"batch_size divided by accumulate is {images}, and {net.title} trains on at least {least} images at once"
            )
        self._compute = compute
        self.net = compute.generator(net)
        self._forward = compute.called(self.net)
        self.loss = loss
        self._ema = Ema(self.net, options.ema) if options.ema else None
        self._adam = compute.adam(self.net.parameters(), options.learning_rate)
        self.optimisers = [(self._adam, options.learning_rate), *loss.optimisers]

    def step(self, batch: list[Part]) -> dict[str, Tensor]:
        """One update on a batch, given in parts of images in [-1, 1]; returns detached numbers: "loss", which the network
        minimises, its terms, and what the loss says of its own update."""
        self._adam.zero_grad(set_to_none=True)
        rows = []
        for part in batch:
            with self._compute.autocast():
                out = self._forward(self._compute.images(part.input))
            loss, terms = self.loss(out, part)
            (loss / len(batch)).backward()
            rows.append({"loss": loss.detach(), **terms})
        self._compute.average_gradients(self.net)
        self._adam.step()
        if self._ema:
            self._ema.update(self.net)
        means = {name: torch.stack([row[name] for row in rows]).mean() for name in rows[0]}
        return means | self.loss.learn()

    @property
    def evaluated(self) -> nn.Module:
        """The network that is saved and evaluated: the average, or the network itself where there is none."""
        return self._ema.net if self._ema else self.net

    def begin_from(self, weights: dict[str, Tensor]) -> None:
        """Take other weights before the first step; their names and shapes are the network's."""
        self.net.load_state_dict(weights)
        if self._ema:
            self._ema.net.load_state_dict(weights)

    def state(self) -> dict:
        """Everything that the next step depends on: network, optimiser, average, and what the loss has learnt."""
        average = {"ema": self._ema.state()} if self._ema else {}
        return {"net": self.net.state_dict(), "adam": self._adam.state_dict(), "loss": self.loss.state(), **average}

    def load_state(self, state: dict) -> None:
        """Go back to a state."""
        self.net.load_state_dict(state["net"])
        self._compute.load_adam(self._adam, state["adam"])
        self.loss.load_state(state["loss"])
        if self._ema:
            self._ema.load_state(state["ema"])
