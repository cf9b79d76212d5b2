"""One network, all its seeds: data in, weights and card out."""

import gc
import shutil
from pathlib import Path

import pandas as pd
import torch

from pipeline.images.pairs import Pairs
from pipeline.losses.build import build_loss
from pipeline.networks.build import network_class, network_of
from pipeline.params.recipe import Recipe
from pipeline.runtime.device import pick_device
from pipeline.store import manifest, paths, weights
from pipeline.store.curves import UNTRACKED
from pipeline.store.files import write_json
from pipeline.train import checkpoint
from pipeline.train.batches import Batches
from pipeline.train.card import describe_data, make_card, write_runs
from pipeline.train.compute import Compute
from pipeline.train.distributed import ALONE, World
from pipeline.train.given.begin import begin, open_start
from pipeline.train.graph import recorded
from pipeline.train.image_store import ImageStore, hold_out
from pipeline.train.loop import Place, train
from pipeline.train.schedule import Minutes, Steps, length_of
from pipeline.train.trainer import Trainer
from pipeline.train.validation import Validation

PACKAGE = Path(__file__).resolve().parent.parent
# Keys of the training section that a run may go on with when they change: they say how far it goes, what is seen of it and
# where it is computed, and not what is computed.
FREE = {
    *("steps", "epochs", "minutes", "device", "threads", "processes", "cuda_graph", "keep_images"),
    *("log_every_steps", "save_every_steps", "validate_every_steps", "sample_every_steps", "samples"),
}


def open_training_set(task: str) -> tuple[str, Pairs]:
    """(name, pairs) of a task's training set, from where the data stages left them."""
    (key,) = paths.sets_of(task, "train")
    return key, Pairs(paths.paired_folder("degrade", key), paths.paired_folder("resize", key))


def train_network(name: str, recipe: Recipe, seeds: list[int], keep_states: bool = True, world: World = ALONE) -> None:
    """Train every seed of a network; writes models/<name>/, reports/curves/<name>/ and the training metrics.

    keep_states: leave the states of finished runs, so that a longer run goes on from them. world: this process among
    several, see `pipeline.train.distributed`; the first one writes.
    """
    options = recipe.train
    start = open_start(name, recipe.start) if recipe.start else None
    compute = Compute(options, pick_device(options.device), world)
    set_name, pairs = open_training_set(recipe.task)
    takes = network_class(recipe.model, recipe.task).takes
    trained_on, held_out = hold_out(pairs, options.validation_images)
    validation = Validation(pairs, held_out, options, compute.device, takes)
    images = ImageStore(pairs, trained_on, options.keep_images, compute.device)
    states, files = {}, {}
    for seed in seeds:
        torch.manual_seed(seed)
        trainer = build_trainer(recipe, compute)
        loss, absent = trainer.loss, trainer.loss.absent
        discriminators = begin(trainer, recipe, start) if start else ""
        if start and world.rank == 0:
            print(f"{name}, seed {seed}: begins from {start.file}; discriminators: {discriminators}")
        trainer = recorded(trainer, compute)
        landmarks = pairs.landmarks()[trained_on] if loss.landmarks else None
        batches = Batches(images, seed, options, world, takes, landmarks)
        length = length_of(options, len(trained_on), compute)
        run = fingerprints(recipe, seed, length, set_name, loss.trunk)
        files[seed] = checkpoint.SCRATCH / f"{name}_seed_{seed}.pt"
        place = Place(files[seed], run, paths.CURVES / name / f"seed_{seed}")
        states[seed] = train(trainer, batches, validation, length, compute, place, f"train {name} seed {seed}")
        if world.rank == 0:
            weights.save_weights(weights.weights_file(paths.MODELS / name, seed), states[seed]["weights"])
        for large in ("trainer", "weights"):
            states[seed].pop(large, None)
        del trainer, loss
        gc.collect()  # units that are computed again refer to themselves; their memory is wanted for the next seed
    if world.rank == 0:
        data = describe_data(set_name, pairs, len(trained_on))
        steps = min(state["step"] for state in states.values())  # of a length in minutes each seed has its own
        began_from = start.history(discriminators) if start else []
        card = make_card(name, recipe, steps, data, compute, absent, run["the code"], began_from)
        _write_results(name, card, states)
        for file in [] if keep_states else files.values():
            file.unlink(missing_ok=True)
            shutil.rmtree(file.with_suffix(""), ignore_errors=True)


def build_trainer(recipe: Recipe, compute: Compute) -> Trainer:
    """The network and the loss of a recipe, untrained: drawn from torch's generator in this order."""
    net = network_of(recipe)
    loss = build_loss(recipe.loss, recipe.criterion, compute, paths.PRETRAINED / recipe.task)
    return Trainer(net, loss, recipe.train, compute)


def code_rooms(recipe: Recipe) -> list[str]:
    """The rooms whose code decides a training: those that dvc.yaml names for the stage train."""
    own = [f"networks/{recipe.model}", f"losses/{recipe.loss}"]
    return ["train", "networks/units", "losses/units", *own, "metrics/fidelity", "images"]


def fingerprints(
    recipe: Recipe, seed: int, length: Steps | Minutes, set_name: str, trunk: str | None
) -> checkpoint.Run:
    """Everything that decides a run's numbers. Its length is among them where the learning rate depends on it."""
    params = recipe.params
    free = FREE - (
        {"validate_every_steps"} if recipe.train.weights == "best" else set()
    )  # the best of what was looked at
    params["train"] = {key: value for key, value in params["train"].items() if key not in free}
    whole = None if recipe.train.schedule == "constant" else [type(length).__name__, length.whole]
    code = [file for room in code_rooms(recipe) for file in (PACKAGE / room).rglob("*.py")]
    data = [paths.paired_folder(stage, set_name) / manifest.FILE for stage in ("degrade", "resize")]
    return {
        "params": checkpoint.digest([recipe.model, recipe.task, recipe.loss, params, seed, whole]),
        "the start": str(recipe.start),
        "the training set": checkpoint.digest(files=data),
        "the code": checkpoint.digest(files=sorted(code)),
        "the perceptual trunk": checkpoint.digest(trunk),
        "torch": str(torch.__version__),
    }


def _write_results(name: str, card: dict, states: dict[int, dict]) -> None:
    """Card, how the runs went, and the last figures as metrics: means over the seeds."""
    folder = paths.MODELS / name
    chosen = {str(seed): (state["best"] or state)["step"] for seed, state in states.items()}
    weights.write_card(folder, card | {"seeds": list(states), "weights_of_step": chosen})
    write_runs(folder, {seed: state["seconds"] for seed, state in states.items()})
    last = pd.DataFrame([state["curve"][-1] for state in states.values()]).mean().to_dict()
    figures = {"step": int(last["step"])} | {
        figure.removeprefix("train/").replace("/", "_"): value
        for figure, value in last.items()
        if figure not in (*UNTRACKED, "step")
    }
    write_json(paths.METRICS / name / "train.json", figures)
