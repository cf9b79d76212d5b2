"""What metrics look through is computed in float32: TF32 is off while it runs, and as it was afterwards."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from pipeline.metrics import fid, lpips, vgg_features
from pipeline.metrics.float32 import in_float32
from pipeline.store.features import CONV_LAYERS

BACKENDS = (torch.backends.cuda.matmul, torch.backends.cudnn)
PICTURES = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)


def narrow(network, *_):
    """Convolutions of the right sides and four channels."""
    layers, inputs = {}, 3
    for number, (_, _, side) in CONV_LAYERS[network].items():
        layers |= {f"features.{number}.weight": torch.ones(4, inputs, side, side) / 99}
        layers |= {f"features.{number}.bias": torch.zeros(4)}
        inputs = 4
    return layers


class Inception(torch.nn.Conv2d):
    """One convolution in the place of torch-fidelity's network."""

    def __init__(self, *_, **__):
        super().__init__(3, 2048, 32)

    def forward(self, images):
        return [super().forward(images.float()).flatten(1)]


def lpips_of(monkeypatch):
    linear = [torch.ones(1, 4, 1, 1)] * 5
    monkeypatch.setattr(lpips, "_load", lambda *_: (narrow("alexnet"), linear))
    return lpips.LPIPSMetric("alex", "nowhere")(PICTURES, PICTURES)


def vgg_of(monkeypatch):
    monkeypatch.setattr(vgg_features, "_load", lambda *_: narrow("vgg16"))
    monkeypatch.setattr(vgg_features, "LENGTH", 4)
    return vgg_features.vgg_features(PICTURES, "nowhere")


def inception_of(monkeypatch):
    monkeypatch.setattr("torch_fidelity.FeatureExtractorInceptionV3", Inception)
    return fid.inception_features(PICTURES, "nowhere")


@pytest.fixture
def allowed():
    """TF32 allowed, as a network restored in TF32 or bfloat16 leaves it."""
    before = [backend.allow_tf32 for backend in BACKENDS]
    for backend in BACKENDS:
        backend.allow_tf32 = True
    yield
    for backend, value in zip(BACKENDS, before, strict=True):
        backend.allow_tf32 = value


@pytest.mark.parametrize("measure", [lpips_of, vgg_of, inception_of])
def test_no_convolution_of_a_metric_sees_tf32(allowed, monkeypatch, measure):
    seen, conv2d = [], F.conv2d

    def watched(*arguments, **named):
        seen.append([backend.allow_tf32 for backend in BACKENDS])
        return conv2d(*arguments, **named)

    monkeypatch.setattr(F, "conv2d", watched)
    assert len(measure(monkeypatch)) == 2
    assert seen
    assert seen == [[False, False]] * len(seen)
    assert [backend.allow_tf32 for backend in BACKENDS] == [True, True]


def test_an_error_leaves_the_settings_as_they_were(allowed):
    with pytest.raises(ValueError, match="no picture"), in_float32():
        raise ValueError("no picture")
    assert [backend.allow_tf32 for backend in BACKENDS] == [True, True]
