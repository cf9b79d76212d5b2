"""Trained weights as safetensors with their card beside them: what models/<network>/ holds."""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save

from pipeline.store.files import whole_file, write_json

CARD = "card.json"


def weights_file(folder: Path, seed: int) -> Path:
    """The file of one seed's weights."""
    return folder / f"seed_{seed}.safetensors"


def save_weights(path: Path, state: Mapping[str, torch.Tensor]) -> None:
    """Write a network's parameters and buffers, whole or not at all; float tensors as float32."""
    with whole_file(path) as file:
        file.write(save({name: value.detach().cpu().contiguous() for name, value in state.items()}))


def load_weights(path: Path, net: torch.nn.Module) -> None:
    """Read weights into a network. Raises ValueError where they do not fit it, naming what differs."""
    if not path.is_file():
        raise ValueError(f"{path} is missing: train the network first (dvc repro)")
    try:
        net.load_state_dict(load_file(path))
    except RuntimeError as error:
        raise ValueError(f"{path} does not fit the network that its params describe: {error}") from None


def write_card(folder: Path, card: dict) -> None:
    """Write the model card: what was trained, on what, with what."""
    write_json(folder / CARD, card)


def read_card(folder: Path) -> dict:
    """The card of the weights in a folder."""
    return json.loads((folder / CARD).read_text())
