"""Convolution layers of the networks that the stage `pretrained` brought, as tensors, and which layers those are."""

from pathlib import Path

import torch
from safetensors.torch import load_file

from pipeline.store.pretrained import weights_path


def _vgg_layers(*convs_per_block: int) -> dict[int, tuple[int, int, int]]:
    layers, number, inputs = {}, 0, 3
    for width, convs in zip((64, 128, 256, 512, 512), convs_per_block, strict=True):
        for _ in range(convs):
            layers[number] = (inputs, width, 3)
            inputs, number = width, number + 2  # conv, ReLU
        number += 1  # max pooling
    return layers


# torchvision's layer number: (channels in, channels out, kernel side)
CONV_LAYERS = {
    "alexnet": {0: (3, 64, 11), 3: (64, 192, 5), 6: (192, 384, 3), 8: (384, 256, 3), 10: (256, 256, 3)},
    "vgg16": _vgg_layers(2, 2, 3, 3, 3),
    "vgg19": _vgg_layers(2, 2, 4, 4, 4),
}


def vgg_blocks(name: str) -> list[list[int]]:
    """torchvision's numbers of the convolutions in each of a VGG's five blocks, between which a 2x2 maximum is taken."""
    blocks: list[list[int]] = []
    for number in CONV_LAYERS[name]:
        if not blocks or number > blocks[-1][-1] + 2:  # convolution and ReLU are neighbours, a pooling lies between
            blocks.append([])
        blocks[-1].append(number)
    return blocks


class Refused(Exception):
    """What was brought is not the one wanted; the text holds no path."""


def conv_features(name: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The conv layers of torchvision's `name`, keyed features.N.weight and features.N.bias, float32, contiguous.

    `tensors` is the whole network's state dict, its features.* alone, or the features module's own (keys N.weight).
    `Refused` where a layer is missing, left over, or of another shape or dtype.
    """
    found = {}
    for key, value in tensors.items():
        if key[:1].isdigit():
            found["features." + key] = value
        elif not key.startswith("classifier."):
            found[key] = value
    wanted = {}
    for number, (inputs, outputs, side) in CONV_LAYERS[name].items():
        wanted[f"features.{number}.weight"] = (outputs, inputs, side, side)
        wanted[f"features.{number}.bias"] = (outputs,)
    wrong = sorted(set(found) ^ set(wanted))
    wrong += [key for key in wanted if key in found and tuple(found[key].shape) != wanted[key]]
    if wrong:
        raise Refused(f"not {name}'s layers: {wrong[0]} is missing, left over or of another shape")
    if any(value.dtype != torch.float32 for value in found.values()):
        raise Refused(f"{name}'s layers are not all float32")
    return {key: found[key].detach().contiguous() for key in wanted}


def load_features(folder: Path, name: str) -> dict[str, torch.Tensor]:
    """Conv layers of "alexnet", "vgg16" or "vgg19": features.N.weight and .bias, torchvision's numbers, float32.

    `PretrainedMissing` as `weights_path`; ValueError for another name.
    """
    if name not in CONV_LAYERS:
        raise ValueError(f"{name!r} has no conv features here; one of {', '.join(CONV_LAYERS)} is needed")
    return conv_features(name, load_file(weights_path(folder, name)))  # in the order of the layers
