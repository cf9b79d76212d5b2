"""A folder in which the stage `train` can be run by itself."""

import os
import shutil
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from small_sets import make_set
from tests_root import ROOT

from pipeline.params.file import parse
from pipeline.train.run import train_network

# The stage as dvc.yaml calls it, and what it needs from another folder than the checkout.
STAGE = [sys.executable, "-m", "stages.train"]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}


def write_project(folder, monkeypatch, **train) -> None:
    """Go to the folder; write params with small networks of ours, and their training sets. train: keys of both tasks."""
    monkeypatch.chdir(folder)
    yaml = YAML()
    params = yaml.load(ROOT / "profiles/demo.yaml")
    every = dict.fromkeys(("log_every_steps", "save_every_steps", "validate_every_steps", "sample_every_steps"), 2)
    for model, sizes in (("agrnet", {"width": 8, "head_width": 4}), ("agrnet_hr", {"widths": [4, 8, 8, 8]})):
        params["models"][model] |= {"num_arus": 1} | sizes
    for task in params["tasks"].values():
        task |= {"batch_size": 2, "validation_images": 2, "precise_batch_norm": 2} | every | train
    params["losses"]["composite"] |= {"discriminator_layers": 1, "discriminator_width": 4, "pc": 0}
    with open(folder / "params.yaml", "w") as file:
        yaml.dump(params, file)
    make_set("celeba")
    make_set("ffhq")


def written(folder: Path, **train) -> Path:
    """A new folder with what `write_project` writes, for several tests; the working folder stays what it is."""
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        write_project(folder, patch, **train)
    return folder


def trained(folder: Path, **train) -> Path:
    """`written`, of two steps, where both networks have been trained with seed 3: hr with its discriminators."""
    written(folder, steps=2, **train)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in ("agrnet", "hr"):
            train_network(name, parse().recipe(name), [3])
    return folder


def go_to_copy(root: Path, folder: Path, monkeypatch) -> Path:
    """Copy a project into the folder and go there."""
    shutil.copytree(root, folder, dirs_exist_ok=True)
    monkeypatch.chdir(folder)
    return folder
