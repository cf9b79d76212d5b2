"""An entry of `networks` in full: model, task, loss, and what differs, so that it alone says how a network is made."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, SerializeAsAny, field_validator, model_validator

from pipeline.params.base import Name, Section, Seeds, Task, validated
from pipeline.params.losses import loss_params
from pipeline.params.models import model_params
from pipeline.params.tasks import LENGTHS, TrainParams
from pipeline.store.paths import MODELS


class Changes(Section):
    """What differs from the sections that an entry names: keys as there. train: from its task's training."""

    model: dict[str, Any] = Field(default_factory=dict)
    loss: dict[str, Any] = Field(default_factory=dict)
    train: dict[str, Any] = Field(default_factory=dict)


class ForeignWeights(Section):
    """A checkpoint that others trained, in place of a training of ours.

    path: a safetensors file, or a checkpoint of torch's of tensors alone. sha256: of the file; it stands here so that
    another file is another experiment.
    """

    path: str
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class StartWeights(Section):
    """Weights that a training begins from, in place of random ones.

    path: a folder with weights, e.g. models/pretrained/hr, or a .safetensors file in it. sha256: of all that is taken from
    there, as the training says it; it stands here so that other weights are another experiment. `start: PATH` is short for
    a path without it, for which the training names it and stops.
    """

    path: Annotated[str, Field(min_length=1)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None


class Network(Section):
    """One network to train and measure: the class it is built from, the task it learns, what it minimises.

    seeds: its training runs, where they are others than `seeds` says for all; the first of these is the first here too.
    """

    model: Name
    task: Task
    loss: Name
    changes: Changes = Changes()
    seeds: Seeds | None = None
    weights: ForeignWeights | None = None
    start: StartWeights | None = None

    @field_validator("start", mode="before")
    @classmethod
    def _path_alone(cls, given: Any) -> Any:
        return {"path": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _fits(self):
        if self.weights and self.start:
            raise ValueError("weights stand in place of a training, start is where one begins: name one of the two")
        return self


class Recipe(Section):
    """How a network is built and trained, complete. network: arguments of the model's class; criterion: of the loss; start:
    the weights that it begins from, None for random ones."""

    model: str
    task: Task
    loss: str
    network: SerializeAsAny[Section]
    train: TrainParams
    criterion: SerializeAsAny[Section]
    start: StartWeights | None = None

    @property
    def params(self) -> dict[str, dict]:
        """The three sections as plain values, under the names that they have in `changes`."""
        sections = {"model": self.network, "loss": self.criterion, "train": self.train}
        return {name: section.model_dump(mode="json") for name, section in sections.items()}


class Training(Section):
    """All that the stage train asks of params.yaml for a network. seeds: its training runs; weights: in place of these."""

    recipe: Recipe
    seeds: Seeds
    weights: ForeignWeights | None = None


def make_recipe(name: str, entry: Network, model: dict, task: TrainParams, loss: dict) -> Recipe:
    """The entry `name` of `networks` with the sections that it names: models.<model>, tasks.<task>, losses.<loss>.

    Raises ValueError naming the key that does not fit.
    """
    where, changes = f"networks.{name}", entry.changes
    if entry.start and MODELS / name in (Path(entry.start.path), *Path(entry.start.path).parents):
        raise ValueError(
            f"{where}.start is {entry.start.path}, what this training writes, and DVC deletes that before it trains: name "
            "kept weights (python -m pipeline.commands.keep weights) or another network's"
        )
    budget = task.model_dump()
    if LENGTHS & changes.train.keys():
        budget |= dict.fromkeys(LENGTHS)  # a length in another unit takes the place of the task's
    train = validated(TrainParams, budget | changes.train, f"{where}.changes.train does not fit")
    if entry.task == "blind" and train.scale != 1:
        raise ValueError(
            f"{where}: scale is {train.scale:g}; the images of the task blind are made beforehand, Eq. (28), so it must be 1"
        )
    return Recipe(
        model=entry.model,
        task=entry.task,
        loss=entry.loss,
        network=model_params(entry.model, entry.task, model | changes.model, f"{where}.changes.model"),
        train=train,
        criterion=loss_params(entry.loss, loss | changes.loss, f"{where}.changes.loss"),
        start=entry.start,
    )
