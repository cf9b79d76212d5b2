"""A trained network on its way back: half precision, in a few files of a size.

    python -m pipeline.commands.away.parcel NETWORK OUT finished|unfinished

Of a training that is not at its end the newest saved state is taken: the average where there is one, batch norm as it runs.
"""

import hashlib
import io
import os
import re
import sys
import tarfile
import tempfile
from collections import defaultdict
from pathlib import Path

import torch
from safetensors.torch import load_file

from pipeline.losses.build import build_loss
from pipeline.params.file import load, parse
from pipeline.params.recipe import Recipe
from pipeline.runtime.device import pick_device
from pipeline.store import paths, weights
from pipeline.store.files import write_json
from pipeline.train import checkpoint
from pipeline.train.card import describe_data, make_card, write_runs
from pipeline.train.compute import Compute
from pipeline.train.given.begin import open_start
from pipeline.train.image_store import hold_out
from pipeline.train.run import open_training_set

PART_BYTES = int(15.5 * 2**20)
NAMED = re.compile(r"(?P<network>[a-z][a-z0-9_]*)\.(?P<digest>[0-9a-f]{16})\.(?P<number>\d+)of(?P<count>\d+)")


def main() -> None:
    name, out, how = sys.argv[1:]
    seeds, entry = load(("seeds", "networks.{key}"), key=name)
    with tempfile.TemporaryDirectory() as folder:
        collect(name, entry.seeds or seeds, Path(folder), finished=how == "finished")
        write_parts(name, Path(folder), Path(out))


def collect(name: str, seeds: list[int], folder: Path, finished: bool) -> None:
    """Lay out below `folder`, as in the project, what is brought back of a network: weights and discriminators in half
    precision, card, times, curve and the last figures."""
    states = {seed: file for seed in seeds if (file := checkpoint.SCRATCH / f"{name}_seed_{seed}.pt").is_file()}
    models = folder / paths.MODELS / name
    loaded = {seed: torch.load(file, map_location="cpu", weights_only=True) for seed, file in states.items()}
    for seed, state in loaded.items():
        ready = weights.weights_file(paths.MODELS / name, seed)
        net = load_file(ready) if finished else weights_of(state)
        weights.save_weights(weights.weights_file(models, seed), weights.half_precision(net, name))
    first = loaded[min(loaded, key=seeds.index)]
    weights.save_discriminators(models, weights.half_precision(first["trainer"]["loss"].get("D", {}), name))
    card = weights.read_card(paths.MODELS / name) if finished else card_of(name, loaded)
    weights.write_card(models, card | {"precision": "float16"})
    write_runs(models, {seed: state["seconds"] for seed, state in loaded.items()})
    copied = [paths.CURVES / name, *([paths.METRICS / name / "train.json"] if finished else [])]
    for path in copied:
        for file in [path] if path.is_file() else sorted(path.rglob("*")):
            if file.is_file():
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                (folder / file).write_bytes(file.read_bytes())
    if not finished:
        write_json(folder / paths.METRICS / name / "train.json", {"step": first["step"]})


def weights_of(state: dict) -> dict[str, torch.Tensor]:
    """The network of a saved state as it would be evaluated."""
    trainer = state["trainer"]
    return trainer["ema"]["net"] if "ema" in trainer else trainer["net"]


def card_of(name: str, states: dict[int, dict]) -> dict:
    """The card of a training that is not at its end."""
    recipe = parse().recipe(name)
    set_name, pairs = open_training_set(recipe.task)
    trained_on, _ = hold_out(pairs, recipe.train.validation_images)
    compute = Compute(recipe.train, pick_device(recipe.train.device))
    steps = min(state["step"] for state in states.values())
    data = describe_data(set_name, pairs, len(trained_on))
    code = next(iter(states.values()))["run"]["the code"]
    card = make_card(name, recipe, steps, data, compute, left_out(recipe, compute), code, history(name, recipe))
    card.pop("ended_by", None)  # not yet
    return card | {
        "seeds": list(states),
        "weights_of_step": {str(seed): state["step"] for seed, state in states.items()},
        "unfinished": f"taken after step {steps:,} of a training that did not come to its end; batch norm as it ran then",
    }


def left_out(recipe: Recipe, compute: Compute) -> dict[str, str]:
    """The terms that are left out of the loss, and why."""
    return build_loss(recipe.loss, recipe.criterion, compute, paths.PRETRAINED / recipe.task).absent


def history(name: str, recipe: Recipe) -> list[dict]:
    """What the training began from; of its discriminators only a finished training says what became of them."""
    return open_start(name, recipe.start).history("not told") if recipe.start else []


def write_parts(name: str, folder: Path, out: Path, part_bytes: int = PART_BYTES) -> None:
    """Write everything below `folder` as NETWORK.DIGEST.1ofN, .2ofN, ... and then remove an older generation of it."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                tar.add(file, file.relative_to(folder).as_posix())
    data = packed.getvalue()
    digest = hashlib.sha256(data).hexdigest()[:16]
    pieces = [data[at : at + part_bytes] for at in range(0, len(data), part_bytes)]
    names = [f"{name}.{digest}.{number}of{len(pieces)}" for number in range(1, len(pieces) + 1)]
    for piece, part in zip(pieces, names, strict=True):
        (out / f"{part}.tmp").write_bytes(piece)
    for part in names:
        os.replace(out / f"{part}.tmp", out / part)
    for file in out.iterdir():
        found = NAMED.fullmatch(file.name)
        if found and found["network"] == name and file.name not in names:
            file.unlink()


def read_parts(folder: Path) -> dict[str, bytes]:
    """Network -> what `write_parts` wrote of it, joined.

    Raises ValueError for a network of which none is whole, and for one of which several trainings are.
    """
    found: dict[tuple[str, str], dict[int, Path]] = defaultdict(dict)
    counts: dict[tuple[str, str], int] = {}
    for file in sorted(folder.iterdir()):
        if named := NAMED.fullmatch(file.name):
            key = (named["network"], named["digest"])
            found[key][int(named["number"])] = file
            counts[key] = int(named["count"])
    whole: dict[str, bytes] = {}
    of: dict[str, str] = {}
    for (name, digest), parts in found.items():
        data = b"".join(parts[number].read_bytes() for number in sorted(parts))
        if len(parts) == counts[name, digest] and hashlib.sha256(data).hexdigest().startswith(digest):
            if name in whole:
                raise ValueError(
                    f"{folder}: of {name} two trainings lie there whole, {name}.{of[name]}.* and {name}.{digest}.*; leave "
                    "the one that is wanted"
                )
            whole[name], of[name] = data, digest
    broken = sorted({name for name, _ in found} - set(whole))
    if broken:
        raise ValueError(f"{folder}: of {', '.join(broken)} a part is missing or damaged; bring all files of it")
    return whole


if __name__ == "__main__":
    main()
