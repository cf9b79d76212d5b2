"""AGRNet-HR, the generator for degraded faces of 512 px (Sec. 3.3)."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from torch import Tensor, nn

from pipeline.networks.units.aru import ARU, check_images


class AGRNetHR(nn.Module):
    """Restores a face and gives it at three scales.

    Input: float (N, 3, H, W), images in [-1, 1] (I_LR-UP), H and W divisible by 8, else ValueError. Output: a list of
    three images [quarter, half, full size], not clamped: 128, 256 and 512 px for an input of 512. N may be 1.

    `widths` are the channels at full, half and quarter size and in the FEM (1/8); the other arguments are AGRNet's,
    and `norm` is that of the main path, "batch" or "instance".

    Source: Sec. 3.3, Fig. 10: AGRNet's structure with more channels. Paper silent on the widths: (144, 192, 256, 288)
    is the paper profile; the default, a named deviation, is a taper of 316 GMAC at 512 px against 882. Paper silent on
    how the smaller images are made: each unit of the USM has its own 3x3 convolution to RGB. Deviation: meta-ACON's beta
    branch has layer instead of batch normalisation, since at the paper's batch of 2 the latter yields +-1 per channel
    whatever the images, and at batch 1 it cannot be computed.
    """

    title: ClassVar[str] = "AGRNet-HR"
    takes: ClassVar[Literal["lr", "lr_up"]] = "lr_up"

    def __init__(
        self,
        num_arus: int = 10,
        widths: Sequence[int] = (48, 96, 192, 288),
        fem_reduction: int = 8,
        scale_reduction: int = 4,
        activation: str = "meta_acon",
        attention: bool = True,
        norm: str = "batch",
    ):
        super().__init__()
        if len(widths) != 4:
            raise ValueError(f"widths are {tuple(widths)}; expected four: full, half, quarter size and FEM")
        full, half, quarter, deep = widths
        kind = {"activation": activation, "attention": attention, "norm": norm, "beta_norm": "layer"}
        scaling = {"reduction": scale_reduction, **kind}

        self.head = nn.Conv2d(3, full, 3, padding=1)
        self.dsm = nn.Sequential(  # full size -> 1/8
            ARU(full, half, "down", **scaling),
            ARU(half, quarter, "down", **scaling),
            ARU(quarter, deep, "down", **scaling),
        )
        self.fem = nn.Sequential(*(ARU(deep, deep, reduction=fem_reduction, **kind) for _ in range(num_arus)))
        self.usm = nn.ModuleList(  # 1/8 -> full size
            [
                ARU(deep, quarter, "up", **scaling),
                ARU(quarter, half, "up", **scaling),
                ARU(half, full, "up", **scaling),
            ]
        )
        self.to_rgb = nn.ModuleList(nn.Conv2d(channels, 3, 3, padding=1) for channels in (quarter, half, full))

    @staticmethod
    def units() -> tuple[type[nn.Module], ...]:
        """What `pipeline.train.recompute` may compute again in the backward pass."""
        return (ARU,)

    def forward(self, I_LR_UP: Tensor) -> list[Tensor]:
        check_images(I_LR_UP)
        x = self.head(I_LR_UP)
        x = self.dsm(x)
        x = self.fem(x)
        I_SR = []
        for unit, to_rgb in zip(self.usm, self.to_rgb, strict=True):
            x = unit(x)
            I_SR.append(to_rgb(x))
        return I_SR
