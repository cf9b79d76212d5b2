"""One variant, all its seeds: data in, weights and card out."""

import gc
import shutil
from pathlib import Path

import pandas as pd
import torch

from pipeline.images.pairs import Pairs
from pipeline.networks.build import network_input
from pipeline.networks.units.tensors import LOWEST
from pipeline.params.recipe import AGRNetHRModel, AGRNetModel, PeerModel
from pipeline.runtime.device import pick_device
from pipeline.store import manifest, paths, weights
from pipeline.store.curves import UNTRACKED
from pipeline.train import checkpoint
from pipeline.train.batches import Batches
from pipeline.train.card import describe_data, make_card, write_runs
from pipeline.train.compute import Compute
from pipeline.train.distributed import ALONE, World
from pipeline.train.image_store import ImageStore, hold_out
from pipeline.train.loop import Place, Trainer, train
from pipeline.train.validation import Validation

PACKAGE = Path(__file__).resolve().parent.parent
# Keys of the training section that a run may go on with when they change: they say how far it goes, what is seen of it and
# where it is computed, and not what is computed.
FREE = {
    *("steps", "epochs", "device", "threads", "processes", "keep_images"),
    *("log_every_steps", "save_every_steps", "validate_every_steps", "sample_every_steps", "samples"),
}


def open_training_set(sets: str) -> tuple[str, Pairs]:
    """(name, pairs) of the training set of AGRNet or AGRNet-HR, from where the data stages left them."""
    (key,) = paths.sets_of(sets, "train")
    return key, Pairs(paths.paired_folder("degrade", key), paths.paired_folder("resize", key))


def train_variant(
    name: str,
    model_name: str,
    model: AGRNetModel | AGRNetHRModel | PeerModel,
    seeds: list[int],
    keep_states: bool = True,
    world: World = ALONE,
    sets: str | None = None,
) -> None:
    """Train every seed of a variant or peer; writes models/<name>/, reports/curves/<name>/ and the training metrics.

    model_name: "agrnet", "agrnet_hr", or which peer. keep_states: leave the states of finished runs, so that a longer run
    goes on from them. world: this process among several, see `pipeline.train.distributed`; the first one writes.
    sets: whose training set, where that is not the model's own.
    """
    sets = sets or model_name
    options = model.train
    compute = Compute(options, pick_device(options.device), world)
    set_name, pairs = open_training_set(sets)
    takes = network_input(model_name, sets)
    trained_on, held_out = hold_out(pairs, options.validation_images)
    steps = options.steps or round(options.epochs * len(trained_on) / options.batch_size)
    validation = Validation(pairs, held_out, options, compute.device, LOWEST[sets], takes)
    images = ImageStore(pairs, trained_on, options.keep_images, compute.device)
    landmarks = pairs.landmarks()[trained_on] if getattr(model, "criterion", None) == "dic" else None
    states, files = {}, {}
    for seed in seeds:
        torch.manual_seed(seed)
        trainer, absent, trunk = build(model_name, model, compute, sets)
        if options.cuda_graph:
            from pipeline.train.graph import Recorded

            trainer = Recorded(trainer)
        batches = Batches(images, seed, options, trainer.lowest, world, takes, landmarks)
        run = fingerprints(model_name, model, seed, steps, set_name, trunk)
        files[seed] = checkpoint.SCRATCH / f"{name}_seed_{seed}.pt"
        place = Place(files[seed], run, paths.CURVES / name / f"seed_{seed}")
        states[seed] = train(trainer, batches, validation, steps, compute, place, f"train {name} seed {seed}")
        if world.rank == 0:
            best = states[seed].get("best")
            chosen = best["weights"] if best else trainer.evaluated.state_dict()
            weights.save_weights(weights.weights_file(paths.MODELS / name, seed), chosen)
        states[seed].pop("trainer", None)
        del trainer
        gc.collect()  # units that are computed again refer to themselves; their memory is wanted for the next seed
    if world.rank == 0:
        data = describe_data(set_name, pairs, len(trained_on))
        card = make_card(name, model_name, sets, model, steps, data, compute, absent, run["the code"])
        _write_results(name, card, states)
        for file in [] if keep_states else files.values():
            file.unlink(missing_ok=True)
            shutil.rmtree(file.with_suffix(""), ignore_errors=True)


def build(
    model_name: str, model: AGRNetModel | AGRNetHRModel | PeerModel, compute: Compute, sets: str | None = None
) -> tuple[Trainer, dict[str, str], str | None]:
    """(the trainer of a model, what had to be left out of its loss and why, digest of the perceptual trunk).

    Each model's modules are imported for it alone: a variant depends on its own network and on no other.
    """
    if model_name == "agrnet":
        from pipeline.train.agrnet_trainer import AGRNetTrainer

        return AGRNetTrainer(model, compute), {}, None
    if model_name == "agrnet_hr":
        from pipeline.networks.agrnet_hr.network import AGRNetHR

        return _adversarial(AGRNetHR(**model.network.model_dump()), model, compute)
    from pipeline.networks.build import peer_class

    net = peer_class(model_name, sets)(**model.network.model_dump())
    if model.criterion == "composite":
        return _adversarial(net, model, compute)
    from pipeline.train.trainer import PeerTrainer

    return PeerTrainer(net, model, sets, compute), {}, None


def _adversarial(net: torch.nn.Module, model: AGRNetHRModel | PeerModel, compute: Compute):
    """`build` for who is trained with Eq. (26)."""
    from pipeline.losses.composite.trunk import load_trunk, trunk_digest
    from pipeline.train.adversarial_trainer import AGRNetHRTrainer

    trunk, absent = load_trunk(paths.PRETRAINED / "agrnet_hr", model.loss)
    return AGRNetHRTrainer(net, model, compute, trunk), absent, trunk_digest(trunk)


def fingerprints(model_name, model, seed: int, steps: int, set_name: str, trunk: str | None) -> checkpoint.Run:
    """Everything that decides a run's numbers. Its length is among them where the learning rate depends on it."""
    params = model.model_dump(mode="json")
    params["train"] = {key: value for key, value in params["train"].items() if key not in FREE}
    length = None if model.train.schedule == "constant" else steps
    rooms = ("train", "networks/units", f"networks/{model_name}", "losses", "metrics/fidelity", "images")
    code = [file for room in rooms for file in (PACKAGE / room).rglob("*.py")]
    data = [paths.paired_folder(stage, set_name) / manifest.FILE for stage in ("degrade", "resize")]
    return {
        "params": checkpoint.digest([params, seed, length]),
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
    manifest.write_json(paths.METRICS / name / "train.json", figures)
