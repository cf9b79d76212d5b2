"""Networks that torch computes: any weights with their card, on a GPU or a CPU."""

import hashlib

import torch

from pipeline.commands.restore.gate.gate import read_gate
from pipeline.commands.restore.networks.runnable import Apply, RunnableNetwork
from pipeline.infer.apply import applied
from pipeline.infer.trained import Weights, WeightsError
from pipeline.runtime import device as devices


def torch_network(weights: Weights, device: str, precision: str) -> RunnableNetwork:
    """Checked weights as restoring runs them. device: auto, cpu or cuda; precision: fp32, tf32 or bf16.

    Raises WeightsError for a device that is not there or cannot compute so, and for a gate of other weights.
    """
    chosen, digest = pick_device(device, precision), hashlib.sha256(weights.file.read_bytes()).hexdigest()
    return RunnableNetwork(
        weights.file,
        weights.card,
        weights.takes,
        digest,
        read_gate(weights.file.parent, digest, weights.size_px),
        chosen.type,
        f"torch {torch.__version__}, {chosen.type}, {precision}",
        lambda: load(weights, chosen, precision),
    )


def pick_device(name: str, precision: str) -> torch.device:
    """The device, set to the precision. Raises WeightsError where it is not there or cannot compute so."""
    if name == "cuda" and not torch.cuda.is_available():
        raise WeightsError("--device cuda, but torch sees no GPU: take auto or cpu")
    device = devices.pick_device(name)
    if precision == "tf32" and device.type != "cuda":
        raise WeightsError("--precision tf32 is a GPU's: take fp32 or bf16")
    devices.use_precision(precision, device)
    devices.use_threads(0)
    return device


def load(weights: Weights, device: torch.device, precision: str) -> Apply:
    """The trained network as a function of RGB uint8 batches (N, H, W, 3) of what it takes; size_px comes out.

    Raises WeightsError for weights with a number that is not finite.
    """
    net = weights.load()
    broken = [name for name, value in net.state_dict().items() if not torch.isfinite(value).all()]
    if broken:
        raise WeightsError(f"{weights.file}: {len(broken)} tensors hold numbers that are not finite, first {broken[0]}")
    return applied(net, device, precision)
