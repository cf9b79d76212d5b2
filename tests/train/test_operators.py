"""A whole training step at the published widths stays below a number of operators: a GPU launches a kernel for each."""

import pytest
import torch
from tests_root import ROOT

from pipeline.commands.benchmarks.operators import Operators, count_operators
from pipeline.losses.composite import loss, perceptual
from pipeline.params.file import parse
from pipeline.train import ema
from pipeline.train.batches import Part
from pipeline.train.compute import Compute
from pipeline.train.run import build_trainer

LIMITS = {"agrnet": 2500, "hr": 4000}
LEAST_PX = {"agrnet": 32, "hr": 136}  # of HR's quarter size the discriminators need 33 px


def some_vgg(name):
    layers, _ = perceptual._layers(name)
    return {f"features.{key}": value for key, value in torch.nn.Sequential(*layers).state_dict().items()}


@pytest.fixture
def as_on_a_gpu(monkeypatch):
    """What a GPU takes of the two forms that differ by device; any weights for VGG."""
    monkeypatch.setattr(Compute, "block", 8)
    monkeypatch.setattr(ema, "one_by_one", ema.together)
    monkeypatch.setattr(loss, "load_trunk", lambda folder, params: (some_vgg(params.perceptual_trunk), {}))


@pytest.mark.middle
@pytest.mark.parametrize("name", LIMITS)
def test_a_step_dispatches_few_operators(name, as_on_a_gpu):
    """AGRNet of 12.68 M, and AGRNet-HR's whole GAN step: three discriminators of width 64, VGG19, the average."""
    recipe = parse(ROOT / "profiles/gpu.yaml").recipe(name)
    images = 2 if name == "agrnet" else 1
    options = recipe.train.model_copy(update={"device": "cpu", "batch_size": images})
    assert options.precision == "bf16"
    assert options.faster_forms
    trainer = build_trainer(recipe.model_copy(update={"train": options}), Compute(options, torch.device("cpu")))
    part = Part(*torch.rand(2, images, 3, LEAST_PX[name], LEAST_PX[name]))
    trainer.step([part])  # in which the optimisers' states come to be
    found = count_operators(lambda: trainer.step([part]))
    print(found.table())
    assert 0.8 * LIMITS[name] < found.total < LIMITS[name]
    assert not found.by_name["aten::_local_scalar_dense"]  # nobody waits for a number, which a recording does not allow


def test_views_are_not_counted_and_a_list_counts_once():
    x = torch.rand(2, 3, 4, 5, requires_grad=True)
    with Operators() as found:
        y = x.permute(0, 2, 3, 1)[:, :1].expand(2, 6, 5, 3).select(2, 0).detach()
        assert not found.total
        torch._foreach_mul([y, y.clone()], 2)
        (x * 2).sum().backward()
    assert dict(found.by_name) == {
        "aten::clone": 1,
        "aten::_foreach_mul": 1,
        "aten::mul": 2,  # forward and backward
        "aten::sum": 1,
        "aten::ones_like": 1,
    }
    assert found.table(1).splitlines() == ["     2  aten::mul", "     6  in all"]
