"""A small sweep of learning rates, the same for every network: `python -m pipeline.commands.sweep [NETWORK ...] [--set]`.

Each network of params.yaml is trained at the multiples of its published rate that the section `sweep` names, for a share
of its training's length, with the first seed, and measured on the images held out of the training set, never on a test
set. The rate with the highest PSNR is chosen. What was found lies in reports/sweep, for the report; --set writes the
chosen rates into params.yaml. Killed and called again, it goes on where it was.
"""

import argparse
import json
import shutil
import sys
from contextlib import chdir
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from pipeline.params.file import PARAMS_FILE, Params, ParamsError, parse
from pipeline.params.rates import OF_D, SweepParams, published_rate, without_rates
from pipeline.params.recipe import Recipe
from pipeline.params.tasks import LENGTHS
from pipeline.runtime.terminal import print_anything
from pipeline.store import manifest, paths
from pipeline.store.curves import read_curve
from pipeline.store.files import whole_file
from pipeline.store.pretrained import PretrainedMissing
from pipeline.store.swept import Found, read_rates, write_rates
from pipeline.train import checkpoint
from pipeline.train.card import RUNS
from pipeline.train.loop import TrainingStopped
from pipeline.train.run import FREE, PACKAGE, code_rooms, train_network
from pipeline.train.validation import PSNR

SCRATCH = paths.SCRATCH / "sweep"
DIGITS = 6  # of a rate: no 0.0006000000000000001 in params.yaml


def main(arguments: list[str] | None = None) -> None:
    print_anything()
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0].partition(":")[0])
    parser.add_argument("networks", nargs="*", help="default: all of params.yaml that are trained here")
    parser.add_argument("--set", action="store_true", help="write the chosen rates into params.yaml")
    given = parser.parse_args(arguments)
    try:
        params = parse()
        names = _asked(given.networks, params)
        trials = len(names) * len(params.sweep.multiples)
        print(
            f"{trials} trials, each as long as {params.sweep.share:g} of its network’s training with one seed",
            flush=True,
        )
        for name in names:
            found = sweep(name, params.recipe(name), params.sweep, params.seeds[0])
            print(told(found), flush=True)
        if given.set:
            set_rates(PARAMS_FILE, {name: found for name, found in read_rates().items() if name in names})
            print(f"{PARAMS_FILE} has the chosen rates; dvc repro trains what they change")
    except (ValueError, TrainingStopped, PretrainedMissing) as error:
        sys.exit(str(error))


def _asked(names: list[str], params: Params) -> list[str]:
    """The networks to sweep. Raises ParamsError where nothing can be swept."""
    if params.sweep is None:
        raise ParamsError(
            "params.yaml has no section sweep; add e.g. sweep: {multiples: [1, 2, 4, 8, 16], share: 0.2} "
            "(pipeline/train/README.md)"
        )
    unknown = [name for name in names if name not in params.networks]
    if unknown:
        raise ParamsError(f"there is no network {unknown[0]!r}; networks are {', '.join(params.networks)}")
    asked = [name for name in names or params.networks if params.networks[name].weights is None]
    blind = [name for name in asked if not params.recipe(name).train.validation_images]
    if blind:
        raise ParamsError(f"{blind[0]}: its task holds no image out; give it validation_images to choose a rate by")
    return asked


def sweep(name: str, recipe: Recipe, options: SweepParams, seed: int) -> Found:
    """What the sweep of a network found (`pipeline.store.swept`), written after each trial; none is made twice."""
    before, of = read_rates().get(name), common(recipe, options, seed)
    if before and before["of"] != of:
        print(f"{name}: recipe, data, code or seed changed since its sweep; starting anew")
        before = None
    published = published_rate(recipe.model, recipe.task, recipe.loss)
    base = published.rate if published else before["base"] if before else recipe.train.learning_rate
    found = {"network": name, "of": of, "base": base, "source": published.source if published else None, "seed": seed}
    found |= {"model": recipe.model, "loss": recipe.loss, "params": without_rates(recipe.params)}
    found |= {"images": recipe.train.validation_images, "steps": None, "chosen": None, "trials": []}
    done = {trial["learning_rate"]: trial for trial in before["trials"]} if before else {}
    for multiple in options.multiples:
        rate = float(f"{multiple * base:.{DIGITS}g}")
        trial = done.get(rate) or run_trial(name, at_rate(recipe, rate, options.share), seed)
        found["trials"].append({"multiple": multiple, "learning_rate": rate} | trial)
        found["steps"] = next((trial["steps"] for trial in found["trials"] if trial["steps"]), None)
        finished = [trial for trial in found["trials"] if trial["psnr_y"] is not None]
        found["chosen"] = max(finished, key=lambda trial: trial["psnr_y"])["learning_rate"] if finished else None
        write_rates(found)
    return found


def common(recipe: Recipe, options: SweepParams, seed: int) -> str:
    """A digest of what all trials of a network have in common: recipe but for the rates, data, code, length and seed."""
    params = recipe.params
    params["train"] = {key: value for key, value in params["train"].items() if key not in FREE or key in LENGTHS}
    rate = params["train"].pop("learning_rate")
    if OF_D in params["loss"]:
        params["loss"][OF_D] = f"{params['loss'][OF_D] / rate:.4g}"  # coarser than rates are written
    (key,) = paths.sets_of(recipe.task, "train")
    data = [paths.paired_folder(stage, key) / manifest.FILE for stage in ("degrade", "resize")]
    if missing := [file for file in data if not file.is_file()]:
        raise ParamsError(f"{missing[0]} is missing: make the pairs first (dvc repro degrade pretrained)")
    start = [recipe.start.sha256] if recipe.start else []
    code = sorted(file for room in code_rooms(recipe) for file in (PACKAGE / room).rglob("*.py"))
    said = [recipe.model, recipe.task, recipe.loss, params, options.share, seed, *start]
    return checkpoint.digest(said, files=[*data, *code])


def at_rate(recipe: Recipe, rate: float, share: float) -> Recipe:
    """A recipe at another learning rate, for a share of its length. A discriminator's rate keeps its ratio to that."""
    train, criterion = recipe.train, recipe.criterion
    length = {name: share * whole for name in LENGTHS if (whole := getattr(train, name))}
    if train.steps:
        length = {"steps": max(1, round(share * train.steps))}
    if hasattr(criterion, OF_D):
        rate_of_d = getattr(criterion, OF_D) * rate / train.learning_rate
        criterion = criterion.model_copy(update={OF_D: float(f"{rate_of_d:.{DIGITS}g}")})
    shorter = train.model_copy(update={"learning_rate": rate, "processes": 1, **length})
    start = recipe.start  # a trial runs in another folder
    if start:
        start = start.model_copy(update={"path": str(Path(start.path).resolve())})
    return recipe.model_copy(update={"train": shorter, "criterion": criterion, "start": start})


def run_trial(name: str, recipe: Recipe, seed: int) -> dict:
    """A training in a folder of its own, by the loop that trains everything: its curve, last PSNR and cost in seconds."""
    folder = SCRATCH / name / f"{recipe.train.learning_rate:g}"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / paths.DATA).is_symlink():
        (folder / paths.DATA).symlink_to(paths.DATA.resolve())
    try:
        with chdir(folder):
            train_network(name, recipe, [seed], keep_states=False)
    except TrainingStopped as error:
        if error.__cause__:  # too little memory says nothing of a rate
            raise
        trial = {"psnr_y": None, "failed": str(error), "curve": [], "steps": None, "seconds": None}
    else:
        curve = read_curve(folder / paths.CURVES / name / f"seed_{seed}")[["step", PSNR]].dropna()
        runs = json.loads((folder / paths.MODELS / name / RUNS).read_bytes())
        points = [[int(step), float(psnr)] for step, psnr in curve.itertuples(index=False)]
        seconds = runs["seeds"][str(seed)]["training_s"]
        trial = {"psnr_y": points[-1][1], "failed": "", "curve": points, "steps": points[-1][0], "seconds": seconds}
    shutil.rmtree(folder)
    return trial


def told(found: Found) -> str:
    """What was found, in a line."""
    psnr = {trial["learning_rate"]: trial["psnr_y"] for trial in found["trials"]}
    trials = ", ".join(f"{rate:g}: " + ("failed" if dB is None else f"{dB:.2f} dB") for rate, dB in psnr.items())
    minutes = sum(trial["seconds"] or 0 for trial in found["trials"]) / 60
    chosen = "none" if found["chosen"] is None else f"{found['chosen']:g}"
    return f"{found['network']}: chosen {chosen} ({trials}; {found['steps']} steps each, {minutes:.1f} minutes in all)"


def set_rates(file: Path, sweeps: dict[str, Found]) -> None:
    """Write the chosen rates into a params file, as `changes` of each network; a discriminator's keeps its ratio."""
    params, yaml = parse(file), YAML()
    yaml.width, yaml.preserve_quotes = 4096, True  # an entry is one line
    yaml.indent(mapping=2, sequence=4, offset=2)
    values = yaml.load(file)
    for name, found in sweeps.items():
        if found["chosen"] is None:
            continue
        recipe = params.recipe(name)
        changes = _own(values["networks"][name], "changes")
        _own(changes, "train")["learning_rate"] = found["chosen"]
        if hasattr(recipe.criterion, OF_D):
            chosen = at_rate(recipe, found["chosen"], 1)
            _own(changes, "loss")[OF_D] = getattr(chosen.criterion, OF_D)
    with whole_file(file) as opened:
        yaml.dump(values, opened)
    parse(file)


def _own(section: CommentedMap, key: str) -> CommentedMap:
    """A section within another, as its own copy: one that others share by an alias is left to them."""
    shared = section.get(key, {})
    section[key] = own = CommentedMap(shared.items())
    if not isinstance(shared, CommentedMap) or shared.fa.flow_style():
        own.fa.set_flow_style()
    return own


if __name__ == "__main__":
    main()
