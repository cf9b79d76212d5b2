import pytest
import torch

from pipeline.networks.swinir import SwinIR, SwinIRHR
from pipeline.networks.swinir.published import from_published

NARROW = {"width": 8, "depths": (2, 3), "heads": 2, "window": 4, "up_width": 6}


def authors_state(net_width, depths, heads, window, up_width, upsampler, folded=1):
    """A checkpoint's names and shapes as the authors' network for x8 has them; `folded`: DiffBIR's."""
    generator = torch.Generator().manual_seed(0)
    state = {}

    def layer(name, *shape, bias=True):
        state[f"{name}.weight"] = torch.randn(shape, generator=generator)
        if bias:
            state[f"{name}.bias"] = torch.randn(shape[0], generator=generator)

    c, u = net_width, up_width
    layer("conv_first.1" if folded > 1 else "conv_first", c, 3 * folded**2, 3, 3)
    layer("patch_embed.norm", c)
    for i, depth in enumerate(depths):
        for j in range(depth):
            at = f"layers.{i}.residual_group.blocks.{j}"
            layer(f"{at}.norm1", c)
            table = torch.randn((2 * window - 1) ** 2, heads, generator=generator)
            state[f"{at}.attn.relative_position_bias_table"] = table
            state[f"{at}.attn.relative_position_index"] = torch.zeros(window**2, window**2, dtype=torch.long)
            layer(f"{at}.attn.qkv", 3 * c, c)
            layer(f"{at}.attn.proj", c, c)
            layer(f"{at}.norm2", c)
            layer(f"{at}.mlp.fc1", 2 * c, c)
            layer(f"{at}.mlp.fc2", c, 2 * c)
            if j % 2:
                state[f"{at}.attn_mask"] = torch.zeros(36, window**2, window**2)
        layer(f"layers.{i}.conv", c, c, 3, 3)
    layer("norm", c)
    layer("conv_after_body", c, c, 3, 3)
    layer("conv_before_upsample.0", u, c, 3, 3)
    for i in range(3):
        if upsampler == "pixelshuffle":
            layer(f"upsample.{2 * i}", 4 * u, u, 3, 3)
        else:
            layer(f"conv_up{i + 1}", u, u, 3, 3)
    if upsampler == "nearest+conv":
        layer("conv_hr", u, u, 3, 3)
    layer("conv_last", 3, u, 3, 3)
    return state


@pytest.mark.parametrize("upsampler", ["pixelshuffle", "nearest+conv"])
def test_loads_the_authors_checkpoints(upsampler):
    state = authors_state(8, (2, 3), 2, 4, 6, upsampler)
    net = SwinIR(**NARROW, upsampler=upsampler)
    net.load_state_dict(from_published(state))
    qkv = state["layers.1.residual_group.blocks.2.attn.qkv.weight"]
    assert torch.equal(net.groups[1].blocks[2].attention.qkv.weight, qkv)
    assert torch.equal(net.norm_out.bias, state["norm.bias"])
    assert torch.equal(net.norm_in.bias, state["patch_embed.norm.bias"])
    for key in ("params", "params_ema"):
        assert from_published({key: state}).keys() == net.state_dict().keys()


def test_loads_the_first_stage_of_diffbir():
    state = authors_state(8, (2, 3), 2, 4, 6, "nearest+conv", folded=8)
    SwinIRHR(**NARROW).load_state_dict(from_published(state))


def test_a_key_of_another_network_is_an_error():
    with pytest.raises(ValueError, match=r"'RRDB_trunk\.0\.weight'"):
        from_published({"RRDB_trunk.0.weight": torch.zeros(1)})


@pytest.mark.parametrize(
    ("kind", "upsampler", "shape"),
    [(SwinIR, "pixelshuffle", (2, 3, 8, 12)), (SwinIRHR, "nearest+conv", (1, 3, 64, 96))],
)
def test_equals_the_class_of_spandrel(kind, upsampler, shape):
    swinir = pytest.importorskip(
        "spandrel.architectures.SwinIR", reason="spandrel, another implementation of SwinIR, is not installed"
    )
    torch.manual_seed(0)
    other = swinir.SwinIR(
        img_size=8,
        embed_dim=12,
        depths=[2, 3],
        num_heads=[2, 2],
        window_size=4,
        mlp_ratio=2,
        upscale=8,
        upsampler=upsampler,
        start_unshuffle=8 if kind is SwinIRHR else 1,
    ).eval()
    with torch.no_grad():
        for p in other.parameters():
            p.add_(torch.randn_like(p) * 0.1)  # so that no bias and no scale is at its start
    net = kind(width=12, depths=(2, 3), heads=2, window=4, up_width=64, upsampler=upsampler).eval()
    net.load_state_dict(from_published(other.state_dict()))
    x = torch.rand(shape, dtype=torch.float64)
    with torch.no_grad():  # Tolerance: rounding in float64; spandrel's class masks with -100 where ours has -infinity.
        torch.testing.assert_close((net.double()(2 * x - 1) + 1) / 2, other.double()(x), rtol=1e-9, atol=1e-9)


def test_our_own_names_come_back_as_they_are():
    state = SwinIR(**NARROW).state_dict()
    assert from_published(state) == state
