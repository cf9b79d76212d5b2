"""Learned perceptual image patch similarity (Sec. 4.4), with trunk weights from a named file."""

import warnings
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

TRUNKS = ("alex", "vgg")
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
        self._model = _load(trunk, Path(weights)).to(self.device)

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
            values += self._model(sr, hr).flatten().tolist()
        return values

    def _to_tensor(self, batch: np.ndarray) -> torch.Tensor:
        images = torch.from_numpy(np.ascontiguousarray(batch)).to(self.device)
        return images.permute(0, 3, 1, 2).float() / 127.5 - 1.0  # N x 3 x H x W in [-1, 1]


def _load(trunk: str, weights: Path) -> torch.nn.Module:
    import lpips  # imports torchvision: four seconds that only LPIPS should pay

    # The package can only start from a download or from random layers; the random ones are all overwritten below,
    # and the caller's random state is put back.
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module="torchvision")
        model = lpips.LPIPS(net=trunk, pnet_rand=True, verbose=False)
    tensors = load_file(weights)
    # The package cuts the trunk into slices but keeps torchvision's numbers: slice2.3.weight is features.3.weight.
    names = {key: "features." + key.split(".", 1)[1] for key in model.net.state_dict()}
    if set(names.values()) != set(tensors):
        raise ValueError(f"{weights.name} does not hold the conv layers of LPIPS' {trunk} trunk; run stage pretrained")
    try:
        model.net.load_state_dict({key: tensors[name] for key, name in names.items()})
    except RuntimeError as error:
        raise ValueError(f"{weights.name} does not fit LPIPS' {trunk} trunk: {error}") from error
    return model.eval().requires_grad_(False)
