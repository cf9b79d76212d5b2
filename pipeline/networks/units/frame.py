"""The frame that SwinIR made and MambaIR took over: groups of blocks between a convolution and an upsampler."""

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

UPSAMPLERS = ("pixelshuffle", "nearest+conv")
MEAN_RGB = (0.4488, 0.4371, 0.4040)  # of DIV2K on [0, 1], as in both released codes


class Frame(nn.Module):
    """Shallow features, groups of blocks with a skip over them all, and reconstruction at `scale` times the size.

    Input: float (N, 3, h, w) in [-1, 1]. Output: (N, 3, scale h / unshuffle, scale w / unshuffle), not clamped.
    `block(i)` builds the i-th block of a group, a map (N, h, w, width) to the same; `depths` counts the blocks of each
    group. With `unshuffle` above 1 the image is folded into channels first, so that the blocks work at 1 / unshuffle of its
    size; ValueError where a side is not divisible by it. `upsampler` is "pixelshuffle", or "nearest+conv" as for
    real-world photographs, both with `up_width` channels; `scale` a power of two.

    Source: SwinIR (Liang et al., 2021), Sec. 3.1: F_0 = H_SF(I), F_DF = H_CONV(H_RSTB_K(... H_RSTB_1(F_0))),
    I_RHQ = H_REC(F_0 + F_DF); MambaIR (Guo et al., 2024), section "Overall Architecture". From their released code
    (github.com/JingyunLiang/SwinIR and github.com/csguoh/MambaIR, both Apache 2.0; structure only): a layer normalisation
    before and after the groups, DIV2K's mean subtracted on [0, 1], slopes, initialisation.

    Deviation: their stochastic depth of 0.1 in training, of which that code says that it has no impact on the results of
    super-resolution, is left out. It would draw from a state that a resumed training must then restore.
    """

    def __init__(
        self,
        block: Callable[[int], nn.Module],
        *,
        width: int,
        depths: Sequence[int],
        scale: int,
        up_width: int,
        upsampler: str,
        unshuffle: int = 1,
    ):
        super().__init__()
        self.unshuffle = unshuffle
        self.register_buffer("mean", torch.tensor(MEAN_RGB).view(1, 3, 1, 1), persistent=False)
        self.head = nn.Conv2d(3 * unshuffle**2, width, 3, padding=1)
        self.norm_in = nn.LayerNorm(width)
        self.groups = nn.ModuleList(ResidualGroup([block(i) for i in range(depth)], width) for depth in depths)
        self.norm_out = nn.LayerNorm(width)
        self.conv = nn.Conv2d(width, width, 3, padding=1)
        self.up = _reconstruction(width, up_width, scale, upsampler)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, image: Tensor) -> Tensor:
        shape = tuple(image.shape)
        if len(shape) != 4 or shape[1] != 3 or shape[2] % self.unshuffle or shape[3] % self.unshuffle:
            raise ValueError(f"images have shape {shape}; expected (N, 3, h, w), sides divisible by {self.unshuffle}")
        x = (image + 1) / 2 - self.mean
        F_0 = self.head(F.pixel_unshuffle(x, self.unshuffle))
        x = self.norm_in(F_0.permute(0, 2, 3, 1))
        for group in self.groups:
            x = group(x)
        F_DF = self.conv(self.norm_out(x).permute(0, 3, 1, 2))
        restored = self.up(F_0 + F_DF)
        return 2 * (restored + self.mean) - 1


class ResidualGroup(nn.Module):
    """Blocks and a convolution with a skip over both (RSTB, RSSG): (N, h, w, C) to the same."""

    def __init__(self, blocks: Sequence[nn.Module], width: int):
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.conv = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for block in self.blocks:
            y = block(y)
        return self.conv(y.permute(0, 3, 1, 2)).permute(0, 2, 3, 1) + x


def _reconstruction(width: int, up_width: int, scale: int, upsampler: str) -> nn.Sequential:
    """H_REC. Layers are named, so that a checkpoint of the authors finds them at any scale."""
    if upsampler not in UPSAMPLERS:
        raise ValueError(f"upsampler is {upsampler!r}; allowed are {UPSAMPLERS}")
    if scale < 1 or scale & (scale - 1):
        raise ValueError(f"scale is {scale}; allowed are powers of two")
    layers = OrderedDict(before=nn.Conv2d(width, up_width, 3, padding=1), before_act=nn.LeakyReLU(0.01))
    for i in range(1, int(math.log2(scale)) + 1):
        if upsampler == "pixelshuffle":
            layers[f"conv{i}"] = nn.Conv2d(up_width, 4 * up_width, 3, padding=1)
            layers[f"shuffle{i}"] = nn.PixelShuffle(2)
        else:
            layers[f"nearest{i}"] = nn.Upsample(scale_factor=2, mode="nearest")
            layers[f"conv{i}"] = nn.Conv2d(up_width, up_width, 3, padding=1)
            layers[f"act{i}"] = nn.LeakyReLU(0.2)
    if upsampler == "nearest+conv":
        layers["full"] = nn.Conv2d(up_width, up_width, 3, padding=1)
        layers["full_act"] = nn.LeakyReLU(0.2)
    layers["last"] = nn.Conv2d(up_width, 3, 3, padding=1)
    return nn.Sequential(layers)
