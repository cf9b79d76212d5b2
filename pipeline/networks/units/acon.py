"""The activation ACON-C, its slopes, and meta-ACON-C, whose switching factor is learned from the input (Sec. 2.2)."""

import torch
from torch import Tensor, nn

# The slope of ACON-C is p2 + (p1 - p2) h(y) with y = beta (p1 - p2) x and h(y) = s + y s (1 - s), s = sigmoid(y).
# h is largest where (y - 2) e^y = y + 2, at y = 2.399357: the 1.0998 of Eq. (11); by symmetry its least value is 1 - that.
SLOPE_PEAK = 1.0998393201288668


def acon_c(x: Tensor, p1: Tensor, p2: Tensor, beta: Tensor) -> Tensor:
    """ACON-C, the smooth maximum of p1 x and p2 x.

    All arguments broadcast against each other; the result has the broadcast shape. beta -> infinity gives
    max(p1 x, p2 x), beta = 0 their mean. Source: Eq. (7), Sec. 2.2.2.
    """
    dx = (p1 - p2) * x
    return dx * torch.sigmoid(beta * dx) + p2 * x


def acon_c_slope(x: Tensor, p1: Tensor, p2: Tensor, beta: Tensor) -> Tensor:
    """First derivative of ACON-C with respect to x; arguments broadcast.

    Its limits (Eq. (9)) are p1 at +infinity and p2 at -infinity where beta (p1 - p2) > 0, and swapped where it is
    negative. Source: Eq. (8), written with s = sigmoid(beta (p1 - p2) x) so that no exponential overflows.
    """
    d = p1 - p2
    s = torch.sigmoid(beta * d * x)
    return d * s + beta * d**2 * x * s * (1 - s) + p2


def acon_c_curvature(x: Tensor, p1: Tensor, p2: Tensor, beta: Tensor) -> Tensor:
    """Second derivative of ACON-C with respect to x; arguments broadcast.

    Source: Eq. (10) with its misprinted bracket corrected to (2 - y) e^y + y + 2, y = beta (p1 - p2) x; numerator and
    denominator are divided by (e^y + 1)^3 so that no exponential overflows.
    """
    d = p1 - p2
    y = beta * d * x
    s = torch.sigmoid(y)
    return beta * d**2 * s * (1 - s) * ((2 - y) * s + (2 + y) * (1 - s))


def acon_c_slope_bounds(p1: Tensor, p2: Tensor, beta: Tensor) -> tuple[Tensor, Tensor]:
    """Least and greatest slope of ACON-C over all x, as (lower, upper); arguments broadcast.

    Source: Eq. (11) and (12), which name the greater and the lesser for p1 > p2 and swap for p1 < p2. (For beta > 0, as
    Sec. 2.2.2 assumes, that is the sign of beta (p1 - p2); a negative beta alone mirrors the slope in x and moves
    neither bound.) Where beta (p1 - p2) = 0 the function is a straight line of slope (p1 + p2) / 2.
    """
    towards_p1 = SLOPE_PEAK * p1 + (1 - SLOPE_PEAK) * p2  # Eq. (11)
    towards_p2 = SLOPE_PEAK * p2 + (1 - SLOPE_PEAK) * p1  # Eq. (12)
    straight = beta * (p1 - p2) == 0
    mean = (p1 + p2) / 2
    lower = torch.where(straight, mean, torch.minimum(towards_p1, towards_p2))
    upper = torch.where(straight, mean, torch.maximum(towards_p1, towards_p2))
    return lower, upper


class MetaAconC(nn.Module):
    """ACON-C whose switching factor beta is computed per image and channel from the input.

    Input and output: float (N, C, H, W). `reduction` is r of Sec. 2.2.3. `beta_norm` names the normalisation in the
    beta branch: "batch" needs at least two images in train mode (PyTorch raises ValueError otherwise), "layer"
    normalises over the channels of each image and works at any batch size.

    Source: Eq. (7) and beta_c of Sec. 2.2.3. Deviation: the paper's beta is a sigmoid of W1 W2 applied to the sum over
    pixels; we take the form that its reference for ACON released: the mean instead of the sum (a sum would saturate the
    sigmoid), a normalisation after each 1x1 convolution, and at least 16 hidden channels.
    """

    def __init__(self, channels: int, reduction: int = 16, beta_norm: str = "batch"):
        super().__init__()
        hidden = max(16, channels // reduction)
        self.fc1 = nn.Conv2d(channels, hidden, 1)
        self.norm1 = _beta_norm(hidden, beta_norm)
        self.fc2 = nn.Conv2d(hidden, channels, 1)
        self.norm2 = _beta_norm(channels, beta_norm)
        self.p1 = nn.Parameter(torch.randn(1, channels, 1, 1))
        self.p2 = nn.Parameter(torch.randn(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        pooled = x.mean(dim=(2, 3), keepdim=True)  # (N, C, 1, 1)
        beta = torch.sigmoid(self.norm2(self.fc2(self.norm1(self.fc1(pooled)))))
        return acon_c(x, self.p1, self.p2, beta)


def _beta_norm(channels: int, kind: str) -> nn.Module:
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    if kind == "layer":
        # One group over all channels of a 1x1 map is LayerNorm over channels, without leaving (N, C, 1, 1).
        return nn.GroupNorm(1, channels)
    raise ValueError(f"beta_norm is {kind!r}; allowed are 'batch' and 'layer'")
