"""AGRNet-HR's loss: multi-scale discriminators and the composite of Eq. (26), with D's own loss, Eq. (27), Sec. 3.3."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pipeline.losses.composite.discriminator import MultiScaleDiscriminator
from pipeline.losses.composite.fast_discriminator import faster
from pipeline.losses.composite.perceptual import PerceptualLoss, VGGFeatures
from pipeline.losses.composite.terms import LossWeights, adversarial_d, composite_loss, downsample_pyramid
from pipeline.losses.composite.trunk import load_trunk, trunk_digest
from pipeline.losses.units.loss import Loss
from pipeline.networks.units.tensors import at_least_float32, final_image
from pipeline.params.losses import CompositeParams


class CompositeLoss(Loss):
    """Discriminators D_1..D_3 (or the last alone) with their optimiser, and what G minimises through them.

    G: AGRNet-HR, or another network, whose final image is shown to D_1 and D_2 shrunk, as HR is. G is updated first and D
    learns from the same images, as in SPARNetHD; D is trained also where lambda_adv is 0, since L_fm looks through it.
    Without the perceptual trunk L_pc is left out, as if its weight were 0 (`trunk.load_trunk`).
    """

    def __init__(self, params: CompositeParams, compute: Any, brought: Path):
        super().__init__()
        trunk, self.absent = load_trunk(brought, params)
        self.trunk = trunk_digest(trunk)
        self._compute = compute
        self._scales = params.discriminators
        layers = params.discriminator_layers
        self.D = compute.placed(MultiScaleDiscriminator(self._scales, params.discriminator_width, layers))
        if compute.options.faster_forms:
            self.D = faster(self.D)
        self._weights = LossWeights(params.px, params.adv, params.fm, params.pc if trunk else 0.0, params.px_norm)
        self._perceptual = None
        if self._weights.pc:
            self._perceptual = PerceptualLoss(compute.placed(VGGFeatures(params.perceptual_trunk, trunk)))
            if compute.options.precision == "bf16":
                # What autocast makes of its weights at every pass, since they have no gradient that it would keep them for.
                self._perceptual.features.features.bfloat16()
        self._adam = compute.adam(self.D.parameters(), params.discriminator_learning_rate)
        self.optimisers = [(self._adam, params.discriminator_learning_rate)]
        self._judged: list[tuple[list[Tensor], list[Tensor]]] = []  # (I_SR, D's scores of HR) of each part

    def __call__(self, out: Any, part: Any) -> tuple[Tensor, dict[str, Tensor]]:
        """L_G, Eq. (26), of images in [-1, 1], and its terms. D looks at HR once a step: L_fm takes the features, L_D the
        scores."""
        hr = self._compute.images(part.hr)
        with self._compute.autocast():
            I_SR = [at_least_float32(image) for image in out] if isinstance(out, list) else self._pyramid(out)
            real_scores, real_features = self.D(downsample_pyramid(hr, self._scales))
            L_G, terms = self._generator_loss(I_SR, hr, real_features)
        self._judged.append(([image.detach() for image in I_SR], real_scores))
        return L_G, terms

    def learn(self) -> dict[str, Tensor]:
        """One update of D by L_D, Eq. (23) and (27), on the images that G was judged by; returns it as "d"."""
        self._adam.zero_grad(set_to_none=True)
        losses = []
        for I_SR, real_scores in self._judged:
            with self._compute.autocast():
                fake_scores, _ = self.D(I_SR)
            L_D = adversarial_d(real_scores, fake_scores)
            (L_D / len(self._judged)).backward()
            losses.append(L_D.detach())
        self._judged = []
        self._compute.average_gradients(self.D)
        self._adam.step()
        return {"d": torch.stack(losses).mean()}

    def forget(self) -> None:
        """Drop the images and scores of a step that failed; D learns again."""
        self._judged = []
        self.D.requires_grad_(True)

    def _pyramid(self, out: Any) -> list[Tensor]:
        return downsample_pyramid(at_least_float32(final_image(out)), self._scales)

    def _generator_loss(self, I_SR, hr, real_features) -> tuple[Tensor, dict[str, Tensor]]:
        judged = {}
        if self._weights.adv or self._weights.fm:
            self.D.requires_grad_(False)  # G's gradient goes through D and not into it
            fake_scores, fake_features = self.D(I_SR)
            self.D.requires_grad_(True)
            judged = {"fake_scores": fake_scores, "fake_features": fake_features, "real_features": real_features}
        return composite_loss(self._weights, I_SR, hr, perceptual=self._perceptual, **judged)

    def state(self) -> dict:
        """D and its optimiser."""
        return {"D": self.D.state_dict(), "adam": self._adam.state_dict()}

    def load_state(self, state: dict) -> None:
        """Go back to a state."""
        self.D.load_state_dict(state["D"])
        self._compute.load_adam(self._adam, state["adam"])
