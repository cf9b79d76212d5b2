"""SPARNet and SPARNetHD: residual networks whose units look where a face has structure.

Chen, Gong, Wang, Li, Wong, "Learning Spatial Attention for Face Super-Resolution", IEEE TIP 30 (2021), arXiv 2012.01211.
The structure is that of the authors' released code (github.com/chaofengc/Face-SPARNet, CC BY-NC-SA 4.0), written anew;
it differs from the paper in the activation (leaky instead of parametric ReLU) and the number of parameters. Parts go by the
paper's names for them, without numbers of equations: the code was at hand, the paper's text only in parts. Weights the
authors trained are theirs, under that licence: `published` reads them for evaluation, nothing ships them.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from pipeline.networks.sparnet.published import from_published
from pipeline.networks.units.gam import norm_layer

SLOPE = 0.2  # of every leaky ReLU, as released


class FaceAttentionUnit(nn.Module):
    """Pre-activation residual unit whose residual is weighed by an attention map: x + alpha f(x), alpha = sigmoid(g(f(x))).

    Input: float (N, in_channels, H, W). Output: (N, out_channels, H', W') with H' = H for scale "same", H / 2 for "down",
    2 H for "up"; W' likewise. f is a residual branch of two 3x3 convolutions, g an hourglass of `levels` halvings and
    `attention_width` channels. `attention` "2d" is the paper's one map for all channels, "3d" the released extension, one
    map per channel. `norm` is "batch" or "instance". All convolutions pad by reflection.

    Source: the paper's face attention unit (FAU). As released, the first convolution of "up" and the second of "down" change
    the size, after nearest-neighbour x2 or with stride 2, and the shortcut is one 3x3 convolution that does the same.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        scale: str = "same",
        *,
        levels: int,
        attention_width: int = 64,
        attention: str = "2d",
        norm: str = "batch",
    ):
        super().__init__()
        if scale not in ("same", "down", "up"):
            raise ValueError(f"scale is {scale!r}; allowed are 'same', 'down' and 'up'")
        if scale == "same" and in_channels != out_channels:
            raise ValueError(f"a unit that keeps its size keeps its channels; got {in_channels} -> {out_channels}")
        if attention not in ("2d", "3d"):
            raise ValueError(f"attention is {attention!r}; allowed are '2d' and '3d'")
        self.scale = scale
        stride = 2 if scale == "down" else 1

        self.shortcut = nn.Identity() if scale == "same" else _conv(in_channels, out_channels, stride)
        self.norm0 = norm_layer(in_channels, norm)
        self.conv1 = _conv(in_channels, out_channels, bias=False)
        self.norm1 = norm_layer(out_channels, norm)
        self.conv2 = _conv(out_channels, out_channels, stride, bias=False)
        self.norm2 = norm_layer(out_channels, norm)
        self.hourglass = Hourglass(out_channels, attention_width, levels, norm)
        self.score = _conv(attention_width, 1 if attention == "2d" else out_channels)

    def forward(self, x: Tensor) -> Tensor:
        f = F.leaky_relu(self.norm0(x), SLOPE)
        if self.scale == "up":
            x, f = _doubled(x), _doubled(f)
        f = F.leaky_relu(self.norm1(self.conv1(f)), SLOPE)
        f = self.norm2(self.conv2(f))
        alpha = torch.sigmoid(self.score(self.hourglass(f)))  # (N, 1 or C, H', W')
        return self.shortcut(x) + alpha * f


class Hourglass(nn.Module):
    """Features of every scale from full size down to 2^-levels: one convolution beside, and the rest half as large.

    Input: float (N, in_channels, H, W), H and W divisible by 2^levels and larger: what remains needs 2 px a side to be
    padded by reflection. Output: (N, width, H, W). Source: the hourglass block of the paper's spatial attention branch,
    with one convolution, normalisation and leaky ReLU where the hourglass of landmark detection has a residual unit.
    """

    def __init__(self, in_channels: int, width: int, levels: int, norm: str):
        super().__init__()
        if levels < 1:
            raise ValueError(f"levels is {levels}; an hourglass halves at least once")
        self.beside = _conv_norm(in_channels, width, 1, norm)
        self.down = _conv_norm(in_channels, width, 2, norm)
        self.inner = Hourglass(width, width, levels - 1, norm) if levels > 1 else _conv_norm(width, width, 1, norm)
        self.up = _conv_norm(width, width, 1, norm)

    def forward(self, x: Tensor) -> Tensor:
        return self.beside(x) + self.up(_doubled(self.inner(self.down(x))))


class SPARNet(nn.Module):
    """Restores a face from its low-resolution image brought to full size by bicubic interpolation.

    Input: float (N, 3, H, W), images in [-1, 1]. Output: the same shape, not clamped. H and W must be divisible by
    2^(number of halvings + attention_levels) = 32 and twice that at least, else ValueError.

    `widths` are the channels from full size to the smallest, every size half the one before; `num_units` units work at the
    smallest; `attention_levels` are the hourglass's halvings there, one more for every doubling of size, so that
    all hourglasses end equally small (4 px for images of 128); the other arguments are the unit's. With
    `spectral` every convolution is normalised by its largest singular value.

    The defaults are the released SPARNet: 10.52 M parameters and 7.13 GMAC at 128 px (`count_macs`; published 10.52 M
    and 7.1 G), which is the paper's 2D attention. The released 3D attention comes with num_units=1: 5.24 M, 6.88 GMAC
    (published 5.24 M); with ten units it is 11.56 M, 8.08 GMAC. The paper's own count is 9.86 M. Weights start as in the
    released code (N(0, 0.02), batch normalisation N(1, 0.02)); it trains with L1, Adam (0.9, 0.99), rate 2e-4, batch 32.
    """

    title: ClassVar[str] = "SPARNet"
    takes: ClassVar[Literal["lr", "lr_up"]] = "lr_up"

    def __init__(
        self,
        widths: Sequence[int] = (32, 64, 128, 128),
        num_units: int = 10,
        attention_width: int = 64,
        attention_levels: int = 2,
        attention: str = "2d",
        norm: str = "batch",
        spectral: bool = False,
    ):
        super().__init__()
        if len(widths) < 2:
            raise ValueError(f"widths are {tuple(widths)}; expected at least two: full size and the smallest")
        kind = {"attention_width": attention_width, "attention": attention, "norm": norm}
        sizes = list(enumerate(pairwise(widths)))  # i: the size 2^-i and the next
        deepest = len(widths) - 1
        self._multiple = 2 ** (deepest + attention_levels)

        def levels(i: int) -> int:
            return attention_levels + deepest - i

        self.head = _conv(3, widths[0])
        self.down = nn.Sequential(
            *(FaceAttentionUnit(c, c_next, "down", levels=levels(i + 1), **kind) for i, (c, c_next) in sizes)
        )
        self.features = nn.Sequential(
            *(FaceAttentionUnit(widths[-1], widths[-1], levels=attention_levels, **kind) for _ in range(num_units))
        )
        self.up = nn.Sequential(
            *(FaceAttentionUnit(c_next, c, "up", levels=levels(i), **kind) for i, (c, c_next) in reversed(sizes))
        )
        self.tail = _conv(widths[0], 3)

        self.apply(_initialise)
        if spectral:
            for module in [m for m in self.modules() if isinstance(m, nn.Conv2d)]:
                spectral_norm(module)

    from_published = staticmethod(from_published)  # of a checkpoint with the authors' names

    @staticmethod
    def units() -> tuple[type[nn.Module], ...]:
        """What `pipeline.train.recompute` may compute again in the backward pass."""
        return (FaceAttentionUnit,)

    def forward(self, I_LR_UP: Tensor) -> Tensor:
        self._check(I_LR_UP)
        x = self.head(I_LR_UP)
        x = self.down(x)
        x = self.features(x)
        x = self.up(x)
        return self.tail(x)

    def _check(self, images: Tensor) -> None:
        shape, multiple = tuple(images.shape), self._multiple
        if len(shape) != 4 or shape[1] != 3:
            raise ValueError(f"images have shape {shape}; expected (N, 3, H, W)")
        if any(side % multiple or side < 2 * multiple for side in shape[2:]):
            raise ValueError(
                f"images are {shape[2]}x{shape[3]} (HxW) px; both sides must be divisible by {multiple} and at least "
                f"{2 * multiple}: pad or resize, or take fewer attention_levels"
            )


class SPARNetHD(SPARNet):
    """SPARNet for degraded faces of 512 px: wider, with instance and spectral normalisation.

    Input, output and arguments are SPARNet's; the input is the degraded image at output size. The defaults are the
    released SPARNetHD with 2D attention: 85.8 M parameters and 724 GMAC at 512 px (`count_macs`; published 85.8 M and
    724 G); attention="3d" is the other released one, 90.1 M and 767 GMAC.

    Source: the paper's SPARNetHD (generator alone; its three discriminators are those that AGRNet-HR has too). As released:
    102 channels at full size, hourglasses that end at 16 px (the code counts their halvings from 64 px, also at 512),
    nine units at 32 px. The released code trains with L1, VGG19, feature matching and hinge loss at 100 : 1 : 10 : 1, Adam
    (0.5, 0.99), rate 1e-4, batch 2, and takes a moving average of the weights (0.999).
    """

    title: ClassVar[str] = "SPARNetHD"

    def __init__(
        self,
        widths: Sequence[int] = (102, 204, 408, 512, 512),
        num_units: int = 9,
        attention_width: int = 64,
        attention_levels: int = 1,
        attention: str = "2d",
        norm: str = "instance",
        spectral: bool = True,
    ):
        super().__init__(widths, num_units, attention_width, attention_levels, attention, norm, spectral)


def _conv(in_channels: int, out_channels: int, stride: int = 1, bias: bool = True) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, padding_mode="reflect", bias=bias)


def _conv_norm(in_channels: int, out_channels: int, stride: int, norm: str) -> nn.Sequential:
    conv = _conv(in_channels, out_channels, stride, bias=False)
    return nn.Sequential(conv, norm_layer(out_channels, norm), nn.LeakyReLU(SLOPE))


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="nearest")


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.normal_(module.weight, 0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1, 0.02)
