import pytest
import torch
import torch.nn.functional as F
from torch import nn

from pipeline.networks.units.acon import MetaAconC
from pipeline.networks.units.aru import ARU

SHAPES = [("same", 8, 8, 12), ("down", 4, 8, 6), ("up", 8, 4, 24)]  # scale, in, out, side for an input of 12 px


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.mark.parametrize("attention", [True, False])
@pytest.mark.parametrize(("scale", "c_in", "c_out", "side"), SHAPES)
def test_scales_and_channels(scale, c_in, c_out, side, attention):
    unit = ARU(c_in, c_out, scale, attention=attention, reduction=4)
    assert unit(torch.randn(2, c_in, 12, 12)).shape == (2, c_out, side, side)


@pytest.mark.parametrize(("scale", "c_in", "c_out", "side"), SHAPES)
def test_aru_is_eq_16_to_19(scale, c_in, c_out, side):
    unit = ARU(c_in, c_out, scale, reduction=4).eval()
    x = torch.randn(2, c_in, 12, 12)
    f = unit.residual(x)
    alpha = torch.sigmoid(unit.attention(f))
    assert alpha.shape == (2, 1, side, side)
    torch.testing.assert_close(unit(x), unit.shortcut(x) + alpha * f)

    baseline = ARU(c_in, c_out, scale, attention=False, reduction=4).eval()
    torch.testing.assert_close(baseline(x), baseline.shortcut(x) + baseline.residual(x))


@pytest.mark.parametrize(("scale", "c_in", "c_out"), [row[:3] for row in SHAPES])
def test_with_a_silent_residual_only_the_shortcut_is_left(scale, c_in, c_out):
    unit = ARU(c_in, c_out, scale, reduction=4)
    nn.init.zeros_(unit.residual[-1].weight)
    x = torch.randn(2, c_in, 12, 12)
    if scale == "same":
        expected = x
    elif scale == "down":
        expected = F.conv2d(x, unit.shortcut[0].weight, unit.shortcut[0].bias, stride=2, padding=1)
    else:
        doubled = x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
        expected = F.conv2d(doubled, unit.shortcut[1].weight, unit.shortcut[1].bias, padding=1)
    torch.testing.assert_close(unit(x), expected)


def test_residual_branch_is_full_pre_activation():
    kinds = {scale: [type(m) for m in ARU(i, o, scale, reduction=4).residual] for scale, i, o, _ in SHAPES}
    half = [nn.BatchNorm2d, MetaAconC, nn.Conv2d]
    assert kinds["same"] == kinds["down"] == half + half
    assert kinds["up"] == [nn.BatchNorm2d, MetaAconC, nn.Upsample, nn.Conv2d, *half]
    down = [m for m in ARU(4, 8, "down", reduction=4).residual if isinstance(m, nn.Conv2d)]
    assert [(m.in_channels, m.out_channels, m.stride, m.bias) for m in down] == [
        (4, 8, (1, 1), None),
        (8, 8, (2, 2), None),
    ]


def test_relu_replaces_every_meta_acon():
    unit = ARU(8, 8, activation="relu", reduction=4)
    assert not any(isinstance(m, MetaAconC) for m in unit.modules())
    assert [type(m) for m in unit.residual] == [nn.BatchNorm2d, nn.ReLU, nn.Conv2d] * 2


def test_norms_are_chosen_for_the_main_path_and_the_beta_branch_apart():
    instance = ARU(8, 8, reduction=4, norm="instance", beta_norm="layer")
    assert not any(isinstance(m, nn.BatchNorm2d) for m in instance.modules())
    mixed = ARU(8, 8, reduction=4, norm="batch", beta_norm="layer")
    assert sum(isinstance(m, nn.BatchNorm2d) for m in mixed.modules()) == 4  # two in the residual, two in GAM
    assert mixed(torch.randn(1, 8, 6, 6)).shape == (1, 8, 6, 6)


def test_after_instance_norm_beta_is_the_same_for_every_image():
    unit = ARU(8, 8, reduction=4, norm="instance", beta_norm="layer")
    beta_logits = []
    unit.residual[1].norm2.register_forward_hook(lambda module, inputs, output: beta_logits.append(output))
    unit(torch.randn(2, 8, 6, 6))
    torch.testing.assert_close(beta_logits[0][0], beta_logits[0][1], atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((8, 16), {}), "keeps its channels; got 8 -> 16"),
        (((8, 8, "half"), {}), "scale is 'half'"),
        (((8, 8), {"activation": "gelu"}), "activation is 'gelu'"),
        (((8, 8), {"norm": "none"}), "norm is 'none'"),
        (((8, 8), {"beta_norm": "none"}), "beta_norm is 'none'"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    positional, named = arguments
    with pytest.raises(ValueError, match=message):
        ARU(*positional, reduction=4, **named)
