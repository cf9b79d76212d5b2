"""Trained weights and the network of their card: the only way in which a network for use is built."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from pipeline.networks.build import build_network, network_class
from pipeline.params.base import Section
from pipeline.params.models import model_params
from pipeline.store.cards import FACTOR, TrainedWeights, WeightsError
from pipeline.store.paths import TASKS
from pipeline.store.weights import CARD, load_weights, read_card, weights_file

SUFFIX = ".safetensors"
PICKLES = (".pth", ".pt", ".ckpt", ".bin", ".pkl", ".pickle", ".tar")
LARGEST_PX = 2048


@dataclass(frozen=True)
class Weights(TrainedWeights):
    """A file of weights and the network of its card, as torch builds it. params: arguments of the network."""

    params: Section

    @property
    def takes(self) -> str:
        """ "lr_up", the face at `size_px`, or "lr", the face at `lr_px`."""
        return network_class(self.model, self.task).takes

    def build(self) -> torch.nn.Module:
        """The network, untrained."""
        return build_network(self.model, self.task, self.params.model_dump())

    def load(self) -> torch.nn.Module:
        """The trained network, in eval mode. Raises ValueError where the weights do not fit it."""
        net = self.build()
        load_weights(self.file, net)
        return net.eval()


def read_weights(file: Path) -> Weights:
    """The weights in a file, by the card beside it; their tensors are not looked at.

    Raises WeightsError where the card is missing, or names a network that there is not.
    """
    place, card = file.parent / CARD, _card(file.parent)
    try:
        network_class(card["model"], card["task"])
        params = model_params(card["model"], card["task"], card["params"]["model"], "params.model")
    except ValueError as error:
        raise WeightsError(f"{place}: {error}") from None
    return Weights(file, card, params)


def read_network(folder: Path) -> dict[int, Weights]:
    """Seed -> weights of a network that was trained or given here, by the card in its folder. Raises WeightsError as
    `read_weights`."""
    seeds = _card(folder).get("seeds")
    if not seeds:
        raise WeightsError(f"{folder / CARD} names no seeds: train the network first (dvc repro train@{folder.name})")
    return {seed: read_weights(weights_file(folder, seed)) for seed in seeds}


def check(path: Path) -> Weights:
    """The weights in a folder or file, for faces of any origin. Nothing of them is loaded: card and header tell whether they
    fit.

    Raises WeightsError where they are no safetensors, where the card is missing, names a network that there is not or does
    not say for which size it was trained, and where names or shapes of the tensors are not those of the card's network.
    """
    weights = read_weights(_file(path))
    place, size = weights.file.parent / CARD, _at(weights.card, ("data", "size_px"))
    if size is None:
        raise WeightsError(
            f"{place} says nothing under data.size_px: for which size were these weights trained? Put it into the card"
        )
    if not (isinstance(size, int) and FACTOR <= size <= LARGEST_PX and size % FACTOR == 0):
        raise WeightsError(
            f"{place}: data.size_px is {size!r}; whole multiples of {FACTOR} up to {LARGEST_PX} are possible"
        )
    _check_header(weights)
    return weights


def kept_weights(shelf: Path) -> list[Weights]:
    """The weights that a folder such as models/pretrained holds, in order of their folders; none where it is not there.

    Of the paper's networks alone: other people's are for comparison. Raises WeightsError as `check`.
    """
    found = [check(card.parent) for card in sorted(shelf.glob(f"*/{CARD}"))]
    return [weights for weights in found if weights.model == TASKS[weights.task]]


def _file(path: Path) -> Path:
    """The weights that a path names; of several seeds in a folder the first."""
    if path.is_dir():
        files = sorted(path.glob(f"*{SUFFIX}"), key=lambda file: (len(file.name), file.name))  # seed_2 before seed_10
        if files:
            return files[0]
        others = sorted(file.name for file in path.iterdir() if file.suffix.lower() in PICKLES)
        what = f"only {others[0]}, a pickle that could run any code" if others else "none"
        raise WeightsError(
            f"weights are read from {SUFFIX} files, and {path} holds {what}: train the network (dvc repro)"
        )
    if not path.is_file():
        raise WeightsError(
            f"{path} is not there: --weights takes a folder with weights and card, e.g. models/<network>"
        )
    if path.suffix.lower() in PICKLES:
        raise WeightsError(f"{path} is a pickle, which can run any code when opened: only {SUFFIX} is read")
    if path.suffix.lower() != SUFFIX:
        raise WeightsError(f"{path} is no {SUFFIX} file: --weights takes such a file, or the folder that holds it")
    return path


def _card(folder: Path) -> dict:
    """The card, with model, task and params.model in it."""
    place = folder / CARD
    if not place.is_file():
        raise WeightsError(f"{place} is missing: nothing else says which network the weights beside it belong to")
    try:
        card = read_card(folder)
    except (OSError, ValueError) as error:  # JSON's and Unicode's errors are ValueErrors
        raise WeightsError(f"{place} cannot be read: {error}") from None
    for names in (("model",), ("task",), ("params", "model")):
        if _at(card, names) is None:
            raise WeightsError(f"{place} says nothing under {'.'.join(names)}: it is no card of this project's weights")
    if (
        not isinstance(card["model"], str)
        or card["task"] not in list(TASKS)
        or not isinstance(card["params"]["model"], dict)
    ):
        raise WeightsError(
            f"{place}: model is a name, task one of {', '.join(TASKS)}, params.model a section; seen: {card['model']!r}, "
            f"{card['task']!r}, {card['params']['model']!r:.80}"
        )
    return card


def _at(card: Any, names: tuple[str, ...]) -> Any:
    for name in names:
        card = card.get(name) if isinstance(card, dict) else None
    return card


def _check_header(weights: Weights) -> None:
    try:
        with safe_open(weights.file, framework="np") as stored:
            found = {name: tuple(stored.get_slice(name).get_shape()) for name in stored.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        begins = weights.file.read_bytes()[:2]
        kind = " (it begins as a pickle)" if begins in (b"PK", b"\x80\x02", b"\x80\x04") else ""
        raise WeightsError(f"{weights.file} is no safetensors file, or damaged{kind}: {error}") from None
    # Not on the device "meta": drawing random numbers there makes torch load a computer algebra, for half a second.
    wanted = {name: tuple(value.shape) for name, value in weights.build().state_dict().items()}
    differ = [name for name in sorted(wanted.keys() | found.keys()) if wanted.get(name) != found.get(name)]
    if differ:
        seen, expected = (shapes.get(differ[0], "absent") for shapes in (found, wanted))
        raise WeightsError(
            f"{weights.file} does not fit the network of its card: {len(differ)} of {len(wanted)} tensors differ, the first "
            f"is {differ[0]}: {seen} in the file, {expected} in the network"
        )
