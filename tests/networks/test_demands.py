"""What training, evaluation and checkpoints ask of every network here, on narrow ones at 8x and 32 px."""

import pytest
import torch
import torch.nn.functional as F
from small_networks import OF_SECTIONS, SMALL
from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from pipeline.losses.dic.loss import dic_loss, heat_map_targets
from pipeline.losses.sfmnet.loss import sfmnet_loss
from pipeline.networks.build import NETWORKS, build_network
from pipeline.networks.units.tensors import final_image
from pipeline.params.models import MODELS

LANDMARKS = torch.tensor([[10.0, 12.0], [21.0, 12.0], [16.0, 18.0], [12.0, 23.0], [20.0, 23.0]])
END_IN_A_CONVOLUTION = ("agrnet", "agrnet_hr", "sparnet")  # the others add what they make to an image or a mean colour


@pytest.fixture(params=NETWORKS, ids="-".join)
def form(request):
    return request.param


@pytest.fixture
def net(form):
    torch.manual_seed(0)
    return build_network(*form, SMALL[form])


def batch(net, size):
    """(input, HR), both in [-1, 1]; smooth images, so that a few steps can learn something."""
    coarse = torch.rand(size, 3, 4, 4, generator=torch.Generator().manual_seed(1)) * 2 - 1
    hr = F.interpolate(coarse, size=32, mode="bicubic").clamp(-1, 1)
    lr = F.avg_pool2d(hr, 8)
    return (lr if net.takes == "lr" else F.interpolate(lr, size=32, mode="bicubic")), hr


def loss_of(output, hr):
    """Of all that a network gives: its own loss where it gives other things than images of the face."""
    if hasattr(output, "frequency"):
        return sfmnet_loss(*output, hr)
    if hasattr(output, "heat_maps"):
        targets = heat_map_targets(LANDMARKS.expand(len(hr), 5, 2), *hr.shape[2:])
        return dic_loss(output.heat_maps, output.images, hr, targets)[0]
    images = [output] if isinstance(output, torch.Tensor) else output
    return sum(F.l1_loss(image, F.adaptive_avg_pool2d(hr, image.shape[2:])) for image in images)


def changes_in_training(net):
    """Whether an image of training depends on others, or on the passes before: then evaluation differs from training."""
    return any(isinstance(module, nn.BatchNorm2d) or is_parametrized(module) for module in net.modules())


def test_no_network_is_missing():
    assert set(OF_SECTIONS) == set(MODELS)


@pytest.mark.middle
@pytest.mark.parametrize("size", [1, 2])
def test_learns_with_a_finite_gradient_for_every_parameter(net, size):
    x, hr = batch(net, size)
    if size < getattr(net, "least_batch", 1):
        with pytest.raises(ValueError, match="more than 1 value per channel"):
            net(x)
        return
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
        first, again = final_image(net.eval()(x)), final_image(net(x))
        trained = final_image(net.train()(x))
    assert first.shape == hr.shape
    assert torch.equal(first, again)
    assert torch.equal(first, trained) != changes_in_training(net)


def test_an_image_does_not_depend_on_its_batch(net):
    x, _ = batch(net, 2)
    for training in (False, True):
        if not (training and changes_in_training(net)):
            net.train(training)
            with torch.no_grad():
                torch.testing.assert_close(final_image(net(x))[1:], final_image(net(x[1:])), rtol=1e-4, atol=1e-4)


def test_bfloat16_under_autocast(net, form):
    x, hr = batch(net, 2)
    with torch.no_grad():
        full = final_image(net(x))
    with torch.autocast("cpu", torch.bfloat16):
        output = net(x)
        loss = loss_of(output, hr)
    loss.backward()
    assert final_image(output).dtype == (torch.bfloat16 if form[0] in END_IN_A_CONVOLUTION else torch.float32)
    assert all(torch.isfinite(p.grad).all() for p in net.parameters())
    # Tolerance: bfloat16 has 8 bits, so 0.004 for one rounding of size 1; some dozens add up.
    assert (final_image(output) - full).abs().mean() < 0.05


def test_weights_make_the_round_trip(net, tmp_path):
    x, _ = batch(net, 1)
    torch.save(net.state_dict(), tmp_path / "net.pt")
    with torch.no_grad():
        expected = final_image(net.eval()(x))
        for value in net.state_dict().values():
            value.zero_()
        net.load_state_dict(torch.load(tmp_path / "net.pt", weights_only=True))
        assert torch.equal(final_image(net(x)), expected)
    if not changes_in_training(net):
        assert net.state_dict().keys() == dict(net.named_parameters()).keys()
