import pytest
import torch
from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from pipeline.infer.count import count_parameters
from pipeline.losses.composite.discriminator import Discriminator, MultiScaleDiscriminator


def test_layers_are_those_of_the_design():
    with torch.device("meta"):
        D = Discriminator()
        score, features = D(torch.zeros(2, 3, 128, 128))
    assert [tuple(f.shape[1:]) for f in features] == [
        (64, 128, 128),
        (128, 64, 64),
        (256, 32, 32),
        (512, 16, 16),
        (512, 8, 8),
    ]
    assert score.shape == (2, 1, 6, 6)
    convs = 3 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512 * 512 + 512
    assert count_parameters(D) == 9 * convs + 64 + 1 + 2 * (128 + 256 + 512 + 512)


def test_norms_and_activations():
    D = Discriminator(width=4, layers=2)
    convs = [m for m in D.modules() if isinstance(m, nn.Conv2d)]
    assert len(convs) == 4
    assert all(is_parametrized(conv, "weight") for conv in convs)
    assert [sum(isinstance(m, nn.InstanceNorm2d) for m in layer) for layer in D.layers] == [0, 1, 1]
    assert [m.negative_slope for m in D.modules() if isinstance(m, nn.LeakyReLU)] == [0.2] * 3


def test_spectral_norm_brings_every_weight_to_norm_1():
    torch.manual_seed(0)
    D = Discriminator(width=4, layers=2)
    image = torch.randn(1, 3, 16, 16)
    for _ in range(60):  # one power iteration per forward pass in train mode
        D(image)
    D.eval()
    for conv in (m for m in D.modules() if isinstance(m, nn.Conv2d)):
        assert torch.linalg.matrix_norm(conv.weight.flatten(1), ord=2).item() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(("layers", "smallest"), [(1, 5), (2, 9), (3, 17), (4, 33)])
def test_smallest_image_trains_and_one_pixel_less_is_refused(layers, smallest):
    torch.manual_seed(0)
    D = Discriminator(width=4, layers=layers)
    assert D.minimum_size_px == smallest
    score, _ = D(torch.randn(1, 3, smallest, smallest))
    assert score.shape == (1, 1, 1, 1)
    score.sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in D.parameters())
    with pytest.raises(ValueError, match=f"at least {smallest} px.*fewer `layers`"):
        D(torch.randn(1, 3, smallest, smallest - 1))


def test_each_scale_has_its_own_discriminator():
    torch.manual_seed(0)
    D = MultiScaleDiscriminator(scales=3, width=4, layers=2).eval()
    images = [torch.randn(2, 3, side, side) for side in (16, 32, 64)]
    scores, features = D(images)
    assert [tuple(score.shape) for score in scores] == [(2, 1, 2, 2), (2, 1, 6, 6), (2, 1, 14, 14)]
    assert [len(f) for f in features] == [3, 3, 3]
    for D_k, image, score in zip(D.D, images, scores, strict=True):
        torch.testing.assert_close(D_k(image)[0], score)
    assert not torch.allclose(D.D[0](images[2])[0], scores[2])


def test_one_discriminator_judges_the_final_scale():
    D = MultiScaleDiscriminator(scales=1, width=4, layers=2)
    scores, _ = D([torch.randn(1, 3, side, side) for side in (16, 32, 64)])
    assert [tuple(score.shape) for score in scores] == [(1, 1, 14, 14)]
    assert len(D([torch.randn(1, 3, 64, 64)])[0]) == 1


def test_weights_round_trip():
    torch.manual_seed(0)
    first, second = (MultiScaleDiscriminator(scales=1, width=4, layers=2) for _ in range(2))
    image = [torch.randn(1, 3, 16, 16)]
    first(image)
    second.load_state_dict(first.state_dict())
    torch.testing.assert_close(first.eval()(image)[0], second.eval()(image)[0])


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="2 images for 3 discriminators"):
        MultiScaleDiscriminator(scales=3, width=4)([torch.zeros(1, 3, 64, 64)] * 2)
    with pytest.raises(ValueError, match="scales is 0"):
        MultiScaleDiscriminator(scales=0)
    with pytest.raises(ValueError, match="layers is 0"):
        Discriminator(layers=0)
