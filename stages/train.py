"""train: one variant, every seed; in several processes where its params say so, or under torchrun."""

import sys

from pipeline.params.file import load, runtime
from pipeline.params.recipe import with_changes
from pipeline.runtime.device import pick_device
from pipeline.train.distributed import joined, launched
from pipeline.train.run import train_variant

PARAMS = ("seeds", "models.{model}", "variants.{key}")


def main(key: str) -> None:
    seeds, base, variant = load(PARAMS, key=key)
    model = with_changes(base, variant, key)
    launched(model.train.processes, "stages.train", key)
    with joined(pick_device(model.train.device).type) as world:
        train_variant(key, variant.model, model, seeds, runtime().keep_states, world)


if __name__ == "__main__":
    main(sys.argv[1])
