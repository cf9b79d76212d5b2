"""uint8 images to the floats that a network sees, and back.

Paper silent on the range: we take [-1, 1] for all networks, as SPARNet's and SPARNetHD's code does. Nothing normalises
AGRNet's last convolution: on [0, 1] it spends hundreds of steps on the images' mean.
"""

import numpy as np
import torch
from torch import Tensor


def to_float(images: np.ndarray, device: torch.device) -> torch.Tensor:
    """RGB uint8 (N, H, W, 3) -> float32 (N, 3, H, W) in [-1, 1] on the device; travels as uint8."""
    tensor = torch.from_numpy(np.require(images, requirements=["C", "W"]))
    return as_float(tensor.to(device, non_blocking=True))


def as_float(images: torch.Tensor) -> torch.Tensor:
    """RGB uint8 (N, H, W, 3) -> float32 (N, 3, H, W) in [-1, 1], its memory laid out channels last."""
    return images.permute(0, 3, 1, 2).float().div_(255).mul_(2).sub_(1)


def final_image(out: torch.Tensor | list | tuple) -> torch.Tensor:
    """The image that a network ends with: of several, the last."""
    return out[-1] if isinstance(out, list | tuple) else out


def to_uint8(images: torch.Tensor) -> np.ndarray:
    """Float (N, 3, H, W) -> RGB uint8 (N, H, W, 3): out of [-1, 1] is clipped, then rounded to the nearest."""
    levels = (images.float() + 1) / 2 * 255
    return levels.clamp(0, 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()


def at_least_float32(x: Tensor) -> Tensor:
    """Scores and features computed in bfloat16 as float32, in which means are taken; others as they are."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
