"""How much memory a training step keeps, counted without a GPU: the profiles' defaults fit into 24 GB."""

import pytest
import torch
from tests_root import ROOT
from torch._subclasses.fake_tensor import FakeTensorMode

from pipeline.losses.composite import loss, perceptual
from pipeline.params.file import parse
from pipeline.train.batches import Part
from pipeline.train.compute import Compute
from pipeline.train.ema import Ema
from pipeline.train.run import build_trainer

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
    learnt = [p for optimiser, _ in trainer.optimisers for group in optimiser.param_groups for p in group["params"]]
    parameters = sum(p.numel() for p in learnt)
    return (sum(t.nbytes for t in _tensors(trainer.state())) + 3 * 4 * parameters) / GB  # gradients, two moments


def _tensors(state):
    """All tensors of a state, however deep they lie."""
    if isinstance(state, torch.Tensor):
        return [state]
    return [tensor for value in state.values() for tensor in _tensors(value)] if isinstance(state, dict) else []


@pytest.fixture
def forward_only(monkeypatch):
    """A step without backward passes and updates, which tensors without values do not survive; any weights for VGG."""
    monkeypatch.setattr(torch.Tensor, "backward", lambda self: None)
    monkeypatch.setattr(torch.optim.Adam, "step", lambda self: None)
    monkeypatch.setattr(Ema, "update", lambda self, net: None)
    monkeypatch.setattr(loss, "load_trunk", lambda folder, params: (some_vgg(params.perceptual_trunk), {}))


def some_vgg(name):
    layers, _ = perceptual._layers(name)
    return {f"features.{key}": value for key, value in torch.nn.Sequential(*layers).state_dict().items()}


@pytest.mark.middle
@pytest.mark.parametrize(
    ("profile", "name", "size_px"),
    [("paper", "agrnet", 128), ("paper", "hr", 512), ("gpu", "agrnet", 128), ("gpu", "hr", 256)],
)
def test_the_profiles_train_within_24_gb(profile, name, size_px, forward_only):
    recipe = parse(ROOT / f"profiles/{profile}.yaml").recipe(name)
    options = recipe.train.model_copy(update={"precision": recipe.train.precision.replace("tf32", "fp32")})
    trainer = build_trainer(recipe.model_copy(update={"train": options}), Compute(options, torch.device("cpu")))
    with FakeTensorMode(allow_non_fake_inputs=True), Kept() as kept:
        images = torch.zeros(options.batch_size, 3, size_px, size_px)
        trainer.step([Part(images, images.clone())])
    needed = kept.gb + held_gb(trainer)
    print(f"{profile} {name}: {kept.gb:.1f} GB kept for backward, {needed:.1f} with weights and moments")
    assert needed + RESERVE_GB < LIMIT_GB
