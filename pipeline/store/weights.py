"""Trained weights as safetensors with their card beside them: what models/<network>/ holds."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save

from pipeline.store.files import whole_file, write_json

CARD = "card.json"
# Beside weights that were kept with them: what judged the network as it was trained, in files below PART_BYTES.
DISCRIMINATORS = "discriminators"
PART_BYTES = 15 * 2**20


def weights_file(folder: Path, seed: int) -> Path:
    """The file of one seed's weights."""
    return folder / f"seed_{seed}.safetensors"


def save_weights(path: Path, state: Mapping[str, torch.Tensor]) -> None:
    """Write a network's parameters and buffers, whole or not at all; float tensors as float32."""
    with whole_file(path) as file:
        file.write(save({name: value.detach().cpu().contiguous() for name, value in state.items()}))


def discriminator_files(folder: Path) -> list[Path]:
    """The files of the discriminators kept beside the weights in a folder, in order; none where none were kept."""
    return sorted((folder / DISCRIMINATORS).glob("part_*.safetensors"))


def save_discriminators(folder: Path, state: Mapping[str, torch.Tensor], part_bytes: int = PART_BYTES) -> None:
    """Write discriminators beside weights, in the place of those that lie there, in files of about `part_bytes` at most.

    A tensor is never cut; one that is larger has a file of its own. Of an empty state nothing is written.
    """
    shutil.rmtree(folder / DISCRIMINATORS, ignore_errors=True)
    if not state:
        return
    parts: list[dict[str, torch.Tensor]] = [{}]
    filled = 0
    for name, value in state.items():
        if parts[-1] and filled + value.nbytes > part_bytes:
            parts.append({})
            filled = 0
        parts[-1][name] = value
        filled += value.nbytes
    for number, part in enumerate(parts, start=1):
        save_weights(folder / DISCRIMINATORS / f"part_{number:02d}.safetensors", part)


def half_precision(state: Mapping[str, torch.Tensor], of: str) -> dict[str, torch.Tensor]:
    """The state with its floats in half precision. Raises ValueError, naming what it is of, for numbers beyond it."""
    half = {name: value.half() if value.is_floating_point() else value for name, value in state.items()}
    lost = [name for name, value in half.items() if not torch.isfinite(value.float()).all()]
    if lost:
        raise ValueError(f"{of}: {', '.join(lost)} have numbers beyond half precision")
    return half


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
    return json.loads((folder / CARD).read_bytes())
