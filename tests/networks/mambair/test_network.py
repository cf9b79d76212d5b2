import math

import pytest
import torch
import torch.nn.functional as F

from pipeline.infer.count import count_macs, count_parameters
from pipeline.networks.mambair.network import MambaIR, MambaIRHR, StateSpaceBlock, VisionStateSpace
from pipeline.networks.mambair.selective_scan import selective_scan_by_steps


def meta(kind, **changes):
    with torch.device("meta"):
        return kind(**changes)


def test_cost_at_the_published_settings():
    # Published: 20.4 M, which is the released x2 network; x8 has two stages of upsampling more.
    assert count_parameters(meta(MambaIR, scale=2)) == pytest.approx(20.4e6, rel=0.01)
    net = meta(MambaIR)
    assert count_parameters(net) == 20_717_287
    assert count_parameters(net) - count_parameters(meta(MambaIR, scale=2)) == 2 * (64 * 256 * 9 + 256)
    assert count_macs(net, (1, 3, 16, 16)) == 4_984_486_848
    assert count_macs(net, (1, 3, 16, 16)) == pytest.approx(5.3e9, rel=0.1)


def test_cost_at_512_px():
    net = meta(MambaIRHR)
    assert count_parameters(net) == 20_728_043
    assert f"{count_macs(net, (1, 3, 512, 512)) / 1e9:.1f}" == "90.7"


def test_the_map_is_read_in_four_directions():
    """Against lists of pixels in the order they are read."""
    torch.manual_seed(0)
    h, w = 3, 4
    vssm = VisionStateSpace(width=4, state=2, expand=1)
    x = torch.randn(1, 4, h, w)
    rows = [(i, j) for i in range(h) for j in range(w)]
    columns = [(i, j) for j in range(w) for i in range(h)]
    expected = torch.zeros_like(x)
    for k, path in enumerate((rows, columns, rows[::-1], columns[::-1])):
        u = torch.stack([x[0, :, i, j] for i, j in path], -1)  # (C, L)
        delta, B, C = (vssm.to_delta_B_C[k] @ u).split((1, 2, 2))
        delta = F.softplus(vssm.delta_weight[k] @ delta + vssm.delta_bias[k][:, None])
        A = -torch.exp(vssm.A_log[4 * k : 4 * k + 4])
        y = selective_scan_by_steps(u[None], delta[None], A, B[None, None], C[None, None], vssm.D[4 * k : 4 * k + 4])
        for t, (i, j) in enumerate(path):
            expected[0, :, i, j] += y[0, :, t]
    torch.testing.assert_close(vssm._scan(x), expected)


def test_initialisation_of_the_state_space():
    torch.manual_seed(0)
    vssm = VisionStateSpace(width=32, state=16, expand=2)
    delta = F.softplus(vssm.delta_bias)
    assert delta.min() >= 0.001 * (1 - 1e-4)
    assert delta.max() <= 0.1 * (1 + 1e-4)
    assert delta.log().mean().item() == pytest.approx((math.log(0.001) + math.log(0.1)) / 2, abs=0.3)
    torch.testing.assert_close(-torch.exp(vssm.A_log[7]), -torch.arange(1.0, 17))
    assert (vssm.D == 1).all()


def test_a_block_scales_its_two_shortcuts():
    block = StateSpaceBlock(width=6, state=2, expand=2)
    with torch.no_grad():
        block.vssm.project_out.weight.zero_()
        block.convs[-1].weight.zero_()
        block.convs[-1].bias.zero_()
        block.scale1.copy_(torch.arange(6.0))
        block.scale2.fill_(3)
    x = torch.randn(2, 4, 5, 6)
    torch.testing.assert_close(block(x), 3 * torch.arange(6.0) * x)


def test_every_pixel_sees_every_other():
    torch.manual_seed(0)
    vssm = VisionStateSpace(width=4, state=4, expand=2).double()
    x = torch.randn(1, 6, 5, 4, dtype=torch.float64)
    moved = x.clone()
    moved[0, 2, 3] += 1
    assert ((vssm(moved) - vssm(x)).abs().amax(-1) > 0).all()
