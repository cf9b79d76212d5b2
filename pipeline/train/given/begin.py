"""Where a training begins: at weights that exist, with the discriminators that were kept beside them.

Optimisers, learning rates and schedule are new. What is kept of a network with an average is the average, so that is what
the training goes on from.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from pipeline.params.recipe import Recipe, StartWeights
from pipeline.store import weights
from pipeline.store.licences import use_of
from pipeline.train import checkpoint
from pipeline.train.trainer import Trainer

SUFFIX = ".safetensors"


@dataclass(frozen=True)
class Start:
    """Weights to begin from. parts: files of the discriminators kept beside them. card: what is said of them, {} where
    nothing is. sha256: of weights, discriminators and card together."""

    file: Path
    parts: tuple[Path, ...]
    card: dict
    sha256: str

    def history(self, discriminators: str) -> list[dict]:
        """What a card says of weights that a training began from, newest first: these, then those that these began from."""
        data = self.card.get("data", {})
        newest = {
            "network": str(self.card.get("network", self.file.parent.name)),
            "file": self.file.as_posix(),
            "sha256": self.sha256,
            "discriminators": discriminators,
            "steps": self.card.get("steps"),
            "images_seen": self.card.get("images_seen"),
            "data": {key: data[key] for key in ("set", "images", "size_px", "sources") if key in data},
            "may_be_used_for": use_of(self.card),
        }
        return [newest, *self.card.get("began_from", [])]


def open_start(name: str, given: StartWeights) -> Start:
    """The weights that `networks.<name>` begins from. Of several seeds in a folder the first is taken, as restore does.

    Raises ValueError where there are none, and where their SHA-256 is not the one given.
    """
    file = _weights_file(name, Path(given.path))
    parts, card = weights.discriminator_files(file.parent), file.parent / weights.CARD
    found = checkpoint.digest(files=[file, *parts, *([card] if card.is_file() else [])])
    if given.sha256 != found:
        why = (
            f"has the SHA-256 {found}, params.yaml names {given.sha256}. Where these are the weights that are meant, write"
            if given.sha256
            else "is named without its SHA-256, by which DVC knows that it changed. Write"
        )
        raise ValueError(f"networks.{name}.start: {given.path} {why}\n  start: {{path: {given.path}, sha256: {found}}}")
    return Start(file, tuple(parts), weights.read_card(file.parent) if card.is_file() else {}, found)


def begin(trainer: Trainer, recipe: Recipe, start: Start) -> str:
    """Give the network, and the discriminators of its loss, the start's weights; returns what became of the discriminators.

    Raises ValueError where the card names another model or task, and where a tensor is missing, too many or of another
    shape. Discriminators that do not fit begin anew, since they are no part of the network.
    """
    for what, wanted in (("model", recipe.model), ("task", recipe.task)):
        if start.card.get(what, wanted) != wanted:
            raise ValueError(
                f"{start.file} cannot be begun from: its card says {what} {start.card[what]}, not {wanted}"
            )
    state = _tensors(start.file)
    if differs := _difference(state, trainer.net):
        raise ValueError(f"{start.file} does not fit the network that is trained: {differs}")
    trainer.begin_from(state)
    D = trainer.loss.D
    if D is None:
        return "its loss has none"
    if not start.parts:
        return "anew, none were kept"
    kept = {name: value for file in start.parts for name, value in _tensors(file).items()}
    if differs := _difference(kept, D):
        return f"anew, those that were kept do not fit: {differs}"
    D.load_state_dict(kept)
    return "kept ones"


def _weights_file(name: str, path: Path) -> Path:
    if path.is_dir():
        files = sorted(path.glob(f"*{SUFFIX}"), key=lambda file: (len(file.name), file.name))  # seed_2 before seed_10
        if files:
            return files[0]
    elif path.is_file() and path.suffix == SUFFIX:
        return path
    raise ValueError(
        f"networks.{name}.start: {path} is no {SUFFIX} file and no folder with one: name kept weights, e.g. "
        "models/pretrained/hr"
    )


def _tensors(file: Path) -> dict[str, torch.Tensor]:
    try:
        return load_file(file)
    except SafetensorError as error:
        raise ValueError(f"{file} is damaged, or no safetensors file: {error}") from None


def _difference(found: dict[str, torch.Tensor], net: torch.nn.Module) -> str:
    """In which tensors a state differs from a network's; "" where it fits."""
    shapes, wanted = ({name: tuple(t.shape) for name, t in state.items()} for state in (found, net.state_dict()))
    differ = [name for name in sorted(wanted.keys() | shapes.keys()) if wanted.get(name) != shapes.get(name)]
    if not differ:
        return ""
    seen, expected = (each.get(differ[0], "absent") for each in (shapes, wanted))
    return (
        f"{len(differ)} of {len(wanted)} tensors differ, the first is {differ[0]}: {seen} in the file, {expected} in the "
        "network"
    )
