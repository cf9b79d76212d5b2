import copy
import io
import math

import pytest
import torch
from small_networks import FORMS_OF_OURS, TINY, flat

from pipeline.commands.benchmarks.train_forms import PLAIN, Form, saved_bytes
from pipeline.networks.agrnet import AGRNet
from pipeline.networks.units.fast import FastARU, faster

FORMATS = [torch.contiguous_format, torch.channels_last]


def pair(name, dtype=torch.float32, memory_format=torch.contiguous_format):
    """A plain network and its faster copy, and images of an uneven size for them."""
    torch.manual_seed(0)
    plain = FORMS_OF_OURS[name]().to(dtype)
    fast = faster(copy.deepcopy(plain)).to(memory_format=memory_format)
    return plain, fast, (torch.rand(3, 3, 24, 40, dtype=dtype) * 2 - 1)


def gradients(net, x, short=False):
    """The output, and all gradients of a loss of it, the input's last."""
    x = x.clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=short):
        out = flat(net(x))
    target = torch.linspace(-1, 1, out.numel(), dtype=x.dtype)
    (out.to(x.dtype) - target).square().mean().backward()
    return out.detach(), [p.grad for p in net.parameters()] + [x.grad]


@pytest.mark.parametrize("memory_format", FORMATS, ids=["nchw", "channels_last"])
@pytest.mark.parametrize("name", FORMS_OF_OURS)
def test_training_is_equal_in_float64(name, memory_format):
    plain, fast, x = pair(name, torch.float64, memory_format)
    out, grads = gradients(plain, x)
    fast_out, fast_grads = gradients(fast, x)
    torch.testing.assert_close(fast_out, out, atol=1e-11, rtol=1e-10)
    torch.testing.assert_close(fast_grads, grads, atol=1e-10, rtol=1e-8)
    torch.testing.assert_close(fast.state_dict(), plain.state_dict(), atol=1e-11, rtol=1e-10)  # running statistics


@pytest.mark.parametrize("name", FORMS_OF_OURS)
def test_eval_mode_with_gradients_is_equal_in_float64(name):
    plain, fast, x = pair(name, torch.float64)
    out, grads = gradients(plain.eval(), x)
    fast_out, fast_grads = gradients(fast.eval(), x)
    torch.testing.assert_close(fast_out, out, atol=1e-11, rtol=1e-10)
    torch.testing.assert_close(fast_grads, grads, atol=1e-10, rtol=1e-8)


@pytest.mark.parametrize("memory_format", FORMATS, ids=["nchw", "channels_last"])
@pytest.mark.parametrize("name", FORMS_OF_OURS)
def test_inference_is_equal_in_float32_and_leaves_its_input(name, memory_format):
    plain, fast, x = pair(name, memory_format=memory_format)
    given = x.clone()
    with torch.no_grad():
        for mode in (True, False):
            torch.testing.assert_close(flat(fast.train(mode)(x)), flat(plain.train(mode)(x)), atol=2e-4, rtol=1e-4)
    assert torch.equal(x, given)


@pytest.mark.parametrize("name", ["agrnet", "gam", "hr", "hr_instance"])
def test_bfloat16_strays_from_float32_no_further_than_the_plain_form(name):
    plain, fast, x = pair(name)
    plain.eval(), fast.eval()  # batch statistics of three images multiply every rounding
    exact_out, exact = gradients(copy.deepcopy(plain), x)
    plain_out, plain_grads = gradients(plain, x, short=True)
    fast_out, fast_grads = gradients(fast, x, short=True)
    distance = lambda a, b: math.sqrt(sum((i.float() - j.float()).square().sum().item() for i, j in zip(a, b)))  # noqa: B905, E731
    assert distance([fast_out], [exact_out]) <= 1.5 * distance([plain_out], [exact_out])
    assert distance(fast_grads, exact) <= 1.5 * distance(plain_grads, exact)
    assert fast_out.dtype == plain_out.dtype


def test_parameters_are_the_same_objects_and_a_second_time_changes_nothing():
    net = AGRNet(**TINY)
    parameters, keys = list(net.parameters()), list(net.state_dict())
    assert faster(faster(net)) is net
    assert all(a is b for a, b in zip(net.parameters(), parameters, strict=True))
    assert list(net.state_dict()) == keys
    assert all(isinstance(unit, FastARU) for unit in (*net.dsm, *net.fem, *net.usm))


def test_weights_go_both_ways_and_a_copy_stays_fast():
    plain, fast, x = pair("agrnet")
    torch.manual_seed(1)
    other = AGRNet(**TINY)
    fast.load_state_dict(other.state_dict())
    plain.load_state_dict(fast.state_dict())
    file = io.BytesIO()
    torch.save(copy.deepcopy(fast).eval(), file)
    file.seek(0)
    again = torch.load(file, weights_only=False)
    assert isinstance(again.fem[0], FastARU)
    with torch.no_grad():
        torch.testing.assert_close(again(x), plain.eval()(x), atol=1e-5, rtol=1e-4)


def test_keeps_less_than_half_for_the_backward():
    plain, _, x = pair("agrnet")
    kept = lambda form: saved_bytes(form, plain, x) - saved_bytes(form, plain, x[:2])  # noqa: E731  # of one more image
    whole = kept(PLAIN)
    assert kept(Form(fast=True)) < 0.5 * whole
    assert kept(Form(fast=True, short=True)) < 0.27 * whole


@pytest.mark.parametrize("name", ["agrnet", "hr_instance"])
def test_maps_stay_channels_last(name):
    _, fast, x = pair(name, memory_format=torch.channels_last)
    kept = []
    for unit in (*fast.dsm, *fast.fem, *fast.usm):
        unit.register_forward_hook(
            lambda module, inputs, output: kept.append(output.is_contiguous(memory_format=torch.channels_last))
        )
    fast(x.contiguous(memory_format=torch.channels_last))
    with torch.no_grad():
        fast.eval()(x.contiguous(memory_format=torch.channels_last))
    assert kept == [True] * 14


@pytest.mark.middle
@pytest.mark.parametrize("training", [False, True])
def test_compiles_without_a_graph_break(training):
    plain, fast, x = pair("agrnet", torch.float64)
    for net in (plain, fast):  # a second unit of a kind would be traced like the first
        del net.dsm[1:], net.usm[1:]
    compiled = torch.compile(fast.train(training), fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(x), plain.train(training)(x))
