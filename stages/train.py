"""train: one network, every seed; in several processes where its params say so, or under torchrun."""

import sys

from pipeline.params.file import load, runtime
from pipeline.params.recipe import make_recipe
from pipeline.runtime.device import pick_device
from pipeline.train.distributed import joined, launched
from pipeline.train.given.foreign import import_weights
from pipeline.train.run import train_network

PARAMS = ("seeds", "models.{model}", "tasks.{task}", "losses.{loss}", "networks.{key}")


def main(key: str) -> None:
    seeds, model, task, loss, entry = load(PARAMS, key=key)
    recipe, seeds = make_recipe(key, entry, model, task, loss), entry.seeds or seeds
    if entry.weights:
        import_weights(key, entry.weights, recipe, seeds[0])
        return
    launched(recipe.train.processes, "stages.train", key)
    with joined(pick_device(recipe.train.device).type) as world:
        train_network(key, recipe, seeds, runtime().keep_states, world)


if __name__ == "__main__":
    main(sys.argv[1])
