"""The networks in faster forms that equal the plain ones: same parameters, results and gradients, less time and memory."""

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.networks.units.acon import MetaAconC
from pipeline.networks.units.aru import ARU
from pipeline.networks.units.fast_ops import lean_acon_c, lean_gate, lean_logits, upsampled_conv
from pipeline.networks.units.gam import GAM

RGB = 3  # channels of an image


def faster(net: nn.Module) -> nn.Module:
    """Put every ARU of `net`, and convolutions of images beside them, into their faster forms; returns `net`.

    In place; doing it twice changes nothing. Parameters, buffers, state_dict, train and eval mode stay as they are. Equal
    to the plain form but for the order of additions; under autocast activations stay in the short dtype, where the plain
    form goes back to float32. No second derivatives. Forward hooks inside a unit, and with them count_macs, no longer see
    every layer, and without gradients may see what is written over later. Memory format is the caller's: channels_last is
    kept throughout.
    """
    for module in net.modules():
        if type(module) is ARU:
            module.__class__ = FastARU
    if is_fast(net):
        for module in net.children():
            for conv in module if isinstance(module, nn.ModuleList) else [module]:
                if type(conv) is nn.Conv2d and RGB in (conv.in_channels, conv.out_channels):
                    conv.__class__ = ImageConv
    return net


def is_fast(net: nn.Module) -> bool:
    """Whether any unit of the network is in its faster form."""
    return any(isinstance(module, FastARU) for module in net.modules())


class FastARU(ARU):
    """An ARU, computed otherwise; built by `faster` from an ARU."""

    def forward(self, x: Tensor) -> Tensor:
        self._count()
        f = _run(self.residual, x)  # Eq. (16)
        shortcut = x if isinstance(self.shortcut, nn.Identity) else _run(self.shortcut, x)
        over = f if not torch.is_grad_enabled() and f.dtype == shortcut.dtype else None
        if self.attention is None:
            return torch.add(shortcut, f, out=over)  # Eq. (1)
        alpha = torch.sigmoid(_attention_logits(*self.attention, f))  # Eq. (17)
        return torch.addcmul(shortcut, alpha, f, out=over)  # Eq. (18), (19)

    def _count(self) -> None:
        """What every batch norm does of itself at each call in train mode, for all at once."""
        counters = [norm.num_batches_tracked for norm in self.modules() if _normalises_a_batch(norm)]
        if counters:
            torch._foreach_add_(counters, 1)


class ImageConv(nn.Conv2d):
    """A convolution from or to images; built by `faster` from a nn.Conv2d beside the units.

    Where its weight is filled up with zeros (`prepared`), so is the image that comes in, and one that goes out is cut:
    convolutions of 3 channels take kernels without matrix units.
    """

    def forward(self, x: Tensor) -> Tensor:
        zeros = self.weight.shape[1] - x.shape[1]
        out = super().forward(F.pad(x, (0, 0, 0, 0, 0, zeros)) if zeros else x)
        return out[:, :RGB] if self.out_channels == RGB and out.shape[1] > RGB else out


def _run(layers: nn.Sequential, x: Tensor) -> Tensor:
    """The layers of a residual branch or of F_sc, with an activation taken together with the normalisation before it,
    and a convolution with the upsampling before it."""
    rest = iter(layers)
    for layer in rest:
        if isinstance(layer, nn.Upsample):
            conv = next(rest)
            x = upsampled_conv(x, conv.weight, conv.bias)
        elif isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            x = layer(x)
        else:
            x = _activated(layer, next(rest), x)
    return x


def _activated(norm: nn.Module, activation: nn.Module, x: Tensor) -> Tensor:
    z = _normalised(norm, x)
    if not isinstance(activation, MetaAconC):
        return z.relu_()
    return lean_acon_c(z, activation.p1, activation.p2, _beta(activation, z), *_kept(norm, x, z))


def _beta(acon: MetaAconC, z: Tensor) -> Tensor:
    pooled = z.mean(dim=(2, 3), keepdim=True)  # (N, C, 1, 1)
    hidden = _normalised(acon.norm1, acon.fc1(pooled))
    return torch.sigmoid(_normalised(acon.norm2, acon.fc2(hidden)))


def _attention_logits(gam: GAM, to_map: nn.Conv2d, f: Tensor) -> Tensor:
    """What Eq. (17) takes the sigmoid of: GAM's channel and spatial attention, then the convolution to one map."""
    F2 = _channel_attended(gam.channel, f)
    reduce, norm1, _, expand, norm2 = gam.spatial
    h = _normalised(norm1, reduce(F2)).relu_()
    y = expand(h)
    z = _normalised(norm2, y)
    return lean_logits(z, F2, to_map.weight, to_map.bias, *_kept(norm2, y, z))  # Eq. (14)


def _channel_attended(mlp: nn.Sequential, F1: Tensor) -> Tensor:
    reduce, _, expand = mlp
    h = _pointwise(F1, reduce.weight, reduce.bias).relu_()
    again = partial(_pointwise, weight=expand.weight.detach(), bias=expand.bias.detach())
    return lean_gate(_pointwise(h, expand.weight, expand.bias), F1, h, again)  # Eq. (13)


def _pointwise(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """A linear layer over the channels of (N, C, H, W) as a 1x1 convolution, which needs no permuted copy."""
    return F.conv2d(x, weight[:, :, None, None].to(x.dtype), bias.to(x.dtype))


def _normalised(norm: nn.Module, x: Tensor) -> Tensor:
    if isinstance(norm, nn.InstanceNorm2d):
        return _instance_norm(x, norm.weight, norm.bias, norm.eps)
    if _normalises_a_batch(norm):
        # As the module does, but for counting the batch, which the unit does.
        statistics = norm.running_mean, norm.running_var
        # None: the mean over all batches so far, as `torch.optim.swa_utils.update_bn` asks for.
        share = 1 / float(norm.num_batches_tracked) if norm.momentum is None else norm.momentum
        return F.batch_norm(x, *statistics, norm.weight, norm.bias, training=True, momentum=share, eps=norm.eps)
    return norm(x)


def _normalises_a_batch(norm: nn.Module) -> bool:
    return type(norm) is nn.BatchNorm2d and norm.training


def _kept(norm: nn.Module, x: Tensor, z: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """What is kept for the backward in place of z = norm(x), and the function that makes z of it once more, with the same
    statistics and without counting them twice.

    A norm over several processes is not asked again, and a folded one is the identity: z itself is kept. Weights are
    those of now, also where the backward finds others in the norm (`prepared`).
    """
    affine = [None if t is None else t.detach() for t in (norm.weight, norm.bias)] if hasattr(norm, "weight") else []
    if isinstance(norm, nn.InstanceNorm2d):
        return x, lambda x: _instance_norm(x, *affine, norm.eps)
    if type(norm) is not nn.BatchNorm2d:
        return z, nn.Identity()
    mean_var = (None, None) if norm.training else (norm.running_mean, norm.running_var)
    return x, lambda x: F.batch_norm(x, *mean_var, *affine, training=mean_var[0] is None, eps=norm.eps)


def _instance_norm(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    if x.device.type == "cpu":
        # Groups of one channel: the same thing, but with kernels that are several times faster and keep channels_last.
        return F.group_norm(x, x.shape[1], weight, bias, eps)
    return F.instance_norm(x, weight=weight, bias=bias, eps=eps)
