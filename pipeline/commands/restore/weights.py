"""Which trained weights restore which faces."""

from pathlib import Path

from pipeline.commands.restore.gate.gate import FILE as GATE
from pipeline.infer.trained import Weights, WeightsError, check, kept_weights
from pipeline.store import paths

# Of the project that this package is part of, never of the folder that the command happens to run in.
SHELF = Path(__file__).resolve().parents[3] / paths.KEPT_WEIGHTS


def find(given: list[Path]) -> tuple[dict[str, Weights], list[str]]:
    """The weights to restore with by task, and sentences on how they were chosen.

    given: folders with a card, or files beside theirs; at most one per task. None given: what lies under
    models/pretrained of the project that this package is part of, wherever the command runs.
    Raises WeightsError for weights that cannot be used, and where there are none.
    """
    if given:
        return _by_task([check(path) for path in given]), []
    found = kept_weights(SHELF)  # of other people's networks none: they restore where they are asked for by name
    if not found:
        raise WeightsError(f"there are no weights under {SHELF}: name some by --weights models/<network>")
    chosen: dict[str, Weights] = {}
    for weights in found:
        chosen.setdefault(weights.task, weights)
    said = [f"no --weights given: {w.file.parent} for {_purpose(w)} ({_training(w)})" for w in chosen.values()]
    missing = [model for task, model in paths.TASKS.items() if task not in chosen]
    said += [f"there are no weights of {model} under {SHELF}: all faces go to the other network" for model in missing]
    return chosen, said


def unmeasured(weights: dict[str, Weights]) -> list[str]:
    """A sentence for each network without a gate: its faces are left alone."""
    return [
        f"what {one.name} is good for was not measured: its faces are left alone, --force restores them all the same; "
        "python -m pipeline.commands.calibrate --help says how to measure it"
        for one in weights.values()
        if not (one.file.parent / GATE).is_file()
    ]


def _by_task(found: list[Weights]) -> dict[str, Weights]:
    chosen: dict[str, Weights] = {}
    for weights in found:
        other = chosen.setdefault(weights.task, weights)
        if other is not weights:
            raise WeightsError(
                f"{other.file} and {weights.file} are both for {_purpose(weights)}: name one of them, and at most one more "
                "for the other faces"
            )
    return chosen


def _purpose(weights: Weights) -> str:
    return "faces of about 16 px" if weights.task == "x8" else "larger faces"


def _training(weights: Weights) -> str:
    """How far a shelf's network got, so that nobody takes a sample for a finished one."""
    data = weights.card["data"]
    return f"{weights.size_px} px, {weights.card.get('steps', '?')} steps on {data.get('images', '?')} photographs"
