"""Precise batch norm: what is estimated, from which batches, and what it leaves alone."""

import copy

import pytest
import torch
from safetensors.torch import load_file
from small_networks import SMALL
from small_sets import make_set
from tests_root import ROOT
from torch import nn

from pipeline.networks.build import build_network
from pipeline.networks.units.fast import faster
from pipeline.params.file import parse
from pipeline.params.recipe import Recipe
from pipeline.params.tasks import TrainParams
from pipeline.store import paths
from pipeline.train import checkpoint, run
from pipeline.train.batch_norm import PreciseBatchNorm
from pipeline.train.batches import Batches
from pipeline.train.compute import Compute
from pipeline.train.distributed import ALONE
from pipeline.train.image_store import ImageStore
from pipeline.train.run import train_network

CPU = torch.device("cpu")
DEMO = parse(ROOT / "profiles/demo.yaml")
ASKED = {"precise_batch_norm": 3, "schedule": "constant"}
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def recipe(**train) -> Recipe:
    """The demo's AGRNet, a few channels wide, for some steps."""
    found = DEMO.recipe("agrnet")
    every = dict.fromkeys(("log_every_steps", "save_every_steps", "validate_every_steps", "sample_every_steps"), 2)
    options = {"steps": 4, "batch_size": 2, "validation_images": 2, "samples": 1} | every | train
    return found.model_copy(
        update={
            "network": found.network.model_copy(update=SMALL["agrnet", "x8"]),
            "train": found.train.model_copy(update=options),
        }
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a training set."""
    root = tmp_path_factory.mktemp("place")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        make_set("celeba")
    return root


@pytest.fixture
def workplace(place, monkeypatch):
    monkeypatch.chdir(place)


@pytest.fixture(scope="module")
def trained(place):
    """Beside the training set "whole", a training with precise batch norm that was not interrupted."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        train_network("whole", recipe(**ASKED), [0])


class Holder:
    """As much of a trainer as is asked for here."""

    def __init__(self, net: nn.Module):
        self.evaluated = net


def looked_at(net: nn.Module, options: TrainParams) -> tuple[PreciseBatchNorm, Batches]:
    _, pairs = run.open_training_set("x8")
    batches = Batches(ImageStore(pairs, range(4), "host", CPU), 0, options, ALONE)
    return PreciseBatchNorm(Holder(net), batches, Compute(options, CPU)), batches


def test_statistics_are_the_means_over_the_batches_that_come_next(workplace):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5)).eval()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    precise, batches = looked_at(net, recipe(precise_batch_norm=3).train)
    found = precise.network(7)[1]
    seen = [net[0](part.input) for batch in batches.run(7, 10) for part in batch]
    means = torch.stack([maps.mean(dim=(0, 2, 3)) for maps in seen]).mean(dim=0)
    variances = torch.stack([maps.transpose(0, 1).flatten(1).var(dim=1) for maps in seen]).mean(dim=0)
    torch.testing.assert_close(found.running_mean, means)
    torch.testing.assert_close(found.running_var, variances)
    assert not found.training
    assert found.momentum == 0.1
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert precise.network(7)[1] is found  # asked for twice, estimated once
    assert not torch.equal(precise.network(8)[1].running_mean, found.running_mean)


def test_a_spectral_normalisation_takes_no_step(workplace):
    net = build_network("sparnet", "blind", {**SMALL["sparnet", "blind"], "norm": "batch"}).eval()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    found = looked_at(net, recipe(precise_batch_norm=2).train)[0].network(0).state_dict()
    changed = {name for name, value in found.items() if not torch.equal(value, before[name])}
    assert any(name.endswith("._u") for name in found)
    assert changed
    assert all(name.endswith(STATISTICS) for name in changed)


@pytest.mark.parametrize(
    ("model", "task", "arguments"), [("agrnet", "x8", {}), ("agrnet_hr", "blind", {"norm": "batch"})]
)
def test_faster_forms_come_to_the_same_statistics(workplace, model, task, arguments):
    torch.manual_seed(0)
    net = build_network(model, task, SMALL[model, task] | arguments)
    plain, fast = (
        looked_at(form, recipe(precise_batch_norm=3, batch_size=4).train)[0].network(0).state_dict()
        for form in (net, faster(copy.deepcopy(net)))
    )
    assert any(name.endswith("running_mean") for name in plain)
    for name, value in plain.items():
        torch.testing.assert_close(fast[name], value, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("norm", "batches"), [(nn.BatchNorm2d, 0), (nn.InstanceNorm2d, 3)])
def test_a_network_is_itself_where_nothing_is_asked_for_and_without_batch_norms(workplace, norm, batches):
    net = nn.Sequential(nn.Conv2d(3, 4, 1), norm(4))
    assert looked_at(net, recipe(precise_batch_norm=batches).train)[0].network(5) is net


@pytest.mark.middle
def test_the_training_goes_on_as_if_nobody_had_looked(trained, workplace):
    train_network("plain", recipe(**ASKED | {"precise_batch_norm": 0}), [0])
    states = [torch.load(checkpoint.SCRATCH / f"{name}_seed_0.pt", weights_only=True) for name in ("plain", "whole")]
    plain, precise = (state["trainer"]["net"] for state in states)
    assert all(torch.equal(plain[name], precise[name]) for name in plain)
    saved = [load_file(paths.MODELS / name / "seed_0.safetensors") for name in ("plain", "whole")]
    differ = {name for name in saved[0] if not torch.equal(*(weights[name] for weights in saved))}
    assert differ
    assert all(name.endswith(STATISTICS) for name in differ)


@pytest.mark.middle
def test_a_run_that_went_on_saves_the_weights_of_one_that_was_not_interrupted(trained, workplace):
    for steps in (2, 4):
        train_network("cut", recipe(steps=steps, **ASKED), [0])
    whole, cut = (load_file(paths.MODELS / name / "seed_0.safetensors") for name in ("whole", "cut"))
    assert all(torch.equal(whole[name], cut[name]) for name in whole)
