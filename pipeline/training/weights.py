"""Trained weights as safetensors with their card beside them: what models/<variant>/ holds."""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

CARD = "card.json"


def weights_file(folder: Path, seed: int) -> Path:
    """The file of one seed's weights."""
    return folder / f"seed_{seed}.safetensors"


def save_weights(path: Path, net: torch.nn.Module) -> None:
    """Write a network's parameters and buffers; float tensors as float32 on the CPU."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: value.detach().cpu().contiguous() for name, value in net.state_dict().items()}, path)


def load_weights(path: Path, net: torch.nn.Module) -> None:
    """Read weights into a network. Raises ValueError where they do not fit it, naming what differs."""
    if not path.is_file():
        raise ValueError(f"{path} is missing: train the variant first (dvc repro)")
    try:
        net.load_state_dict(load_file(path))
    except RuntimeError as error:
        raise ValueError(f"{path} does not fit the network that its params describe: {error}") from None


def write_card(folder: Path, card: dict) -> None:
    """Write the model card: what was trained, on what, with what."""
    (folder / CARD).write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n")


def read_card(folder: Path) -> dict:
    """The card of the weights in a folder."""
    return json.loads((folder / CARD).read_text())
