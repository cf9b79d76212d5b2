"""PIL's bicubic resize on batches and on any device, bit for bit: the bytes of `pipeline.images.pixels.resize`.

Source: libImaging/Resample.c of Pillow 13. Each axis is a sparse matrix whose weights are fixed to 22 fractional bits, and
one pass is rounded to uint8 before the other begins. With such weights every product and sum of a pass is exact in
float64, in whatever order a device adds, and neither TF32 nor autocast touches float64.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

A = -0.5  # Keys' cubic as PIL has it
SUPPORT_PX = 2.0
FRACTION_BITS = 22


def resize(images: Tensor, size_px: int) -> Tensor:
    """uint8 (N, H, W, C) -> uint8 (N, size_px, size_px, C), as PIL's `resize((size_px, size_px), BICUBIC)` gives each.

    Antialiased when shrinking. H and W may differ; older Pillow differs from version 13 in the order of the passes where
    the height shrinks much more than the width. Raises ValueError for another dtype or shape and for a size below 1.
    """
    _check_images(images)
    if size_px < 1:
        raise ValueError(f"size_px is {size_px}; at least 1 is allowed")
    height, width = images.shape[1:3]
    rows, columns = (_weights(side, size_px, images.device)[None] for side in (height, width))
    # Pillow 13 (its pull request 9549) begins with the vertical pass here; the bound is measured on 13.0.0.
    if height - size_px > 2 * max(width - size_px, 0):
        return _resample(images.transpose(1, 2), columns, rows).transpose(1, 2).contiguous()
    return _resample(images, rows, columns)


def enlarge(images: Tensor, sides_px: Sequence[int], size_px: int) -> Tensor:
    """`resize` of squares of several sizes at once: of each of uint8 (N, S, S, C) the upper left one of its own side.

    Returns uint8 (N, size_px, size_px, C). What lies outside of a square has no weight. Raises ValueError for another dtype
    or shape, for a list of another length than N and for sides that are not within 1 to S.
    """
    _check_images(images)
    count, side = images.shape[:2]
    if len(sides_px) != count or min(sides_px) < 1 or max(sides_px) > min(images.shape[1:3]):
        raise ValueError(f"{len(sides_px)} sides from {min(sides_px)} to {max(sides_px)} px for images {images.shape}")
    if len(set(sides_px)) == 1:
        return resize(images[:, : sides_px[0], : sides_px[0]], size_px)
    matrices = torch.stack([_weights(own, size_px, images.device, side) for own in sides_px])
    return _resample(images, matrices, matrices)


def zoom(images: Tensor, enlarged_px: Sequence[int], tops: Sequence[int], lefts: Sequence[int]) -> Tensor:
    """Enlarges each image by its own amount and cuts a window of the old size; only the window is computed.

    uint8 (N, H, H, C) -> the same shape: image i is PIL's bicubic enlargement to enlarged_px[i] >= H, rows from tops[i]
    and columns from lefts[i] on. Raises ValueError for another dtype or shape, for images that are not square, for
    lists of another length than N, for a smaller size and for a window that reaches over the edge.
    """
    _check_images(images)
    count, side, width, _ = images.shape
    if side != width:
        raise ValueError(f"images are {side}x{width} (HxW) px; only square ones are enlarged")
    if not len(enlarged_px) == len(tops) == len(lefts) == count:
        raise ValueError(
            f"{len(enlarged_px)} sizes, {len(tops)} tops and {len(lefts)} lefts for {count} images; each needs one"
        )
    for size, *corner in zip(enlarged_px, tops, lefts, strict=True):
        if size < side or min(corner) < 0 or max(corner) > size - side:
            raise ValueError(
                f"a window of {side} px at (top, left) {tuple(corner)} of an image enlarged to {size} px; allowed are sizes "
                f"from {side} px and corners from 0 to size - {side}"
            )
    matrices = [_weights(side, size, images.device) for size in enlarged_px]
    rows, columns = (
        torch.stack([matrix[start : start + side] for matrix, start in zip(matrices, starts, strict=True)])
        for starts in (tops, lefts)
    )
    return _resample(images, rows, columns)


def _check_images(images: Tensor) -> None:
    if images.dtype != torch.uint8 or images.dim() != 4 or 0 in images.shape:
        raise ValueError(
            f"images are {images.dtype} {tuple(images.shape)}; expected uint8 (N, H, W, C), none of them 0"
        )


@torch.no_grad()
def _resample(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Horizontal, then vertical pass. rows: (N or 1, H', H), columns: (N or 1, W', W), one matrix per image or for all."""
    count, height, width, channels = images.shape
    rows, columns = (matrices.expand(count, -1, -1) for matrices in (rows, columns))
    half = rows.new_full((), 0.5)
    # (N, H, C, W): the horizontal pass multiplies the last axis, the vertical one all that lies behind H.
    x = images.transpose(2, 3).to(torch.float64, memory_format=torch.contiguous_format)
    # Sums below 0 are clipped, so that trunc and the conversion are the floor of PIL's shift.
    x = torch.baddbmm(half, x.view(count, height * channels, width), columns.mT).clamp_(0, 255).trunc_()
    x = torch.baddbmm(half, rows, x.view(count, height, -1)).clamp_(0, 255).to(torch.uint8)
    return x.view(count, rows.shape[1], channels, -1).transpose(2, 3).contiguous()


@lru_cache(maxsize=256)  # Eq. (28) has some fifty sizes
def _weights(from_px: int, to_px: int, device: torch.device, width_px: int = 0) -> Tensor:
    """float64 (to_px, from_px): what each pixel of one axis gives to each of the resized, multiples of 2^-22. With zeros for
    further pixels up to `width_px`."""
    scale = from_px / to_px
    stretch = max(scale, 1.0)  # a shrinking filter is as wide as the pixels it makes
    support = SUPPORT_PX * stretch
    centre = (np.arange(to_px)[:, None] + 0.5) * scale
    pixel = np.arange(from_px)
    first, end = (np.trunc(centre + reach + 0.5) for reach in (-support, support))
    within = (pixel >= first) & (pixel < end)
    weights = np.where(within, _cubic((pixel - centre + 0.5) * (1.0 / stretch)), 0.0)
    # cumsum adds one by one from the left, as PIL does; sum adds in pairs, and its last bit could tip a rounding.
    weights /= np.cumsum(weights, axis=1)[:, -1:]
    one = 2.0**FRACTION_BITS
    fixed = np.trunc(weights * one + np.copysign(0.5, weights))
    filled = np.pad(fixed / one, ((0, 0), (0, max(width_px - from_px, 0))))
    return torch.from_numpy(filled).to(device)


def _cubic(x: np.ndarray) -> np.ndarray:
    x = np.abs(x)
    near = ((A + 2.0) * x - (A + 3.0)) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * A
    return np.where(x < 1.0, near, np.where(x < 2.0, far, 0.0))
