"""Trained weights, checked by their card and header before any network is built."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open

from pipeline.networks.build import build_network, network_input
from pipeline.params.base import Section
from pipeline.params.models import PEER_NETWORKS, AGRNetHRNetwork, AGRNetNetwork
from pipeline.store.weights import CARD, read_card

SUFFIX = ".safetensors"

PICKLES = (".pth", ".pt", ".ckpt", ".bin", ".pkl", ".pickle", ".tar")

# The card does not say it: Sec. 4.2 takes AGRNet from 16 to 128 px.
FACTOR = 8

LARGEST_PX = 2048

_NETWORKS: dict[tuple[str, str], type[Section]] = {
    ("agrnet", "agrnet"): AGRNetNetwork,
    ("agrnet_hr", "agrnet_hr"): AGRNetHRNetwork,
    **PEER_NETWORKS,
}


class WeightsError(ValueError):
    """Weights that cannot be used; the message says which, why, and what to do."""


@dataclass(frozen=True)
class Weights:
    """A file of weights that fits the network of its card.

    family: "agrnet" or "agrnet_hr", whose sets it was trained on, so how its faces are cut; params: of the network.
    """

    file: Path
    card: dict
    family: str
    params: Section

    @property
    def model(self) -> str:
        """The network's name in the card."""
        return self.card["model"]

    @property
    def name(self) -> str:
        """The variant's name; where the card has none, the folder's."""
        return str(self.card.get("variant") or self.file.parent.name)

    @property
    def size_px(self) -> int:
        """Side of the restored faces."""
        return self.card["data"]["size_px"]

    @property
    def lr_px(self) -> int | None:
        """Side of the image that a face is brought to first; None for AGRNet-HR, which takes all of the face's detail."""
        return self.size_px // FACTOR if self.family == "agrnet" else None

    @property
    def takes(self) -> str:
        """ "lr_up", the face at `size_px`, or "lr", the face at `lr_px`."""
        return network_input(self.model, self.family)

    def build(self) -> torch.nn.Module:
        """The network, untrained."""
        return build_network(self.model, self.params, self.family)


def check(path: Path) -> Weights:
    """The weights in a folder or file. Nothing of them is loaded: card and header tell whether they fit.

    Raises WeightsError where they are no safetensors, where card or model are missing or unknown, and where names or shapes
    of the tensors are not those of the card's network.
    """
    file = _file(path)
    card = _card(file.parent)
    place = file.parent / CARD
    family = card.get("sets", card["model"])
    schema = _NETWORKS.get((card["model"], family))
    if schema is None:
        known = ", ".join(sorted({model for model, _ in _NETWORKS}))
        raise WeightsError(f"{place} names the model {card['model']!r} for the sets of {family!r}; known are: {known}")
    try:
        params = schema.model_validate(card["params"]["network"])
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, ("params", "network", *first["loc"])))
        raise WeightsError(f"{place}: {where}: {first['msg']} (seen: {first['input']!r:.80})") from None
    weights = Weights(file, card, family, params)
    _check_header(weights)
    return weights


def _file(path: Path) -> Path:
    """The weights that a path names; of several seeds in a folder the first."""
    if path.is_dir():
        files = sorted(path.glob(f"*{SUFFIX}"), key=lambda file: (len(file.name), file.name))  # seed_2 before seed_10
        if files:
            return files[0]
        others = sorted(file.name for file in path.iterdir() if file.suffix.lower() in PICKLES)
        what = f"only {others[0]}, a pickle that could run any code" if others else "none"
        raise WeightsError(
            f"weights are read from {SUFFIX} files, and {path} holds {what}: train the variant (dvc repro)"
        )
    if not path.is_file():
        raise WeightsError(
            f"{path} is not there: --weights takes a folder with weights and card, e.g. models/<variant>"
        )
    if path.suffix.lower() in PICKLES:
        raise WeightsError(f"{path} is a pickle, which can run any code when opened: only {SUFFIX} is read")
    if path.suffix.lower() != SUFFIX:
        raise WeightsError(f"{path} is no {SUFFIX} file: --weights takes such a file, or the folder that holds it")
    return path


def _card(folder: Path) -> dict:
    """The card, with model, params.network and data.size_px in it."""
    place = folder / CARD
    if not place.is_file():
        raise WeightsError(f"{place} is missing: nothing else says which network the weights beside it belong to")
    try:
        card = read_card(folder)
    except (OSError, ValueError) as error:  # JSON's and Unicode's errors are ValueErrors
        raise WeightsError(f"{place} cannot be read: {error}") from None
    for names in (("model",), ("params", "network"), ("data", "size_px")):
        if _at(card, names) is None:
            raise WeightsError(f"{place} says nothing under {'.'.join(names)}: it is no card of this project's weights")
    size = card["data"]["size_px"]
    if not (isinstance(size, int) and FACTOR <= size <= LARGEST_PX and size % FACTOR == 0):
        raise WeightsError(
            f"{place}: data.size_px is {size!r}; whole multiples of {FACTOR} up to {LARGEST_PX} are possible"
        )
    if not isinstance(card["model"], str) or not isinstance(card.get("sets", ""), str):
        raise WeightsError(f"{place}: model and sets are names, seen: {json.dumps([card['model'], card.get('sets')])}")
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
    with torch.device("meta"):
        wanted = {name: tuple(value.shape) for name, value in weights.build().state_dict().items()}
    differ = [name for name in sorted(wanted.keys() | found.keys()) if wanted.get(name) != found.get(name)]
    if differ:
        seen, expected = (shapes.get(differ[0], "absent") for shapes in (found, wanted))
        raise WeightsError(
            f"{weights.file} does not fit the network of its card: {len(differ)} of {len(wanted)} tensors differ, the first "
            f"is {differ[0]}: {seen} in the file, {expected} in the network"
        )
