"""The schema of params.yaml: every key, its unit, its range. Unknown keys are refused.

A stage calls `load` with the sections that dvc.yaml tracks for it; the whole file is validated each time, so that a typo
anywhere fails at once and not after hours of training.
"""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, model_validator
from ruamel.yaml import YAML

from pipeline.params.base import Name, Section
from pipeline.params.data import DataParams, DataSet
from pipeline.params.recipe import (
    AGRNetHRModel,
    AGRNetModel,
    ModelsParams,
    Peer,
    PeerLoss,
    PeerModel,
    Variant,
    peer_model,
    with_changes,
)
from pipeline.params.stages import EvaluateParams, PretrainedParams, ReportParams, RestoreParams, RuntimeParams
from pipeline.store.paths import SETS, TAKEN

PARAMS_FILE = Path("params.yaml")


class Params(Section):
    """The whole of params.yaml."""

    profile: str
    seeds: Annotated[list[int], Field(min_length=1)]
    runtime: RuntimeParams
    pretrained: PretrainedParams
    data: DataParams
    models: ModelsParams
    variants: Annotated[dict[Name, Variant], Field(min_length=1)]
    peer_loss: PeerLoss = "own"  # what the peers are trained with: their papers' losses, or AGRNet's and AGRNet-HR's
    peers: dict[Name, Peer] = Field(default_factory=dict)
    restore: RestoreParams
    evaluate: EvaluateParams
    report: ReportParams

    @model_validator(mode="after")
    def _whole(self):
        for section, name in [
            *(("variants", name) for name in self.variants),
            *(("peers", name) for name in self.peers),
        ]:
            if name in TAKEN:
                raise ValueError(
                    f"{section}.{name}: the names {', '.join(TAKEN)} stand for other things in reports/metrics"
                )
            self.variant(name)
        twice = [name for name in self.peers if name in self.variants]
        if twice:
            raise ValueError(f"peers.{twice[0]}: variants has that name too")
        for key, (model, split) in SETS.items():
            given = getattr(self.data, key)
            if (given.model, given.split) != (model, split):
                raise ValueError(f"data.{key} serves {model} for {split}; {given.model}, {given.split} given")
            self._check_set(f"data.{key}", given)
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds holds a number twice: {self.seeds}")
        return self

    def _check_set(self, name: str, given: DataSet) -> None:
        if given.split == "test" and getattr(given.degrade, "variants", 1) > 1:
            raise ValueError(f"{name}.degrade.variants: a test set has one low-resolution image per face")
        if given.split == "test" and given.filter.leak.action != "off":
            raise ValueError(f"{name}.filter.leak: the rule is about training sets, {name} is a test set; leave it out")
        if given.crop.mode == "none":
            return
        if given.crop.detector == "yunet" and self.pretrained.yunet == "off":
            raise ValueError(f"{name}.crop.detector is yunet: name its .onnx file under pretrained.yunet")
        if given.crop.detector == "given" and not any(getattr(source, "boxes", None) for source in given.sources):
            raise ValueError(f"{name}.crop.detector is given: name a file under `boxes` of one of its sources")

    @property
    def networks(self) -> dict[str, Variant | Peer]:
        """Every network that is trained and measured: the variants, then the peers."""
        return self.variants | self.peers

    def variant(self, name: str) -> AGRNetModel | AGRNetHRModel | PeerModel:
        """A network's settings in full: the model's section with a variant's changes in it, or a peer's."""
        if name in self.peers:
            entry = self.peers[name]
            return peer_model(entry, name, getattr(self.models, entry.sets).train, self.peer_loss)
        entry = self.variants[name]
        return with_changes(getattr(self.models, entry.model), entry, name)


class ParamsError(ValueError):
    """params.yaml does not fit the schema; the message names the key, what was seen and what is allowed."""


def parse(path: Path = PARAMS_FILE) -> Params:
    """Read and validate a params file. Raises ParamsError naming the keys that do not fit."""
    if not path.is_file():
        raise ParamsError(f"{path} is missing: run in the project's root, or put a profile in place (make profile)")
    try:
        return Params.model_validate(YAML(typ="safe").load(path))
    except ValidationError as error:
        lines = [f"  {'.'.join(map(str, e['loc']))}: {e['msg']} (seen: {e['input']!r:.80})" for e in error.errors()]
        raise ParamsError("\n".join([f"{path} does not fit the schema:", *lines])) from None


def load(asks: tuple[str, ...], path: Path = PARAMS_FILE, **names: str) -> list[Any]:
    """The sections that a stage asks for, e.g. `load(("data.{key}.crop",), key="celeba")`; the whole file is validated.

    `{model}` stands for the model of the variant `{key}`, `{sets}` for the sets of the peer `{key}`. Raises ParamsError for
    a section that is not there.
    """
    params = parse(path)
    if "key" in names and names["key"] in params.variants:
        names["model"] = params.variants[names["key"]].model
    if "key" in names and names["key"] in params.peers:
        names["sets"] = params.peers[names["key"]].sets
    return [_section(params, ask.format(**names)) for ask in asks]


def runtime(path: Path = PARAMS_FILE) -> RuntimeParams:
    """The runtime section, which changes no result and is therefore not tracked by any stage."""
    return parse(path).runtime


def _section(params: Params, dotted: str) -> Any:
    value: Any = params
    for name in dotted.split("."):
        value = value.get(name) if isinstance(value, dict) else getattr(value, name, None)
        if value is None:
            raise ParamsError(f"params.yaml has no section {dotted}")
    return value
