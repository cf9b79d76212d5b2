"""Learned perceptual image patch similarity (Sec. 4.4), with trunk weights from a named file.

Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric" (2018), Eq. (1). The package `lpips`
holds the weights of its linear layers and is what this is held to; it isn't imported, since it imports torchvision (1.8 s).
"""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from pipeline.metrics.float32 import in_float32
from pipeline.store.features import Refused, conv_features, vgg_blocks

TRUNKS = ("alex", "vgg")
NETWORKS = {"alex": "alexnet", "vgg": "vgg16"}
# The convolutions of each block, by torchvision's numbers; the features are taken after its last ReLU.
BLOCKS = {"alex": [[0], [3], [6], [8], [10]], "vgg": vgg_blocks("vgg16")}
POOLED = {"alex": (1, 2), "vgg": (1, 2, 3, 4)}  # blocks that a maximum of every second place comes before
POOL_PX = {"alex": 3, "vgg": 2}
STRIDE_PADDING = {("alex", 0): (4, 2), ("alex", 3): (1, 2)}  # others: 1, 1
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # of RGB in [-1, 1]
TINY = 1e-10
MIN_PX = 32  # a smaller picture leaves nothing of the deepest layers
MAX_PIXELS = 2**19  # of one side that go through the trunk at once: 32 pictures of 128 px, 2 of 512 px


class LPIPSMetric:
    """LPIPS v0.1 of batches of pictures, on the AlexNet ("alex", the headline) or the VGG16 ("vgg") trunk.

    `weights` is a safetensors file with torchvision's keys (features.N.weight, features.N.bias), as
    `pipeline.pretrained.bring` writes it: nothing is downloaded and no random trunk is ever used. ValueError where the trunk
    is unknown or the file holds another network's layers.
    Sec. 4.4. Paper silent on trunk and size: we take AlexNet, the LPIPS authors' default, RGB in [-1, 1], native size.
    """

    def __init__(self, trunk: str, weights: Path, device: str = "cpu"):
        if trunk not in TRUNKS:
            raise ValueError(f"LPIPS trunk {trunk!r}; one of {', '.join(TRUNKS)} is needed")
        self.trunk = trunk
        self.device = torch.device(device)
        self._layers, self._linear = _load(trunk, Path(weights), self.device)
        self._shift, self._scale = (torch.tensor(v, device=self.device).view(1, 3, 1, 1) for v in (SHIFT, SCALE))

    @in_float32()
    @torch.inference_mode()
    def __call__(self, sr_batch: np.ndarray, hr_batch: np.ndarray) -> list[float]:
        """LPIPS of each pair; 0 for identical pictures, larger is worse.

        Takes two (N, H, W, 3) uint8 RGB batches of one shape, at least 32 px a side. ValueError otherwise. Any N will
        do: larger batches go through the trunk in parts, so that memory is bounded by the size of a picture.
        """
        if sr_batch.shape != hr_batch.shape:
            raise ValueError(
                f"restored batch of shape {sr_batch.shape} against {hr_batch.shape}; they must be the same"
            )
        for batch in (sr_batch, hr_batch):
            if batch.dtype != np.uint8 or batch.ndim != 4 or batch.shape[3] != 3 or min(batch.shape[1:3]) < MIN_PX:
                raise ValueError(
                    f"batch of shape {batch.shape}, dtype {batch.dtype}; "
                    f"(N, H, W, 3) uint8 RGB, {MIN_PX} px or more, is needed"
                )
        count, height, width = sr_batch.shape[:3]
        step = max(MAX_PIXELS // (height * width), 1)
        values = []
        for first in range(0, count, step):
            sr, hr = (self._to_tensor(batch[first : first + step]) for batch in (sr_batch, hr_batch))
            values += self._distances(sr, hr).tolist()
        return values

    def _distances(self, sr: Tensor, hr: Tensor) -> Tensor:
        """(N, 3, H, W) twice to (N,): Eq. (1), sum over the layers of mean over the places of |w (y_hat - y_hat_0)|^2."""
        total = torch.zeros(len(sr), device=self.device)
        # w: (1, C, 1, 1), squared already
        for y, y_0, w in zip(self._features(sr), self._features(hr), self._linear, strict=True):
            total += F.conv2d((_unit(y) - _unit(y_0)).square(), w).mean(dim=(1, 2, 3))
        return total

    def _features(self, images: Tensor) -> Iterator[Tensor]:
        """The five maps of the trunk, finest first."""
        x = (images - self._shift) / self._scale
        for number, block in enumerate(BLOCKS[self.trunk]):
            if number in POOLED[self.trunk]:
                x = F.max_pool2d(x, POOL_PX[self.trunk], 2)
            for convolution in block:
                weight, bias = (self._layers[f"features.{convolution}.{part}"] for part in ("weight", "bias"))
                stride, padding = STRIDE_PADDING.get((self.trunk, convolution), (1, 1))
                x = F.relu(F.conv2d(x, weight, bias, stride, padding))
            yield x

    def _to_tensor(self, batch: np.ndarray) -> Tensor:
        images = torch.from_numpy(np.ascontiguousarray(batch)).to(self.device)
        return images.permute(0, 3, 1, 2).float() / 127.5 - 1.0  # N x 3 x H x W in [-1, 1]


def _unit(y: Tensor) -> Tensor:
    """(N, C, H, W) with the channels of each place brought to length 1."""
    return y / (y.square().sum(dim=1, keepdim=True).sqrt() + TINY)


def _load(trunk: str, weights: Path, device: torch.device) -> tuple[dict[str, Tensor], list[Tensor]]:
    """The trunk's convolutions, and the package's weights of its five maps, each (1, C, 1, 1)."""
    try:
        layers = conv_features(NETWORKS[trunk], load_file(weights))
    except Refused as error:
        raise ValueError(
            f"{weights.name} does not hold the conv layers of LPIPS' {trunk} trunk ({error}); run stage pretrained"
        ) from None
    (package,) = find_spec("lpips").submodule_search_locations
    learned = torch.load(Path(package) / "weights" / "v0.1" / f"{trunk}.pth", map_location=device, weights_only=True)
    linear = [learned[f"lin{number}.model.1.weight"] for number in range(len(BLOCKS[trunk]))]
    return {name: value.to(device) for name, value in layers.items()}, linear
