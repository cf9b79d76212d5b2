"""How much memory a training step keeps, counted without a GPU: the profiles' defaults fit into 24 GB."""

import pytest
import torch
from tests_root import ROOT
from torch._subclasses.fake_tensor import FakeTensorMode

from pipeline.losses.composite import perceptual, trunk
from pipeline.params.file import parse
from pipeline.train.compute import Compute
from pipeline.train.ema import Ema
from pipeline.train.run import build

GB = 2**30
LIMIT_GB = 24
RESERVE_GB = 3  # CUDA's context, cuDNN's workspaces, the passing tensors of a forward pass, fragmentation


class Kept:
    """Bytes that autograd keeps for the backward pass, each storage once."""

    def __init__(self):
        self._storages = {}

    def __enter__(self):
        self._hooks = torch.autograd.graph.saved_tensors_hooks(self._keep, lambda tensor: tensor)
        self._hooks.__enter__()
        return self

    def __exit__(self, *exc):
        self._hooks.__exit__(*exc)

    def _keep(self, tensor):
        storage = tensor.untyped_storage()
        self._storages[storage._cdata] = storage  # held, so that its number is not given to another
        return tensor

    @property
    def gb(self):
        return sum(storage.nbytes() for storage in self._storages.values()) / GB


def held_gb(trainer):
    """Parameters, averages and what Adam keeps, with gradients."""
    tensors = [value for part in trainer.state().values() for value in _tensors(part)]
    nets = [net for name in ("net", "G", "D") if (net := getattr(trainer, name, None)) is not None]
    parameters = sum(p.numel() for net in nets for p in net.parameters())
    return (sum(t.numel() * t.element_size() for t in tensors) + 3 * 4 * parameters) / GB  # gradients, two moments


def _tensors(part):
    return [value for value in part.values() if isinstance(value, torch.Tensor)]


@pytest.fixture
def forward_only(monkeypatch):
    """A step without backward passes and updates, which tensors without values do not survive; any weights for VGG."""
    monkeypatch.setattr(torch.Tensor, "backward", lambda self: None)
    monkeypatch.setattr(torch.optim.Adam, "step", lambda self: None)
    monkeypatch.setattr(Ema, "update", lambda self, net: None)
    monkeypatch.setattr(trunk, "load_trunk", lambda folder, loss: (some_vgg(loss.perceptual_trunk), {}))


def some_vgg(name):
    layers, _ = perceptual._layers(name)
    return {f"features.{key}": value for key, value in torch.nn.Sequential(*layers).state_dict().items()}


@pytest.mark.middle
@pytest.mark.parametrize(
    ("profile", "model_name", "size_px"),
    [("paper", "agrnet", 128), ("paper", "agrnet_hr", 512), ("gpu", "agrnet", 128), ("gpu", "agrnet_hr", 256)],
)
def test_the_profiles_train_within_24_gb(profile, model_name, size_px, forward_only):
    model = getattr(parse(ROOT / f"profiles/{profile}.yaml").models, model_name)
    options = model.train.model_copy(update={"precision": model.train.precision.replace("tf32", "fp32")})
    model = model.model_copy(update={"train": options})
    trainer, *_ = build(model_name, model, Compute(options, torch.device("cpu")))
    with FakeTensorMode(allow_non_fake_inputs=True), Kept() as kept:
        images = torch.zeros(options.batch_size, 3, size_px, size_px)
        trainer.step([(images, images.clone())])
    needed = kept.gb + held_gb(trainer)
    print(f"{profile} {model_name}: {kept.gb:.1f} GB kept for backward, {needed:.1f} with weights and moments")
    assert needed + RESERVE_GB < LIMIT_GB
