"""AGRNet, the adaptive global residual network for faces of 128 px (Sec. 3.1)."""

from typing import ClassVar, Literal

from torch import Tensor, nn

from pipeline.networks.units.aru import ARU, check_images


class AGRNet(nn.Module):
    """Restores a face from its low-resolution image brought to full size by bicubic interpolation.

    Input: float (N, 3, H, W), images in [-1, 1] (I_LR-UP), H and W divisible by 8, else ValueError. Output: the same
    shape, not clamped. In train mode N must be at least 2 (batch normalisation in meta-ACON's beta branch).

    `num_arus` counts the units of the FEM; `width` is the channels of every unit, `head_width` those of the first
    convolution; `fem_reduction` and `scale_reduction` are GAM's r in the FEM and in DSM and USM. Table 4: Baseline is
    activation="relu", attention=False; +ACON is attention=False; +GAM is activation="relu".

    Source: Sec. 3.1, Fig. 7. Paper silent on widths and reduction rates: we take those that give the six parameter
    counts of Table 5 to the printed digit; they fit, which does not prove that they are the authors'.
    """

    title: ClassVar[str] = "AGRNet"
    takes: ClassVar[Literal["lr", "lr_up"]] = "lr_up"
    least_batch: ClassVar[int] = 2

    def __init__(
        self,
        num_arus: int = 10,
        width: int = 144,
        head_width: int = 18,
        fem_reduction: int = 8,
        scale_reduction: int = 4,
        activation: str = "meta_acon",
        attention: bool = True,
    ):
        super().__init__()
        kind = {"activation": activation, "attention": attention}
        scaling = {"reduction": scale_reduction, **kind}

        self.head = nn.Conv2d(3, head_width, 3, padding=1)
        self.dsm = nn.Sequential(  # full size -> 1/8
            ARU(head_width, width, "down", **scaling),
            ARU(width, width, "down", **scaling),
            ARU(width, width, "down", **scaling),
        )
        self.fem = nn.Sequential(*(ARU(width, width, reduction=fem_reduction, **kind) for _ in range(num_arus)))
        self.usm = nn.Sequential(*(ARU(width, width, "up", **scaling) for _ in range(3)))  # 1/8 -> full size
        self.tail = nn.Conv2d(width, 3, 3, padding=1)

    @staticmethod
    def units() -> tuple[type[nn.Module], ...]:
        """What `pipeline.train.recompute` may compute again in the backward pass."""
        return (ARU,)

    def forward(self, I_LR_UP: Tensor) -> Tensor:
        check_images(I_LR_UP)
        x = self.head(I_LR_UP)
        x = self.dsm(x)
        x = self.fem(x)
        x = self.usm(x)
        I_SR = self.tail(x)
        return I_SR
