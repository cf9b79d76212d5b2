"""Perceptual loss on the features of a VGG network trained on ImageNet (Eq. (25), Sec. 3.3)."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.networks.units.tensors import at_least_float32
from pipeline.store.features import CONV_LAYERS, vgg_blocks

TRUNKS = ("vgg16", "vgg19")
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class VGGFeatures(nn.Module):
    """relu1_1, relu2_1, relu3_1, relu4_1 and relu5_1 of an image, in this order.

    Input: float (N, 3, H, W) RGB in [-1, 1], at least 16 px a side; inside, it is brought to [0, 1] and normalised with
    ImageNet's mean and deviation. Output: five tensors of 64, 128, 256, 512, 512 channels at 1, 1/2, .. 1/16 of the size.
    The network is frozen and stays in eval mode; gradients reach the image.

    `state_dict` has torchvision's keys, `features.N.weight` and `features.N.bias`; further keys are not looked at. Raises
    ValueError for another trunk and for missing or misshapen entries, which it names.
    Source: Eq. (25); the paper names VGG19 and no layers: we take the first activation of each block, as SPARNetHD does.
    """

    def __init__(self, trunk: str, state_dict: Mapping[str, Tensor]):
        super().__init__()
        if trunk not in TRUNKS:
            raise ValueError(f"trunk is {trunk!r}; allowed are {', '.join(TRUNKS)}")
        layers, self.taps = _layers(trunk)
        self.features = nn.Sequential(*layers)  # numbered as in torchvision, and ending with relu5_1
        self._load(trunk, state_dict)
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1), persistent=False)
        self.requires_grad_(False)
        self.eval()

    def _load(self, trunk: str, state_dict: Mapping[str, Tensor]) -> None:
        own = self.state_dict()
        missing = [key for key in own if key not in state_dict]
        if missing:
            raise ValueError(f"the weights for {trunk} lack {', '.join(missing)}; expected torchvision's {trunk}")
        misshapen = [
            f"{key} {tuple(state_dict[key].shape)} instead of {tuple(value.shape)}"
            for key, value in own.items()
            if state_dict[key].shape != value.shape
        ]
        if misshapen:
            raise ValueError(f"the weights are not those of {trunk}: {', '.join(misshapen)}")
        self.load_state_dict({key: state_dict[key] for key in own})

    def train(self, mode: bool = True) -> "VGGFeatures":
        """Stays in eval mode whatever is asked, so that training a network that holds this one leaves it alone."""
        return super().train(False)

    def forward(self, image: Tensor) -> list[Tensor]:
        x = ((image + 1) / 2 - self.mean) / self.std
        found = []
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in self.taps:
                found.append(x)
        return found


class PerceptualLoss(nn.Module):
    """Distance between the features of two image batches.

    Call with (sr, hr), each as VGGFeatures takes them; returns the sum over layers, with equal weights, of the mean
    absolute difference (1 / M^l of the L1 norm). No gradient goes to `hr`. Source: Eq. (25).
    """

    def __init__(self, features: VGGFeatures):
        super().__init__()
        self.features = features

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        with torch.no_grad():
            real = self.features(hr)
        fake = self.features(sr)
        pairs = zip(map(at_least_float32, fake), map(at_least_float32, real), strict=True)
        return torch.stack([F.l1_loss(f_sr, f_hr) for f_sr, f_hr in pairs]).sum()


def _layers(trunk: str) -> tuple[list[nn.Module], list[int]]:
    """The layers up to relu5_1, and which of them are the first activations of the blocks."""
    layers, taps = [], []
    for block in vgg_blocks(trunk):
        taps.append(block[0] + 1)
        for number in block:
            c_in, c_out, _ = CONV_LAYERS[trunk][number]
            layers += [nn.Conv2d(c_in, c_out, 3, padding=1), nn.ReLU()]
        layers.append(nn.MaxPool2d(2))
    return layers[: taps[-1] + 1], taps
