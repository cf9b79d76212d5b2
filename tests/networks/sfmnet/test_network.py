import pytest
import torch
from torch import nn

from pipeline.infer.count import count_macs, count_parameters
from pipeline.networks.sfmnet.network import FSIB, ChannelCrossAttention, FrequencyBlock, SFMNet, SFMNetImages

NARROW = {"width": 4, "heads": 2, "group_blocks": 1}


def test_cost_at_the_published_setting():
    with torch.device("meta"):
        net = SFMNet()
    assert count_parameters(net) == 8_545_942
    assert count_parameters(net) == pytest.approx(8.6e6, rel=0.01)
    assert count_macs(net, (1, 3, 128, 128)) == pytest.approx(30.6e9, rel=0.01)


def test_gives_the_frequency_image_and_the_final_one_last():
    images = SFMNet(**NARROW)(torch.zeros(2, 3, 32, 40))
    assert isinstance(images, SFMNetImages)
    assert images[-1] is images.final
    assert [tuple(image.shape) for image in images] == [(2, 3, 32, 40)] * 2


def test_a_network_that_adds_nothing_gives_the_enlargement_back():
    net = SFMNet(**NARROW)
    nn.init.zeros_(net.spatial.tail[0].weight)
    nn.init.zeros_(net.frequency.tail[0].weight)
    x = torch.rand(1, 3, 16, 16) * 2 - 1
    assert all(torch.equal(image, x) for image in net(x))


def test_branches_are_wired_as_drawn():
    """Against the U written out, one line for a block."""
    torch.manual_seed(0)
    net = SFMNet(**NARROW)
    x = torch.rand(1, 3, 16, 16)
    f, s, mix = net.frequency, net.spatial, net.mixes

    f0 = f.head(x)
    f1 = f.blocks[0](f.scales[0](f0))
    f2 = f.blocks[1](f1)
    f3 = f.blocks[2](f.scales[1](f2))
    f4 = f.blocks[3](f3)
    f5 = f.blocks[4](f.scales[2](f4))
    f6 = f.blocks[5](f5)
    f7 = f.blocks[6](f6)
    f8 = f.blocks[7](f7) + f6
    f9 = f.blocks[8](f.scales[4](f8))
    f10 = f.blocks[9](f9) + f4
    f11 = f.blocks[10](f.scales[5](f10))
    f12 = f.blocks[11](f11) + f2
    f13 = f.blocks[12](f.scales[6](f12))
    f14 = f.blocks[13](f13) + f0

    s0 = s.head(x)
    s1 = s.blocks[1](mix[0](s.blocks[0](s.scales[0](s0)), f1))
    y = mix[1](s1, f2)
    s2 = s.blocks[3](mix[2](s.blocks[2](s.scales[1](y)), f3))
    y = mix[3](s2, f4)
    s3 = s.blocks[5](mix[4](s.blocks[4](s.scales[2](y)), f5))
    y = mix[5](s3, f6)
    y = mix[7](s.blocks[7](mix[6](s.blocks[6](y), f7)) + s3, f8)
    y = mix[9](s.blocks[9](mix[8](s.blocks[8](s.scales[4](y)), f9)) + s2, f10)
    y = mix[11](s.blocks[11](mix[10](s.blocks[10](s.scales[5](y)), f11)) + s1, f12)
    y = mix[13](s.blocks[13](mix[12](s.blocks[12](s.scales[6](y)), f13)) + s0, f14)

    images = net(x)
    torch.testing.assert_close(images.frequency, f.tail(f14) + x, rtol=0, atol=0)
    torch.testing.assert_close(images.final, s.tail(y) + x, rtol=0, atol=0)


def test_a_frequency_block_that_changes_no_spectrum_gives_the_map_back():
    block = FrequencyBlock(3)
    for layers in (block.amplitude, block.phase):
        nn.init.zeros_(layers[-1].weight)
        nn.init.zeros_(layers[-1].bias)
    for conv in (block.before, block.after):
        nn.init.dirac_(conv.weight)
        nn.init.zeros_(conv.bias)
    x = torch.randn(2, 3, 8, 6)
    torch.testing.assert_close(block(x), x.abs() + x)


def test_a_frequency_block_sees_the_whole_image():
    torch.manual_seed(0)
    block = FrequencyBlock(2)
    x = torch.randn(1, 2, 16, 16)
    moved = x.clone()
    moved[0, :, 3, 5] += 1
    assert ((block(moved) - block(x)).abs() > 0).all()


def test_attention_is_among_channels_of_a_head():
    torch.manual_seed(0)
    attention = ChannelCrossAttention(4, 2)
    with torch.no_grad():
        attention.temperature.copy_(torch.tensor([0.5, 2.0]).view(2, 1, 1))
    x, other = torch.randn(1, 4, 5, 6), torch.randn(1, 4, 5, 6)
    Q = attention.query(x)[0].flatten(1)
    K, V = attention.key_value(other)[0].flatten(1).chunk(2)
    rows = []
    for c in range(4):
        head = c // 2
        pair = [2 * head, 2 * head + 1]
        cosines = torch.stack([Q[c] @ K[d] / (Q[c].norm() * K[d].norm()) for d in pair])
        weights = torch.softmax(cosines * attention.temperature[head, 0, 0], 0)
        rows.append(sum(w * V[d] for w, d in zip(weights, pair, strict=True)))
    expected = attention.out(torch.stack(rows).view(1, 4, 5, 6))
    torch.testing.assert_close(attention(x, other), expected)


def test_an_interaction_block_weighs_the_two_domains():
    mix = FSIB(4, 2)
    nn.init.zeros_(mix.attention.out.weight)
    nn.init.zeros_(mix.gates[1].weight)
    nn.init.zeros_(mix.gates[1].bias)
    spatial, frequency = torch.randn(2, 1, 4, 5, 5)
    expected = 0.5 * (mix.conv_spatial(spatial) + mix.conv_frequency(frequency))
    torch.testing.assert_close(mix(spatial, frequency), expected)


@pytest.mark.parametrize("shape", [(1, 3, 36, 32), (1, 1, 32, 32), (3, 32, 32)])
def test_refuses_other_shapes(shape):
    with pytest.raises(ValueError, match="divisible by 8"):
        SFMNet(**NARROW)(torch.zeros(shape))


def test_heads_must_divide_the_width():
    with pytest.raises(ValueError, match="width is 12 and heads 8"):
        SFMNet(width=12)
