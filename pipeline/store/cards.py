"""Trained weights by their card: what everything that runs a network asks of them, with or without torch."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.store.paths import FACTOR


class WeightsError(ValueError):
    """Weights that cannot be used; the message says which, why, and what to do."""


@dataclass(frozen=True)
class TrainedWeights:
    """A file of weights and what their card says."""

    file: Path
    card: dict

    @property
    def model(self) -> str:
        """The model that the network is built from."""
        return self.card["model"]

    @property
    def task(self) -> str:
        """The task that it was trained for, which says how its faces are cut."""
        return self.card["task"]

    @property
    def name(self) -> str:
        """The network's name; where the card has none, the folder's."""
        return str(self.card.get("network") or self.file.parent.name)

    @property
    def size_px(self) -> int:
        """Side of the restored faces."""
        return self.card["data"]["size_px"]

    @property
    def lr_px(self) -> int | None:
        """Side of the image that a face is brought to first; None for the task blind, where all of its detail is taken."""
        return self.size_px // FACTOR if self.task == "x8" else None
