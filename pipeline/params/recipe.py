"""An entry of `networks` in full: model, task, loss, and what differs, so that it alone says how a network is made."""

from typing import Annotated, Any

from pydantic import Field, SerializeAsAny

from pipeline.params.base import Name, Section, Seeds, Task, validated
from pipeline.params.losses import loss_params
from pipeline.params.models import model_params
from pipeline.params.tasks import TrainParams


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


class Recipe(Section):
    """How a network is built and trained, complete. network: arguments of the model's class; criterion: of the loss."""

    model: str
    task: Task
    loss: str
    network: SerializeAsAny[Section]
    train: TrainParams
    criterion: SerializeAsAny[Section]

    @property
    def params(self) -> dict[str, dict]:
        """The three sections as plain values, under the names that they have in `changes`."""
        sections = {"model": self.network, "loss": self.criterion, "train": self.train}
        return {name: section.model_dump(mode="json") for name, section in sections.items()}


def make_recipe(name: str, entry: Network, model: dict, task: TrainParams, loss: dict) -> Recipe:
    """The entry `name` of `networks` with the sections that it names: models.<model>, tasks.<task>, losses.<loss>.

    Raises ValueError naming the key that does not fit.
    """
    where, changes = f"networks.{name}", entry.changes
    train = validated(TrainParams, task.model_dump() | changes.train, f"{where}.changes.train does not fit")
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
    )
