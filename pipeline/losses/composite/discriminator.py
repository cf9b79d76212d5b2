"""Convolutional discriminators, one per scale (Sec. 3.3, Fig. 10)."""

from collections.abc import Sequence
from contextlib import nullcontext
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import spectral_norm


class Discriminator(nn.Module):
    """Scores patches of an image and gives the features it scored them by.

    Input: float (N, 3, H, W) in [-1, 1]. Output: (score, features): score (N, 1, h, w) of unbounded logits (>= 1 is real
    beyond doubt, <= -1 fake), and the activations of all layers before the score, finest first, `layers` + 1 of them.

    `layers` counts the stride-2 convolutions; H and W must be at least `minimum_size_px` = 2^(layers + 1) + 1 px, so
    that the unpadded 3x3 score has 3x3 positions to look at: 33 px for 4 layers, 17 for 3, 9 for 2. Smaller images
    raise ValueError; at that size instance normalisation never sees a 1x1 map.

    Source: f_{D_k} of Eq. (24), Sec. 3.3. Paper silent on the layers: we take SPARNetHD's, width -> 2, 4, 8, 8 times
    width, affine instance normalisation on the stride-2 layers (whose convolutions then need no bias), LeakyReLU 0.2,
    and spectral normalisation on all convolutions.
    """

    def __init__(self, width: int = 64, layers: int = 4):
        super().__init__()
        if layers < 1:
            raise ValueError(f"layers is {layers}; a discriminator needs at least one stride-2 convolution")
        channels = [width * min(2**i, 8) for i in range(layers + 1)]
        self.minimum_size_px = 2 ** (layers + 1) + 1
        first = nn.Sequential(spectral_norm(nn.Conv2d(3, width, 3, padding=1)), nn.LeakyReLU(0.2))
        halving = [
            nn.Sequential(
                spectral_norm(nn.Conv2d(c_in, c_out, 3, stride=2, padding=1, bias=False)),
                nn.InstanceNorm2d(c_out, affine=True),
                nn.LeakyReLU(0.2),
            )
            for c_in, c_out in pairwise(channels)
        ]
        self.layers = nn.ModuleList([first, *halving])
        self.score = spectral_norm(nn.Conv2d(channels[-1], 1, 3))
        self.convs = [module for module in self.modules() if isinstance(module, nn.Conv2d)]

    def forward(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        self.check(image)
        features = []
        x = image
        with parametrize.cached():
            self._normalise(image.device.type)
            for layer in self.layers:
                x = layer(x)
                features.append(x)
            return self.score(x), features

    def check(self, image: Tensor) -> None:
        """Raises ValueError for an image below the minimum size."""
        height, width = image.shape[-2:]
        if min(height, width) < self.minimum_size_px:
            raise ValueError(
                f"image is {height}x{width} (HxW) px; a discriminator of {len(self.layers) - 1} stride-2 layers needs at "
                f"least {self.minimum_size_px} px a side: take fewer `layers` or larger images"
            )

    def _normalise(self, device_type: str) -> None:
        """Spectral normalisation ahead of the layers: its power iteration needs float32, also where they run in bfloat16."""
        available = torch.amp.is_autocast_available(device_type)
        with torch.autocast(device_type, enabled=False) if available else nullcontext():
            for conv in self.convs:
                _ = conv.weight


class MultiScaleDiscriminator(nn.Module):
    """D_1 .. D_K, each judging the image of its own scale.

    Input: images from coarsest to final, as AGRNetHR returns them; the last `scales` are judged, so that a single
    discriminator is the final scale's. Output: (scores, features), lists over k of what Discriminator returns.
    Raises ValueError where fewer images than scales come in or one is too small for `layers`.
    Source: Sec. 3.3, Fig. 10; one discriminator: the baseline of Table 6.
    """

    def __init__(self, scales: int = 3, width: int = 64, layers: int = 4):
        super().__init__()
        if scales < 1:
            raise ValueError(f"scales is {scales}; at least one discriminator is needed")
        self.D = nn.ModuleList(Discriminator(width, layers) for _ in range(scales))

    def forward(self, images: Sequence[Tensor]) -> tuple[list[Tensor], list[list[Tensor]]]:
        self.check(images)
        judged = [D_k(image) for D_k, image in zip(self.D, images[-len(self.D) :], strict=True)]
        return [score for score, _ in judged], [features for _, features in judged]

    def check(self, images: Sequence[Tensor]) -> None:
        """Raises ValueError for fewer images than scales, and for one that is too small."""
        if len(images) < len(self.D):
            raise ValueError(
                f"{len(images)} images for {len(self.D)} discriminators; each needs the image of its scale"
            )
        for D_k, image in zip(self.D, images[-len(self.D) :], strict=True):
            D_k.check(image)
