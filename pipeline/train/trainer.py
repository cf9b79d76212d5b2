"""Training of a peer with a loss without a discriminator: its paper's own, or Eq. (15) for all alike."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.losses.dic.loss import dic_loss, heat_map_targets
from pipeline.losses.pixel.loss import pixel_l1, pixel_l2
from pipeline.losses.sfmnet.loss import sfmnet_loss
from pipeline.networks.units.tensors import LOWEST, at_least_float32, final_image
from pipeline.params.recipe import PeerModel
from pipeline.train.batches import Part
from pipeline.train.compute import Compute

# (what the network gives, the part of the batch) -> the loss and its detached terms.
Criterion = Callable[[Any, Part], tuple[Tensor, dict[str, Tensor]]]


class PeerTrainer:
    """A peer, its loss and its optimiser. On AGRNet-HR's sets an average of its weights is what is evaluated, as there.

    net: the network, untrained. sets: whose sets it is trained on.
    """

    def __init__(self, net: nn.Module, model: PeerModel, sets: str, compute: Compute):
        self.lowest = LOWEST[sets]
        self._compute = compute
        self.net = compute.generator(net)
        self._forward = compute.compiled(self.net)
        self._ema = None
        if decay := getattr(model.train, "ema", 0):
            from pipeline.train.ema import Ema

            self._ema = Ema(self.net, decay)
        self._adam = compute.adam(self.net.parameters(), model.train.learning_rate)
        self.optimisers = [(self._adam, model.train.learning_rate)]
        self._criterion = criterion(model)

    def step(self, batch: list[Part]) -> dict[str, Tensor]:
        """One update on a batch, given in parts of images in [-1, 1]; returns "loss" and its terms."""
        self._adam.zero_grad(set_to_none=True)
        rows = []
        for part in batch:
            with self._compute.autocast():
                out = self._forward(self._compute.images(part.input))
            loss, terms = self._criterion(out, part)
            (loss / len(batch)).backward()
            rows.append({"loss": loss.detach(), **terms})
        self._compute.average_gradients(self.net)
        self._adam.step()
        if self._ema:
            self._ema.update(self.net)
        return {name: torch.stack([row[name] for row in rows]).mean() for name in rows[0]}

    @property
    def evaluated(self) -> nn.Module:
        """The network that is saved and evaluated."""
        return self._ema.net if self._ema else self.net

    def state(self) -> dict:
        """Network, average and optimiser."""
        average = {"ema": self._ema.state()} if self._ema else {}
        return {"net": self.net.state_dict(), "adam": self._adam.state_dict(), **average}

    def load_state(self, state: dict) -> None:
        """Go back to a state."""
        self.net.load_state_dict(state["net"])
        self._adam.load_state_dict(state["adam"])
        if self._ema:
            self._ema.load_state(state["ema"])


def criterion(model: PeerModel) -> Criterion:
    """The loss that a peer is trained with (`schema.peers.PeerModel`)."""
    if model.criterion == "dic":
        return lambda out, part: _dic(out, part, model.loss.align_weight)
    if model.criterion == "sfmnet":
        return lambda out, part: (
            sfmnet_loss(*(at_least_float32(image) for image in out), part.hr, model.loss.frequency_weight),
            {},
        )
    pixel = {"l1": pixel_l1, "l2": pixel_l2}[model.criterion]  # Eq. (15) is l2
    return lambda out, part: (pixel(at_least_float32(final_image(out)), part.hr), {})


def _dic(out, part: Part, align_weight: float) -> tuple[Tensor, dict[str, Tensor]]:
    targets = heat_map_targets(part.landmarks, *part.hr.shape[2:])
    return dic_loss(out.heat_maps, out.images, part.hr, targets, align_weight)
