"""What training, evaluation and checkpoints ask of every peer here, on narrow networks at 8x and 32 px."""

import pytest
import torch
import torch.nn.functional as F

from pipeline.losses.sfmnet.loss import sfmnet_loss
from pipeline.networks.mambair.network import MambaIR, MambaIRHR
from pipeline.networks.sfmnet.network import SFMNet
from pipeline.networks.swinir.network import SwinIR, SwinIRHR

PEERS = {
    "sfmnet": lambda: SFMNet(width=4, heads=2, group_blocks=1),
    "swinir": lambda: SwinIR(width=8, depths=(2, 2), heads=2, window=2, up_width=8),
    "swinir_hr": lambda: SwinIRHR(width=8, depths=(2, 2), heads=2, window=2, up_width=8),
    "mambair": lambda: MambaIR(width=8, depths=(1, 1), state=4, up_width=8),
    "mambair_hr": lambda: MambaIRHR(width=8, depths=(1, 1), state=4, up_width=8),
}


@pytest.fixture(params=PEERS)
def net(request):
    torch.manual_seed(0)
    return PEERS[request.param]()


def batch(net, size):
    """(input, HR), both in [-1, 1]; smooth images, so that a few steps can learn something."""
    coarse = torch.rand(size, 3, 4, 4, generator=torch.Generator().manual_seed(1)) * 2 - 1
    hr = F.interpolate(coarse, size=32, mode="bicubic").clamp(-1, 1)
    lr = F.avg_pool2d(hr, 8)
    return (lr if net.takes == "lr" else F.interpolate(lr, size=32, mode="bicubic")), hr


def final(output):
    return output if isinstance(output, torch.Tensor) else output[-1]


def loss_of(output, hr):
    return F.l1_loss(output, hr) if isinstance(output, torch.Tensor) else sfmnet_loss(*output, hr)


@pytest.mark.parametrize("size", [1, 2])
def test_learns_with_a_finite_gradient_for_every_parameter(net, size):
    x, hr = batch(net, size)
    optimiser = torch.optim.Adam(net.parameters(), lr=4e-3)
    losses = []
    for _ in range(8):
        loss = loss_of(net(x), hr)
        optimiser.zero_grad()
        loss.backward()
        assert [n for n, p in net.named_parameters() if p.grad is None or not torch.isfinite(p.grad).all()] == []
        optimiser.step()
        losses.append(loss.item())
    assert min(losses[-3:]) < 0.9 * losses[0]


def test_evaluation_is_the_same_twice_and_no_other_than_training(net):
    x, hr = batch(net, 2)
    with torch.no_grad():
        first, again = final(net.eval()(x)), final(net(x))
        trained = final(net.train()(x))
    assert first.shape == hr.shape
    assert torch.equal(first, again)
    assert torch.equal(first, trained)


def test_an_image_does_not_depend_on_its_batch(net):
    x, _ = batch(net, 2)
    with torch.no_grad():
        torch.testing.assert_close(final(net(x))[1:], final(net(x[1:])), rtol=1e-4, atol=1e-4)


def test_bfloat16_under_autocast(net):
    x, hr = batch(net, 2)
    with torch.no_grad():
        full = final(net(x))
    with torch.autocast("cpu", torch.bfloat16):
        output = net(x)
        loss = loss_of(output, hr)
    loss.backward()
    assert final(output).dtype == torch.float32
    assert all(torch.isfinite(p.grad).all() for p in net.parameters())
    # Tolerance: bfloat16 has 8 bits, so 0.004 for one rounding of size 1; some dozens add up.
    assert (final(output) - full).abs().mean() < 0.05


def test_weights_make_the_round_trip(net, tmp_path):
    x, _ = batch(net, 1)
    torch.save(net.state_dict(), tmp_path / "net.pt")
    with torch.no_grad():
        expected = final(net(x))
        for p in net.parameters():
            p.zero_()
        net.load_state_dict(torch.load(tmp_path / "net.pt", weights_only=True))
        assert torch.equal(final(net(x)), expected)
    assert net.state_dict().keys() == dict(net.named_parameters()).keys()
