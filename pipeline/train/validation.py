"""A look at images that are not trained on: PSNR and SSIM by the evaluation's own functions, and strips to look at."""

from collections.abc import Sequence

import numpy as np
import torch

from pipeline.images.pairs import Pairs
from pipeline.metrics.fidelity.psnr import psnr_y
from pipeline.metrics.fidelity.ssim import ssim_y
from pipeline.networks.units.tensors import final_image, to_float, to_uint8
from pipeline.params.tasks import TrainParams
from pipeline.runtime import device as devices
from pipeline.store.images import encode_png

PSNR = "validation/psnr_y"


class Validation:
    """Some pairs, kept decoded in memory.

    indices: which of the pairs. takes: the network's input, "lr_up" or "lr", as the evaluation reads it.
    """

    def __init__(
        self,
        pairs: Pairs,
        indices: Sequence[int],
        options: TrainParams,
        device: torch.device,
        takes: str = "lr_up",
    ):
        self._lr_up, self._hr = ([read(index) for index in indices] for read in (pairs.lr_up, pairs.hr))
        self._inputs = self._lr_up if takes == "lr_up" else [pairs.lr(index) for index in indices]
        self._options, self._device = options, device

    def __len__(self) -> int:
        return len(self._hr)

    def measure(self, net: torch.nn.Module) -> dict[str, float]:
        """Means over all of the images; {} where there are none."""
        if not self._hr:
            return {}
        sr = self._restored(net, len(self._hr))
        return {
            PSNR: float(np.mean([psnr_y(a, b) for a, b in zip(sr, self._hr, strict=True)])),
            "validation/ssim_y": float(np.mean([ssim_y(a, b) for a, b in zip(sr, self._hr, strict=True)])),
        }

    def strip(self, net: torch.nn.Module, count: int) -> bytes:
        """The first images as PNG, a row each: I_LR-UP, I_SR, I_HR."""
        rows = zip(self._lr_up, self._restored(net, count), self._hr, strict=False)
        return encode_png(np.vstack([np.hstack(row) for row in rows]))

    @torch.inference_mode()
    def _restored(self, net: torch.nn.Module, count: int) -> list[np.ndarray]:
        training = net.training
        net.eval()
        restored = []
        size = max(1, self._options.batch_size // self._options.accumulate)
        for start in range(0, min(count, len(self._inputs)), size):
            batch = np.stack(self._inputs[start : min(start + size, count)])
            with devices.autocast(self._options.precision, self._device):
                out = net(to_float(batch, self._device))
            restored += list(to_uint8(final_image(out)))
        net.train(training)
        return restored
