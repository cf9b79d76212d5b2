"""The arithmetic of the faster forms: each function equals a plain form and says which.

The lean functions keep a tensor for the backward that is kept anyway, the input of the layer before them, and compute what
lies between once more. They have no second derivative. Results keep the dtype of the feature map, also where autocast has
made it shorter than the parameters'.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from pipeline.networks.units.acon import acon_c

BLOCK = 8  # outputs that a GPU's matrix units compute in the time of one


def upsampled_kernel(weight: Tensor) -> Tensor:
    """(O, I, 3, 3) of a convolution after nearest x2 -> (I, O, 4, 4) of the transposed convolution that equals both.

    Differentiable. The 16 products for 4 output pixels are those of the four 2x2 convolutions, against 36.
    """
    for axis in (2, 3):
        # Behind nearest x2, three taps read two pixels: (a, b + c) for an even output, (a + b, c) for an odd one. The
        # transposed convolution of stride 2 that does both has the even output's taps at 3, 1, the odd one's at 2, 0.
        a, b, c = weight.unbind(axis)
        weight = torch.stack((c, b + c, a + b, a), axis)
    return weight.transpose(0, 1)


def upsampled_conv(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """conv3x3(nearest x2 of x), zero padding 1: (N, I, H, W) -> (N, O, 2 H, 2 W). Eq. (19), Fig. 9 (USConv).

    Zero padding means the same at the border: a row of zeros outside the large map, or one outside the small map that only
    the outermost taps read.
    """
    return F.conv_transpose2d(x, upsampled_kernel(weight), bias, stride=2, padding=1)


def one_map_conv(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """conv3x3 with zero padding 1 to a single map, Eq. (17): (N, C, H, W) -> (N, 1, H, W).

    weight: (1, C, 3, 3), or filled up with zeros to more outputs, of which the first is taken; bias likewise. Convolutions
    are made for more outputs than one: cuDNN takes a kernel without matrix units, so that a single one is filled up here;
    MKL-DNN takes as long as for 16, so on a CPU the nine taps are nine maps of a 1x1 convolution, added where they belong.
    """
    if torch.compiler.is_compiling():
        return F.conv2d(x, weight, bias, padding=1)[:, :1]
    if _by_taps(x, weight):
        taps = weight.flip(2, 3).flatten(2).permute(2, 1, 0)  # (1, C, 3, 3) -> (9, C, 1)
        maps = F.conv2d(x, taps.unsqueeze(-1))
        return F.fold(maps.flatten(2), x.shape[2:], kernel_size=3, padding=1) + bias.to(maps.dtype).view(1, 1, 1, 1)
    if len(weight) == 1:
        weight, bias = F.pad(weight, (0, 0, 0, 0, 0, 0, 0, BLOCK - 1)), F.pad(bias, (0, BLOCK - 1))
    return F.conv2d(x, weight, bias, padding=1)[:, :1]


def _by_taps(x: Tensor, weight: Tensor) -> bool:
    return x.device.type == "cpu" and len(weight) == 1


def _one_map_gradients(grad: Tensor, x: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of one_map_conv for x, weight and bias, for that of its map."""
    if _by_taps(x, weight) or len(weight) == 1:
        inputs = [t.detach().requires_grad_() for t in (x, weight, bias)]
        with torch.enable_grad():
            logits = one_map_conv(*inputs)
        return torch.autograd.grad(logits, inputs, grad)
    outputs = len(weight)
    grad = F.pad(grad, (0, 0, 0, 0, 0, outputs - 1))  # nothing depends on the other outputs
    wanted = [True, True, True]
    return torch.ops.aten.convolution_backward(
        grad, x, weight, [outputs], [1, 1], [1, 1], [1, 1], False, [0, 0], 1, wanted
    )


def lean_acon_c(z: Tensor, p1: Tensor, p2: Tensor, beta: Tensor, source: Tensor, again: Callable) -> Tensor:
    """acon_c(z, p1, p2, beta), Eq. (7), of z = again(source), keeping `source` for the backward and not z.

    z: (N, C, H, W); p1, p2: (1, C, 1, 1); beta: (N, C, 1, 1). `again` must give z once more, bit for bit and without a side
    effect. Result in the dtype of z. Left to the compiler, which fuses it itself, where there is one.
    """
    if torch.compiler.is_compiling():
        return acon_c(z, p1, p2, beta).to(z.dtype)
    if not torch.is_grad_enabled():
        return acon_c_without_copies(z, p1, p2, beta)
    return _LeanAconC.apply(z, p1, p2, beta, source.detach(), again)


def lean_gate(z: Tensor, F1: Tensor, source: Tensor, again: Callable) -> Tensor:
    """sigmoid(z) * F1, Eq. (13) and (14), of z = again(source), keeping `source` and F1, and neither z nor its sigmoid.

    z and F1: (N, C, H, W). `again` as in lean_acon_c. Without gradients z is written over.
    """
    if torch.compiler.is_compiling():
        return torch.sigmoid(z) * F1
    if not torch.is_grad_enabled():
        return z.sigmoid_().mul_(F1)
    return _LeanGate.apply(z, F1, source.detach(), again)


def lean_logits(z: Tensor, F2: Tensor, weight: Tensor, bias: Tensor, source: Tensor, again: Callable) -> Tensor:
    """one_map_conv(sigmoid(z) * F2), Eq. (14) and (17), of z = again(source), keeping `source` and F2 alone: (N, 1, H, W).

    z and F2: (N, C, H, W); weight: (1, C, 3, 3); bias: (1,). `again` as in lean_acon_c. Without gradients z is written over.
    """
    if torch.compiler.is_compiling() or not torch.is_grad_enabled():
        return one_map_conv(lean_gate(z, F2, source, again), weight, bias)
    return _LeanLogits.apply(z, F2, weight, bias, source.detach(), again)


def acon_c_without_copies(z: Tensor, p1: Tensor, p2: Tensor, beta: Tensor) -> Tensor:
    """acon_c of (N, C, H, W) in one new tensor that is written over, in the dtype of z; has no gradient."""
    d = p1 - p2
    return (z * (beta * d).to(z.dtype)).sigmoid_().mul_(d.to(z.dtype)).add_(p2.to(z.dtype)).mul_(z)


def _together(dtype: torch.dtype, *factors: Tensor) -> tuple[Tensor, ...]:
    """Factors of channels, (N or 1, C, 1, 1) each, brought to a dtype by one kernel."""
    return torch.cat(factors).to(dtype).split([len(factor) for factor in factors])


def _per_channel(t: Tensor) -> Tensor:
    """Sum over the pixels, (N, C, H, W) -> (N, C, 1, 1), added up in at least float32."""
    wide = torch.promote_types(t.dtype, torch.float32)
    return t.sum(dim=(2, 3), keepdim=True, dtype=wide)


def _acon_c_of(z: Tensor, factor: Tensor, d: Tensor, p2: Tensor) -> Tensor:
    """(d sigmoid(factor z) + p2) z, by one kernel less than `acon_c_without_copies`, whose last bit images have kept."""
    s = (z * factor).sigmoid_()
    return torch.addcmul(p2, s, d, out=s).mul_(z)


class _LeanAconC(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z, p1, p2, beta, source, again):
        d = p1 - p2
        factor = beta * d
        short = _together(z.dtype, factor, d, p2)
        ctx.save_for_backward(source, d, factor, *short)
        ctx.again, ctx.dtypes = again, (p1.dtype, p2.dtype, beta.dtype)
        return _acon_c_of(z, *short)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        source, d, factor, *short = ctx.saved_tensors
        dtype = grad.dtype
        z = ctx.again(source).to(dtype)  # the forward may have run under autocast, the backward never does
        factor_z, d_z, p2_z = (t.to(dtype) for t in short)
        s = (z * factor_z).sigmoid_()
        # With u = grad z: d out/d beta = d^2 z^2 s (1 - s) and d out/d p1 = z s + beta d z^2 s (1 - s).
        u = grad * z
        sum_u = _per_channel(u)
        v = torch.ops.aten.sigmoid_backward(u, s)  # u s (1 - s)
        sum_us = _per_channel(u.mul_(s))
        sum_vz = _per_channel(torch.mul(v, z, out=u))
        grad_z = torch.addcmul(p2_z, s, d_z, out=s).mul_(grad).addcmul_(v, (factor * d).to(dtype))
        to_p1 = torch.addcmul(sum_us, factor, sum_vz)
        grad_p1 = to_p1.sum(0, keepdim=True)
        grad_p2 = sum_u.sum(0, keepdim=True) - grad_p1
        grad_beta = sum_vz.mul_(d).mul_(d)
        grads = (g.to(dtype) for g, dtype in zip((grad_p1, grad_p2, grad_beta), ctx.dtypes, strict=True))
        return grad_z, *grads, None, None


class _LeanGate(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z, F1, source, again):
        ctx.save_for_backward(source, F1)
        ctx.again = again
        return torch.sigmoid(z).mul_(F1)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        source, F1 = ctx.saved_tensors
        s = torch.sigmoid(ctx.again(source).to(grad.dtype))
        grad_F1 = grad * s
        return torch.ops.aten.sigmoid_backward(grad * F1, s), grad_F1, None, None


class _LeanLogits(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z, F2, weight, bias, source, again):
        ctx.save_for_backward(source, F2, weight, bias)
        ctx.again = again
        return one_map_conv(torch.sigmoid(z).mul_(F2), weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        source, F2, weight, bias = ctx.saved_tensors
        s = torch.sigmoid(ctx.again(source).to(grad.dtype))
        conv_inputs = (t.to(grad.dtype) for t in (s * F2, weight, bias))
        grad_F3, grad_weight, grad_bias = _one_map_gradients(grad, *conv_inputs)
        grad_F2 = grad_F3 * s
        grad_z = torch.ops.aten.sigmoid_backward(grad_F3.mul_(F2), s)
        return grad_z, grad_F2, grad_weight.to(weight.dtype), grad_bias.to(bias.dtype), None, None
