import pytest
import torch
import torch.nn.functional as F
from torch import nn

from pipeline.networks.units.gam import GAM


@pytest.fixture
def gam():
    torch.manual_seed(0)
    return GAM(8, 4).eval()


def test_gam_is_eq_13_and_14(gam):
    F1 = torch.randn(2, 8, 6, 5)
    first, _, second = gam.channel
    hidden = F.relu(F.conv2d(F1, first.weight[:, :, None, None], first.bias))  # the MLP of Fig. 5 as 1x1 convolutions
    F2 = torch.sigmoid(F.conv2d(hidden, second.weight[:, :, None, None], second.bias)) * F1
    F3 = torch.sigmoid(gam.spatial(F2)) * F2
    torch.testing.assert_close(gam(F1), F3)


def test_gam_with_silent_submodules_quarters_its_input(gam):
    for parameter in gam.parameters():
        nn.init.zeros_(parameter)
    x = torch.randn(1, 8, 4, 4)
    torch.testing.assert_close(gam(x), x / 4)  # sigmoid(0) twice


def test_submodules_reduce_and_restore_the_channels(gam):
    linear = [(m.in_features, m.out_features, m.bias is not None) for m in gam.channel if isinstance(m, nn.Linear)]
    convs = [m for m in gam.spatial if isinstance(m, nn.Conv2d)]
    assert linear == [(8, 2, True), (2, 8, True)]
    assert [(m.in_channels, m.out_channels) for m in convs] == [(8, 2), (2, 8)]
    assert all(m.kernel_size == (7, 7) and m.bias is not None for m in convs)
    assert [m.num_features for m in gam.spatial if isinstance(m, nn.BatchNorm2d)] == [2, 8]


def test_channel_map_looks_at_one_pixel_and_spatial_map_at_13x13(gam):
    x = torch.randn(1, 8, 21, 21, requires_grad=True)
    for attention_map, reach in ((gam.channel_map, 0), (gam.spatial_map, 6)):
        (gradient,) = torch.autograd.grad(attention_map(x)[..., 10, 10].sum(), x)
        rows, columns = gradient.abs().sum(dim=(0, 1)).nonzero(as_tuple=True)
        assert rows.min() >= 10 - reach
        assert columns.max() <= 10 + reach
        assert (rows.min() == rows.max()) == (reach == 0)


def test_instance_norm_keeps_no_statistics():
    gam = GAM(8, 4, norm="instance")
    assert not list(gam.buffers())
    x = torch.randn(2, 8, 6, 6)
    torch.testing.assert_close(gam.train()(x), gam.eval()(x))


def test_channels_last_survives(gam):
    x = torch.randn(2, 8, 6, 6)
    out = gam(x.to(memory_format=torch.channels_last))
    assert out.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(out, gam(x))


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="4 channels cannot be reduced 8 times"):
        GAM(4, 8)
    with pytest.raises(ValueError, match=r"'layer'.*\['batch', 'instance'\]"):
        GAM(8, 4, norm="layer")
