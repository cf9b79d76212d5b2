import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from pipeline.losses.composite.perceptual import PerceptualLoss, VGGFeatures

# Sizes of the five blocks (Simonyan and Zisserman, columns D and E).
BLOCKS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
CHANNELS = (64, 128, 256, 512, 512)
# torchvision's numbers of the convolutions up to conv5_1
CONVS = {
    "vgg16": [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24],
    "vgg19": [0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28],
}


def random_weights(trunk, seed=0):
    generator, weights, c_in = torch.Generator().manual_seed(seed), {}, 3
    widths = [width for width, convs in zip(CHANNELS, BLOCKS[trunk], strict=True) for _ in range(convs)]
    for index, width in zip(CONVS[trunk], widths, strict=False):
        scale = (2 / (9 * c_in)) ** 0.5
        weights[f"features.{index}.weight"] = torch.randn(width, c_in, 3, 3, generator=generator) * scale
        weights[f"features.{index}.bias"] = torch.randn(width, generator=generator) * 0.1
        c_in = width
    return weights


@pytest.fixture(scope="module")
def vgg16():
    return VGGFeatures("vgg16", random_weights("vgg16"))


@pytest.mark.parametrize("trunk", ["vgg16", "vgg19"])
def test_keys_are_torchvisions_up_to_conv5_1(trunk):
    net = VGGFeatures(trunk, {**random_weights(trunk), "classifier.0.weight": torch.zeros(1)})
    assert list(net.state_dict()) == [f"features.{i}.{kind}" for i in CONVS[trunk] for kind in ("weight", "bias")]


def test_features_have_the_sizes_of_the_five_blocks_and_are_activations(vgg16):
    features = vgg16(torch.rand(2, 3, 32, 48) * 2 - 1)
    assert [tuple(f.shape) for f in features] == [
        (2, 64, 32, 48),
        (2, 128, 16, 24),
        (2, 256, 8, 12),
        (2, 512, 4, 6),
        (2, 512, 2, 3),
    ]
    assert all(f.min() == 0 and f.max() > 0 for f in features)


def test_first_features_by_hand(vgg16):
    image = torch.rand(1, 3, 16, 16) * 2 - 1
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    weights = random_weights("vgg16")
    by_hand = F.conv2d(
        ((image + 1) / 2 - mean) / std, weights["features.0.weight"], weights["features.0.bias"], padding=1
    )
    torch.testing.assert_close(vgg16(image)[0], F.relu(by_hand))


def test_frozen_and_in_eval_mode_whatever_is_asked(vgg16):
    loss = PerceptualLoss(vgg16).train()
    assert not any(p.requires_grad for p in loss.parameters())
    assert not any(m.training for m in vgg16.modules())


def test_perceptual_loss_is_eq_25(vgg16):
    sr, hr = (torch.rand(2, 3, 16, 16) * 2 - 1 for _ in range(2))
    sr.requires_grad_()
    hr.requires_grad_()
    loss = PerceptualLoss(vgg16)(sr, hr)
    expected = sum((a - b).abs().mean() for a, b in zip(vgg16(sr), vgg16(hr), strict=True))
    torch.testing.assert_close(loss, expected)
    loss.backward()
    assert sr.grad.abs().max() > 0
    assert hr.grad is None
    assert PerceptualLoss(vgg16)(hr, hr).item() == 0


def test_missing_and_misshapen_weights_are_named():
    weights = random_weights("vgg16")
    with pytest.raises(ValueError, match=r"vgg19 lack features.16.weight, .*features.28.bias"):
        VGGFeatures("vgg19", weights)
    del weights["features.5.bias"]
    with pytest.raises(ValueError, match=r"vgg16 lack features.5.bias; expected"):
        VGGFeatures("vgg16", weights)
    weights["features.5.bias"] = torch.zeros(3)
    with pytest.raises(ValueError, match=r"features.5.bias \(3,\) instead of \(128,\)"):
        VGGFeatures("vgg16", weights)
    with pytest.raises(ValueError, match="'alexnet'"):
        VGGFeatures("alexnet", weights)


def read(path):
    pixels = np.asarray(Image.open(path).convert("RGB"), dtype=np.float32)
    return torch.from_numpy(pixels / 127.5 - 1).permute(2, 0, 1)[None]


def test_genuine_weights_order_the_lpips_authors_example_as_people_do(shared):
    weights = torch.load(shared / "weights" / "vgg16_features.pth", weights_only=True)
    loss = PerceptualLoss(VGGFeatures("vgg16", weights))
    reference, blurred, warped = (
        read(shared / "reference" / "lpips" / f"ex_{name}.png") for name in ("ref", "p0", "p1")
    )
    assert loss(warped, reference).item() == pytest.approx(8.461, rel=1e-3)
    assert loss(blurred, reference).item() == pytest.approx(8.849, rel=1e-3)
    assert F.mse_loss(warped, reference) > F.mse_loss(blurred, reference)  # pixels alone say the opposite


@pytest.mark.middle
@pytest.mark.parametrize("trunk", ["vgg16", "vgg19"])
def test_features_equal_torchvisions(trunk, shared):
    models = pytest.importorskip("torchvision.models")
    theirs = models.get_model(trunk, weights=None, init_weights=False).features.eval()
    weights = {f"features.{key}": value for key, value in theirs.state_dict().items()}
    if trunk == "vgg16":
        weights = torch.load(shared / "weights" / "vgg16_features.pth", weights_only=True)
        theirs.load_state_dict({key.removeprefix("features."): value for key, value in weights.items()})
    image = read(shared / "reference" / "lpips" / "ex_ref.png")
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    x, expected = (image.add(1).div(2) - mean) / std, []
    firsts = [1, 6, 11, 18 if trunk == "vgg16" else 20, 25 if trunk == "vgg16" else 29]  # relu1_1 .. relu5_1
    with torch.no_grad():
        for index, layer in enumerate(theirs[: firsts[-1] + 1]):
            x = layer(x)
            if index in firsts:
                expected.append(x.clone())
    for ours, reference in zip(VGGFeatures(trunk, weights)(image), expected, strict=True):
        torch.testing.assert_close(ours, reference, atol=1e-5, rtol=1e-4)
