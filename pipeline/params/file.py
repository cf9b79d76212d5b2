"""The schema of params.yaml: every key, its unit, its range. Unknown keys are refused.

A stage calls `load` with the sections that dvc.yaml tracks for it; the whole file is validated each time, so that a typo
anywhere fails at once and not after hours of training.
"""

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, model_validator
from ruamel.yaml import YAML

from pipeline.params.base import Name, Section, Seeds, has_room
from pipeline.params.data import DataParams, DataSet
from pipeline.params.losses import loss_params
from pipeline.params.models import MODELS, model_params
from pipeline.params.rates import SweepParams
from pipeline.params.recipe import Network, Recipe, Training, make_recipe
from pipeline.params.stages import EvaluateParams, InferParams, PretrainedParams, RuntimeParams
from pipeline.params.tables import ReportParams, check_tables
from pipeline.params.tasks import TasksParams
from pipeline.store.paths import FACTOR, RECIPES, REFERENCE_SET, SETS, TAKEN, TEST_SETS, recipe_file

PARAMS_FILE = Path("params.yaml")
LEAST_PX = 32  # of an HR image: LPIPS halves it five times, SSIM as DIC measures it needs 27
FOLDED = 8  # an HR image of the task blind: by SwinIR and MambaIR, and halved three times by SPARNetHD


class Params(Section):
    """The whole of params.yaml. models, losses: what each entry of `networks` begins with, by name. sweep: of learning
    rates, by a command; no stage reads it."""

    profile: str
    seeds: Seeds
    runtime: RuntimeParams
    pretrained: PretrainedParams
    data: DataParams
    tasks: TasksParams
    models: dict[Name, dict[str, Any]]
    losses: dict[Name, dict[str, Any]]
    networks: Annotated[dict[Name, Network], Field(min_length=1)]
    infer: InferParams
    evaluate: EvaluateParams
    report: ReportParams
    sweep: SweepParams | None = None

    @model_validator(mode="after")
    def _whole(self):
        self._check_bases()
        for name in self.networks:
            if name in TAKEN:
                raise ValueError(
                    f"networks.{name}: the names {', '.join(TAKEN)} stand for other things in models/ and reports/metrics/"
                )
            self.recipe(name)
            self._check_seeds(f"networks.{name}.seeds", self.networks[name].seeds)
        for key, (task, split) in SETS.items():
            given = getattr(self.data, key)
            if (given.task, given.split) != (task, split):
                raise ValueError(f"data.{key} serves {task} for {split}; {given.task}, {given.split} given")
            self._check_set(f"data.{key}", given)
        self._check_seeds("seeds", self.seeds)
        self._check_sides()
        unpaired = [key for key in TEST_SETS if getattr(self.data, key).degrade.kind == "none"]
        check_tables(self.report.tables, self.networks, self.evaluate.metrics, unpaired)
        return self

    def _check_seeds(self, where: str, seeds: list[int] | None) -> None:
        if seeds and len(set(seeds)) != len(seeds):
            raise ValueError(f"{where} holds a number twice: {seeds}")
        if seeds and seeds[0] != self.seeds[0]:
            raise ValueError(
                f"{where} begins with {seeds[0]} and seeds with {self.seeds[0]}: faces are shown of the first run, which is "
                "to be the same for all networks"
            )

    def _check_bases(self) -> None:
        """What entries begin with, also where no entry does."""
        for model, values in self.models.items():
            forms = [task for name, task in MODELS if name == model]
            if not forms and not has_room("networks", model):
                raise ValueError(f"models.{model}: pipeline/networks has no folder of that name with an __init__.py")
            for task in forms:
                model_params(model, task, values, f"models.{model}")
        for loss, values in self.losses.items():
            loss_params(loss, values, f"losses.{loss}")

    def _check_sides(self) -> None:
        """What compares whole sets looks at their images as large as they are."""
        sides = {key: getattr(self.data, key).resize.size_px for key in (REFERENCE_SET, "real")}
        if "frechet_vgg16" in self.evaluate.metrics and len(set(sides.values())) > 1:
            said = ", ".join(f"data.{key}.resize.size_px is {side}" for key, side in sides.items())
            raise ValueError(
                f"evaluate.metrics: frechet_vgg16 compares the two sets and means nothing between two sizes ({said}); make "
                "them equal or leave it out"
            )

    def _check_set(self, name: str, given: DataSet) -> None:
        side = given.resize.size_px
        if side < LEAST_PX:
            raise ValueError(f"{name}.resize.size_px: {side} px; metrics look at {LEAST_PX} px and more")
        if given.task == "blind" and side % FOLDED:
            raise ValueError(
                f"{name}.resize.size_px: {side} px; networks of the task blind halve or fold an image by {FOLDED}, so a "
                "multiple of that is needed"
            )
        if given.split == "test" and getattr(given.degrade, "variants", 1) > 1:
            raise ValueError(f"{name}.degrade.variants: a test set has one low-resolution image per face")
        if given.split == "test" and given.filter.leak.action != "off":
            raise ValueError(f"{name}.filter.leak: the rule is about training sets, {name} is a test set; leave it out")
        times, wanted = given.enlarged, FACTOR if given.task == "x8" else 1
        if times not in (None, wanted):
            raise ValueError(
                f"{name}: an HR image (resize.size_px) has {times:g} times the side of its LR image (degrade); networks of "
                f"the task {given.task} enlarge {wanted} times"
            )
        if given.degrade.kind == "none" and (given.task, given.split) != ("blind", "test"):
            raise ValueError(
                f"{name}.degrade.kind is none, which leaves no HR images: only test sets of the task blind may be without"
            )
        if given.crop.mode == "none":
            return
        if given.crop.detector == "yunet" and self.pretrained.yunet == "off":
            raise ValueError(f"{name}.crop.detector is yunet: name its .onnx file under pretrained.yunet")
        if given.crop.detector == "given" and not any(getattr(source, "boxes", None) for source in given.sources):
            raise ValueError(f"{name}.crop.detector is given: name a file under `boxes` of one of its sources")

    def recipe(self, name: str) -> Recipe:
        """An entry of `networks` in full. Raises ValueError naming the key that does not fit."""
        entry = self.networks[name]
        for section, wanted, known in (("models", entry.model, self.models), ("losses", entry.loss, self.losses)):
            if wanted not in known:
                raise ValueError(
                    f"networks.{name}: {section} has no {wanted!r}, only {', '.join(known)}; add it there, if only as "
                    f"`{wanted}: {{}}`"
                )
        return make_recipe(
            name, entry, self.models[entry.model], getattr(self.tasks, entry.task), self.losses[entry.loss]
        )

    def training(self, name: str) -> Training:
        """What train does for an entry of `networks`. Raises ValueError naming the key that does not fit."""
        entry = self.networks[name]
        return Training(recipe=self.recipe(name), seeds=entry.seeds or self.seeds, weights=entry.weights)


class ParamsError(ValueError):
    """params.yaml does not fit the schema; the message names the key, what was seen and what is allowed."""


def parse(path: Path = PARAMS_FILE) -> Params:
    """Read and validate a params file. Raises ParamsError naming the keys that do not fit."""
    if not path.is_file():
        raise ParamsError(f"{path} is missing: run in the project's root, or put a profile in place (make profile)")
    try:
        values = YAML(typ="safe").load(path)
        if isinstance(values, dict) and "variants" in values:
            raise ParamsError(
                f"{path} is of an older scheme, with `variants` and `peers`: take a file of profiles/ (make profile "
                "NAME=demo) and put what you changed under `networks` and `tasks`"
            )
        return Params.model_validate(values)
    except ValidationError as error:
        raise ParamsError("\n".join([f"{path} does not fit the schema:", *map(_told, error.errors())])) from None


def _told(error: dict) -> str:
    """What pydantic found, a line; sentences of our own name the key themselves."""
    if not error["loc"]:
        return f"  {error['msg'].removeprefix('Value error, ')}"
    return f"  {'.'.join(map(str, error['loc']))}: {error['msg']} (seen: {error['input']!r:.80})"


def load(asks: tuple[str, ...], path: Path = PARAMS_FILE, key: str | None = None) -> list[Any]:
    """The sections that a stage asks for, e.g. `load(("data.{key}.crop",), key="celeba")`; the whole file is validated.

    key: a set where something of `data` is asked for, else a network, whose `{model}`, `{task}` and `{loss}` may be asked
    for too. Raises ParamsError for a section or a network that is not there.
    """
    params, names = parse(path), {"key": key}
    if key is not None and not any(ask.startswith("data.") for ask in asks):
        entry = _network(params, key)
        names |= {"model": entry.model, "task": entry.task, "loss": entry.loss}
    return [_section(params, ask.format(**names)) for ask in asks]


def training(key: str, path: Path = PARAMS_FILE) -> Training:
    """What train does for a network. Raises ParamsError for one that is not there, and where the stage recipes wrote of
    another params.yaml, since DVC would take what is trained for what is written there."""
    params = parse(path)
    _network(params, key)
    asked, file = params.training(key), recipe_file(key)
    if file.is_file() and json.loads(file.read_bytes()) != asked.model_dump(mode="json"):
        raise ParamsError(
            f"{path} says otherwise of {key} than {file}, from when `dvc repro` began: start that again, or without DVC "
            f"delete {RECIPES}"
        )
    return asked


def runtime(path: Path = PARAMS_FILE) -> RuntimeParams:
    """The runtime section, which changes no result: no stage but the report tracks it."""
    return parse(path).runtime


def _network(params: Params, key: str) -> Network:
    if key not in params.networks:
        raise ParamsError(f"there is no network {key!r}; networks are {', '.join(params.networks)}")
    return params.networks[key]


def _section(params: Params, dotted: str) -> Any:
    value: Any = params
    for name in dotted.split("."):
        value = value.get(name) if isinstance(value, dict) else getattr(value, name, None)
        if value is None:
            raise ParamsError(f"params.yaml has no section {dotted}")
    return value
