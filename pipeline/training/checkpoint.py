"""The state of an unfinished run, kept outside of DVC's outputs (DVC deletes those before a stage runs).

One file per run under .scratch/, replaced atomically, with a fingerprint of everything that the run depends on. A run that
finds a state with another fingerprint sets it aside and starts anew, and says so.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import torch

from pipeline import layout

SCRATCH = layout.SCRATCH / "training"


def fingerprint(values: Any, files: list[Path]) -> str:
    """SHA-256 over JSON-able values and the contents of files (data manifests, source modules)."""
    digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode())
    for file in files:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def save(path: Path, state: dict, run: str) -> None:
    """Write the state under its run's fingerprint; a kill at any moment leaves the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    with open(unfinished, "wb") as file:
        torch.save(state | {"fingerprint": run}, file)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def restore(path: Path, run: str, device: torch.device) -> dict | None:
    """The state saved for this run, or None where there is none. A state of another run is set aside with a message."""
    if not path.is_file():
        return None
    state = torch.load(path, map_location=device, weights_only=True)
    if state.pop("fingerprint") == run:
        return state
    aside = path.with_suffix(".aside")
    path.replace(aside)
    print(f"{path}: params, data or code changed since this run stopped; set aside as {aside.name}, starting anew")
    return None
