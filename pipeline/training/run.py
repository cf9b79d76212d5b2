"""One variant, all its seeds: data in, weights and card out."""

import hashlib
import platform
from pathlib import Path

import torch

from pipeline import layout, manifest
from pipeline.pairs import Pairs
from pipeline.params import AGRNetHRModel, AGRNetModel
from pipeline.training import checkpoint, weights
from pipeline.training.batches import Batches
from pipeline.training.loop import Trainer, train
from pipeline.training.tensors import pick_device, use_threads

CACHE_BYTES = 4 * 2**30  # decoded pairs are kept in memory up to this size
PACKAGE = Path(__file__).resolve().parent.parent


def open_set(key: str, cache: bool = False) -> Pairs:
    """The pairs of a set, from where the data stages left them."""
    return Pairs(layout.paired_folder("degrade", key), layout.paired_folder("resize", key), cache)


def open_training_set(model: str) -> tuple[str, Pairs]:
    """(name, pairs) of the set that the model is trained on, cached where it fits."""
    (key,) = layout.sets_of(model, "train")
    pairs = open_set(key)
    fits = 2 * 3 * len(pairs) * pairs.size_px**2 <= CACHE_BYTES
    return key, open_set(key, cache=True) if fits else pairs


def train_variant(name: str, model_name: str, model: AGRNetModel | AGRNetHRModel, seeds: list[int]) -> None:
    """Train every seed of a variant; writes models/<name>/, reports/curves/<name>.csv and the training metrics."""
    options = model.train
    device = pick_device(options.device)
    use_threads(options.threads)
    set_name, pairs = open_training_set(model_name)
    steps = options.steps or round(options.epochs * len(pairs) / options.batch_size)
    folder = layout.MODELS / name
    curves, absent = [], {}
    for seed in seeds:
        torch.manual_seed(seed)
        trainer, absent = build(model_name, model, device)
        run = checkpoint.fingerprint([model.model_dump(), seed, steps, absent, torch.__version__], _sources(set_name))
        resume = checkpoint.SCRATCH / f"{name}_seed_{seed}.pt"
        curve = train(
            trainer,
            Batches(pairs, seed, options.batch_size, options.flip),
            steps,
            device,
            resume=resume,
            run=run,
            schedule=options.schedule,
            log_every_steps=options.log_every_steps,
            save_every_steps=options.save_every_steps,
            describe=f"train {name} seed {seed}",
        )
        weights.save_weights(weights.weights_file(folder, seed), trainer.evaluated)
        curves += [{"seed": seed, **row} for row in curve]
        resume.unlink(missing_ok=True)
    weights.write_card(folder, _card(name, model_name, model, seeds, steps, set_name, pairs, device, absent))
    manifest.write_csv(layout.CURVES / f"{name}.csv", curves)
    last = {name: value for name, value in curves[-1].items() if name != "seed"}
    manifest.write_json(layout.METRICS / name / "train.json", last)


def build(model_name: str, model: AGRNetModel | AGRNetHRModel, device: torch.device) -> tuple[Trainer, dict[str, str]]:
    """(the trainer of a model, what had to be left out of its loss and why).

    Each model's modules are imported for it alone: a variant depends on its own network and on no other.
    """
    if model_name == "agrnet":
        from pipeline.training.agrnet.trainer import AGRNetTrainer

        return AGRNetTrainer(model, device), {}
    from pipeline.training.agrnet_hr.trainer import AGRNetHRTrainer
    from pipeline.training.agrnet_hr.trunk import load_trunk

    trunk, absent = load_trunk(layout.PRETRAINED / "agrnet_hr", model.loss)
    return AGRNetHRTrainer(model, device, trunk), absent


def _sources(set_name: str) -> list[Path]:
    """What a run depends on besides its params: the data's manifests and the code that trains."""
    code = [*PACKAGE.glob("training/**/*.py"), *PACKAGE.glob("networks/**/*.py"), PACKAGE / "pairs.py"]
    data = [layout.paired_folder(stage, set_name) / manifest.FILE for stage in ("degrade", "resize")]
    return sorted(code) + data


def _card(name, model_name, model, seeds, steps, set_name, pairs, device, absent) -> dict:
    data = hashlib.sha256((layout.paired_folder("degrade", set_name) / manifest.FILE).read_bytes()).hexdigest()
    return {
        "variant": name,
        "model": model_name,
        "params": model.model_dump(mode="json"),
        "seeds": seeds,
        "steps": steps,
        "images_seen": steps * model.train.batch_size,
        "data": {"set": set_name, "images": len(pairs), "size_px": pairs.size_px, "manifest_sha256": data},
        "left_out_of_the_loss": absent,
        "device": torch.cuda.get_device_name() if device.type == "cuda" else device.type,
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "intended_use": "Research on face super-resolution. A restored face is a plausible reconstruction, no evidence "
        "of who somebody is. The licence of the training photographs governs what the weights may be used for.",
    }
