"""VGG16's features of pictures, for a Fréchet distance where Inception's weights cannot be had.

The Fréchet distance between such features is no FID. It may rank sets restored from the same pictures; it is not
comparable to any published FID, nor to a FID of the same sets.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from pipeline.metrics.batches import picture_batches
from pipeline.metrics.float32 import in_float32
from pipeline.store.features import Refused, conv_features, vgg_blocks

LENGTH = 512  # of a feature: from 512 pictures down, a side's covariance is singular and the distance biased up
MIN_PX = 16  # a smaller picture leaves nothing after four halvings
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def vgg_features(images: Iterable[np.ndarray], weights: Path, device: str = "cpu", batch: int = 16) -> np.ndarray:
    """relu5_3 of VGG16, averaged over the picture: (N, 512) float64, in the order given.

    `images` are (H, W, 3) uint8 RGB of 16 px a side or more, read one batch at a time (a generator will do), all of one
    size within a batch, and looked at in their own size: sets of different sizes must not be compared. `weights` is the
    safetensors file that the stage `pretrained` brings (torchvision's ImageNet weights). ValueError on other pictures and
    on a file of other layers.
    Fréchet distance: `frechet.frechet_features` of two such sets; with N of 512 or less on a side its covariance is
    singular (rank N - 1), with few more it is hardly better. Not in the paper. It names no such substitute: we take the
    deepest convolution's features, the nearest to what Inception's pooled ones hold.
    """
    layers = _load(Path(weights), torch.device(device))
    mean, std = (torch.tensor(values, device=device).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
    features = [np.empty((0, LENGTH))]
    with torch.inference_mode(), in_float32():
        for pictures in picture_batches(images, batch):
            if min(pictures.shape[2:]) < MIN_PX:
                raise ValueError(
                    f"pictures of {pictures.shape[3]}x{pictures.shape[2]} px; VGG16 needs {MIN_PX} px a side"
                )
            x = (pictures.to(device).float() / 255.0 - mean) / std
            features.append(_relu5_3(x, layers).double().mean(dim=(2, 3)).cpu().numpy())
    return np.concatenate(features)


def _load(weights: Path, device: torch.device) -> dict[str, Tensor]:
    try:
        layers = conv_features("vgg16", load_file(weights))
    except Refused as error:
        raise ValueError(f"{weights.name}: {error}; run the stage pretrained") from error
    return {key: value.to(device) for key, value in layers.items()}


def _relu5_3(x: Tensor, layers: dict[str, Tensor]) -> Tensor:
    """(B, 3, H, W), normalised, to (B, 512, H / 16, W / 16)."""
    for number, convolutions in enumerate(vgg_blocks("vgg16")):
        if number > 0:
            x = F.max_pool2d(x, 2)
        for convolution in convolutions:
            key = f"features.{convolution}"
            x = F.relu(F.conv2d(x, layers[f"{key}.weight"], layers[f"{key}.bias"], padding=1))
    return x
