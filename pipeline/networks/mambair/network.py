"""MambaIR, image restoration with a state-space model (Guo, Li, Dai, Ouyang, Ren, Xia; ECCV 2024)."""

import math
from collections.abc import Sequence
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.networks.mambair.selective_scan import selective_scan
from pipeline.networks.units.frame import Frame

DIRECTIONS = 4


class MambaIR(Frame):
    """Enlarges a face `scale` times.

    Input: float (N, 3, h, w), small images in [-1, 1]. Output: (N, 3, scale h, scale w), not clamped. `width` is the
    channels; `depths` the blocks of each group; `state` the values of the state space per channel; `expand` the channels
    of the scan over `width`; `up_width` the channels of the reconstruction; `upsampler` as in Frame.

    Source: sections "Overall Architecture" to "2D Selective Scan Module"; loss: L1. The defaults are the released network
    for classical super-resolution (x2 to x4; github.com/csguoh/MambaIR, Apache 2.0, structure only), taken to x8:
    20,717,287 parameters and 4.98 GMAC for 16 -> 128 px by count_macs, which leaves out the scan and the products that
    make delta, B and C (0.74 GMAC). Published for faces at this size: 20.4 M and 5.3 GMAC; unclear is with what upsampler.
    20.4 M is what the released x2 network has (20,421,863 here); two more stages of upsampling add 0.30 M.
    """

    title: ClassVar[str] = "MambaIR"
    takes: ClassVar[Literal["lr", "lr_up"]] = "lr"

    def __init__(
        self,
        width: int = 180,
        depths: Sequence[int] = (6, 6, 6, 6, 6, 6),
        state: int = 16,
        expand: float = 2,
        scale: int = 8,
        up_width: int = 64,
        upsampler: str = "pixelshuffle",
    ):
        frame = {"width": width, "depths": depths, "scale": scale, "up_width": up_width, "upsampler": upsampler}
        super().__init__(lambda _: StateSpaceBlock(width, state, expand), **frame)

    @staticmethod
    def units() -> tuple[type[nn.Module], ...]:
        """What `pipeline.train.recompute` may compute again in the backward pass."""
        return (StateSpaceBlock,)


class MambaIRHR(Frame):
    """Restores a degraded face of its own size: MambaIR behind a folding by 8.

    Input: float (N, 3, H, W), images in [-1, 1] brought to full size, H and W divisible by 8, else ValueError. Output: the
    same shape, not clamped. Arguments as MambaIR's.

    Paper silent on such a network: we take SwinIRHR's folding and upsampler, and the six groups of the released network:
    20,728,043 parameters, 90.7 GMAC at 512x512 by count_macs.
    """

    title: ClassVar[str] = "MambaIR"
    takes: ClassVar[Literal["lr", "lr_up"]] = "lr_up"

    def __init__(
        self,
        width: int = 180,
        depths: Sequence[int] = (6, 6, 6, 6, 6, 6),
        state: int = 16,
        expand: float = 2,
        up_width: int = 64,
        upsampler: str = "nearest+conv",
    ):
        frame = {"width": width, "depths": depths, "up_width": up_width, "upsampler": upsampler}
        super().__init__(lambda _: StateSpaceBlock(width, state, expand), scale=8, unshuffle=8, **frame)

    @staticmethod
    def units() -> tuple[type[nn.Module], ...]:
        """What `pipeline.train.recompute` may compute again in the backward pass."""
        return (StateSpaceBlock,)


class StateSpaceBlock(nn.Module):
    """Z = VSSM(LN(F)) + s F; F = CA(Conv(LN(Z))) + s' Z, with a learned scale per channel (RSSB): (N, h, w, C) to the same.

    The convolutions narrow to 1/3 of the channels and the channel attention to 1/30, as released; one channel at least.
    """

    def __init__(self, width: int, state: int, expand: float):
        super().__init__()
        narrow, squeezed = max(1, width // 3), max(1, width // 30)
        self.norm1 = nn.LayerNorm(width)
        self.vssm = VisionStateSpace(width, state, expand)
        self.scale1 = nn.Parameter(torch.ones(width))
        self.norm2 = nn.LayerNorm(width)
        self.convs = nn.Sequential(
            nn.Conv2d(width, narrow, 3, padding=1), nn.GELU(), nn.Conv2d(narrow, width, 3, padding=1)
        )
        self.attention = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(width, squeezed, 1),
            nn.ReLU(),
            nn.Conv2d(squeezed, width, 1),
            nn.Sigmoid(),
        )
        self.scale2 = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        z = self.vssm(self.norm1(x)) + self.scale1 * x
        y = self.convs(self.norm2(z).permute(0, 3, 1, 2))
        y = self.attention(y) * y
        return y.permute(0, 2, 3, 1) + self.scale2 * z


class VisionStateSpace(nn.Module):
    """X_1 = LN(2D-SSM(SiLU(DWConv(Linear(X))))), X_2 = SiLU(Linear(X)), Linear(X_1 X_2) (VSSM): (N, h, w, C) to the same.

    The 2D-SSM reads the map along rows and along columns, both forwards and backwards, each with parameters of its own, and
    adds the four results. delta, B and C come from what is read; delta through `rank` = C / 16 channels. Initialisation as
    released: softplus of the bias of delta log-uniform in 0.001 .. 0.1, A = -1 .. -state, D = 1.
    """

    def __init__(self, width: int, state: int, expand: float):
        super().__init__()
        inner, rank = int(expand * width), math.ceil(width / 16)
        self.sizes = (rank, state, state)
        self.project_in = nn.Linear(width, 2 * inner, bias=False)
        self.conv = nn.Conv2d(inner, inner, 3, padding=1, groups=inner)
        self.to_delta_B_C = nn.Parameter(torch.empty(DIRECTIONS, sum(self.sizes), inner).uniform_(-1, 1) / inner**0.5)
        self.delta_weight = nn.Parameter(torch.empty(DIRECTIONS, inner, rank).uniform_(-1, 1) / rank**0.5)
        delta = torch.exp(torch.empty(DIRECTIONS, inner).uniform_(math.log(0.001), math.log(0.1)))
        self.delta_bias = nn.Parameter(delta + torch.log(-torch.expm1(-delta)))  # softplus of this is delta
        self.A_log = nn.Parameter(torch.arange(1.0, state + 1).log().repeat(DIRECTIONS * inner, 1))
        self.D = nn.Parameter(torch.ones(DIRECTIONS * inner))
        self.norm = nn.LayerNorm(inner)
        self.project_out = nn.Linear(inner, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x, gate = self.project_in(x).chunk(2, dim=-1)
        x = F.silu(self.conv(x.permute(0, 3, 1, 2)))
        x = self._scan(x).permute(0, 2, 3, 1)
        return self.project_out(self.norm(x) * F.silu(gate))

    def _scan(self, x: Tensor) -> Tensor:
        """2D-SSM: (N, C, h, w) to the same."""
        h, w = x.shape[2:]
        u = torch.stack((x.flatten(2), x.mT.flatten(2)), 1)  # (N, 2, C, h w): by rows, by columns
        u = torch.cat((u, u.flip(-1)), 1)
        delta, B, C = torch.einsum("nkcl,kpc->nkpl", u, self.to_delta_B_C).split(self.sizes, 2)
        delta = torch.einsum("nkrl,kcr->nkcl", delta, self.delta_weight)
        delta = F.softplus(delta.float() + self.delta_bias[..., None])
        y = selective_scan(u.flatten(1, 2), delta.flatten(1, 2), -torch.exp(self.A_log), B, C, self.D)
        y = y.unflatten(1, (DIRECTIONS, -1))
        rows, columns = (y[:, :2] + y[:, 2:].flip(-1)).unbind(1)
        return rows.unflatten(2, (h, w)) + columns.unflatten(2, (w, h)).mT
