"""Weights that others trained, in place of a training of ours: a checkpoint of the authors' becomes models/<name>/."""

import hashlib
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from pipeline.networks.build import network_of
from pipeline.params.recipe import ForeignWeights, Recipe
from pipeline.store import paths, weights
from pipeline.store.files import write_json

# Where the tensors lie in a checkpoint that holds more than them.
NESTED = ("params_ema", "params", "state_dict")


def import_weights(name: str, given: ForeignWeights, recipe: Recipe, seed: int) -> None:
    """Writes models/<name>/ from the checkpoint that an entry names, as the weights of one seed; no curve, no figures.

    Names of the network's authors are known where its class has `from_published`; of others ours are asked for. Raises
    ValueError where the file is missing, has another SHA-256, is no file of tensors, or does not fit the network.
    """
    path = Path(given.path)
    state = read_checkpoint(path, given.sha256)
    net = network_of(recipe)
    ours = getattr(net, "from_published", dict)
    try:
        net.load_state_dict(ours(state))
    except (RuntimeError, ValueError) as error:
        raise ValueError(
            f"{path} does not fit networks.{name} as its model is described (what is left out is as published): {error}"
        ) from None
    folder = paths.MODELS / name
    weights.save_weights(weights.weights_file(folder, seed), net.state_dict())
    card = {
        "network": name,
        "title": net.title,
        "model": recipe.model,
        "task": recipe.task,
        "params": {"model": recipe.params["model"]},
        "trained_by": "others",
        "checkpoint": {"file": path.name, "sha256": given.sha256},
        "seeds": [seed],
        "intended_use": "As the authors of the weights allow. A restored face is a plausible reconstruction, no evidence of "
        "who somebody is.",
    }
    weights.write_card(folder, card)
    (paths.CURVES / name).mkdir(parents=True, exist_ok=True)  # DVC wants it; there is no curve
    write_json(paths.METRICS / name / "train.json", {})


def read_checkpoint(path: Path, sha256: str) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file, or of a checkpoint of torch's, read with weights_only: nothing in it is run.

    Raises ValueError where the file is missing, has another SHA-256, or holds other things than tensors.
    """
    if not path.is_file():
        raise ValueError(f"{path} is missing: put the checkpoint there, or name another under `weights`")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != sha256:
        raise ValueError(f"{path} has the SHA-256 {found}, params.yaml names {sha256}: is it the file that was meant?")
    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except SafetensorError as error:
            raise ValueError(f"{path} is damaged, or no safetensors file: {error}") from None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # Reading a pickle that is damaged or foreign raises whatever comes: UnpicklingError, RuntimeError, KeyError, ...
        raise ValueError(
            f"{path} is no checkpoint of tensors alone, and nothing else is read from a pickle, since that would run "
            f"what is in it: {(str(error) or type(error).__name__).splitlines()[0]}"
        ) from None
    for key in NESTED:
        if isinstance(state, dict) and key in state:
            state = state[key]
            break
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise ValueError(f"{path} holds no mapping of names to tensors, also not under {', '.join(NESTED)}")
    return state
