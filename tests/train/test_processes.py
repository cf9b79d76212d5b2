"""The stage in two processes: the training of one process on the whole batch, but for the order of sums."""

import json
import runpy
import sys

import numpy as np
import pytest
from process_tasks import start_pair
from safetensors.numpy import load_file
from stage_project import write_project
from tests_root import ROOT

from pipeline.params.file import parse
from pipeline.store import paths
from pipeline.store.curves import read_curve
from pipeline.train.run import train_network


def run_stage(_key):
    """In two processes that the stage starts itself, by torchrun."""
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(ROOT / "stages/train.py", run_name="__main__")
    assert ended.value.code == 0


def run_in_pair(key):
    """In two processes that somebody else started."""
    start_pair("stages.train", key)


@pytest.mark.middle
@pytest.mark.parametrize(("key", "in_two"), [("agrnet", run_stage), ("hr", run_in_pair)])
def test_two_processes_train_as_one_does(tmp_path, monkeypatch, key, in_two):
    found = {}
    for processes in (1, 2):
        folder = tmp_path / str(processes)
        folder.mkdir()
        write_project(folder, monkeypatch, steps=4, batch_size=4, processes=processes)
        if processes == 1:
            train_network(key, parse().recipe(key), [0])
        else:
            monkeypatch.setenv("PYTHONPATH", str(ROOT))
            monkeypatch.setattr(sys, "argv", ["stages.train", key])
            in_two(key)
        curve = read_curve(paths.CURVES / key / "seed_0")
        found[processes] = curve, load_file(paths.MODELS / key / "seed_0.safetensors")
        assert json.loads((paths.MODELS / key / "card.json").read_text())["params"]["train"]["processes"] == processes
    np.testing.assert_allclose(found[2][0].to_numpy(float), found[1][0].to_numpy(float), rtol=2e-3, atol=2e-4)
    one, two = (np.concatenate([value.ravel() for value in found[n][1].values()]).astype(float) for n in (1, 2))
    # Adam turns a gradient near zero into a whole step of either sign, so a few numbers differ by what four steps can do.
    assert np.percentile(np.abs(two - one), 90) < 1e-6
    assert np.abs(two - one).max() < 4 * 2 * 2e-3
