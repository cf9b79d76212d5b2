"""Pictures for a network, a bounded number at a time."""

from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np
import torch


def picture_batches(images: Iterable[np.ndarray], batch: int) -> Iterator[torch.Tensor]:
    """(B, 3, H, W) uint8 tensors of up to `batch` pictures, in the order given.

    `images` are (H, W, 3) uint8 RGB, all of one size within a batch, read as they are needed (a generator will do).
    ValueError on other pictures.
    """
    images = iter(images)
    while group := list(islice(images, batch)):
        for image in group:
            if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.shape != group[0].shape:
                raise ValueError(
                    f"picture of shape {image.shape}, dtype {image.dtype}, in a batch whose first is "
                    f"{group[0].shape}; (H, W, 3) uint8 RGB of one size is needed"
                )
        yield torch.from_numpy(np.stack(group)).permute(0, 3, 1, 2)  # B x H x W x 3 to B x 3 x H x W
