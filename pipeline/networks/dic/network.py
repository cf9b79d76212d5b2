"""DIC: an image and its landmarks estimated in turns, each from the other.

Ma, Jiang, Rao, Lu, Zhou, "Deep Face Super-Resolution with Iterative Collaboration between Attentive Recovery and Landmark
Estimation", CVPR 2020, arXiv 2003.13063. The structure is that of the authors' released code
(github.com/Maclory/Deep-Iterative-Collaboration, MIT), written anew. Parts go by the paper's names for them, without numbers
of equations: the code was at hand, the paper's text only in parts. Losses and targets: `pipeline.losses.dic.loss`.
"""

from typing import ClassVar, Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class DICOutput(NamedTuple):
    """What DIC gives: `heat_maps` (N, K, H / 4, W / 4) and `images` (N, 3, H, W) of every step, and the final image."""

    heat_maps: tuple[Tensor, ...]
    images: tuple[Tensor, ...]
    image: Tensor


class DIC(nn.Module):
    """Enlarges a face eightfold in `num_steps` steps; from the second on, its last landmarks say where to look.

    Input: float (N, 3, h, w), the small images in [-1, 1]. Output: a DICOutput with images of (N, 3, 8 h, 8 w), not
    clamped, whose last entry is the final image. 2 h and 2 w must be divisible by 2^alignment_levels, else ValueError.

    `width` and `num_groups` are of the feedback blocks, `num_fusion_blocks` of the attentive fusion, `alignment_width` and
    `alignment_levels` of the landmark estimation. `num_landmarks` heat maps are estimated. Deviation: 5, the pipeline's
    landmarks, where the paper has 68. The paper adds up its 68 maps to five components for the fusion (left eye, right eye,
    nose, mouth, outline); here each landmark is a component of its own: the eyes, the nose and either corner of the mouth,
    and none for the outline.

    The defaults are the released settings: 21.79 M parameters, with 68 maps to be estimated 21.80 M. SPARNet's authors give
    22.8 M, which the released code and settings do not yield; what it counts is unclear. At 16 -> 128 px 36.5 GMAC
    (`infer.count.count_macs`, which leaves transposed convolutions out; published 35.5 G), and 45.3 GMAC with them (torch's
    FlopCounterMode / 2).

    Released training: Adam, rate 1e-4 halved at 10, 20, 40 and 80 thousand of 150 thousand
    steps, batch 8, the landmark estimation trained before and held for the first 2,000 (CelebA) or 20,000 steps (Helen).
    Its images are in [0, 1] less a mean colour; those here in [-1, 1] have zero near that mean and twice the contrast.
    Deviation: the landmark estimation starts from PyTorch's default weights. The released Kaiming-normal ones, which there
    give way to trained ones, would start at heat maps of 10^4 in the first step and 10^12 in the fourth.
    """

    title: ClassVar[str] = "DIC"
    takes: ClassVar[Literal["lr", "lr_up"]] = "lr"

    def __init__(
        self,
        width: int = 48,
        num_steps: int = 4,
        num_groups: int = 6,
        num_fusion_blocks: int = 7,
        alignment_width: int = 256,
        alignment_levels: int = 4,
        num_landmarks: int = 5,
    ):
        super().__init__()
        if num_steps < 2:
            raise ValueError(f"num_steps is {num_steps}; the landmarks of a step are used in the next: take 2 or more")
        self.num_steps = num_steps
        self._multiple = 2 ** max(alignment_levels - 1, 0)
        self.head = nn.Sequential(nn.Conv2d(3, 4 * width, 3, padding=1), _prelu(), nn.PixelShuffle(2))
        self.compress_first = _conv_prelu(width, width)
        self.first_block = FeedbackBlock(width, num_groups)
        self.compress = _conv_prelu(2 * width, width)
        self.fusion = AttentiveFusion(width, num_landmarks, num_fusion_blocks)
        self.block = FeedbackBlock(width, num_groups)
        self.reconstruct = nn.Sequential(
            nn.ConvTranspose2d(width, width, 8, stride=4, padding=2), _prelu(), nn.Conv2d(width, 3, 3, padding=1)
        )
        self.apply(_initialise)  # as released; the estimation comes after, with PyTorch's own (see the docstring)
        self.alignment = LandmarkEstimation(alignment_width, alignment_levels, num_landmarks)

    @staticmethod
    def units() -> tuple[type[nn.Module], ...]:
        """What `pipeline.train.recompute` may compute again in the backward pass."""
        return (FeedbackBlock, AttentiveFusion, Bottleneck)

    def forward(self, I_LR: Tensor) -> DICOutput:
        self._check(I_LR)
        enlarged = F.interpolate(I_LR, scale_factor=8, mode="bilinear", align_corners=False)
        f = self.head(I_LR)  # (N, C, 2 h, 2 w), as large as the heat maps
        images, heat_maps = [], []
        feedback = state = None
        for _ in range(self.num_steps):
            if feedback is None:
                feedback = self.first_block(self.compress_first(f))
            else:
                merged = self.compress(torch.cat((f, feedback), dim=1))
                feedback = self.block(self.fusion(merged, heat_maps[-1]))
            image = enlarged + self.reconstruct(feedback)
            maps, state = self.alignment(image, state)
            images.append(image)
            heat_maps.append(maps)
        return DICOutput(tuple(heat_maps), tuple(images), images[-1])

    def _check(self, images: Tensor) -> None:
        shape = tuple(images.shape)
        if len(shape) != 4 or shape[1] != 3:
            raise ValueError(f"images have shape {shape}; expected (N, 3, h, w)")
        if shape[2] % self._multiple or shape[3] % self._multiple:
            raise ValueError(
                f"images are {shape[2]}x{shape[3]} (HxW) px; both sides must be divisible by {self._multiple}: "
                "pad or resize, or take fewer alignment_levels"
            )


class FeedbackBlock(nn.Module):
    """Up to eight times the size and back, `num_groups` times; each group sees what all before it gave at its size.

    Input and output: float (N, width, h, w); the large features are (N, width, 8 h, 8 w). Source: the recurrent recovery
    branch, whose block is SRFBN's (Li et al., CVPR 2019). As released, it enlarges eightfold, though the features are at
    twice the small image's size and the reconstruction enlarges them fourfold.
    """

    def __init__(self, width: int, num_groups: int):
        super().__init__()
        after_first = range(2, num_groups + 1)
        self.merge_small = nn.ModuleList(_conv_prelu(n * width, width) for n in after_first)
        self.merge_large = nn.ModuleList(_conv_prelu(n * width, width) for n in after_first)
        size = {"kernel_size": 12, "stride": 8, "padding": 2}
        self.up = nn.ModuleList(
            nn.Sequential(nn.ConvTranspose2d(width, width, **size), _prelu()) for _ in range(num_groups)
        )
        self.down = nn.ModuleList(nn.Sequential(nn.Conv2d(width, width, **size), _prelu()) for _ in range(num_groups))
        self.compress = _conv_prelu(num_groups * width, width)

    def forward(self, x: Tensor) -> Tensor:
        small, large = [x], []
        for i, (up, down) in enumerate(zip(self.up, self.down, strict=True)):
            large.append(up(self.merge_small[i - 1](torch.cat(small, dim=1)) if i else x))
            small.append(down(self.merge_large[i - 1](torch.cat(large, dim=1)) if i else large[0]))
        return self.compress(torch.cat(small[1:], dim=1))


class AttentiveFusion(nn.Module):
    """Features made for every component of the face apart, and added up where its landmark is.

    Input: features float (N, width, h, w) and heat maps (N, components, h, w). Output: (N, width, h, w).
    Source: the paper's attentive fusion module: grouped residual blocks, one group per component, and a softmax of the
    heat maps over the components. As released, each map is first divided by its maximum, or 0.05 where that is less.
    """

    def __init__(self, width: int, components: int, num_blocks: int):
        super().__init__()
        self.expand = nn.Sequential(nn.Conv2d(width, components * width, 1), nn.LeakyReLU(0.2))
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(components * width, components * width, 3, padding=1, groups=components),
                nn.LeakyReLU(0.2),
                nn.Conv2d(components * width, components * width, 3, padding=1, groups=components),
            )
            for _ in range(num_blocks)
        )

    def forward(self, features: Tensor, heat_maps: Tensor) -> Tensor:
        x = self.expand(features)
        for block in self.blocks:
            x = x + block(x)
        peaks = heat_maps.amax(dim=(2, 3), keepdim=True).clamp(min=0.05)
        attention = torch.softmax(heat_maps / peaks, dim=1)
        components = x.unflatten(1, (heat_maps.shape[1], -1))  # (N, components, width, h, w)
        return (components * attention[:, :, None]).sum(dim=1)


class LandmarkEstimation(nn.Module):
    """Heat maps of landmarks from an image, given what it remembers of the step before.

    Input: float (N, 3, H, W) and the state (N, width, H / 4, W / 4) of the step before, None at the first. Output: heat
    maps (N, num_landmarks, H / 4, W / 4), unbounded, and the new state. `width` must be divisible by 4, else ValueError.
    Source: the recurrent alignment branch. As released: one hourglass over features and state together, half of whose
    channels become heat maps and half the state; without a state the features stand in its place; no normalisation.
    """

    def __init__(self, width: int, levels: int, num_landmarks: int):
        super().__init__()
        if width % 4:
            raise ValueError(f"alignment_width is {width}; it must be divisible by 4")
        self.stem = nn.Sequential(  # to a quarter of the size
            nn.Conv2d(3, width // 4, 7, stride=2, padding=3),
            nn.ReLU(),
            Bottleneck(width // 4, width // 2),
            nn.MaxPool2d(2),
            Bottleneck(width // 2, width // 2),
            Bottleneck(width // 2, width),
        )
        self.merge = nn.Conv2d(2 * width, 2 * width, 1)
        self.hourglass = Hourglass(2 * width, levels)
        self.to_maps = nn.Sequential(
            Bottleneck(width, width), nn.Conv2d(width, width, 1), nn.ReLU(), nn.Conv2d(width, num_landmarks, 1)
        )

    def forward(self, image: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        features = self.stem(image)
        merged = self.merge(torch.cat((features, features if state is None else state), dim=1))
        for_maps, state = self.hourglass(merged).chunk(2, dim=1)
        return self.to_maps(for_maps), state


class Hourglass(nn.Module):
    """`levels` halvings by maximum pooling and back by bilinear interpolation, with a unit beside at every size.

    Input and output: float (N, channels, H, W), H and W divisible by 2^levels. Source: stacked hourglasses of pose
    estimation (Newell et al., ECCV 2016), one of them.
    """

    def __init__(self, channels: int, levels: int):
        super().__init__()
        if levels < 1:
            raise ValueError(f"alignment_levels is {levels}; an hourglass halves at least once")
        self.beside = Bottleneck(channels, channels)
        self.before = Bottleneck(channels, channels)
        self.inner = Hourglass(channels, levels - 1) if levels > 1 else Bottleneck(channels, channels)
        self.after = Bottleneck(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        low = self.after(self.inner(self.before(F.max_pool2d(x, 2))))
        return self.beside(x) + F.interpolate(low, scale_factor=2, mode="bilinear", align_corners=True)


class Bottleneck(nn.Module):
    """Residual unit of a 1x1, a 3x3 and a 1x1 convolution at half the channels; as released, with one ReLU, after the first.

    Input: float (N, in_channels, H, W). Output: (N, out_channels, H, W).
    """

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__()
        half = out_channels // 2
        self.residual = nn.Sequential(
            nn.Conv2d(in_channels, half, 1),
            nn.ReLU(),
            nn.Conv2d(half, half, 3, padding=1),
            nn.Conv2d(half, out_channels, 1),
        )
        self.shortcut = nn.Identity() if in_channels == out_channels else nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.shortcut(x) + self.residual(x)


def _prelu() -> nn.PReLU:
    return nn.PReLU(init=0.2)


def _conv_prelu(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(in_channels, out_channels, 1), _prelu())


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.kaiming_normal_(module.weight)
        nn.init.zeros_(module.bias)
