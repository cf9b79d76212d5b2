"""Global attention mechanism: channel attention, then spatial attention, neither with pooling (Sec. 2.3)."""

import torch
from torch import Tensor, nn

NORMS = {"batch": nn.BatchNorm2d, "instance": lambda channels: nn.InstanceNorm2d(channels, affine=True)}


def norm_layer(channels: int, kind: str) -> nn.Module:
    """Normalisation of a feature map: "batch" (the paper's) or "instance" (affine, no running statistics).

    Raises ValueError for any other name.
    """
    if kind not in NORMS:
        raise ValueError(f"norm is {kind!r}; allowed are {sorted(NORMS)}")
    return NORMS[kind](channels)


class GAM(nn.Module):
    """Global attention: weighs every element of a feature map by two maps of its own shape.

    Input and output: float (N, C, H, W). `reduction` is r, the same in both submodules. Raises ValueError where C / r
    is below one channel. Source: Eq. (13), (14), Fig. 4-6, Sec. 2.3; biases and the batch normalisation after each 7x7
    convolution as in the code released with the mechanism (the paper is silent on them).
    """

    def __init__(self, channels: int, reduction: int, norm: str = "batch"):
        super().__init__()
        hidden = channels // reduction
        if hidden < 1:
            raise ValueError(
                f"GAM of {channels} channels cannot be reduced {reduction} times; take reduction <= channels"
            )
        self.channel = nn.Sequential(nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, channels))
        self.spatial = nn.Sequential(
            nn.Conv2d(channels, hidden, 7, padding=3),
            norm_layer(hidden, norm),
            nn.ReLU(),
            nn.Conv2d(hidden, channels, 7, padding=3),
            norm_layer(channels, norm),
        )

    def channel_map(self, F1: Tensor) -> Tensor:
        """M_c: an MLP over the channels of each pixel (Fig. 5). (N, C, H, W) -> (N, C, H, W) in (0, 1)."""
        permuted = F1.permute(0, 2, 3, 1)  # (N, H, W, C): the MLP runs over the last dimension
        return torch.sigmoid(self.channel(permuted).permute(0, 3, 1, 2))

    def spatial_map(self, F2: Tensor) -> Tensor:
        """M_s: two 7x7 convolutions, C -> C/r -> C (Fig. 6). (N, C, H, W) -> (N, C, H, W) in (0, 1)."""
        return torch.sigmoid(self.spatial(F2))

    def forward(self, F1: Tensor) -> Tensor:
        F2 = self.channel_map(F1) * F1  # Eq. (13)
        F3 = self.spatial_map(F2) * F2  # Eq. (14)
        return F3
