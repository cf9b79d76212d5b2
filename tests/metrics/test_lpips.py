import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from pipeline.metrics import lpips as module
from pipeline.metrics.lpips import LPIPSMetric
from pipeline.pretrained.bring import bring
from pipeline.store.features import CONV_LAYERS


def brought(shared, folder, name):
    source = shared / "weights" / f"{name}_features.pth"
    if not source.is_file():
        pytest.skip(f"{source.name} is missing")
    return folder / bring(name, str(source), folder, timeout_s=1.0)["file"]


def example(shared, name):
    path = shared / "reference/lpips" / name
    if not path.is_file():
        pytest.skip(f"{name} is missing")
    return np.asarray(Image.open(path).convert("RGB"))


@pytest.mark.middle
@pytest.mark.parametrize(
    ("trunk", "name", "expected"), [("alex", "alexnet", (0.7219, 0.1376)), ("vgg", "vgg16", (0.5686, 0.4217))]
)
def test_authors_example_pair(shared, tmp_path, trunk, name, expected):
    weights = brought(shared, tmp_path, name)
    before = torch.get_rng_state()
    metric = LPIPSMetric(trunk, weights)
    assert torch.equal(before, torch.get_rng_state()), "building the network drew from the global generator"

    sr = np.stack([example(shared, "ex_p0.png"), example(shared, "ex_p1.png")])
    hr = np.stack([example(shared, "ex_ref.png")] * 2)
    values = metric(sr, hr)
    assert values == pytest.approx(expected, abs=5e-5)
    assert metric(sr[1:], hr[1:]) == pytest.approx(values[1:], abs=1e-6)  # a batch does not mix its pairs
    assert metric(hr, hr) == [0.0, 0.0]


@pytest.fixture
def random_alex(tmp_path):
    """A file with the right layers and wrong values: for what does not depend on the values."""
    generator = torch.Generator().manual_seed(0)
    tensors = {}
    for number, (inputs, outputs, side) in CONV_LAYERS["alexnet"].items():
        tensors[f"features.{number}.weight"] = torch.randn(outputs, inputs, side, side, generator=generator) * 0.05
        tensors[f"features.{number}.bias"] = torch.randn(outputs, generator=generator) * 0.05
    path = tmp_path / "alexnet.safetensors"
    save_file(tensors, path)
    return path


def test_trunk_values_come_from_the_file(random_alex):
    metric = LPIPSMetric("alex", random_alex)
    from safetensors.torch import load_file

    tensors = load_file(random_alex)
    assert torch.equal(metric._layers["features.10.weight"], tensors["features.10.weight"])


def noise(seed, count, side=64):
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), np.uint8)


def test_agrees_with_the_package_called_directly(random_alex):
    """lpips 0.1.4 on tensors of its own im2tensor, within 1e-6. With the VGG16 trunk: the authors' example pair."""
    import lpips
    from safetensors.torch import load_file

    with torch.random.fork_rng(devices=[]):
        theirs = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False)
    tensors = load_file(random_alex)
    for block in (getattr(theirs.net, f"slice{number}") for number in range(1, 6)):
        for number, layer in block.named_children():
            if f"features.{number}.weight" in tensors:
                layer.weight.data.copy_(tensors[f"features.{number}.weight"])
                layer.bias.data.copy_(tensors[f"features.{number}.bias"])
    sr, hr = noise(0, 3), noise(1, 3)
    with torch.inference_mode():
        expected = [float(theirs(lpips.im2tensor(a), lpips.im2tensor(b))) for a, b in zip(sr, hr, strict=True)]
    assert min(expected) > 0.01
    assert LPIPSMetric("alex", random_alex)(sr, hr) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("max_pixels", "sizes"), [(64 * 64 * 2, [2, 2, 1]), (64 * 64 * 3 - 1, [2, 2, 1]), (1, [1] * 5)]
)
def test_large_batches_go_through_in_parts(random_alex, monkeypatch, max_pixels, sizes):
    metric = LPIPSMetric("alex", random_alex)
    sr, hr, seen = noise(2, 5), noise(3, 5), []
    whole = metric(sr, hr)
    distances = metric._distances
    monkeypatch.setattr(metric, "_distances", lambda sr, hr: seen.append(len(sr)) or distances(sr, hr))
    monkeypatch.setattr(module, "MAX_PIXELS", max_pixels)
    assert metric(sr, hr) == pytest.approx(whole, abs=1e-6)
    assert seen == sizes
    assert metric(sr[:0], hr[:0]) == []


@pytest.mark.parametrize(
    ("sr", "hr", "message"),
    [
        (np.zeros((1, 64, 64, 3), np.uint8), np.zeros((1, 64, 65, 3), np.uint8), "must be the same"),
        (np.zeros((1, 64, 64, 3), np.float32), np.zeros((1, 64, 64, 3), np.float32), "uint8"),
        (np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64, 3), np.uint8), r"\(N, H, W, 3\)"),
        (np.zeros((1, 16, 16, 3), np.uint8), np.zeros((1, 16, 16, 3), np.uint8), "32 px"),
    ],
)
def test_refuses_other_batches(random_alex, sr, hr, message):
    with pytest.raises(ValueError, match=message):
        LPIPSMetric("alex", random_alex)(sr, hr)


def test_refuses_unknown_trunk_and_other_network(random_alex):
    with pytest.raises(ValueError, match="alex, vgg"):
        LPIPSMetric("squeeze", random_alex)
    with pytest.raises(ValueError, match="vgg trunk"):
        LPIPSMetric("vgg", random_alex)
