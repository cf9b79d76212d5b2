"""Terms of AGRNet-HR's loss, Eq. (20) to (27), Sec. 3.3.

The 1/N sum over images of every equation is a mean over the batch. Sums over k run over the discriminators' scales. Means
are taken in float32, whatever precision scores and features come in.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.networks.units.tensors import at_least_float32

NORMS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"l1": F.l1_loss, "l2": F.mse_loss}


@dataclass(frozen=True)
class LossWeights:
    """The lambdas of Eq. (26) and the norm of its pixel term; the defaults are those of Sec. 4.1.

    A term whose weight is 0 is not computed. `px_norm` "l1" is Eq. (20), "l2" the baseline of Table 6.
    Raises ValueError for a negative weight, for four zeros and for another norm.
    """

    px: float = 100.0
    adv: float = 1.0
    fm: float = 10.0
    pc: float = 1.0
    px_norm: str = "l1"

    def __post_init__(self) -> None:
        lambdas = (self.px, self.adv, self.fm, self.pc)
        if min(lambdas) < 0 or max(lambdas) == 0:
            raise ValueError(f"weights (px, adv, fm, pc) are {lambdas}; none may be negative and one must be above 0")
        if self.px_norm not in NORMS:
            raise ValueError(f"px_norm is {self.px_norm!r}; allowed are {sorted(NORMS)}")


def pixel_loss(sr: Tensor, hr: Tensor, norm: str = "l1") -> Tensor:
    """Mean absolute ("l1") or squared ("l2") difference over all elements of two (N, 3, H, W) batches.

    Raises ValueError for different shapes. Source: Eq. (20) is "l1", divided by the 3 H W elements of an image: with the
    literal sum the published lambda_px = 100 would outweigh every other term by 78 million to one. "l2" is the baseline of
    Table 6.
    """
    if sr.shape != hr.shape:
        raise ValueError(f"SR has shape {tuple(sr.shape)}, HR {tuple(hr.shape)}; they must be equal")
    return NORMS[norm](sr, hr)


def adversarial_g(scores: Sequence[Tensor]) -> Tensor:
    """The generator's adversarial loss from D_k(I_SR), one (N, 1, h, w) tensor per scale.

    Source: Eq. (22); where D_k scores patches, their mean stands for the paper's scalar.
    """
    return _sum(-at_least_float32(score).mean() for score in scores)


def adversarial_d(real_scores: Sequence[Tensor], fake_scores: Sequence[Tensor]) -> Tensor:
    """The discriminators' hinge loss from D_k(I_HR) and D_k(I_SR), one (N, 1, h, w) tensor per scale each.

    Source: Eq. (23), which is all of L_D, Eq. (27). The hinge is taken per patch, then the mean, which is the paper's form
    where a score is one number. The caller detaches I_SR.
    """
    pairs = zip(map(at_least_float32, real_scores), map(at_least_float32, fake_scores), strict=True)
    return _sum(F.relu(1 - real).mean() + F.relu(1 + fake).mean() for real, fake in pairs)


def feature_matching(fake_features: Sequence[Sequence[Tensor]], real_features: Sequence[Sequence[Tensor]]) -> Tensor:
    """Distance between the discriminators' features of I_SR and of I_HR, each a list over k of lists over layers l.

    Per layer the mean absolute difference (1 / M_k^l of the L1 norm), summed over layers and scales. No gradient goes to
    the real features. Source: Eq. (24).
    """
    return _sum(
        F.l1_loss(at_least_float32(fake), at_least_float32(real.detach()))
        for fake_k, real_k in zip(fake_features, real_features, strict=True)
        for fake, real in zip(fake_k, real_k, strict=True)
    )


def composite_loss(
    weights: LossWeights,
    sr: Sequence[Tensor],
    hr: Tensor,
    *,
    fake_scores: Sequence[Tensor] | None = None,
    fake_features: Sequence[Sequence[Tensor]] | None = None,
    real_features: Sequence[Sequence[Tensor]] | None = None,
    perceptual: Callable[[Tensor, Tensor], Tensor] | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """The generator's loss L_G and its terms.

    `sr` holds the images from coarsest to final, each (N, 3, H_k, W_k) in [-1, 1]; `hr` is (N, 3, H, W). Pixel and
    perceptual loss act on the final image alone; scores and features are what the discriminators gave for every scale.
    `perceptual` is Eq. (25) as a function of (sr, hr). Returns L_G and the detached, unweighted terms by name ("px",
    "adv", "fm", "pc"), those of weight 0 left out: for them nothing is computed and their inputs may be missing.
    Raises ValueError where an input of a term with a weight is missing. Source: Eq. (26).
    """
    final = sr[-1]
    inputs = {"adv": (fake_scores,), "fm": (fake_features, real_features), "pc": (perceptual,)}
    for name, needed in inputs.items():
        if getattr(weights, name) and any(value is None for value in needed):
            raise ValueError(f"weight {name} is {getattr(weights, name)}, but the inputs of that term were not given")

    losses = {}
    if weights.px:
        losses["px"] = pixel_loss(final, hr, weights.px_norm)  # Eq. (20)
    if weights.adv:
        losses["adv"] = adversarial_g(fake_scores)  # Eq. (22)
    if weights.fm:
        losses["fm"] = feature_matching(fake_features, real_features)  # Eq. (24)
    if weights.pc:
        losses["pc"] = perceptual(final, hr)  # Eq. (25)
    total = _sum(getattr(weights, name) * loss for name, loss in losses.items())
    return total, {name: loss.detach() for name, loss in losses.items()}


def downsample_pyramid(hr: Tensor, scales: int) -> list[Tensor]:
    """What D_1 .. D_K see of I_HR: [.., half, full size], `scales` images, the last being `hr` itself.

    `hr` is (N, 3, H, W) with H and W divisible by 2^(scales - 1), else ValueError. Source: Sec. 3.3, Fig. 10.
    Paper silent on the filter: we take the mean of each 2^j x 2^j block, because it leaves no pixel out, as decimation
    would, and stays within [-1, 1], where bicubic overshoots and would mark real images for the discriminator.
    """
    height, width = hr.shape[-2:]
    factor = 2 ** (scales - 1)
    if scales < 1 or height % factor or width % factor:
        raise ValueError(f"hr is {height}x{width} (HxW) px; {scales} scales need sides divisible by {factor}")
    return [F.avg_pool2d(hr, 2**j) for j in range(scales - 1, 0, -1)] + [hr]


def _sum(terms: Iterable[Tensor]) -> Tensor:
    terms = list(terms)
    if not terms:
        raise ValueError("a loss over no scales or layers: give the discriminators' outputs as lists of tensors")
    return torch.stack(terms).sum()
