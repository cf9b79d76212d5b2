import copy
from functools import cache

import pytest
import torch
from small_networks import FORMS_OF_OURS, flat
from torch import nn

from pipeline.infer.fold import folded
from pipeline.networks.sparnet import SPARNetHD
from pipeline.networks.units.fast import FastARU, faster


def trained(name, dtype=torch.float32):
    """A network whose statistics and factors are not those of the beginning, in train mode; a copy of its own."""
    return copy.deepcopy(_trained(name, dtype))


@cache
def _trained(name, dtype):
    torch.manual_seed(0)
    net = FORMS_OF_OURS[name]().to(dtype)
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d | nn.InstanceNorm2d):
                module.weight.uniform_(0.5, 1.5)
                module.bias.uniform_(-0.5, 0.5)
        for _ in range(8):
            net(torch.rand(4, 3, 16, 24, dtype=dtype) * 2 - 1)
    return net


def grey(images):
    return ((flat(images).float() + 1) * 127.5).round().clamp(0, 255)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last], ids=["nchw", "channels_last"])
@pytest.mark.parametrize("name", FORMS_OF_OURS)
def test_equals_the_network_in_eval_mode(name, memory_format):
    net, x = trained(name), torch.rand(1, 3, 24, 40) * 2 - 1
    given = x.clone()
    fold = folded(net).to(memory_format=memory_format)
    with torch.no_grad():
        plain, images = net.eval()(x), fold(x.contiguous(memory_format=memory_format))
    torch.testing.assert_close(flat(images), flat(plain), atol=1e-4, rtol=1e-4)
    assert (grey(images) - grey(plain)).abs().max() <= 1
    assert torch.equal(x, given)


@pytest.mark.parametrize("name", FORMS_OF_OURS)
def test_equals_it_to_rounding_in_float64(name):
    net, x = trained(name, torch.float64), torch.rand(2, 3, 16, 24, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(flat(folded(net)(x)), flat(net.eval()(x)), atol=1e-10, rtol=1e-10)


def test_leaves_the_network_as_it_was():
    net = trained("agrnet")
    state, random = copy.deepcopy(net.state_dict()), torch.get_rng_state()
    fold = folded(net)
    assert torch.equal(torch.get_rng_state(), random)
    assert net.training
    assert not isinstance(net.fem[0], FastARU)
    torch.testing.assert_close(net.state_dict(), state, atol=0, rtol=0)
    assert not fold.training
    assert not any(p.requires_grad for p in fold.parameters())


def test_only_the_first_norm_of_a_unit_is_left():
    kinds = (nn.BatchNorm2d, nn.Upsample)
    left = [name for name, m in folded(trained("agrnet")).named_modules() if isinstance(m, kinds)]
    assert len(left) == 7
    assert all(name.endswith("residual.0") for name in left)


def test_a_fast_or_a_folded_network_folds_as_well():
    net, x = trained("agrnet"), torch.rand(1, 3, 16, 16)
    with torch.no_grad():
        plain = net.eval()(x)
        for fold in (folded(faster(copy.deepcopy(net))), folded(folded(net))):
            torch.testing.assert_close(fold(x), plain, atol=1e-4, rtol=1e-4)
    assert not torch.is_inference(fold(x))  # and is callable where gradients are on


def test_a_weight_divided_by_its_norm_is_divided_once():
    torch.manual_seed(0)
    net = SPARNetHD(widths=(4, 8), num_units=1, attention_width=4)
    net(torch.rand(2, 3, 16, 16))  # a step of the norm's own iteration
    fold, x = folded(net), torch.rand(2, 3, 16, 16)
    assert not any("parametrizations" in name for name in fold.state_dict())
    assert not any(p.requires_grad for p in fold.parameters())
    assert any("parametrizations" in name for name in net.state_dict())  # the network itself stays as it is
    with torch.no_grad():
        torch.testing.assert_close(fold(x), net.eval()(x), atol=1e-6, rtol=0)
