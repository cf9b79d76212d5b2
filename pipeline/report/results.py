"""What the other stages left for the report, read once; what is missing is named with the stage that makes it."""

import json
import math
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pipeline.params.file import Params
from pipeline.params.rates import without_rates
from pipeline.params.recipe import Network
from pipeline.store import manifest, paths
from pipeline.store.curves import read_curve
from pipeline.store.swept import read_rates

STAGES = ("ingest", "crop", "filter", "resize", "degrade")
PAPERS = {"x8": "AGRNet", "blind": "AGRNet-HR"}  # the paper's network for each task
TITLES = {"celeba": "CelebA", "helen": "Helen", "ffhq": "FFHQ", "celebahq": "CelebA-HQ", "real": "real photos"}
KINDS = {"synthetic": "generated faces", "skimage": "photographs from scikit-image"}  # others: photographs


class ReportError(ValueError):
    """The report cannot be made; the message says what is missing and which stage makes it."""


@dataclass(frozen=True)
class Result:
    """One network, or the bicubic input: what was measured, what was not and why, how it was trained.

    task: None for the bicubic input, whose training, card, curve and cost are empty. seeds: its training runs, none of
    bicubic's. changes: what differs from its model, its loss and its task's training, by section.
    metrics: set -> metric -> mean. values: set -> a row per seed and image: seed, key, metrics, record of the degradation.
    intervals: set -> metric -> low, high (95 %), images, seeds (each seed's mean). cost: parameters, GMAC, time, memory.
    sweep: what the sweep of learning rates found for it (`pipeline.store.swept`); None where there was none.
    """

    name: str
    task: str | None
    seeds: list[int]
    changes: dict
    metrics: dict
    absent: dict[str, str]
    values: dict[str, pd.DataFrame]
    intervals: dict[str, dict[str, dict]]
    cost: dict
    training: dict
    card: dict
    curve: pd.DataFrame
    sweep: dict | None = None

    @property
    def title(self) -> str:
        """The model as its paper calls it."""
        return self.card["title"]

    @property
    def ours(self) -> bool:
        """Whether it is a form of the paper's network for its task; others are its peers."""
        return self.task is not None and self.card["model"] == paths.TASKS[self.task]

    @property
    def altered(self) -> bool:
        """Whether it differs from its model, its loss or its task's training in more than learning rates, which a sweep
        chooses, and how it is computed."""
        every = {"model": {}, "loss": {}, "train": {}} | self.changes
        return any(without_rates(every).values())

    @property
    def itself(self) -> bool:
        """Whether it is the paper's network, not altered."""
        return self.ours and not self.altered

    @property
    def trained_here(self) -> bool:
        """False for weights that others trained: there is no training to tell of."""
        return "trained_by" not in self.card

    @property
    def left_out(self) -> dict[str, str]:
        """Terms left out of the loss, with the reason."""
        return self.card.get("left_out_of_the_loss", {})

    @property
    def trunk(self) -> str:
        """The network that L_pc looked through, in words; empty where there was no L_pc."""
        return self.card.get("perceptual_trunk", "")

    def measured(self, row: str) -> float | None:
        """The figure of a row such as helen.ssim_y or gmac; None where there is none."""
        key, _, metric = row.rpartition(".")
        return (self.metrics.get(key, {}) if key else self.cost).get(metric)

    def interval(self, row: str) -> dict | None:
        """What is known of how sure the figure of a row is (see intervals); None for figures that no image has a part in."""
        key, _, metric = row.rpartition(".")
        return self.intervals.get(key, {}).get(metric)

    def why_not(self, row: str) -> str:
        """Why a row has no figure."""
        key, _, metric = row.rpartition(".")
        if not key:
            return "not measured, as where a network’s test sets hold no image"
        if metric in self.values.get(key, ()):
            return "no image has a value, as where no face is found in any"
        asked = "not asked for in params.yaml (evaluate), or without meaning for this set"
        return self.absent.get(metric) or self.absent.get(key, asked)


@dataclass(frozen=True)
class Run:
    """Everything that the report is made of.

    results: by name, in the order of params, the bicubic input first. counts: set -> stage -> its counts.
    sources: set -> what its images are, in words. notes: set -> what ingest had to remark on it.
    reference: set -> metric -> of its HR images: images, the share of faces found, the floors of distances between sets.
    """

    profile: str
    seeds: list[int]
    results: dict[str, Result]
    counts: dict[str, dict[str, dict]]
    sources: dict[str, str]
    notes: dict[str, list[str]]
    reference: dict[str, dict[str, float]]

    @property
    def networks(self) -> list[Result]:
        """The networks, without the bicubic input."""
        return [result for result in self.results.values() if result.task]

    @property
    def several(self) -> bool:
        """Whether any network was trained several times."""
        return any(len(result.seeds) > 1 for result in self.networks)


def read_run(params: Params) -> Run:
    """Read what belongs to the networks of params and nothing else. Raises ReportError for a missing file."""
    results = {paths.BICUBIC: _read_bicubic()}
    swept = read_rates()
    for name, entry in params.networks.items():
        results[name] = _read_network(name, entry, swept.get(name))
    counts = {
        key: {stage: read_json(paths.counts_file(stage, key), f"{stage}@{key}") for stage in STAGES}
        for key in paths.SETS
    }
    sources = {key: _sources(key) for key in paths.SETS}
    notes = {key: _notes(key) for key in paths.SETS}
    reference = read_json(paths.METRICS / "reference" / "evaluate.json", "reference")
    return Run(params.profile, params.seeds, results, counts, sources, notes, reference)


def model_names(results: list[Result]) -> str:
    """The models of some networks in words, each once, e.g. "AGRNet, DIC and SPARNet"."""
    *names, last = dict.fromkeys(result.title for result in results)
    return f"{', '.join(names)} and {last}" if names else last


def heading(key: str) -> str:
    """A set's title at the beginning of a line."""
    return TITLES[key][0].upper() + TITLES[key][1:]


def require(path: Path, stage: str) -> Path:
    """The path, where it exists. Raises ReportError naming the stage that writes it otherwise."""
    if not path.exists():
        raise ReportError(f"{path} is missing: run the stage that writes it (dvc repro {stage})")
    return path


def read_json(path: Path, stage: str) -> dict:
    """A JSON file that a stage wrote."""
    return json.loads(require(path, stage).read_bytes())


def _read_bicubic() -> Result:
    measured = _evaluated(paths.BICUBIC, paths.BICUBIC)
    return Result(paths.BICUBIC, None, [], {}, **measured, cost={}, training={}, card={}, curve=pd.DataFrame())


def _read_network(name: str, entry: Network, sweep: dict | None) -> Result:
    stage = f"train@{name}"
    card = read_json(paths.MODELS / name / "card.json", stage)
    curves = require(paths.CURVES / name, stage)
    folders = [folder for seed in card["seeds"] if (folder := curves / f"seed_{seed}").is_dir()]
    return Result(
        name,
        entry.task,
        card["seeds"],  # those that there are, which infer ran: fewer than params ask for where a training ended early
        {section: keys for section, keys in entry.changes.model_dump().items() if keys},
        **_evaluated(name, f"evaluate@{name}"),
        cost=read_json(paths.METRICS / name / "cost.json", f"infer@{name}"),
        training=read_json(paths.METRICS / name / "train.json", stage),
        card=card,
        # Weights that others trained have no curve.
        curve=pd.concat([read_curve(folder).assign(seed=folder.name) for folder in folders] or [pd.DataFrame()]),
        sweep=sweep if sweep and _is_of(sweep, card) else None,
    )


def _is_of(sweep: dict, card: dict) -> bool:
    """Whether a sweep was made of the recipe that a card tells of, but for the rates: another profile's is of no account."""
    if "trained_by" in card:
        return False
    told = [card["model"], card["loss"], without_rates(card["params"])]
    return [sweep["model"], sweep["loss"], sweep["params"]] == told


def _evaluated(name: str, stage: str) -> dict[str, dict]:
    folder = paths.EVALUATED / name
    metrics = read_json(paths.METRICS / name / "evaluate.json", stage)
    return {
        "metrics": metrics,
        "absent": read_json(folder / "absent.json", stage),
        "values": {key: manifest.read_table(require(folder / f"{key}.parquet", stage)) for key in metrics},
        "intervals": {
            key: {metric: _ends(found) for metric, found in of_set.items()}
            for key, of_set in read_json(folder / "intervals.json", stage).items()
        },
    }


def _ends(found: dict) -> dict:
    """An interval whose missing ends are infinite: nothing is known on that side."""
    low, high = found["low"], found["high"]
    return found | {"low": -math.inf if low is None else low, "high": math.inf if high is None else high}


def _sources(key: str) -> str:
    folder = paths.stage_folder("ingest", key)
    path = require(folder / manifest.FILE, f"ingest@{key}")
    frame = manifest.read_table(path, ["kept", "kind"])
    if "kind" not in frame:  # a set without any photo has no such column
        return "photographs"
    kinds = sorted(frame.loc[frame["kept"], "kind"].unique())
    return " and ".join(dict.fromkeys(KINDS.get(kind, "photographs") for kind in kinds)) or "photographs"


def _notes(key: str) -> list[str]:
    path = paths.stage_folder("ingest", key) / "notes.json"
    return json.loads(path.read_bytes()) if path.is_file() else []
