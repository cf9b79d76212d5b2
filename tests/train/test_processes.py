"""Two processes do what one does with the whole batch, but for the order of sums: a step, and the stage."""

import runpy
import sys

import numpy as np
import pytest
import torch
from process_tasks import CASES, NETS, discriminator_step, norms, one_step, run_pair
from safetensors.numpy import load_file
from stage_project import written
from tests_root import ROOT
from torch import nn

from pipeline.params.file import parse
from pipeline.store import paths
from pipeline.store.curves import read_curve
from pipeline.store.weights import read_card
from pipeline.train.distributed import ALONE
from pipeline.train.run import train_network

# Of float32, gradients of these nets being below 1: sums over the batch in another order, through some 20 layers.
TOLERANCE = {torch.float64: {"rtol": 1e-9, "atol": 1e-9}, torch.float32: {"rtol": 1e-5, "atol": 1e-5}}
pytestmark = pytest.mark.middle


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """What two processes made of every task, at the price of one start: folders by task."""
    root = tmp_path_factory.mktemp("pair")
    (root / "results").mkdir()
    written(root / "hr", steps=4, samples=0, batch_size=4, processes=2)
    written(root / "minutes", steps=None, minutes=0.02, samples=0, batch_size=4, processes=2)
    run_pair((root / "results", None), (root / "hr", "hr"), (root / "minutes", "agrnet"))
    return root


@pytest.fixture(scope="module")
def results(pair):
    return [torch.load(pair / f"results/{rank}.pt") for rank in range(2)]


@pytest.mark.parametrize(("name", "dtype", "images"), CASES)
def test_two_processes_are_one_with_the_whole_batch(results, name, dtype, images):
    whole = one_step(name, dtype, ALONE, images)
    first, second = (found[f"{name} {dtype} {images}"] for found in results)
    tolerance = TOLERANCE[dtype]
    for output, *halves in zip(whole["outputs"], first["outputs"], second["outputs"], strict=True):
        torch.testing.assert_close(torch.cat(halves), output, **tolerance)
    torch.testing.assert_close(first["loss"], whole["loss"], **tolerance)
    torch.testing.assert_close(first["gradients"], whole["gradients"], **tolerance)
    torch.testing.assert_close(dict(first["state"]), dict(whole["state"]), **tolerance)
    assert second["loss"] == first["loss"]
    for part in ("gradients", "state"):
        torch.testing.assert_close(dict(second[part]), dict(first[part]), rtol=0, atol=0)
    assert all(value == 1 for key, value in first["state"].items() if key.endswith("num_batches_tracked"))


def test_units_that_are_recomputed_repeat_their_sums_in_the_same_order(results):
    for name in NETS:
        for found in results:
            plain, again = (found[f"{name} {kind}"] for kind in (False, True))
            for part in ("gradients", "state"):
                torch.testing.assert_close(dict(again[part]), dict(plain[part]), rtol=0, atol=0)
        first, second = (dict(found[f"{name} True"]["gradients"]) for found in results)
        torch.testing.assert_close(first, second, rtol=0, atol=0)


def test_a_discriminator_is_the_same_everywhere_after_a_step(results):
    first, second = (dict(found["D"]) for found in results)
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    torch.testing.assert_close(first, dict(discriminator_step(ALONE)), rtol=1e-9, atol=1e-9)


def test_channels_far_from_zero_and_unequal_shares_are_normalised(results):
    whole = norms(ALONE)
    first, second = (found["norms"] for found in results)
    exact = nn.BatchNorm2d(3).double()(whole["x"].double()).float()
    torch.testing.assert_close(torch.cat([first["y"], second["y"]]), exact, rtol=0, atol=2e-3)  # 1e4 in float32
    torch.testing.assert_close(dict(first["state"]), dict(whole["state"]))  # momentum None: the mean over two batches
    assert first["state"]["num_batches_tracked"] == 2


def test_under_autocast_bfloat16_stays_and_sums_are_float32(results):
    whole = norms(ALONE)
    first, second = (found["norms"] for found in results)
    y = torch.cat([first["y_half"], second["y_half"]])
    assert y.dtype == whole["y_half"].dtype == torch.bfloat16
    torch.testing.assert_close(y, whole["y_half"], rtol=1e-2, atol=1e-2)
    torch.testing.assert_close(dict(first["state_half"]), dict(whole["state_half"]))


def test_flags_means_and_the_weights_of_process_0_reach_all(results):
    first, second = (found["small"] for found in results)
    assert [small["world"] for small in (first, second)] == [(0, 2, 0), (1, 2, 1)]
    for small in (first, second):
        assert (small["one"], small["none"]) == (True, False)
        assert small["means"] == {"b": torch.tensor(1.5), "a": torch.tensor(2.0, dtype=torch.float64)}
        assert small["means"]["b"].dtype == torch.float32
        assert (small["net"]["1.running_mean"] == 0).all()
        assert small["net"]["1.num_batches_tracked"] == 5
    torch.manual_seed(0)
    torch.testing.assert_close(second["net"]["0.weight"], nn.Conv2d(8, 8, 3).weight.detach(), rtol=0, atol=0)


def assert_trained_as_by_one(key, folder, monkeypatch):
    """folder: where two processes trained; one does it beside, in its batches."""
    found = {}
    alone = written(folder.parent / "alone", steps=4, samples=0, batch_size=4, processes=1)
    for processes, place in ((1, alone), (2, folder)):
        monkeypatch.chdir(place)
        if processes == 1:
            train_network(key, parse().recipe(key), [0])
        curve = read_curve(paths.CURVES / key / "seed_0")
        found[processes] = curve, load_file(paths.MODELS / key / "seed_0.safetensors")
        assert read_card(paths.MODELS / key)["params"]["train"]["processes"] == processes
    np.testing.assert_allclose(found[2][0].to_numpy(float), found[1][0].to_numpy(float), rtol=2e-3, atol=2e-4)
    one, two = (np.concatenate([value.ravel() for value in found[n][1].values()]).astype(float) for n in (1, 2))
    # Adam turns a gradient near zero into a whole step of either sign, so a few numbers differ by what four steps can do.
    assert np.percentile(np.abs(two - one), 90) < 1e-6
    assert np.abs(two - one).max() < 4 * 2 * 2e-3


def test_two_processes_that_the_stage_starts_itself_train_as_one_does(tmp_path, monkeypatch):
    monkeypatch.chdir(written(tmp_path / "two", steps=4, samples=0, batch_size=4, processes=2))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr(sys, "argv", ["stages.train", "agrnet"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(ROOT / "stages/train.py", run_name="__main__")
    assert ended.value.code == 0
    assert_trained_as_by_one("agrnet", tmp_path / "two", monkeypatch)


def test_two_processes_that_somebody_else_started_train_as_one_does(pair, monkeypatch):
    assert_trained_as_by_one("hr", pair / "hr", monkeypatch)


def test_two_processes_end_at_the_same_step(pair, monkeypatch):
    """By the clock: that it came to an end shows that none waited for the other."""
    monkeypatch.chdir(pair / "minutes")
    card = read_card(paths.MODELS / "agrnet")
    assert card["steps"] >= 1
    assert list(read_curve(paths.CURVES / "agrnet/seed_0")["step"])[-1] == card["steps"]
