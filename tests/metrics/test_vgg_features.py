"""VGG16's pooled features against torchvision's network."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from pipeline.metrics.frechet import floor, frechet_features
from pipeline.metrics.vgg_features import LENGTH, vgg_features
from pipeline.pretrained.bring import bring
from pipeline.store.features import CONV_LAYERS

pytestmark = pytest.mark.middle  # 15 million weights are made and stored


@pytest.fixture(scope="module")
def random_vgg16(tmp_path_factory):
    """The right layers with random values, scaled so that features neither vanish nor grow."""
    generator = torch.Generator().manual_seed(0)
    tensors = {}
    for number, (inputs, outputs, side) in CONV_LAYERS["vgg16"].items():
        scale = (2 / (inputs * side * side)) ** 0.5
        tensors[f"features.{number}.weight"] = torch.randn(outputs, inputs, side, side, generator=generator) * scale
        tensors[f"features.{number}.bias"] = torch.randn(outputs, generator=generator) * 0.1
    path = tmp_path_factory.mktemp("vgg") / "vgg16.safetensors"
    save_file(tensors, path)
    return path


def pictures(seed, count, height=32, width=48):
    return list(np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), np.uint8))


def test_equals_torchvisions_relu5_3_pooled(random_vgg16):
    from safetensors.torch import load_file
    from torchvision import models, transforms

    with torch.random.fork_rng(devices=[]):
        trunk = models.vgg16(weights=None).features
    trunk.load_state_dict({key.removeprefix("features."): value for key, value in load_file(random_vgg16).items()})
    normalise = transforms.Normalize(
        (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    )  # ImageNet's, as torchvision's presets
    images = pictures(0, 3)
    with torch.inference_mode():
        tensor = torch.stack([normalise(transforms.functional.to_tensor(image)) for image in images])
        expected = trunk[:30](tensor).mean(dim=(2, 3)).numpy()
    found = vgg_features(images, random_vgg16)
    assert (found.shape, found.dtype) == ((3, LENGTH), np.float64)
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_order_batches_and_laziness(random_vgg16):
    images, seen = pictures(1, 5), []

    def lazily():
        for index, image in enumerate(images):
            seen.append(index)
            yield image

    found = vgg_features(lazily(), random_vgg16, batch=2)
    assert seen == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(found, vgg_features(images, random_vgg16, batch=5), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(found, vgg_features(images, random_vgg16, batch=2))
    assert vgg_features([], random_vgg16).shape == (0, LENGTH)


def test_refuses_other_pictures_and_other_layers(random_vgg16, tmp_path):
    with pytest.raises(ValueError, match="one size"):
        vgg_features([*pictures(0, 1), *pictures(0, 1, 16)], random_vgg16)
    with pytest.raises(ValueError, match="48x15 px; VGG16 needs 16 px"):
        vgg_features(pictures(0, 1, 15), random_vgg16)
    with pytest.raises(ValueError, match="uint8"):
        vgg_features([pictures(0, 1)[0] / 255.0], random_vgg16)
    other = tmp_path / "other.safetensors"
    save_file({"features.0.weight": torch.zeros(64, 3, 3, 3)}, other)
    with pytest.raises(ValueError, match="not vgg16's layers"):
        vgg_features(pictures(0, 1), other)


def test_ranks_restorations_of_photographs(shared, tmp_path):
    """Bicubic from 16 px lies further from 40 photographs than bicubic from 64 px, and both beyond 0."""
    from PIL import Image

    source = shared / "weights/vgg16_features.pth"
    if not source.is_file():
        pytest.skip(f"{source.name} is missing")
    weights = tmp_path / bring("vgg16", str(source), tmp_path, timeout_s=1.0)["file"]
    paths = sorted((shared / "faces/ffhq").glob("*.jpg"))[:40]
    hr = [Image.open(path).convert("RGB").resize((64, 64), Image.Resampling.BICUBIC) for path in paths]

    def features(side):
        small = [image.resize((side, side), Image.Resampling.BICUBIC) for image in hr]
        enlarged = (np.asarray(image.resize((64, 64), Image.Resampling.BICUBIC)) for image in small)
        return vgg_features(enlarged, weights)

    reference = vgg_features(map(np.asarray, hr), weights)
    coarse, fine = (frechet_features(features(side), reference) for side in (8, 32))
    assert 0 < fine < coarse
    assert floor(reference, seed=0) > 0
