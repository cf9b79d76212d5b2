"""Which class a loss is. A loss of your own: a folder here, a line in LOSSES, an entry in params.yaml."""

from importlib import import_module
from pathlib import Path
from typing import Any

from pipeline.losses.units.loss import Loss
from pipeline.params.base import Section

# loss -> the class that the room pipeline/losses/<loss> hands on.
LOSSES = {
    "pixel": "PixelLoss",
    "composite": "CompositeLoss",
    "dic": "DICLoss",
    "sfmnet": "SFMNetLoss",
}


def build_loss(name: str, params: Section, compute: Any, brought: Path) -> Loss:
    """A loss; only its own room is imported.

    params: its section (`params.losses`). compute: where and how it is computed (`pipeline.train.compute.Compute`).
    brought: the folder of other people's weights, for losses that look through a network. Raises ValueError for a loss that
    there is not.
    """
    if name not in LOSSES:
        raise ValueError(f"pipeline/losses/build.py has no {name}; losses are {', '.join(LOSSES)}")
    return getattr(import_module(f"pipeline.losses.{name}"), LOSSES[name])(params, compute, brought)
