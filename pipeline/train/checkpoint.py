"""The state of a run, kept outside of DVC's outputs (DVC deletes those before a stage runs).

One file per run under .scratch/, replaced atomically, with fingerprints of everything that the run depends on. A run that
finds a state with other fingerprints sets it aside, starts anew, and says what changed.
"""

import hashlib
import io
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from pipeline.store import paths
from pipeline.store.files import UNFINISHED, whole_file

SCRATCH = paths.SCRATCH / "training"

# What a run depends on, each part by its own fingerprint: "params", "data", "code", ...
Run = dict[str, str]


def digest(values: Any = None, files: Iterable[Path] = ()) -> str:
    """SHA-256 over JSON-able values and the contents of files."""
    found = hashlib.sha256(json.dumps(values, sort_keys=True).encode())
    for file in files:
        found.update(hashlib.sha256(file.read_bytes()).digest())
    return found.hexdigest()


def save(path: Path, state: dict, run: Run) -> None:
    """Write the state under its run's fingerprints; a kill at any moment leaves the old file or the new one.

    Raises `files.DiskFull` where there is no room; the old file stays.
    """
    for left in path.parent.glob(f".{path.name}.*{UNFINISHED}"):  # by a process that was killed while it saved
        left.unlink(missing_ok=True)
    serialised = io.BytesIO()  # torch's own writing to a full disk raises an error that does not say so
    torch.save(state | {"run": run}, serialised)
    with whole_file(path) as file:
        file.write(serialised.getbuffer())
        file.flush()
        os.fsync(file.fileno())


def resume(path: Path, run: Run, steps: int, device: torch.device) -> dict | None:
    """The state saved for this run, or None where there is none.

    A state of another run, or one that went beyond `steps`, is set aside with a message. One that was set aside before and
    is of this run changes places with it, so that whoever tries something else and goes back loses nothing.
    """
    aside = path.with_suffix(".aside")
    state, why = _fitting(path, run, steps, device)
    earlier, _ = _fitting(aside, run, steps, device)
    if earlier and (state is None or earlier["step"] > state["step"]):
        between = path.with_suffix(".between")
        aside.replace(between)
        if path.is_file():
            path.replace(aside)
        between.replace(path)
        print(f"{path}: goes on from the state of step {earlier['step']} that had been set aside for another run")
        return earlier
    if why:
        path.replace(aside)
        print(f"{path}: {why} since this state was saved; set aside as {aside.name}, starting anew")
    return state


def _fitting(path: Path, run: Run, steps: int, device: torch.device) -> tuple[dict | None, str]:
    """A state if it is of this run, else why it is not; neither where there is none."""
    if not path.is_file():
        return None, ""
    state = torch.load(path, map_location=device, weights_only=True)
    before = state.pop("run")
    if changed := [name for name in run | before if before.get(name) != run.get(name)]:
        return None, f"{' and '.join(changed)} changed"
    if state["step"] > steps:
        return None, f"it went {state['step']} steps, {steps} are asked for"
    return state, ""
