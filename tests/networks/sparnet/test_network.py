import inspect
from functools import cache

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load, save
from torch import nn

from pipeline.infer.count import count_macs, count_parameters
from pipeline.networks.sparnet.network import FaceAttentionUnit, SPARNet, SPARNetHD

TINY = {"widths": (6, 8, 12, 12), "num_units": 2, "attention_width": 8, "attention_levels": 1}
TINY_HD = {"widths": (6, 8, 12, 16), "num_units": 1, "attention_width": 8}
NETWORKS = {
    "2d": lambda: SPARNet(**TINY),
    "3d": lambda: SPARNet(**TINY, attention="3d"),
    "hd": lambda: SPARNetHD(**TINY_HD),
}
PUBLISHED = {  # network, arguments, side, parameters in M and GMAC as published, parameters and GMAC here
    "sparnet": (SPARNet, {}, 128, 10.52, 7.1, 10_518_867, "7.13"),
    "light_3d": (SPARNet, {"num_units": 1, "attention": "3d"}, 128, 5.24, None, 5_242_211, "6.88"),
    # Spectral normalisation adds no parameter and takes seconds to set up at this size.
    "hd": (SPARNetHD, {"spectral": False}, 512, 85.8, 724, 85_793_412, "723.55"),
}


@cache
def tiny():
    """Built once, where only shapes are looked at."""
    return SPARNet(**TINY)


def pairs(count, side=32):
    hr = F.interpolate(torch.rand(count, 3, 8, 8) * 2 - 1, size=side, mode="bilinear")
    return F.interpolate(F.avg_pool2d(hr, 8), size=side, mode="bicubic"), hr


@pytest.mark.parametrize("name", PUBLISHED)
def test_cost_is_the_published_one(name):
    network, arguments, side, published_m, published_gmac, parameters, gmac = PUBLISHED[name]
    with torch.device("meta"):
        net = network(**arguments)
    assert count_parameters(net) == parameters
    assert parameters / 1e6 == pytest.approx(published_m, rel=0.01)
    macs = count_macs(net, (1, 3, side, side)) / 1e9
    assert f"{macs:.2f}" == gmac
    assert published_gmac is None or macs == pytest.approx(published_gmac, rel=0.1)


def test_ten_units_with_3d_attention_are_not_the_published_10_52_m():
    with torch.device("meta"):
        net = SPARNet(attention="3d")
    assert f"{count_parameters(net) / 1e6:.2f} {count_macs(net, (1, 3, 128, 128)) / 1e9:.2f}" == "11.56 8.08"


@pytest.mark.parametrize(("network", "side", "smallest"), [(SPARNet, 128, 4), (SPARNetHD, 512, 16)])
def test_hourglasses_of_the_published_settings_end_equally_small(network, side, smallest):
    sizes = len(inspect.signature(network).parameters["widths"].default)
    ends = []

    def note_side(_module, _inputs, output):
        ends.append(output.shape[-1])

    with torch.device("meta"):
        net = network(widths=(2,) * sizes, num_units=1, attention_width=2, spectral=False).eval()
        units = [m for m in net.modules() if isinstance(m, FaceAttentionUnit)]
        for unit in units:
            inmost = unit.hourglass
            while not isinstance(inmost, nn.Sequential):
                inmost = inmost.inner
            inmost.register_forward_hook(note_side)
        net(torch.zeros(1, 3, side, side))
    assert ends == [smallest] * len(units)


def test_a_unit_is_x_plus_alpha_f_with_one_map_or_one_per_channel():
    torch.manual_seed(0)
    x = torch.randn(2, 6, 8, 8)
    for attention, maps in (("2d", 1), ("3d", 6)):
        unit = FaceAttentionUnit(6, 6, levels=2, attention_width=4, attention=attention).eval()
        assert unit.score.out_channels == maps
        nn.init.zeros_(unit.score.weight)
        nn.init.constant_(unit.score.bias, -1e4)
        torch.testing.assert_close(unit(x), x)  # alpha = 0
        nn.init.constant_(unit.score.bias, 1e4)
        f = unit.norm2(unit.conv2(F.leaky_relu(unit.norm1(unit.conv1(F.leaky_relu(unit.norm0(x), 0.2))), 0.2)))
        torch.testing.assert_close(unit(x), x + f)  # alpha = 1


def test_units_change_the_size_as_asked():
    x = torch.rand(1, 4, 8, 16)
    for scale, size in (("down", (4, 8)), ("same", (8, 16)), ("up", (16, 32))):
        channels = 4 if scale == "same" else 6
        assert FaceAttentionUnit(4, channels, scale, levels=1)(x).shape == (1, channels, *size)


@settings(deadline=None, max_examples=10)
@given(st.integers(1, 2), st.sampled_from([32, 48, 64]), st.sampled_from([32, 48]))
def test_output_has_the_shape_of_the_input(count, height, width):
    with torch.no_grad():
        assert tiny()(torch.zeros(count, 3, height, width)).shape == (count, 3, height, width)


@pytest.mark.middle
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("batch", [1, 2])
def test_trains_with_finite_gradients_for_every_parameter(name, batch):
    torch.manual_seed(0)
    net, (lr_up, hr) = NETWORKS[name](), pairs(batch)
    optimiser = torch.optim.Adam(net.parameters(), lr=2e-3)
    losses = []
    for _ in range(12):
        loss = F.l1_loss(net(lr_up), hr)
        optimiser.zero_grad()
        loss.backward()
        assert [k for k, p in net.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0], losses


@pytest.mark.parametrize("name", NETWORKS)
def test_eval_is_deterministic_and_an_image_does_not_see_its_batch(name):
    torch.manual_seed(0)
    net = NETWORKS[name]().eval()
    x = torch.rand(3, 3, 32, 32) * 2 - 1
    before = {key: value.clone() for key, value in net.state_dict().items()}
    with torch.no_grad():
        assert torch.equal(net(x), net(x))
        torch.testing.assert_close(net(x)[1:2], net(x[1:2]), atol=1e-5, rtol=1e-4)
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())


@pytest.mark.parametrize("name", NETWORKS)
def test_works_in_bf16(name):
    torch.manual_seed(0)
    net, (x, hr) = NETWORKS[name]().eval(), pairs(2, side=64)
    with torch.autocast("cpu", torch.bfloat16):
        short = net(x)
    full = net(x)
    # bfloat16 rounds to 2^-9 of a value, and some thirty layers add that up, more where instance
    # normalisation divides by what varies little within a map. Seen with four seeds: 0.7 to 1.2 %, HD 4 to 6 %.
    assert (short - full).norm() < (0.15 if name == "hd" else 0.03) * full.norm()
    F.l1_loss(short.float(), hr).backward()
    assert all(p.grad.isfinite().all() for p in net.parameters())


@pytest.mark.parametrize("name", NETWORKS)
def test_state_dict_round_trip(name):
    torch.manual_seed(0)
    net, other = NETWORKS[name](), NETWORKS[name]()
    net(pairs(2)[0])  # moves statistics and singular vectors from where they start
    other.load_state_dict(load(save({key: value.contiguous() for key, value in net.state_dict().items()})))
    x = torch.rand(1, 3, 32, 32)
    assert torch.equal(net.eval()(x), other.eval()(x))


def test_spectral_normalisation_bounds_every_convolution():
    torch.manual_seed(0)
    net = SPARNetHD(**TINY_HD)
    convs = [m for m in net.modules() if isinstance(m, nn.Conv2d)]
    for _ in range(10):  # each pass in train mode is one power iteration
        net(torch.rand(1, 3, 32, 32))
    largest = [torch.linalg.matrix_norm(conv.eval().weight.detach().flatten(1), 2).item() for conv in convs]
    assert largest == pytest.approx([1.0] * len(convs), rel=0.05)
    assert count_parameters(net) == count_parameters(SPARNetHD(**TINY_HD, spectral=False))
    assert not any(isinstance(m, nn.BatchNorm2d) for m in net.modules())


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 3, 32, 40), "32x40.*divisible by 16"),
        ((1, 3, 16, 32), "16x32.*at least 32"),
        ((1, 1, 32, 32), "expected"),
        ((3, 32, 32), "expected"),
    ],
)
def test_wrong_shapes_are_refused(shape, message):
    with pytest.raises(ValueError, match=message):
        tiny()(torch.rand(shape))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"attention": "1d"}, "'1d'"),
        ({"norm": "layer"}, "'layer'"),
        ({"widths": (8,)}, "at least two"),
        ({"attention_levels": 0}, "at least once"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        SPARNet(**TINY | arguments)
