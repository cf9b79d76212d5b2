"""Keeps what a run found, for git: its figures under reports/runs/, its weights under models/pretrained/.

    python -m pipeline.commands.keep run NAME [NETWORK ...]
    python -m pipeline.commands.keep weights NETWORK [--discriminators]

Photographs stay where they are: of a run, numbers and drawings of numbers are kept, never a picture of a face.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

from pipeline.commands.restore.gate.gate import FILE as GATE
from pipeline.params.file import PARAMS_FILE, parse
from pipeline.params.recipe import Recipe
from pipeline.params.tasks import COMPUTED
from pipeline.runtime.terminal import print_anything
from pipeline.store import paths, weights
from pipeline.store.curves import METRICS as CURVE_FILES
from pipeline.store.files import write_json
from pipeline.store.licences import use_of
from pipeline.store.swept import FOLDER as SWEEP
from pipeline.train import checkpoint
from pipeline.train.card import RUNS

KEPT_RUNS = paths.REPORTS / "runs"
# Numbers, and drawings of numbers.
DRAWINGS = (
    *("tables/*.csv", "figures/curves_*.png", "figures/slices_*.png", "figures/cost_*.png"),
    "figures/learning_rates_*.png",
)
LARGEST_BYTES = 30_000_000
GAIN_DB = 1.5  # over bicubic, below which AGRNet's weights are nothing to try


def main() -> None:
    print_anything()
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="figures of the run that lies in reports/ and models/")
    run.add_argument("name")
    run.add_argument("networks", nargs="*", help="default: all of params.yaml")
    kept = commands.add_parser("weights", help="half-precision weights of a network")
    kept.add_argument("network")
    kept.add_argument(
        "--discriminators", action="store_true", help="those that judged it too, for a training that goes on"
    )
    given = parser.parse_args()
    try:
        if given.command == "run":
            print(f"written: {keep_run(given.name, given.networks)}")
        else:
            print(f"written: {keep_weights(given.network, discriminators=given.discriminators)}")
    except (ValueError, OSError) as error:
        sys.exit(str(error))


def keep_run(name: str, networks: list[str]) -> Path:
    """Copy params, cards, metrics, tables and curves of a run to reports/runs/<name>, which must not be there yet.

    Raises FileExistsError where it is, ValueError for a network without metrics, and for one whose card tells of another
    recipe than params.yaml; nothing is written then.
    """
    params = parse()
    folder, kept = KEPT_RUNS / name, [paths.BICUBIC, *(networks or params.networks)]
    for network in kept:
        if not (paths.METRICS / network / "evaluate.json").is_file():
            raise ValueError(f"{network} has not been evaluated: run its evaluation first (dvc repro)")
        if network in params.networks and (differ := _otherwise(params.recipe(network), network)):
            raise ValueError(
                f"{network} was trained otherwise than {PARAMS_FILE} says ({', '.join(differ)}): put the params of that run "
                "in place, or train it by these (dvc repro)"
            )
    folder.mkdir(parents=True)
    shutil.copy2(PARAMS_FILE, folder / "params.yaml")
    for network in kept:
        shutil.copytree(paths.METRICS / network, folder / "metrics" / network)
        for file in ("card.json", RUNS):
            if (paths.MODELS / network / file).is_file():
                _copy(paths.MODELS / network / file, folder / "models" / network / file)
        for file in (paths.CURVES / network).glob(f"seed_*/{CURVE_FILES}/**/*.tsv"):
            _copy(file, folder / "curves" / file.relative_to(paths.CURVES))
    for file in [*(paths.METRICS / "data").glob("*/*.json"), *(paths.METRICS / "reference").glob("*.json")]:
        _copy(file, folder / "metrics" / file.relative_to(paths.METRICS))
    for file in SWEEP.glob("*.json"):
        if file.stem in kept:
            _copy(file, folder / "sweep" / file.name)
    for kind in DRAWINGS:
        for file in paths.REPORTS.glob(kind):
            _copy(file, folder / file.parent.name / file.name)
    return folder


def _otherwise(recipe: Recipe, network: str) -> list[str]:
    """The keys in which a recipe differs from what the card of the network tells of its training."""
    card = weights.read_card(paths.MODELS / network)
    if "trained_by" in card:
        return []
    told, said = card["params"], recipe.params
    keys = [(section, key) for section in said for key in {**said[section], **told[section]} if key not in COMPUTED]
    return [f"{section}.{key}" for section, key in keys if told[section].get(key) != said[section].get(key)]


def keep_weights(network: str, seed: int | None = None, discriminators: bool = False) -> Path:
    """Write a network's weights in half precision, with its card and measured figures, to models/pretrained/<network>.

    seed: the first one of its card by default. discriminators: write those of the last step beside them, from the state that
    its training left. Raises ValueError where the file would be over 30 MB, where a number does not
    survive in half precision, for weights that others trained, and for networks of the task x8 that are less than 1.5 dB
    better than bicubic on their test set; and where discriminators are asked for and there are none.
    """
    card = weights.read_card(paths.MODELS / network)
    if "trained_by" in card:
        raise ValueError(f"{network} was trained by others: its weights are theirs to give away")
    seed = card["seeds"][0] if seed is None else seed
    figures = _of_seed(network, seed, card["seeds"])
    baseline = json.loads((paths.METRICS / paths.BICUBIC / "evaluate.json").read_bytes())
    for key in paths.sets_of("x8", "test") if card["task"] == "x8" else ():
        if key not in figures:
            raise ValueError(f"{network} has no figures on {key}, which holds no image: {GAIN_DB} dB cannot be shown")
        gain = figures[key]["psnr_y"] - baseline[key]["psnr_y"]
        if gain < GAIN_DB:
            raise ValueError(
                f"{network} is {gain:.2f} dB above bicubic on {key}; {GAIN_DB} dB are needed to keep its weights"
            )
    state = load_file(weights.weights_file(paths.MODELS / network, seed))
    half = weights.half_precision(state, network)
    if sum(value.nbytes for value in half.values()) > LARGEST_BYTES:
        raise ValueError(f"{network}: its weights in half precision are over {LARGEST_BYTES / 1e6:.0f} MB")
    judges = discriminators_of(network, seed, card) if discriminators else {}
    told = paths.MODELS / network / RUNS  # not there where the weights came out of DVC's cache
    runs = json.loads(told.read_bytes()) if told.is_file() else {}
    folder = paths.KEPT_WEIGHTS / network
    (folder / GATE).unlink(missing_ok=True)  # of the weights that lay there
    weights.save_discriminators(folder, judges)
    weights.save_weights(folder / "weights.safetensors", half)
    use = {"precision": "float16", "seed": seed, "runs": runs, "figures_in_float32": figures, "bicubic": baseline}
    write_json(folder / weights.CARD, card | use | {"may_be_used_for": use_of(card)})
    return folder


def _of_seed(network: str, seed: int, seeds: list[int]) -> dict:
    """The figures of one training run: of several each has its own means, but for distances of whole sets."""
    figures = json.loads((paths.METRICS / network / "evaluate.json").read_bytes())
    if len(seeds) == 1:
        return figures
    intervals = json.loads((paths.EVALUATED / network / "intervals.json").read_bytes())
    own = {
        key: {metric: found["seeds"][str(seed)] for metric, found in of_set.items() if metric in figures[key]}
        for key, of_set in intervals.items()
    }
    return {key: {"images": of_set["images"], **own.get(key, {})} for key, of_set in figures.items()}


def discriminators_of(network: str, seed: int, card: dict) -> dict[str, torch.Tensor]:
    """The discriminators of a training's last step, in half precision, from the state that it left under .scratch; of one
    that was brought back from another machine those that came along.

    Raises ValueError where no state is there, where it is of another training than the card, and where its loss had none.
    """
    if parts := weights.discriminator_files(paths.MODELS / network):
        return {name: value for part in parts for name, value in load_file(part).items()}
    file = checkpoint.SCRATCH / f"{network}_seed_{seed}.pt"
    if not file.is_file():
        raise ValueError(f"{file} is not there: discriminators are kept of a training whose state stayed (keep_states)")
    state = torch.load(file, map_location="cpu", weights_only=True)
    if state["run"]["the code"] != card["code_sha256"] or state["step"] < card["steps"]:
        raise ValueError(f"{file} is the state of another training than the one of {network}'s card")
    if "D" not in state["trainer"]["loss"]:
        raise ValueError(f"{network}: its loss, {card['loss']}, has no discriminators")
    return weights.half_precision(state["trainer"]["loss"]["D"], f"{network}'s discriminators")


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)


if __name__ == "__main__":
    main()
