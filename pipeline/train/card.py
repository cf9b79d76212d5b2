"""The card of trained weights: what was trained, on what, with what, and what may be done with it."""

import platform
import subprocess
from collections import Counter
from pathlib import Path

import torch

from pipeline.images.pairs import Pairs
from pipeline.networks.build import network_class
from pipeline.params.recipe import Recipe
from pipeline.store import manifest, paths, weights
from pipeline.store.files import write_json
from pipeline.store.licences import use_of
from pipeline.train import checkpoint
from pipeline.train.compute import Compute

# How long the runs took and at which commit: other each time, so DVC does not look at this file (.dvcignore), and the same
# params and data give the same dvc.lock.
RUNS = "runs.json"


def describe_data(set_name: str, pairs: Pairs, trained_on: int) -> dict:
    """The training set as its manifests tell it; they hold the SHA-256 of every image."""
    folders = [paths.paired_folder(stage, set_name) for stage in ("degrade", "resize")]
    rows = manifest.read_manifest(folders[1])
    sources = Counter(rows.loc[rows["kept"], "source"])
    return {
        "set": set_name,
        "images": trained_on,
        "held_out_for_validation": len(pairs) - trained_on,
        "size_px": pairs.size_px,
        "manifests_sha256": checkpoint.digest(files=[folder / manifest.FILE for folder in folders]),
        "sources": dict(sources),
    }


def make_card(
    name: str,
    recipe: Recipe,
    steps: int,
    data: dict,
    compute: Compute,
    absent: dict[str, str],
    code: str,
    began_from: list[dict],
) -> dict:
    """The card. absent: terms left out of the loss, and why. code: digest of the code that trained. began_from: what is said
    of weights that it began from, newest first (`given.begin.Start.history`); images that these had seen count as seen."""
    seen_before = (began_from[0]["images_seen"] or 0) if began_from else 0
    card = {
        "network": name,
        "title": network_class(recipe.model, recipe.task).title,
        "model": recipe.model,
        "task": recipe.task,
        "loss": recipe.loss,
        "params": recipe.params,
        "steps": steps,
        "images_seen": seen_before + steps * recipe.train.batch_size,
        "data": data,
        "left_out_of_the_loss": absent,
    }
    if getattr(recipe.criterion, "pc", 0) and not absent:
        trunk = recipe.criterion.perceptual_trunk
        card["perceptual_trunk"] = trunk + ("" if trunk == "vgg19" else ", which stands in for the paper's VGG19")
    if recipe.train.minutes:
        card["ended_by"] = (
            f"the clock, after {recipe.train.minutes:g} minutes and {steps:,} steps: trained again it ends at another step "
            "and with other weights"
        )
    if began_from:
        card["began_from"] = began_from
        card["may_be_used_for"] = use_of(card)
    return card | {
        "code_sha256": code,
        "device": torch.cuda.get_device_name() if compute.device.type == "cuda" else compute.device.type,
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "intended_use": "Research on face super-resolution. A restored face is a plausible reconstruction, no evidence "
        "of who somebody is. The licences of the training photographs govern what the weights may be used for.",
    }


def write_runs(folder: Path, seconds: dict[int, float]) -> None:
    """Beside the card: how long each seed was trained, at which commit, and which weights that is said of."""
    runs = {
        "commit": _commit(),
        "seeds": {
            str(seed): {
                "training_s": round(spent, 1),
                "weights_sha256": checkpoint.digest(files=[weights.weights_file(folder, seed)]),
            }
            for seed, spent in seconds.items()
        },
    }
    write_json(folder / RUNS, runs)


def _commit() -> str:
    """The project's commit, "+changes" where files differ from it; "" where the folder is no clone or git is missing."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--dirty=+changes"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()
