"""A trained network with its card, as it is exported; checked as restoring checks it, before a weight is loaded."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch

from pipeline.commands.restore.gate.gate import FILE as GATE
from pipeline.infer.trained import SUFFIX, check
from pipeline.store.paths import TASKS
from pipeline.store.weights import CARD


@dataclass(frozen=True)
class Trained:
    """A trained network in eval mode with what is known of it; digests are SHA-256.

    takes: "lr_up", the face at the card's size. gate: text of what `calibrate` measured of it, None where nothing was.
    """

    net: torch.nn.Module
    model: str
    card: dict
    takes: str
    gate: str | None
    card_sha256: str
    weights_sha256: str


def read_trained(path: Path) -> Trained:
    """The network of a folder of models/, or of one .safetensors file in it.

    Raises ValueError for what `infer.trained.check` refuses, for a model that is not exported, and for a folder with weights
    of several runs, where one must be named.
    """
    runs = sorted(file.name for file in path.glob(f"*{SUFFIX}")) if path.is_dir() else []
    if len(runs) > 1:
        raise ValueError(f"{path} holds weights of several runs; name one: {', '.join(runs)}")
    weights = check(path)
    if weights.model != TASKS[weights.task]:
        exported = ", ".join(TASKS.values())
        raise ValueError(f"{weights.file} is of the model {weights.model!r}; exported are: {exported}")
    net = weights.load()
    digests = (hashlib.sha256(at.read_bytes()).hexdigest() for at in (weights.file.parent / CARD, weights.file))
    gate = weights.file.parent / GATE
    text = gate.read_text() if gate.is_file() else None
    return Trained(net, weights.model, weights.card, weights.takes, text, *digests)
