"""Training of AGRNet: Eq. (15) alone, Adam (Sec. 4.1)."""

import torch

from pipeline.networks.agrnet import AGRNet
from pipeline.params import AGRNetModel
from pipeline.training.pixel import pixel_l2
from pipeline.training.tensors import LOWEST


class AGRNetTrainer:
    """AGRNet, its loss and its optimiser.

    Raises ValueError for a batch of one: meta-ACON's batch norm then has one value per channel and no deviation.
    """

    lowest = LOWEST["agrnet"]

    def __init__(self, model: AGRNetModel, device: torch.device):
        if model.train.batch_size < 2:
            raise ValueError(
                "models.agrnet.train.batch_size is 1; batch normalisation of pooled values needs at least 2"
            )
        self._rate = model.train.learning_rate
        self.net = AGRNet(**model.network.model_dump()).to(device)
        self._adam = torch.optim.Adam(self.net.parameters(), lr=model.train.learning_rate, betas=model.train.betas)

    @property
    def optimisers(self) -> list[tuple[torch.optim.Optimizer, float]]:
        """The optimiser with its learning rate."""
        return [(self._adam, self._rate)]

    def step(self, lr_up: torch.Tensor, hr: torch.Tensor) -> dict[str, torch.Tensor]:
        """One update on (N, 3, H, W) images in [-1, 1]; returns {"loss"}."""
        loss = pixel_l2(self.net(lr_up), hr)  # Eq. (15)
        self._adam.zero_grad(set_to_none=True)
        loss.backward()
        self._adam.step()
        return {"loss": loss.detach()}

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
