"""Loaded networks, and batches that shrink where memory runs out."""

from collections.abc import Callable

import numpy as np
import torch

from pipeline.infer.apply import Apply, applied
from pipeline.infer.trained import Weights, WeightsError
from pipeline.runtime import device as devices

_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")


def pick_device(name: str, precision: str) -> torch.device:
    """The device, set to the precision. Raises WeightsError where it is not there or cannot compute so."""
    if name == "cuda" and not torch.cuda.is_available():
        raise WeightsError("--device cuda, but torch sees no GPU: take auto or cpu")
    device = devices.pick_device(name)
    if precision == "tf32" and device.type != "cuda":
        raise WeightsError("--precision tf32 is a GPU's: take fp32 or bf16")
    devices.use_precision(precision, device)
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


class FittingBatches:
    """A network as a function that gets as many images at a time as fit into memory.

    size: images per batch at first; halved each time memory runs out, down to 1, and kept.
    """

    def __init__(self, apply: Apply, size: int):
        self._apply = apply
        self.size = size

    def __call__(self, images: list[np.ndarray], done: Callable[[int, np.ndarray | str], None]) -> None:
        """Restore images of one shape; `done` gets the number of each and its restored form, or why there is none."""
        start = 0
        while start < len(images):
            part = images[start : start + self.size]
            restored = self._run(part)
            if isinstance(restored, str) and len(part) > 1 and _is_memory(restored):
                self.size = len(part) // 2
                continue
            for number in range(len(part)):
                done(start + number, restored if isinstance(restored, str) else restored[number])
            start += len(part)

    def _run(self, part: list[np.ndarray]) -> np.ndarray | str:
        """The restored images, or the error in words: kept as such, since an exception holds on to the batch's memory."""
        try:
            return self._apply(np.stack(part))
        except (RuntimeError, MemoryError) as error:  # torch.OutOfMemoryError is a RuntimeError
            what = "out of memory" if isinstance(error, MemoryError) else str(error).strip().partition("\n")[0]
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return f"the network failed on a batch of {len(part)}: {what}"


def _is_memory(words: str) -> bool:
    return any(what in words.lower() for what in _MEMORY)
