import pytest
import torch

from pipeline.infer.count import count_macs, count_parameters
from pipeline.networks.swinir.network import SwinIR, SwinIRHR, SwinLayer
from pipeline.networks.units.frame import MEAN_RGB

NARROW = {"width": 8, "depths": (2, 3), "heads": 2, "window": 4, "up_width": 6}


def meta(kind, **changes):
    with torch.device("meta"):
        return kind(**changes)


def test_cost_at_the_published_setting():
    net = meta(SwinIR)
    assert count_parameters(net) == 12_047_911
    tables = sum(p.numel() for name, p in net.named_parameters() if name.endswith("attention.bias"))
    assert count_parameters(net) - tables == pytest.approx(11.9e6, rel=0.01)
    assert count_macs(net, (1, 3, 16, 16)) == pytest.approx(3.8e9, rel=0.02)


def test_cost_at_512_px_is_that_of_the_first_stage_of_diffbir():
    net = meta(SwinIRHR)
    assert count_parameters(net) == 15_792_587
    assert f"{count_macs(net, (1, 3, 512, 512)) / 1e9:.1f}" == "86.2"


@pytest.mark.parametrize(("shifted", "side"), [(False, 8), (True, 8), (True, 4)])
def test_a_layer_by_its_equations(shifted, side):
    """SoftMax(Q K^T / sqrt(d) + B) V for one pixel after the other, over those that its window lets it see."""
    torch.manual_seed(0)
    m, heads, d = 4, 2, 3
    layer = SwinLayer(heads * d, heads, m, shifted, mlp_ratio=2).double()
    x = torch.randn(1, side, side, heads * d, dtype=torch.float64)
    shift = m // 2 if shifted and side > m else 0
    q, k, v = layer.attention.qkv(layer.norm1(x))[0].chunk(3, dim=-1)
    pixels = [(i, j) for i in range(side) for j in range(side)]

    def window(i, j):  # windows moved by the shift; at the edges the parts that are left are windows of their own
        return (i - shift) // m, (j - shift) // m

    attended = torch.zeros_like(x[0])
    for i, j in pixels:
        seen = [(a, b) for a, b in pixels if window(a, b) == window(i, j)]
        for head in range(heads):
            part = slice(head * d, head * d + d)
            rows = [(i - a + m - 1) * (2 * m - 1) + (j - b + m - 1) for a, b in seen]
            bias = layer.attention.bias[rows, head]
            scores = torch.stack([q[i, j, part] @ k[a, b, part] / d**0.5 for a, b in seen]) + bias
            attended[i, j, part] = torch.softmax(scores, 0) @ torch.stack([v[a, b, part] for a, b in seen])
    y = layer.attention.out(attended) + x
    torch.testing.assert_close(layer(x), layer.mlp(layer.norm2(y)) + y)


def test_an_upsampler_of_zeros_gives_the_mean_colour():
    net = SwinIR(**NARROW)
    torch.nn.init.zeros_(net.up.last.weight)
    torch.nn.init.zeros_(net.up.last.bias)
    expected = (2 * torch.tensor(MEAN_RGB) - 1).view(1, 3, 1, 1).expand(1, 3, 32, 64)
    torch.testing.assert_close(net(torch.rand(1, 3, 4, 8)), expected)


def test_the_window_must_divide_the_map():
    with pytest.raises(ValueError, match=r"map is 6x8 \(hxw\) and the window 4"):
        SwinIR(**NARROW)(torch.zeros(1, 3, 6, 8))
    with pytest.raises(ValueError, match="divisible by 8"):
        SwinIRHR(**NARROW)(torch.zeros(1, 3, 36, 32))


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"heads": 3}, "heads 3"), ({"upsampler": "bilinear"}, "'bilinear'"), ({"scale": 3}, "powers of two")],
)
def test_refuses_what_it_cannot_build(changes, message):
    with pytest.raises(ValueError, match=message):
        SwinIR(**{**NARROW, **changes})
