"""A network as restoring sees it, whatever computes it, and batches that shrink where memory runs out."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipeline.commands.restore.gate.gate import Gate
from pipeline.store.cards import TrainedWeights

# RGB uint8 (N, H, W, 3) of what a network takes -> what it makes of it, the same.
Apply = Callable[[np.ndarray], np.ndarray]

_MEMORY = ("out of memory", "can't allocate memory", "not enough memory", "failed to allocate memory")


@dataclass(frozen=True)
class RunnableNetwork(TrainedWeights):
    """Trained weights, and what computes them.

    takes: "lr_up", the face at `size_px`, or "lr", the face at `lr_px`. weights_sha256: of the weights as they were trained
    or kept, in whatever form `file` holds them. gate: None where nothing was measured of the network. device: "cpu" or
    "cuda". runtime: what computes it, in words. load: the network as a function; raises WeightsError for weights with a
    number that is not finite.
    """

    takes: str
    weights_sha256: str
    gate: Gate | None
    device: str
    runtime: str
    load: Callable[[], Apply]


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
        except (
            RuntimeError,
            MemoryError,
        ) as error:  # torch.OutOfMemoryError is a RuntimeError, and so are onnxruntime's
            what = "out of memory" if isinstance(error, MemoryError) else str(error).strip().partition("\n")[0]
        torch = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_available():
            torch.cuda.empty_cache()
        return f"the network failed on a batch of {len(part)}: {what}"


def _is_memory(words: str) -> bool:
    return any(what in words.lower() for what in _MEMORY)
