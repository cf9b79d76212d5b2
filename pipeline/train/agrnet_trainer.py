"""Training of AGRNet: Eq. (15) alone, Adam (Sec. 4.1)."""

import torch

from pipeline.losses.pixel.loss import pixel_l2
from pipeline.networks.agrnet.network import AGRNet
from pipeline.networks.units.tensors import LOWEST, at_least_float32
from pipeline.params.recipe import AGRNetModel
from pipeline.train.batches import Part
from pipeline.train.compute import Compute


class AGRNetTrainer:
    """AGRNet, its loss and its optimiser.

    Raises ValueError where a part of a batch is one image: meta-ACON's batch norm then has one value per channel and no
    deviation.
    """

    lowest = LOWEST["agrnet"]

    def __init__(self, model: AGRNetModel, compute: Compute):
        if model.train.batch_size // model.train.accumulate < 2:
            raise ValueError(
                "models.agrnet.train.batch_size divided by accumulate is 1; batch normalisation of pooled values needs "
                "at least 2 images"
            )
        self._compute = compute
        self.net = compute.generator(AGRNet(**model.network.model_dump()))
        self._forward = compute.compiled(self.net)
        self._adam = compute.adam(self.net.parameters(), model.train.learning_rate)
        self.optimisers = [(self._adam, model.train.learning_rate)]

    def step(self, batch: list[Part]) -> dict[str, torch.Tensor]:
        """One update on a batch, given in parts of (N, 3, H, W) images in [-1, 1]; returns {"loss"}."""
        self._adam.zero_grad(set_to_none=True)
        losses = []
        for lr_up, hr, *_ in batch:
            with self._compute.autocast():
                I_SR = self._forward(self._compute.images(lr_up))
            loss = pixel_l2(at_least_float32(I_SR), hr)  # Eq. (15)
            (loss / len(batch)).backward()
            losses.append(loss.detach())
        self._compute.average_gradients(self.net)
        self._adam.step()
        return {"loss": torch.stack(losses).mean()}

    @property
    def evaluated(self) -> torch.nn.Module:
        """The network that is saved and evaluated."""
        return self.net

    def state(self) -> dict:
        """Network and optimiser."""
        return {"net": self.net.state_dict(), "adam": self._adam.state_dict()}

    def load_state(self, state: dict) -> None:
        """Go back to a state."""
        self.net.load_state_dict(state["net"])
        self._adam.load_state_dict(state["adam"])
