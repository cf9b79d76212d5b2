"""A network called with prepared weights: the numbers of the network itself, at the widths of its own parameters."""

import copy

import pytest
import torch
from small_networks import FORMS_OF_OURS, flat
from torch.optim import Adam

from pipeline.networks.agrnet import AGRNet
from pipeline.networks.units.fast import faster
from pipeline.networks.units.prepared import Prepared

pytestmark = pytest.mark.middle
UNEVEN = {  # widths of which no hidden one is a multiple of 8
    **FORMS_OF_OURS,
    "agrnet": lambda: AGRNet(num_arus=1, width=24, head_width=6, fem_reduction=4, scale_reduction=2),
}
FORMATS = pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=["nchw", "nhwc"])


def pair(name, dtype=torch.float64, layout=torch.contiguous_format):
    """A fast network and its copy, and images for them."""
    torch.manual_seed(0)
    net = faster(UNEVEN[name]().to(dtype)).to(memory_format=layout)
    return net, copy.deepcopy(net), (torch.rand(3, 3, 24, 32, dtype=dtype) * 2 - 1).contiguous(memory_format=layout)


def stepped(net, call, images, steps=3, short=False):
    """Outputs of some steps of Adam, and the gradients of the last."""
    adam, found = Adam(net.parameters(), lr=1e-3), []
    for _ in range(steps):
        adam.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=short):
            out = flat(call(images))
        (out.to(images.dtype) - torch.linspace(-1, 1, out.numel(), dtype=images.dtype)).square().mean().backward()
        found.append(out.detach())
        adam.step()
    return found, [p.grad for p in net.parameters()]


@FORMATS
@pytest.mark.parametrize("name", UNEVEN)
def test_filled_up_channels_change_nothing(name, layout):
    net, own, images = pair(name, layout=layout)
    keys, shapes = list(net.state_dict()), [p.shape for p in net.parameters()]
    prepared = Prepared(net, net, block=8)
    filled = [key for key, own in prepared._names.items() if own.filled]
    ends = {"head.weight", *(("tail.weight",) if hasattr(net, "tail") else ("to_rgb.0.weight", "to_rgb.2.bias"))}
    assert ends <= set(filled)
    assert any("attention" in key for key in filled) is (net.dsm[0].attention is not None)
    found, expected = stepped(net, prepared, images), stepped(own, own, images)
    torch.testing.assert_close(found, expected, atol=1e-9, rtol=1e-7)
    torch.testing.assert_close(net.state_dict(), own.state_dict(), atol=1e-9, rtol=1e-7)
    assert (list(net.state_dict()), [p.shape for p in net.parameters()]) == (keys, shapes)
    assert all(p.grad is None or p.grad.stride() == p.stride() for p in net.parameters() if p.dim() == 1)


@FORMATS
@pytest.mark.parametrize("name", ["agrnet", "hr", "hr_instance"])
def test_weights_cast_together_are_those_that_autocast_casts(name, layout):
    net, own, images = pair(name, torch.float32, layout)
    found = stepped(net, Prepared(net, net, short=torch.bfloat16), images, short=True)
    expected = stepped(own, own, images, short=True)
    for ours, theirs in zip(found[0], expected[0], strict=True):
        assert torch.equal(ours, theirs)
    assert all(torch.equal(a, b) for a, b in zip(found[1], expected[1], strict=True))


def test_short_and_filled_up_go_together():
    """With AGRNet-HR, whose beta is normalised image by image: three images' statistics would multiply every rounding."""
    net, own, images = pair("hr", torch.float32, torch.channels_last)
    found = stepped(net, Prepared(net, net, torch.bfloat16, 8), images, 1, short=True)
    short, exact = (stepped(copy.deepcopy(own), own, images, 1, short=short) for short in (True, False))
    strays = [(out[0][0].float() - exact[0][0]).norm().item() for out in (found, short)]
    assert 0 < strays[0] < 1.2 * strays[1]
    assert {p.dtype for p in net.parameters()} == {p.grad.dtype for p in net.parameters()} == {torch.float32}


def test_a_state_that_is_loaded_is_what_the_next_call_sees():
    net, other, images = pair("agrnet")
    prepared = Prepared(net, net, block=8)
    stepped(net, prepared, images)
    torch.manual_seed(1)
    state = faster(UNEVEN["agrnet"]().double()).state_dict()
    net.load_state_dict(state), other.load_state_dict(state)
    torch.testing.assert_close(stepped(net, prepared, images), stepped(other, other, images), atol=1e-9, rtol=1e-7)


def test_a_part_of_a_batch_adds_its_gradient():
    net, own, images = pair("agrnet")
    prepared = Prepared(net, net, block=8)
    for call in (prepared, own):
        for part in (images, images.flip(0), 0.5 * images):
            call(part).square().mean().backward()
    torch.testing.assert_close(
        [p.grad for p in net.parameters()], [p.grad for p in own.parameters()], atol=1e-10, rtol=1e-7
    )


def test_what_a_compiler_made_of_the_network_is_called_as_well():
    """By the compiler's own steps, without machine code: its graph of the calls, and autograd's of them."""
    net, own, images = pair("agrnet")
    for one in (net, own):  # a unit down, one between and one up: the compiler takes a second for each
        del one.dsm[1:], one.usm[1:]
    compiled = torch.compile(net, backend="aot_eager", fullgraph=True)
    found = stepped(net, Prepared(net, compiled, block=8), images)
    torch.testing.assert_close(found, stepped(own, own, images), atol=1e-9, rtol=1e-7)
    torch.testing.assert_close(net.state_dict(), own.state_dict(), atol=1e-9, rtol=1e-7)
