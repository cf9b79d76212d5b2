import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from pipeline.networks.units.acon import (
    SLOPE_PEAK,
    MetaAconC,
    acon_c,
    acon_c_curvature,
    acon_c_slope,
    acon_c_slope_bounds,
)

X = torch.linspace(-6, 6, 241, dtype=torch.float64)
SIGNED = [(1.2, -0.8, 1.5), (-0.8, 1.2, 1.5), (1.2, -0.8, -0.7), (-0.8, 1.2, -0.7), (2.0, 1.5, 3.0)]  # p1, p2, beta
finite = st.floats(-3, 3, allow_subnormal=False)


def tensors(*values):
    return tuple(torch.tensor(v, dtype=torch.float64) for v in values)


def autograd_slopes(x, p1, p2, beta):
    x = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(acon_c(x, p1, p2, beta).sum(), x, create_graph=True)
    (curvature,) = torch.autograd.grad(slope.sum(), x)
    return slope.detach(), curvature


def test_acon_c_contains_the_functions_of_table_1():
    one, zero, p = tensors(1.0, 0.0, 0.25)
    torch.testing.assert_close(acon_c(X, one, zero, one), F.silu(X))  # ACON-A with beta 1 is Swish
    torch.testing.assert_close(acon_c(X, one, p, 2 * one), (1 - p) * X * torch.sigmoid(2 * (1 - p) * X) + p * X)
    torch.testing.assert_close(acon_c(X, one, zero, 1e6 * one), F.relu(X))
    torch.testing.assert_close(acon_c(X, one, p, 1e6 * one), F.prelu(X, p))
    torch.testing.assert_close(acon_c(X, one, p, zero), (one + p) / 2 * X)


@settings(deadline=None, max_examples=50)
@given(finite, finite, finite)
def test_slope_and_curvature_agree_with_autograd(p1, p2, beta):
    arguments = (X, *tensors(p1, p2, beta))
    slope, curvature = autograd_slopes(*arguments)
    torch.testing.assert_close(acon_c_slope(*arguments), slope, atol=1e-10, rtol=1e-8)
    torch.testing.assert_close(acon_c_curvature(*arguments), curvature, atol=1e-10, rtol=1e-8)


@pytest.mark.parametrize("parameters", SIGNED)
def test_slope_is_eq_8_as_printed(parameters):
    p1, p2, beta = parameters
    e = torch.exp(-beta * (p1 * X - p2 * X))
    printed = (p1 - p2) * (1 + e) / (1 + e) ** 2 + beta * (p1 - p2) ** 2 * e * X / (1 + e) ** 2 + p2
    torch.testing.assert_close(acon_c_slope(X, *tensors(*parameters)), printed)


@pytest.mark.parametrize("parameters", SIGNED)
def test_curvature_is_eq_10_with_its_bracket_corrected(parameters):
    p1, p2, beta = parameters
    y = beta * (p1 - p2) * X
    front, e = beta * (p2 - p1) ** 2 * torch.exp(y), torch.exp(y)
    corrected = front * ((2 - y) * e + y + 2) / (e + 1) ** 3
    printed = front * ((y + 2) * e + y + 2) / (e + 1) ** 3
    ours = acon_c_curvature(X, *tensors(*parameters))
    torch.testing.assert_close(ours, corrected)
    assert (ours - printed).abs().max() > 0.1


@pytest.mark.parametrize("parameters", SIGNED)
def test_limits_of_the_slope_are_eq_9_and_swap_with_the_sign(parameters):
    p1, p2, beta = parameters
    right, left = acon_c_slope(torch.tensor([1e4, -1e4], dtype=torch.float64), *tensors(*parameters))
    expected = (p1, p2) if beta * (p1 - p2) > 0 else (p2, p1)
    assert (right.item(), left.item()) == pytest.approx(expected)


def test_peak_of_the_slope_solves_the_papers_equation():
    low, high = 2.0, 3.0
    for _ in range(60):  # bisection to the last bit
        y = (low + high) / 2
        low, high = (y, high) if (y - 2) * math.exp(y) < y + 2 else (low, y)
    assert y == pytest.approx(2.39936, abs=1e-5)
    s = 1 / (1 + math.exp(-y))
    assert pytest.approx(s + y * s * (1 - s), rel=1e-14) == SLOPE_PEAK


@pytest.mark.parametrize("parameters", SIGNED)
def test_slope_bounds_are_attained_and_never_left(parameters):
    x = torch.linspace(-60, 60, 400_001, dtype=torch.float64)
    slope = acon_c_slope(x, *tensors(*parameters))
    lower, upper = acon_c_slope_bounds(*tensors(*parameters))
    assert slope.min().item() == pytest.approx(lower.item(), abs=1e-6)
    assert slope.max().item() == pytest.approx(upper.item(), abs=1e-6)
    p1, p2, _ = parameters
    greater, lesser = max(p1, p2), min(p1, p2)
    assert upper.item() == pytest.approx(1.0998 * greater - 0.0998 * lesser, abs=2e-4)  # Eq. (11)
    assert lower.item() == pytest.approx(1.0998 * lesser - 0.0998 * greater, abs=2e-4)  # Eq. (12)


def test_slope_bounds_of_swish_and_of_a_straight_line():
    lower, upper = acon_c_slope_bounds(*tensors(1.0, 0.0, 1.0))
    assert (round(lower.item(), 4), round(upper.item(), 4)) == (-0.0998, 1.0998)
    lower, upper = acon_c_slope_bounds(*tensors([1.0, 0.7], [0.0, 0.7], [0.0, 2.0]))
    assert lower.tolist() == upper.tolist() == [0.5, 0.7]


@pytest.mark.parametrize(("channels", "hidden"), [(8, 16), (144, 16), (512, 32)])
def test_meta_acon_hidden_channels_have_a_floor(channels, hidden):
    act = MetaAconC(channels)
    assert (act.fc1.out_channels, act.fc2.in_channels, act.fc2.out_channels) == (hidden, hidden, channels)
    assert act.p1.shape == act.p2.shape == (1, channels, 1, 1)


def test_meta_acon_p1_and_p2_start_standard_normal():
    torch.manual_seed(0)
    act = MetaAconC(20_000, reduction=20_000)
    for p in (act.p1, act.p2):
        assert abs(p.mean().item()) < 0.03
        assert p.std().item() == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("beta_norm", ["batch", "layer"])
def test_meta_acon_is_eq_7_with_beta_from_the_channel_means(beta_norm):
    torch.manual_seed(0)
    act = MetaAconC(6, beta_norm=beta_norm)
    x = torch.randn(3, 6, 5, 4)
    means = x.mean(dim=(2, 3))  # (N, C)

    def norm(values, layer):
        if beta_norm == "batch":
            return F.batch_norm(values, None, None, layer.weight, layer.bias, training=True)
        return F.layer_norm(values, values.shape[1:], layer.weight, layer.bias)

    hidden = norm(F.linear(means, act.fc1.weight[:, :, 0, 0], act.fc1.bias), act.norm1)
    beta = torch.sigmoid(norm(F.linear(hidden, act.fc2.weight[:, :, 0, 0], act.fc2.bias), act.norm2))[:, :, None, None]
    torch.testing.assert_close(act(x), acon_c(x, act.p1, act.p2, beta), atol=1e-5, rtol=1e-4)


def test_meta_acon_with_batch_norm_refuses_one_image_and_forgets_two():
    act = MetaAconC(6)
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        act(torch.randn(1, 6, 4, 4))
    seen = []
    act.norm2.register_forward_hook(lambda module, inputs, output: seen.append(output))
    act(1e3 * torch.randn(2, 6, 4, 4))
    torch.testing.assert_close(seen[0].abs(), torch.ones_like(seen[0]), atol=1e-3, rtol=0)


def test_meta_acon_with_layer_norm_gives_each_image_its_own_beta():
    torch.manual_seed(0)
    act = MetaAconC(6, beta_norm="layer")
    x = torch.randn(2, 6, 4, 4)
    torch.testing.assert_close(act(x)[:1], act(x[:1]))
    assert not any(isinstance(module, nn.BatchNorm2d) for module in act.modules())


def test_meta_acon_names_an_unknown_norm():
    with pytest.raises(ValueError, match=r"'group'.*'batch' and 'layer'"):
        MetaAconC(6, beta_norm="group")
