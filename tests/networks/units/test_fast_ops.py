import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.networks.units import fast_ops
from pipeline.networks.units.acon import acon_c
from pipeline.networks.units.fast_ops import (
    _one_map_gradients,
    acon_c_without_copies,
    lean_acon_c,
    lean_gate,
    lean_logits,
    one_map_conv,
    upsampled_conv,
)


def doubles(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def twice(x):
    return 2 * x


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 4), st.integers(1, 6), st.integers(1, 6), st.booleans())
def test_upsampled_conv_is_nearest_and_a_convolution_at_every_size(n, wide, narrow, height, width, with_bias):
    x, weight = doubles(n, wide, height, width), doubles(narrow, wide, 3, 3, seed=1)
    bias = doubles(narrow, seed=2) if with_bias else None
    plain = F.conv2d(F.interpolate(x, scale_factor=2, mode="nearest"), weight, bias, padding=1)
    torch.testing.assert_close(upsampled_conv(x, weight, bias), plain)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_upsampled_conv_keeps_the_memory_format(memory_format):
    x = torch.rand(2, 8, 4, 6).contiguous(memory_format=memory_format)
    weight = torch.rand(16, 8, 3, 3).contiguous(memory_format=memory_format)
    assert upsampled_conv(x, weight).is_contiguous(memory_format=memory_format)


def test_gradients_reach_the_3x3_kernel_and_the_map():
    inputs = (doubles(2, 3, 3, 4).requires_grad_(), doubles(2, 3, 3, 3).requires_grad_(), doubles(2).requires_grad_())
    assert torch.autograd.gradcheck(upsampled_conv, inputs)
    inputs = (*inputs[:1], doubles(1, 3, 3, 3).requires_grad_(), doubles(1).requires_grad_())
    assert torch.autograd.gradcheck(one_map_conv, inputs)


def test_one_map_conv_is_the_convolution():
    x, weight, bias = doubles(2, 5, 6, 9), doubles(1, 5, 3, 3, seed=1), doubles(1, seed=2)
    torch.testing.assert_close(one_map_conv(x, weight, bias), F.conv2d(x, weight, bias, padding=1))


def test_a_kernel_filled_up_to_more_maps_gives_the_first_and_the_gradients_of_its_own():
    inputs = doubles(2, 5, 6, 9), doubles(1, 5, 3, 3, seed=1), doubles(1, seed=2)
    filled = inputs[0], F.pad(inputs[1], (0,) * 7 + (7,)), F.pad(inputs[2], (0, 7))
    torch.testing.assert_close(one_map_conv(*filled), one_map_conv(*inputs))
    grad = doubles(2, 1, 6, 9, seed=3)
    for found, expected in zip(_one_map_gradients(grad, *filled), _one_map_gradients(grad, *inputs), strict=True):
        own = found if found.shape == inputs[0].shape else found[:1]
        torch.testing.assert_close(own, expected)
        assert own is found or not found[1:].any()


def test_off_a_cpu_a_kernel_of_one_map_is_filled_up(monkeypatch):
    monkeypatch.setattr(fast_ops, "_by_taps", lambda x, weight: False)
    x, weight, bias = (
        doubles(*shape, seed=seed).requires_grad_() for seed, shape in enumerate(((2, 3, 4, 5), (1, 3, 3, 3), (1,)))
    )
    expected = F.conv2d(x, weight, bias, padding=1)
    torch.testing.assert_close(one_map_conv(x, weight, bias), expected)
    grad = doubles(2, 1, 4, 5, seed=4)
    torch.testing.assert_close(
        _one_map_gradients(grad, x, weight, bias), torch.autograd.grad(expected, (x, weight, bias), grad)
    )


def acon_inputs(n=2, channels=3, dtype=torch.float64):
    z = doubles(n, channels, 4, 5, seed=1) * 3
    p1, p2 = doubles(1, channels, 1, 1, seed=2), doubles(1, channels, 1, 1, seed=3)
    beta = torch.sigmoid(doubles(n, channels, 1, 1, seed=4))
    return [t.to(dtype).requires_grad_() for t in (z, p1, p2, beta)]


def test_lean_acon_c_has_the_gradients_of_finite_differences():
    assert torch.autograd.gradcheck(
        lambda x, *rest: lean_acon_c(twice(x), *rest, x, twice), acon_inputs(), check_batched_grad=False
    )


def test_lean_acon_c_is_acon_c_with_its_gradients():
    inputs, grad = acon_inputs(), doubles(2, 3, 4, 5, seed=5)
    plain = acon_c(*inputs)
    lean = lean_acon_c(*inputs, inputs[0], lambda x: x)
    torch.testing.assert_close(lean, plain)
    torch.testing.assert_close(acon_c_without_copies(*(t.detach() for t in inputs)), plain.detach())
    torch.testing.assert_close(torch.autograd.grad(lean, inputs, grad), torch.autograd.grad(plain, inputs, grad))


def test_lean_acon_c_where_both_slopes_meet_or_beta_vanishes():
    z, p1, p2, beta = acon_inputs()
    inputs = (z, p1, p1.detach().clone().requires_grad_(), beta)
    grads = torch.autograd.grad(lean_acon_c(*inputs, z, lambda x: x).sum(), inputs)
    torch.testing.assert_close(grads, torch.autograd.grad(acon_c(*inputs).sum(), inputs))
    inputs = (z, p1, p2, torch.zeros_like(beta).requires_grad_())
    grads = torch.autograd.grad(lean_acon_c(*inputs, z, lambda x: x).sum(), inputs)
    torch.testing.assert_close(grads, torch.autograd.grad(acon_c(*inputs).sum(), inputs))


def test_a_short_map_stays_short_and_parameters_keep_their_gradients_dtype():
    inputs = acon_inputs(dtype=torch.float32)
    z = inputs[0].detach().bfloat16().requires_grad_()
    out = lean_acon_c(z, *inputs[1:], z, lambda x: x)
    out.sum().backward()
    plain = acon_c(z.detach().float().requires_grad_(), *inputs[1:])
    assert out.dtype == z.grad.dtype == torch.bfloat16
    torch.testing.assert_close(out.float(), plain, atol=0.05, rtol=0.02)
    grads = torch.autograd.grad(plain.sum(), inputs[1:])
    for parameter, grad in zip(inputs[1:], grads, strict=True):
        assert parameter.grad.dtype == torch.float32
        torch.testing.assert_close(parameter.grad, grad, atol=0.2, rtol=0.02)


def test_gate_and_logits_have_the_gradients_of_finite_differences():
    source, F1 = doubles(2, 3, 4, 5).requires_grad_(), doubles(2, 3, 4, 5, seed=1).requires_grad_()
    weight, bias = doubles(1, 3, 3, 3, seed=2).requires_grad_(), doubles(1, seed=3).requires_grad_()
    assert torch.autograd.gradcheck(lambda x, y: lean_gate(twice(x), y, x, twice), (source, F1))
    assert torch.autograd.gradcheck(
        lambda x, y, w, b: lean_logits(twice(x), y, w, b, x, twice), (source, F1, weight, bias)
    )


def test_gate_and_logits_are_the_same_with_and_without_gradients():
    z, F1, weight, bias = doubles(2, 3, 4, 5), doubles(2, 3, 4, 5, seed=1), doubles(1, 3, 3, 3), doubles(1)
    F2 = torch.sigmoid(z) * F1
    logits = F.conv2d(F2, weight, bias, padding=1)
    torch.testing.assert_close(lean_gate(z, F1, z, lambda x: x), F2)
    torch.testing.assert_close(lean_logits(z, F1, weight, bias, z, lambda x: x), logits)
    with torch.no_grad():
        torch.testing.assert_close(lean_gate(z.clone(), F1, z, lambda x: x), F2)
        torch.testing.assert_close(lean_logits(z.clone(), F1, weight, bias, z, lambda x: x), logits)
