"""The discriminators' faster form against the plain one: scores, features, gradients, directions."""

import copy

import pytest
import torch

from pipeline.losses.composite.discriminator import MultiScaleDiscriminator
from pipeline.losses.composite.fast_discriminator import faster
from pipeline.networks.units.tensors import at_least_float32


def pair(scales, dtype, layout):
    torch.manual_seed(0)
    plain = MultiScaleDiscriminator(scales, width=4, layers=2).to(dtype).to(memory_format=layout)
    images = [torch.rand(2, 3, side, side, dtype=dtype) * 2 - 1 for side in (12, 24, 48)]
    return plain, faster(copy.deepcopy(plain)), images


def looked_at(D, images, short=False):
    """Scores and features of two passes in train mode, the second of which has other directions, and all gradients."""
    said, images = [], [image.clone().requires_grad_() for image in images]
    for _ in range(2):
        with torch.autocast("cpu", torch.bfloat16, enabled=short):
            scores, features = D(images)
        said.append([*scores, *(f for of_scale in features for f in of_scale)])
    sum(at_least_float32(one).square().mean() for one in said[1]).backward()
    return said, [p.grad for p in D.parameters()], [image.grad for image in images[-len(D.D) :]]


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=["nchw", "nhwc"])
@pytest.mark.parametrize("scales", [1, 3])
def test_equal_in_float64(scales, layout):
    plain, fast, images = pair(scales, torch.float64, layout)
    torch.testing.assert_close(looked_at(fast, images), looked_at(plain, images))
    torch.testing.assert_close(fast.state_dict(), plain.state_dict())  # directions have moved twice


def test_eval_mode_moves_nothing():
    plain, fast, images = pair(3, torch.float64, torch.channels_last)
    before = copy.deepcopy(fast.state_dict())
    torch.testing.assert_close(looked_at(fast.eval(), images), looked_at(plain.eval(), images))
    torch.testing.assert_close(fast.state_dict(), before, rtol=0, atol=0)


def test_in_bfloat16_weights_are_normalised_in_float32():
    plain, fast, images = pair(3, torch.float32, torch.channels_last)
    ours, theirs = (looked_at(D, images, short=True) for D in (fast, plain))
    assert [one.dtype for one in ours[0][0]] == [one.dtype for one in theirs[0][0]]
    torch.testing.assert_close(fast.state_dict(), plain.state_dict(), rtol=1e-5, atol=1e-6)
    for a, b in zip(ours[0][0], theirs[0][0], strict=True):
        torch.testing.assert_close(a.float(), b.float(), rtol=0.05, atol=0.05)


def test_a_frozen_one_gives_gradients_to_the_images_alone():
    _, fast, images = pair(3, torch.float64, torch.channels_last)
    fast.requires_grad_(False)
    image = images[2].requires_grad_()
    fast(images)[0][2].sum().backward()
    assert image.grad.any()
    assert all(p.grad is None for p in fast.parameters())


def test_too_few_and_too_small_images_are_refused():
    _, fast, images = pair(3, torch.float64, torch.channels_last)
    with pytest.raises(ValueError, match="2 images for 3 discriminators"):
        fast(images[:2])
    with pytest.raises(ValueError, match="at least 9 px a side"):
        fast([images[0][..., :8], *images[1:]])
