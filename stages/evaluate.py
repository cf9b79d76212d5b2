"""evaluate: one variant on its test sets."""

import sys

from pipeline import layout
from pipeline.device import pick_device
from pipeline.evaluation import evaluate
from pipeline.inference import cost, trained
from pipeline.params import load, network_with_changes
from pipeline.restored import open_test_set, set_size

PARAMS = ("seeds", "models.{model}.network", "variants.{key}", "evaluate")


def main(key: str) -> None:
    seeds, base, variant, params = load(PARAMS, key=key)
    network = network_with_changes(base, variant, key)
    sets = layout.sets_of(variant.model, "test")
    runs = trained(layout.MODELS / key, variant.model, network, seeds, pick_device(params.device), params.precision)
    sizes = [open_test_set(name).size_px for name in sets if set_size(name)]
    evaluate(key, sets, runs, cost(variant.model, network, sizes[0]) if sizes else {}, params)


if __name__ == "__main__":
    main(sys.argv[1])
