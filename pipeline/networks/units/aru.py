"""Attention residual unit, plain (ARU) and with scaled convolutions (DARU, UARU): Sec. 3.2."""

import torch
from torch import Tensor, nn

from pipeline.networks.units.acon import MetaAconC
from pipeline.networks.units.gam import GAM, norm_layer


class ARU(nn.Module):
    """Full pre-activation residual block whose residual is weighed by an attention map.

    Input: float (N, in_channels, H, W). Output: (N, out_channels, H', W') with H' = H for scale "same", ceil(H / 2) for
    "down" (the paper's DARU), 2 H for "up" (UARU); W' likewise. `activation` is "meta_acon" or "relu"; without
    `attention` the unit is x + f. `reduction` is GAM's r; `norm` ("batch", "instance") is the normalisation of the
    residual branch and of GAM, `beta_norm` ("batch", "layer") that of meta-ACON's beta branch. With norm "instance" every
    channel mean that beta sees is that norm's bias, so beta is learned per channel and no longer depends on the image.

    Raises ValueError for unknown names and for "same" with differing channel counts.
    Source: Eq. (16)-(19), Fig. 2, 8, 9, Sec. 3.2.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        scale: str = "same",
        *,
        activation: str = "meta_acon",
        attention: bool = True,
        reduction: int,
        norm: str = "batch",
        beta_norm: str = "batch",
    ):
        super().__init__()
        if scale not in ("same", "down", "up"):
            raise ValueError(f"scale is {scale!r}; allowed are 'same', 'down' and 'up'")
        if scale == "same" and in_channels != out_channels:
            raise ValueError(f"an ARU that keeps its size keeps its channels; got {in_channels} -> {out_channels}")

        # Paper silent on which convolution scales: the first of a UARU and the second of a DARU, as in SPARNet's units.
        # Convolutions have no bias; with 144 channels this gives the parameter counts of Table 5.
        self.residual = nn.Sequential(  # Fig. 2: normalisation, activation, weight, twice
            norm_layer(in_channels, norm),
            _activation(in_channels, activation, beta_norm),
            *_scaled_conv(in_channels, out_channels, "up" if scale == "up" else "same", bias=False),
            norm_layer(out_channels, norm),
            _activation(out_channels, activation, beta_norm),
            *_scaled_conv(out_channels, out_channels, "down" if scale == "down" else "same", bias=False),
        )
        self.attention = None
        if attention:  # Sec. 3.2.1; one map for all channels, C -> 1
            self.attention = nn.Sequential(GAM(out_channels, reduction, norm), nn.Conv2d(out_channels, 1, 3, padding=1))
        self.shortcut = nn.Identity()
        if scale != "same":
            self.shortcut = nn.Sequential(*_scaled_conv(in_channels, out_channels, scale, bias=True))

    def forward(self, x: Tensor) -> Tensor:
        f = self.residual(x)  # Eq. (16)
        if self.attention is None:
            return self.shortcut(x) + f  # Eq. (1): the baseline of Table 4
        alpha = torch.sigmoid(self.attention(f))  # Eq. (17), (N, 1, H', W')
        return self.shortcut(x) + alpha * f  # Eq. (18); Eq. (19) with F_sc as the shortcut


def check_images(images: Tensor) -> None:
    """Raises ValueError unless `images` are (N, 3, H, W) with H and W divisible by 8 (three units halve the size)."""
    shape = tuple(images.shape)
    if len(shape) != 4 or shape[1] != 3:
        raise ValueError(f"images have shape {shape}; expected (N, 3, H, W)")
    if shape[2] % 8 or shape[3] % 8:
        raise ValueError(f"images are {shape[2]}x{shape[3]} (HxW) px; both sides must be divisible by 8: pad or resize")


def _activation(channels: int, kind: str, beta_norm: str) -> nn.Module:
    if kind == "meta_acon":
        return MetaAconC(channels, beta_norm=beta_norm)
    if kind == "relu":
        return nn.ReLU()
    raise ValueError(f"activation is {kind!r}; allowed are 'meta_acon' and 'relu'")


def _scaled_conv(in_channels: int, out_channels: int, scale: str, bias: bool) -> list[nn.Module]:
    # Fig. 9: DSConv is a convolution of stride 2, USConv nearest-neighbour upsampling and a convolution.
    conv = nn.Conv2d(in_channels, out_channels, 3, stride=2 if scale == "down" else 1, padding=1, bias=bias)
    return [nn.Upsample(scale_factor=2, mode="nearest"), conv] if scale == "up" else [conv]
