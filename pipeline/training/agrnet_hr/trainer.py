"""Training of AGRNet-HR: multi-scale discriminators and the composite loss, Eq. (20) to (27), Sec. 3.3."""

import torch

from pipeline.networks.agrnet_hr import AGRNetHR
from pipeline.params import AGRNetHRModel
from pipeline.training.agrnet_hr.discriminator import MultiScaleDiscriminator
from pipeline.training.agrnet_hr.ema import Ema
from pipeline.training.agrnet_hr.losses import LossWeights, adversarial_d, composite_loss, downsample_pyramid
from pipeline.training.agrnet_hr.perceptual import PerceptualLoss, VGGFeatures
from pipeline.training.tensors import LOWEST


class AGRNetHRTrainer:
    """Generator G, discriminators D_1..D_3 (or the last alone), their losses and optimisers.

    trunk: the state dict of the perceptual network; None leaves L_pc out, as if its weight were 0.
    """

    lowest = LOWEST["agrnet_hr"]

    def __init__(self, model: AGRNetHRModel, device: torch.device, trunk: dict[str, torch.Tensor] | None):
        loss, train = model.loss, model.train
        self.G = AGRNetHR(**model.network.model_dump()).to(device)
        self.D = MultiScaleDiscriminator(**model.discriminator.model_dump()).to(device)
        self._ema = Ema(self.G, train.ema)
        self._weights = LossWeights(loss.px, loss.adv, loss.fm, loss.pc if trunk else 0.0, loss.px_norm)
        self._perceptual = None
        if self._weights.pc:
            self._perceptual = PerceptualLoss(VGGFeatures(loss.perceptual_trunk, trunk)).to(device)
        self._adam_g = torch.optim.Adam(self.G.parameters(), lr=train.learning_rate, betas=train.betas)
        self._adam_d = torch.optim.Adam(self.D.parameters(), lr=train.discriminator_learning_rate, betas=train.betas)
        self._rates = (train.learning_rate, train.discriminator_learning_rate)
        self._scales = model.discriminator.scales

    @property
    def optimisers(self) -> list[tuple[torch.optim.Optimizer, float]]:
        """G's and D's optimiser, each with its learning rate."""
        return [(self._adam_g, self._rates[0]), (self._adam_d, self._rates[1])]

    def step(self, lr_up: torch.Tensor, hr: torch.Tensor) -> dict[str, torch.Tensor]:
        """One update of G, then one of D, on (N, 3, H, W) images in [-1, 1]; returns L_G as "loss", its terms, and
        L_D as "d", Eq. (26) and (27).

        G goes first and D learns from the same images, as in SPARNetHD. D is trained also where lambda_adv is 0, since
        L_fm looks through it.
        """
        I_SR = self.G(lr_up)  # Eq. (21), three scales
        judged_hr = downsample_pyramid(hr, self._scales)
        L_G, terms = self._generator_loss(I_SR, hr, judged_hr)  # Eq. (26)
        self._adam_g.zero_grad(set_to_none=True)
        L_G.backward()
        self._adam_g.step()
        self._ema.update(self.G)

        L_D = self._discriminator_loss([image.detach() for image in I_SR], judged_hr)  # Eq. (27)
        self._adam_d.zero_grad(set_to_none=True)
        L_D.backward()
        self._adam_d.step()
        return {"loss": L_G.detach(), **terms, "d": L_D.detach()}

    def _generator_loss(self, I_SR, hr, judged_hr) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        weights = self._weights
        if not (weights.adv or weights.fm):
            return composite_loss(weights, I_SR, hr, perceptual=self._perceptual)
        self.D.requires_grad_(False)  # G's gradient goes through D and not into it
        fake_scores, fake_features = self.D(I_SR)
        real_features = None
        if weights.fm:
            with torch.no_grad():
                _, real_features = self.D(judged_hr)
        self.D.requires_grad_(True)
        return composite_loss(
            weights,
            I_SR,
            hr,
            fake_scores=fake_scores,
            fake_features=fake_features,
            real_features=real_features,
            perceptual=self._perceptual,
        )

    def _discriminator_loss(self, I_SR: list[torch.Tensor], judged_hr: list[torch.Tensor]) -> torch.Tensor:
        real_scores, _ = self.D(judged_hr)
        fake_scores, _ = self.D(I_SR)
        return adversarial_d(real_scores, fake_scores)  # Eq. (23)

    @property
    def evaluated(self) -> torch.nn.Module:
        """The network that is saved and evaluated: the average, or G itself where there is none."""
        return self._ema.net if self._ema.decay else self.G

    def state(self) -> dict:
        """Both networks, the average, both optimisers."""
        return {
            "G": self.G.state_dict(),
            "D": self.D.state_dict(),
            "ema": self._ema.net.state_dict(),
            "adam_g": self._adam_g.state_dict(),
            "adam_d": self._adam_d.state_dict(),
        }

    def load_state(self, state: dict) -> None:
        """Go back to a state."""
        self.G.load_state_dict(state["G"])
        self.D.load_state_dict(state["D"])
        self._ema.net.load_state_dict(state["ema"])
        self._adam_g.load_state_dict(state["adam_g"])
        self._adam_d.load_state_dict(state["adam_d"])
