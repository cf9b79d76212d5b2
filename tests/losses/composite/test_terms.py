import dataclasses

import pytest
import torch
import torch.nn.functional as F

from pipeline.losses.composite.discriminator import MultiScaleDiscriminator
from pipeline.losses.composite.terms import (
    LossWeights,
    adversarial_d,
    adversarial_g,
    composite_loss,
    downsample_pyramid,
    feature_matching,
    pixel_loss,
)

SR = torch.tensor([0.0, 0.5, 1.0, -1.0]).view(1, 1, 2, 2).expand(2, 3, 2, 2)
HR = torch.tensor([1.0, 0.5, -1.0, -1.0]).view(1, 1, 2, 2).expand(2, 3, 2, 2)
NOTHING = {"px": 0, "adv": 0, "fm": 0, "pc": 0}


def maps(*values):
    """One (N=2, 1, 1, 2) score map per value: the first image's patches are value and value + 2, the second's zero."""
    return [torch.tensor([[v, v + 2.0], [0.0, 0.0]]).view(2, 1, 1, 2) for v in values]


def test_pixel_losses_by_hand():
    assert pixel_loss(SR, HR).item() == pytest.approx((1 + 0 + 2 + 0) / 4)  # Eq. (20)
    assert pixel_loss(SR, HR, "l2").item() == pytest.approx((1 + 0 + 4 + 0) / 4)  # Table 6's baseline
    for norm in ("l1", "l2"):
        with pytest.raises(ValueError, match="must be equal"):
            pixel_loss(SR, HR[:1], norm)


def test_adversarial_losses_sum_over_scales_by_hand():
    scores = maps(1.0, -3.0, 0.5)  # means over images and patches: 1, -1, 0.75
    assert adversarial_g(scores).item() == pytest.approx(-(1 - 1 + 0.75))  # Eq. (22)
    assert adversarial_g(scores[:1]).item() == pytest.approx(-1)
    real, fake = maps(0.5, 0.5, 0.5), maps(-2.0, -2.0, -2.0)
    per_scale = (0.5 + 0 + 1 + 1) / 4 + (0 + 1 + 1 + 1) / 4  # the hinge of each patch, then the mean
    assert adversarial_d(real, fake).item() == pytest.approx(3 * per_scale)  # Eq. (23)


def test_hinge_stops_beyond_the_margin():
    real, fake = torch.full((1, 1, 2, 2), 1.5), torch.full((1, 1, 2, 2), -1.5)
    assert adversarial_d([real], [fake]).item() == 0
    assert adversarial_d([fake], [real]).item() == 5


def test_feature_matching_sums_layer_means_over_scales():
    zeros = [[torch.zeros(2, 4, 8, 8), torch.zeros(2, 8, 4, 4)] for _ in range(3)]
    real = [[f + 1 + k for f in zeros[k]] for k in range(3)]
    assert feature_matching(zeros, real).item() == pytest.approx(2 * (1 + 2 + 3))  # Eq. (24): layers x scales


def test_feature_matching_sends_no_gradient_to_the_real_features():
    fake, real = (torch.randn(1, 2, 3, 3, requires_grad=True) for _ in range(2))
    feature_matching([[fake]], [[real]]).backward()
    assert fake.grad is not None
    assert real.grad is None


def test_lists_of_differing_length_are_refused():
    with pytest.raises(ValueError, match="zip"):
        adversarial_d(maps(1.0), maps(1.0, 2.0))
    with pytest.raises(ValueError, match="no scales"):
        adversarial_g([])


@pytest.fixture
def step():
    """What one generator step has: three SR images with gradients, HR, and the discriminators' views of both."""
    torch.manual_seed(0)
    D = MultiScaleDiscriminator(scales=3, width=4, layers=2).eval()
    sr = [torch.randn(2, 3, side, side, requires_grad=True) for side in (16, 32, 64)]
    hr = torch.rand(2, 3, 64, 64) * 2 - 1
    fake_scores, fake_features = D(sr)
    _, real_features = D(downsample_pyramid(hr, 3))
    views = {"fake_scores": fake_scores, "fake_features": fake_features, "real_features": real_features}
    return sr, hr, {**views, "perceptual": lambda a, b: (a - b).abs().mean()}


def test_composite_loss_is_eq_26(step):
    sr, hr, inputs = step
    total, terms = composite_loss(LossWeights(px=100, adv=1, fm=10, pc=2), sr, hr, **inputs)
    expected = {
        "px": F.l1_loss(sr[-1], hr),
        "adv": sum(-score.mean() for score in inputs["fake_scores"]),
        "fm": sum(
            (a - b).abs().mean()
            for k in range(3)
            for a, b in zip(inputs["fake_features"][k], inputs["real_features"][k], strict=True)
        ),
        "pc": (sr[-1] - hr).abs().mean(),
    }
    assert terms.keys() == expected.keys()
    for name, value in expected.items():
        assert terms[name].item() == pytest.approx(value.item(), rel=1e-5)
        assert not terms[name].requires_grad
    weighted = 100 * expected["px"] + expected["adv"] + 10 * expected["fm"] + 2 * expected["pc"]
    assert total.item() == pytest.approx(weighted.item(), rel=1e-5)


@pytest.mark.parametrize(("name", "scales_reached"), [("px", 1), ("pc", 1), ("adv", 3), ("fm", 3)])
def test_each_term_reaches_its_scales(step, name, scales_reached):
    sr, hr, inputs = step
    alone = LossWeights(**{**NOTHING, name: 1})
    total, terms = composite_loss(alone, sr, hr, **inputs)
    total.backward()
    assert list(terms) == [name]
    assert [image.grad is not None for image in sr] == [False] * (3 - scales_reached) + [True] * scales_reached


@pytest.mark.parametrize("name", ["px", "adv", "fm", "pc"])
def test_a_weight_of_zero_removes_that_gradient_and_its_work(step, name):
    sr, hr, inputs = step
    without = dataclasses.replace(LossWeights(), **{name: 0})
    unused = {"adv": ["fake_scores"], "fm": ["fake_features", "real_features"], "pc": ["perceptual"]}.get(name, [])
    kept = {key: value for key, value in inputs.items() if key not in unused}
    total, terms = composite_loss(without, sr, hr, **kept)
    (gradient,) = torch.autograd.grad(total, sr[-1], retain_graph=True)
    assert name not in terms

    whole, _ = composite_loss(LossWeights(), sr, hr, **inputs)
    only = LossWeights(**{**NOTHING, name: getattr(LossWeights(), name)})
    alone, _ = composite_loss(only, sr, hr, **inputs)
    (whole_gradient,) = torch.autograd.grad(whole, sr[-1], retain_graph=True)
    (own_gradient,) = torch.autograd.grad(alone, sr[-1])
    torch.testing.assert_close(gradient, whole_gradient - own_gradient, atol=1e-6, rtol=1e-4)
    assert own_gradient.abs().max() > 0


def test_missing_inputs_are_named(step):
    sr, hr, inputs = step
    for key, term in (("fake_scores", "adv"), ("real_features", "fm"), ("perceptual", "pc")):
        with pytest.raises(ValueError, match=f"weight {term} is"):
            composite_loss(LossWeights(), sr, hr, **{**inputs, key: None})


def test_l2_of_the_table_6_baseline(step):
    sr, hr, inputs = step
    baseline = LossWeights(px=100, adv=1, fm=0, pc=0, px_norm="l2")
    _, terms = composite_loss(baseline, sr, hr, fake_scores=inputs["fake_scores"][-1:])
    assert terms["px"].item() == pytest.approx(F.mse_loss(sr[-1], hr).item())
    assert terms["adv"].item() == pytest.approx(-inputs["fake_scores"][-1].mean().item())


def test_default_weights_are_the_papers_and_bad_ones_are_refused():
    assert dataclasses.astuple(LossWeights()) == (100, 1, 10, 1, "l1")
    for bad in ({"px": -1}, NOTHING, {"px_norm": "huber"}):
        with pytest.raises(ValueError, match=r"weights \(px|px_norm"):
            LossWeights(**bad)
    with pytest.raises(dataclasses.FrozenInstanceError):
        LossWeights().px = 1


def test_pyramid_halves_without_aliasing():
    hr = torch.rand(2, 3, 32, 16) * 2 - 1
    quarter, half, full = downsample_pyramid(hr, 3)
    assert full is hr
    assert (quarter.shape, half.shape) == ((2, 3, 8, 4), (2, 3, 16, 8))
    torch.testing.assert_close(half, hr.view(2, 3, 16, 2, 8, 2).mean(dim=(3, 5)))
    torch.testing.assert_close(quarter, F.interpolate(hr, size=(8, 4), mode="area"))
    checkerboard = (torch.arange(16)[:, None] + torch.arange(16)).fmod(2).mul(2).sub(1).float().expand(1, 3, 16, 16)
    assert downsample_pyramid(checkerboard, 2)[0].abs().max() == 0  # decimation would give a flat -1
    assert [image is hr for image in downsample_pyramid(hr, 1)] == [True]


def test_pyramid_refuses_what_does_not_divide():
    with pytest.raises(ValueError, match=r"18x16.*divisible by 4"):
        downsample_pyramid(torch.zeros(1, 3, 18, 16), 3)
    with pytest.raises(ValueError, match="0 scales"):
        downsample_pyramid(torch.zeros(1, 3, 16, 16), 0)
