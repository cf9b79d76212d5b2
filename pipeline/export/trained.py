"""Trained weights with their card, checked before a network is made of them."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from pipeline.inference import build_network
from pipeline.params import AGRNetHRNetwork, AGRNetNetwork
from pipeline.training.tensors import LOWEST
from pipeline.training.weights import CARD, load_weights, read_card

# Models whose networks are exported, and the params that a card describes them by.
PARAMS = {"agrnet": AGRNetNetwork, "agrnet_hr": AGRNetHRNetwork}

_SUFFIX = ".safetensors"
_PICKLES = (".pth", ".pt", ".ckpt", ".bin", ".pkl", ".pickle")


@dataclass(frozen=True)
class Trained:
    """A trained network in eval mode with what is known of it; digests are SHA-256."""

    net: torch.nn.Module
    model: str
    card: dict
    card_sha256: str
    weights_sha256: str

    @property
    def lowest(self) -> float:
        """The darkest value of the images that the network takes and gives; the brightest is 1."""
        return LOWEST[self.model]


def read_trained(path: Path) -> Trained:
    """The network of a folder of models/, or of one .safetensors file in it.

    Checked first: the weights are safetensors, the card is there and names a known model, and every tensor has the name and
    shape that the card's params ask for. Raises ValueError that says which of these failed.
    """
    file = find_weights(path)
    card = _card(file.parent)
    model = card.get("model")
    if model not in PARAMS:
        raise ValueError(f"{file.parent / CARD} names the model {model!r}; exported are: {', '.join(PARAMS)}")
    try:
        network = PARAMS[model](**card["params"]["network"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{file.parent / CARD} does not describe a network of {model}: {error!r}") from None
    with torch.device("meta"):
        wanted = build_network(model, network).state_dict()
    _check_shapes(file, {name: tuple(tensor.shape) for name, tensor in wanted.items()})
    net = build_network(model, network)
    load_weights(file, net)
    digests = (hashlib.sha256(at.read_bytes()).hexdigest() for at in (file.parent / CARD, file))
    return Trained(net.eval(), model, card, *digests)


def find_weights(path: Path) -> Path:
    """The weights that a path names: the file itself, or the only one of a folder. Raises ValueError where there is none."""
    if path.is_dir():
        found = sorted(path.glob(f"*{_SUFFIX}"))
        if len(found) == 1:
            return found[0]
        if found:
            raise ValueError(
                f"{path} holds weights of several runs; name one: {', '.join(file.name for file in found)}"
            )
        raise ValueError(f"{path} holds no {_SUFFIX} file: train the variant first (dvc repro), or name another folder")
    if not path.is_file():
        raise ValueError(f"{path} does not exist")
    if path.suffix.lower() in _PICKLES:
        raise ValueError(
            f"{path.name} is a pickle, which can run any code when it is opened: only safetensors are read"
        )
    if path.suffix != _SUFFIX:
        raise ValueError(f"{path.name} is no {_SUFFIX} file")
    return path


def _card(folder: Path) -> dict:
    path = folder / CARD
    if not path.is_file():
        raise ValueError(f"{path} is missing: without the card nothing says what network the weights belong to")
    try:
        card = read_card(folder)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is damaged: {error}") from None
    if not isinstance(card, dict):
        raise ValueError(f"{path} holds no card: expected an object with model and params")
    return card


def _check_shapes(file: Path, wanted: dict[str, tuple[int, ...]]) -> None:
    """Compare the file's header with a network's tensors; no weights are read."""
    try:
        with safe_open(file, framework="pt") as stored:
            found = {name: tuple(stored.get_slice(name).get_shape()) for name in stored.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{file} is no safetensors file or damaged: {error}") from None
    differing = [name for name in sorted(wanted.keys() | found.keys()) if wanted.get(name) != found.get(name)]
    if differing:
        first = differing[0]
        seen, expected = (str(shapes.get(first, "absent")) for shapes in (found, wanted))
        raise ValueError(
            f"{file} does not fit the network of its card: {len(differing)} tensors differ, the first is {first}: {seen}, "
            f"expected {expected}"
        )
