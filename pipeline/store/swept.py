"""What the sweep of learning rates found, a JSON file per network: the command writes them, the report reads them."""

import json
from typing import Any

from pipeline.store import paths
from pipeline.store.files import write_json

FOLDER = paths.REPORTS / "sweep"

# network; model, loss and params: its recipe without rates; of: a digest of what all trials have in common; base: the rate
# whose multiples were tried, and its source (None: the network's own); seed, steps, images (held out, on which trials are
# measured), trials, and chosen (a learning rate; None where no trial came to a figure). A trial: multiple, learning_rate,
# curve ([step, dB] pairs), psnr_y (dB; None where it failed), failed (why), steps, seconds.
Found = dict[str, Any]


def write_rates(found: Found) -> None:
    """Write what a network's sweep found."""
    write_json(FOLDER / f"{found['network']}.json", found)


def read_rates() -> dict[str, Found]:
    """Network -> what its sweep found; {} where there was none."""
    return {file.stem: json.loads(file.read_bytes()) for file in sorted(FOLDER.glob("*.json"))}
