"""SwinIR, image restoration with shifted-window attention (Liang, Cao, Sun, Zhang, Van Gool, Timofte; ICCVW 2021)."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from pipeline.networks.swinir.published import from_published
from pipeline.networks.units.frame import Frame


class SwinIR(Frame):
    """Enlarges a face `scale` times.

    Input: float (N, 3, h, w), small images in [-1, 1]; h and w divisible by `window`, else ValueError. Output:
    (N, 3, scale h, scale w), not clamped. `width` is the channels, divisible by `heads`; `depths` the layers of each
    group; `mlp_ratio` the hidden width of an MLP over `width`; `up_width` the channels of the reconstruction;
    `upsampler` as in Frame. Shallow features, groups and reconstruction: Sec. 3.1; the layers: Sec. 3.2.

    The defaults are the released SwinIR-M for x8: 12,047,911 parameters (11,999,311 without the tables of position bias,
    as a counter that looks at layers alone sees them) and 3.76 GMAC for 16 -> 128 px by count_macs, which leaves out the
    products of attention. Published for faces at this size: 11.9 M and 3.8 GMAC.
    """

    title: ClassVar[str] = "SwinIR"
    takes: ClassVar[Literal["lr", "lr_up"]] = "lr"

    def __init__(
        self,
        width: int = 180,
        depths: Sequence[int] = (6, 6, 6, 6, 6, 6),
        heads: int = 6,
        window: int = 8,
        mlp_ratio: float = 2,
        scale: int = 8,
        up_width: int = 64,
        upsampler: str = "pixelshuffle",
    ):
        frame = {"width": width, "depths": depths, "scale": scale, "up_width": up_width, "upsampler": upsampler}
        super().__init__(lambda i: SwinLayer(width, heads, window, i % 2 == 1, mlp_ratio), **frame)

    from_published = staticmethod(from_published)  # of a checkpoint with the authors' names

    @staticmethod
    def units() -> tuple[type[nn.Module], ...]:
        """What `pipeline.train.recompute` may compute again in the backward pass."""
        return (SwinLayer,)


class SwinIRHR(Frame):
    """Restores a degraded face of its own size: SwinIR behind a folding by 8, as DiffBIR's first stage has it.

    Input: float (N, 3, H, W), images in [-1, 1] brought to full size, H and W divisible by 8 `window`, else ValueError.
    Output: the same shape, not clamped. Arguments as SwinIR's.

    The paper has no network for a degraded image at its final size: for real photographs it works at low resolution and
    enlarges by nearest neighbour and convolutions. We take that, with the image folded by 8 into channels in front, from
    the released DiffBIR (github.com/XPixelGroup/DiffBIR, Apache 2.0; settings only): eight groups, 15,792,587 parameters,
    86.2 GMAC at 512x512 by count_macs.
    """

    title: ClassVar[str] = "SwinIR"
    takes: ClassVar[Literal["lr", "lr_up"]] = "lr_up"

    def __init__(
        self,
        width: int = 180,
        depths: Sequence[int] = (6, 6, 6, 6, 6, 6, 6, 6),
        heads: int = 6,
        window: int = 8,
        mlp_ratio: float = 2,
        up_width: int = 64,
        upsampler: str = "nearest+conv",
    ):
        frame = {"width": width, "depths": depths, "up_width": up_width, "upsampler": upsampler}
        super().__init__(
            lambda i: SwinLayer(width, heads, window, i % 2 == 1, mlp_ratio), scale=8, unshuffle=8, **frame
        )

    from_published = staticmethod(from_published)  # of a checkpoint with the authors' names

    @staticmethod
    def units() -> tuple[type[nn.Module], ...]:
        """What `pipeline.train.recompute` may compute again in the backward pass."""
        return (SwinLayer,)


class SwinLayer(nn.Module):
    """X = MSA(LN(X)) + X; X = MLP(LN(X)) + X, attention within windows, every other layer within shifted ones (Sec. 3.2).

    (N, h, w, C) to the same. The shift is half a window; where the map is a single window nothing is shifted.
    """

    def __init__(self, width: int, heads: int, window: int, shifted: bool, mlp_ratio: float):
        super().__init__()
        if width % heads:
            raise ValueError(f"width is {width} and heads {heads}; the width must be divisible by the heads")
        self.window = window
        self.shift = window // 2 if shifted else 0
        self.norm1 = nn.LayerNorm(width)
        self.attention = WindowAttention(width, heads, window)
        self.norm2 = nn.LayerNorm(width)
        hidden = int(width * mlp_ratio)
        self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))

    def forward(self, x: Tensor) -> Tensor:
        x = self._attend(self.norm1(x)) + x
        return self.mlp(self.norm2(x)) + x

    def _attend(self, x: Tensor) -> Tensor:
        n, h, w, _ = x.shape
        m = self.window
        if h % m or w % m:
            raise ValueError(f"the map is {h}x{w} (hxw) and the window {m}; both sides must be divisible by it")
        shift = 0 if min(h, w) <= m else self.shift
        if shift:
            x = x.roll((-shift, -shift), dims=(1, 2))
        windows = _split(x, m)  # (N, windows, m m, C)
        windows = self.attention(windows, _shift_mask(h, w, m, shift, x.device) if shift else None)
        windows = windows.reshape(n, h // m, w // m, m, m, -1)
        x = windows.transpose(2, 3).reshape(n, h, w, -1)
        return x.roll((shift, shift), dims=(1, 2)) if shift else x


class WindowAttention(nn.Module):
    """SoftMax(Q K^T / sqrt(d) + B) V of several heads within each window: (N, windows, m m, C) to the same (Sec. 3.2).

    B is read from a learned table by the offset between two pixels. `mask` is True (windows, m m, m m) where a pixel must
    not see another.
    """

    def __init__(self, width: int, heads: int, window: int):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.bias = nn.Parameter(torch.empty((2 * window - 1) ** 2, heads))
        self.out = nn.Linear(width, width)
        self.register_buffer("offsets", _offsets(window), persistent=False)
        nn.init.trunc_normal_(self.bias, std=0.02)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        qkv = self.qkv(x).unflatten(-1, (3, self.heads, -1))  # (N, windows, m m, 3, heads, d)
        Q, K, V = qkv.permute(3, 0, 1, 4, 2, 5)
        B = self.bias[self.offsets].permute(2, 0, 1)  # (heads, m m, m m)
        weights = (Q * Q.shape[-1] ** -0.5) @ K.mT + B
        if mask is not None:
            weights = weights.masked_fill(mask[:, None], -torch.inf)
        attended = weights.softmax(-1) @ V
        return self.out(attended.transpose(2, 3).flatten(3))


def _split(x: Tensor, m: int) -> Tensor:
    """(N, h, w, C) -> (N, windows, m m, C), windows in reading order."""
    x = x.unflatten(2, (-1, m)).unflatten(1, (-1, m))  # (N, h / m, m, w / m, m, C)
    return x.transpose(2, 3).flatten(3, 4).flatten(1, 2)


def _offsets(m: int) -> Tensor:
    """(m m, m m): row of the bias table for each pair of pixels of a window, by their offset in y and x."""
    y, x = torch.arange(m).repeat_interleave(m), torch.arange(m).repeat(m)
    return (y[:, None] - y + m - 1) * (2 * m - 1) + (x[:, None] - x + m - 1)


def _shift_mask(h: int, w: int, m: int, shift: int, device: torch.device) -> Tensor:
    """(windows, m m, m m), True between pixels that only the cyclic shift brought into one window."""
    wrapped_y = torch.arange(h, device=device) >= h - shift
    wrapped_x = torch.arange(w, device=device) >= w - shift
    region = 2 * wrapped_y[:, None] + wrapped_x  # (h, w); windows that hold no wrapped pixel have one region
    region = _split(region[None, :, :, None], m)[0, :, :, 0]
    return region[:, :, None] != region[:, None, :]
