"""Training of AGRNet-HR: multi-scale discriminators and the composite loss, Eq. (20) to (27), Sec. 3.3."""

import torch

from pipeline.losses.composite.discriminator import MultiScaleDiscriminator
from pipeline.losses.composite.perceptual import PerceptualLoss, VGGFeatures
from pipeline.losses.composite.terms import LossWeights, adversarial_d, composite_loss, downsample_pyramid
from pipeline.networks.units.tensors import LOWEST, at_least_float32
from pipeline.params.recipe import AGRNetHRModel, PeerModel
from pipeline.train.batches import Part
from pipeline.train.compute import Compute
from pipeline.train.ema import Ema


class AGRNetHRTrainer:
    """Generator G, discriminators D_1..D_3 (or the last alone), their losses and optimisers.

    generator: AGRNet-HR, or a peer trained with the same loss, whose single image is shown to D_1 and D_2 shrunk, as HR
    is. trunk: the state dict of the perceptual network; None leaves L_pc out, as if its weight were 0.
    """

    lowest = LOWEST["agrnet_hr"]

    def __init__(
        self,
        generator: torch.nn.Module,
        model: AGRNetHRModel | PeerModel,
        compute: Compute,
        trunk: dict[str, torch.Tensor] | None,
    ):
        loss, train = model.loss, model.train
        self._compute = compute
        self.G = compute.generator(generator)
        self._G = compute.compiled(self.G)
        self.D = compute.placed(MultiScaleDiscriminator(**model.discriminator.model_dump()))
        self._ema = Ema(self.G, train.ema)
        self._weights = LossWeights(loss.px, loss.adv, loss.fm, loss.pc if trunk else 0.0, loss.px_norm)
        self._perceptual = None
        if self._weights.pc:
            self._perceptual = PerceptualLoss(compute.placed(VGGFeatures(loss.perceptual_trunk, trunk)))
        self._adam_g = compute.adam(self.G.parameters(), train.learning_rate)
        self._adam_d = compute.adam(self.D.parameters(), train.discriminator_learning_rate)
        self.optimisers = [(self._adam_g, train.learning_rate), (self._adam_d, train.discriminator_learning_rate)]
        self._scales = model.discriminator.scales

    def step(self, batch: list[Part]) -> dict[str, torch.Tensor]:
        """One update of G, then one of D, on a batch in parts of (N, 3, H, W) images in [-1, 1]; returns L_G as "loss", its
        terms, and L_D as "d", Eq. (26) and (27).

        G goes first and D learns from the same images, as in SPARNetHD. D is trained also where lambda_adv is 0, since
        L_fm looks through it.
        """
        self._adam_g.zero_grad(set_to_none=True)
        passes = [self._generator_pass(lr_up, hr, len(batch)) for lr_up, hr, *_ in batch]
        self._compute.average_gradients(self.G)
        self._adam_g.step()
        self._ema.update(self.G)

        self._adam_d.zero_grad(set_to_none=True)
        for terms, I_SR, real_scores in passes:
            with self._compute.autocast():
                fake_scores, _ = self.D(I_SR)
            L_D = adversarial_d(real_scores, fake_scores)  # Eq. (23), (27)
            (L_D / len(batch)).backward()
            terms["d"] = L_D.detach()
        self._compute.average_gradients(self.D)
        self._adam_d.step()
        return {name: torch.stack([terms[name] for terms, *_ in passes]).mean() for name in passes[0][0]}

    def _generator_pass(self, lr_up: torch.Tensor, hr: torch.Tensor, parts: int):
        """Gradients of G from one part; returns the terms, the images for D to judge, and D's scores of HR.

        D looks at HR once a step: L_fm takes the features, L_D the scores.
        """
        hr = self._compute.images(hr)
        with self._compute.autocast():
            out = self._G(self._compute.images(lr_up))  # Eq. (21), three scales
            I_SR = [at_least_float32(image) for image in out] if isinstance(out, list) else self._pyramid(out)
            real_scores, real_features = self.D(downsample_pyramid(hr, self._scales))
            L_G, terms = self._generator_loss(I_SR, hr, real_features)  # Eq. (26)
        (L_G / parts).backward()
        return {"loss": L_G.detach(), **terms}, [image.detach() for image in I_SR], real_scores

    def _pyramid(self, image: torch.Tensor) -> list[torch.Tensor]:
        return downsample_pyramid(at_least_float32(image), self._scales)

    def _generator_loss(self, I_SR, hr, real_features) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        judged = {}
        if self._weights.adv or self._weights.fm:
            self.D.requires_grad_(False)  # G's gradient goes through D and not into it
            fake_scores, fake_features = self.D(I_SR)
            self.D.requires_grad_(True)
            judged = {"fake_scores": fake_scores, "fake_features": fake_features, "real_features": real_features}
        return composite_loss(self._weights, I_SR, hr, perceptual=self._perceptual, **judged)

    @property
    def evaluated(self) -> torch.nn.Module:
        """The network that is saved and evaluated: the average, or G itself where there is none."""
        return self._ema.net if self._ema.decay else self.G

    def state(self) -> dict:
        """Both networks, the average, both optimisers."""
        return {
            "G": self.G.state_dict(),
            "D": self.D.state_dict(),
            "ema": self._ema.state(),
            "adam_g": self._adam_g.state_dict(),
            "adam_d": self._adam_d.state_dict(),
        }

    def load_state(self, state: dict) -> None:
        """Go back to a state."""
        self.G.load_state_dict(state["G"])
        self.D.load_state_dict(state["D"])
        self._ema.load_state(state["ema"])
        self._adam_g.load_state_dict(state["adam_g"])
        self._adam_d.load_state_dict(state["adam_d"])
