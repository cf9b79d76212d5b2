"""train: one network, every seed; in several processes where its params say so, or under torchrun."""

import sys

from pipeline.params.file import runtime, training
from pipeline.runtime.device import pick_device
from pipeline.train.distributed import joined, launched
from pipeline.train.given.foreign import import_weights
from pipeline.train.run import train_network

PARAMS = ()


def main(key: str) -> None:
    asked = training(key)
    recipe, seeds = asked.recipe, asked.seeds
    if asked.weights:
        import_weights(key, asked.weights, recipe, seeds[0])
        return
    launched(recipe.train.processes, "stages.train", key)
    with joined(pick_device(recipe.train.device).type) as world:
        train_network(key, recipe, seeds, runtime().keep_states, world)


if __name__ == "__main__":
    main(sys.argv[1])
