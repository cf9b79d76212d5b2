"""SFMNet, the spatial-frequency mutual network for faces (Wang, Jiang, Zhong, Liu; CVPR 2023)."""

from collections.abc import Callable
from typing import ClassVar, Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STAGES = ("down", "down", "down", "same", "up", "up", "up")  # 1/2, 1/4, 1/8, the neck, and back


class SFMNetImages(NamedTuple):
    """What SFMNet restores, each (N, 3, H, W): the frequency branch's image, which only training uses, and the result."""

    frequency: Tensor
    final: Tensor


class SFMNet(nn.Module):
    """Restores a face in two branches, one in the frequency and one in the spatial domain, which mix after every block.

    Input: float (N, 3, H, W), images in [-1, 1] brought to full size by bicubic interpolation; H and W divisible by 8,
    else ValueError. Output: SFMNetImages, not clamped. `width` is the channels throughout, divisible by `heads`, those of
    the attention between the branches; `group_blocks` counts the residual blocks of a spatial block.

    Source: the paper's frequency branch, spatial branch and frequency-spatial interaction block (FSIB); widths, where
    skips start and end, biases, slopes and the scaling layers from the released code (github.com/wcy-cs/SFMNet, which
    names no licence; structure only). Published: 8.6 M parameters, 30.6 GMAC at 128x128. Here: 8,545,942 parameters and
    30.57 GMAC by count_macs, which leaves out Fourier transforms and the products of attention.

    Unclear is whether both directions of an FSIB share their attention. The released code builds two and uses the first for
    both; so do we, with that one alone, since it gives the published count (two give 8.80 M at the same MACs).
    Deviations: the released code adds 1e-8 in five places of a frequency block and replaces NaN at its end; neither is here.
    The former changes what comes of random images by rounding alone (3e-7 of 1.3, width 12), but a flat image's spectrum is
    nothing beside rounding, so that its phases are arbitrary: there the two differ by .004 of .45, and by half in the
    gradient. A result that is not finite should stop training. Images are in [-1, 1] instead of [0, 1].
    """

    title: ClassVar[str] = "SFMNet"
    takes: ClassVar[Literal["lr", "lr_up"]] = "lr_up"

    def __init__(self, width: int = 64, heads: int = 8, group_blocks: int = 2):
        super().__init__()
        if width % heads:
            raise ValueError(f"width is {width} and heads {heads}; the width must be divisible by the heads")
        self.frequency = Branch(width, lambda: FrequencyBlock(width))
        self.spatial = Branch(width, lambda: SpatialBlock(width, group_blocks))
        self.mixes = nn.ModuleList(FSIB(width, heads) for _ in range(2 * len(STAGES)))

    @staticmethod
    def units() -> tuple[type[nn.Module], ...]:
        """What `pipeline.train.recompute` may compute again in the backward pass."""
        return (FrequencyBlock, SpatialBlock, FSIB)

    def forward(self, I_LR_UP: Tensor) -> SFMNetImages:
        _check(I_LR_UP)
        from_frequency = []

        def keep(i: int, x: Tensor) -> Tensor:
            from_frequency.append(x)
            return x

        def mix(i: int, x: Tensor) -> Tensor:
            return self.mixes[i](x, from_frequency[i])

        frequency = self.frequency(I_LR_UP, keep)
        spatial = self.spatial(I_LR_UP, mix)
        return SFMNetImages(frequency + I_LR_UP, spatial + I_LR_UP)


class Branch(nn.Module):
    """A U-shaped branch: three times down, a neck, three times up, two blocks at each stage.

    `mix(i, x)` sees the map after the i-th of the 14 blocks and gives the one to go on with. Skips carry the map before it
    is mixed from the second block on the way down to the second block on the way up. (N, 3, H, W) -> (N, 3, H, W).
    """

    def __init__(self, width: int, block: Callable[[], nn.Module]):
        super().__init__()
        self.head = nn.Sequential(nn.Conv2d(3, width, 3, padding=1, bias=False), nn.PReLU())
        self.scales = nn.ModuleList(_scaling(width, kind) for kind in STAGES)
        self.blocks = nn.ModuleList(block() for _ in range(2 * len(STAGES)))
        self.tail = nn.Sequential(nn.Conv2d(width, 3, 3, padding=1, bias=False), nn.PReLU())

    def forward(self, image: Tensor, mix: Callable[[int, Tensor], Tensor]) -> Tensor:
        x = self.head(image)
        skips = [x]
        for stage, kind in enumerate(STAGES):
            first, second = 2 * stage, 2 * stage + 1
            x = mix(first, self.blocks[first](self.scales[stage](x)))
            x = self.blocks[second](x)
            if kind == "down":
                skips.append(x)
            else:
                x = x + skips.pop()
            x = mix(second, x)
        return self.tail(x)


class FrequencyBlock(nn.Module):
    """Convolves amplitude and phase of the features' Fourier transform, each with a residual: (N, C, H, W) to the same.

    Every output pixel depends on every input pixel. The transforms run in float32 at least, also under autocast. The
    spectrum given to the inverse transform is not exactly that of a real map; how a backend treats the two columns where
    that shows is its own affair, so a CPU and a GPU may differ there.
    """

    def __init__(self, width: int):
        super().__init__()
        self.before = nn.Conv2d(width, width, 1)
        self.amplitude = _two_convs(width)
        self.phase = _two_convs(width)
        self.after = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        spectrum = torch.fft.rfft2(_wide(self.before(x)))  # (N, C, H, W / 2 + 1)
        A, P = spectrum.abs(), spectrum.angle()
        A = _wide(self.amplitude(A)) + A
        P = _wide(self.phase(P)) + P
        restored = torch.fft.irfft2(torch.complex(A * P.cos(), A * P.sin()), s=x.shape[2:])
        return self.after(restored.abs()) + x


class SpatialBlock(nn.Module):
    """Residual blocks and a convolution, beside a scaled shortcut: (N, C, H, W) to the same."""

    def __init__(self, width: int, blocks: int):
        super().__init__()
        self.blocks = nn.ModuleList(nn.Sequential(_conv3x3(width), nn.ReLU(), _conv3x3(width)) for _ in range(blocks))
        self.conv = nn.Sequential(_conv3x3(width), nn.PReLU())
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for block in self.blocks:
            y = F.relu(block(y) + y)
        return self.conv(y) + self.scale * x


class FSIB(nn.Module):
    """Frequency-spatial interaction block: each domain attends to the other, then a gate weighs their sum.

    Two maps (N, C, H, W) to one.
    """

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.conv_spatial = nn.Conv2d(width, width, 3, padding=1)
        self.conv_frequency = nn.Conv2d(width, width, 3, padding=1)
        self.attention = ChannelCrossAttention(width, heads)
        self.gates = nn.Sequential(
            nn.Conv2d(2 * width, width, 3, padding=1), nn.Conv2d(width, 2 * width, 3, padding=1), nn.Sigmoid()
        )

    def forward(self, spatial: Tensor, frequency: Tensor) -> Tensor:
        spatial, frequency = self.conv_spatial(spatial), self.conv_frequency(frequency)
        spatial = self.attention(spatial, frequency) + spatial
        frequency = self.attention(frequency, spatial) + frequency
        gate_spatial, gate_frequency = self.gates(torch.cat((spatial, frequency), 1)).chunk(2, dim=1)
        return gate_spatial * spatial + gate_frequency * frequency


class ChannelCrossAttention(nn.Module):
    """Attention among channels: queries from one map, keys and values from another; both (N, C, H, W), as the result."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.query = _pointwise_and_depthwise(width, width)
        self.key_value = _pointwise_and_depthwise(width, 2 * width)
        self.out = nn.Conv2d(width, width, 1, bias=False)

    def forward(self, x: Tensor, other: Tensor) -> Tensor:
        heads = len(self.temperature)
        Q, K, V = (t.unflatten(1, (heads, -1)).flatten(3) for t in (self.query(x), *self.key_value(other).chunk(2, 1)))
        weights = (
            F.normalize(Q, dim=-1) @ F.normalize(K, dim=-1).mT * self.temperature
        )  # (N, heads, C / heads, C / heads)
        attended = weights.softmax(dim=-1) @ V
        return self.out(attended.flatten(1, 2).unflatten(2, x.shape[2:]))


def _check(images: Tensor) -> None:
    shape = tuple(images.shape)
    if len(shape) != 4 or shape[1] != 3 or shape[2] % 8 or shape[3] % 8:
        raise ValueError(f"images have shape {shape}; expected (N, 3, H, W) with both sides divisible by 8")


def _wide(x: Tensor) -> Tensor:
    return x.to(torch.promote_types(x.dtype, torch.float32))


def _conv3x3(width: int) -> nn.Conv2d:
    return nn.Conv2d(width, width, 3, padding=1, bias=False)


def _two_convs(width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(width, width, 3, padding=1), nn.LeakyReLU(0.1), nn.Conv2d(width, width, 3, padding=1)
    )


def _pointwise_and_depthwise(width: int, out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(width, out, 1, bias=False), nn.Conv2d(out, out, 3, padding=1, groups=out, bias=False)
    )


def _scaling(width: int, kind: str) -> nn.Module:
    if kind == "down":
        return nn.Sequential(_conv3x3(width), nn.PixelUnshuffle(2), nn.Conv2d(4 * width, width, 1, bias=False))
    if kind == "up":
        return nn.Sequential(nn.Conv2d(width, 4 * width, 1), nn.PixelShuffle(2), nn.PReLU())
    return nn.Identity()
