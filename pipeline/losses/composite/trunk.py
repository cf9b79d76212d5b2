"""The perceptual trunk of a loss, or the reason why it is left out."""

import hashlib
from pathlib import Path

import torch

from pipeline.params.losses import CompositeParams
from pipeline.store.features import load_features
from pipeline.store.pretrained import PretrainedMissing


def load_trunk(folder: Path, loss: CompositeParams) -> tuple[dict[str, torch.Tensor] | None, dict[str, str]]:
    """(state dict of the trunk or None, {"pc": why L_pc is left out} or {}).

    Raises PretrainedMissing where the weights are not there and the loss says to stop.
    """
    if not loss.pc:
        return None, {}
    try:
        return load_features(folder, loss.perceptual_trunk), {}
    except PretrainedMissing as error:
        if loss.without_trunk == "stop":
            raise PretrainedMissing(
                f"L_pc, Eq. (25), needs {loss.perceptual_trunk}: {error}. Name a file under pretrained in params.yaml, "
                "or set without_trunk of the loss composite to leave_out"
            ) from None
        return None, {"pc": str(error)}


def trunk_digest(trunk: dict[str, torch.Tensor] | None) -> str | None:
    """SHA-256 of a trunk's weights; None where there is none."""
    if trunk is None:
        return None
    found = hashlib.sha256()
    for name in sorted(trunk):
        found.update(name.encode())
        found.update(trunk[name].contiguous().numpy().tobytes())
    return found.hexdigest()
