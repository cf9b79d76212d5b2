"""evaluate: one variant on its test sets."""

import sys

from pipeline.evaluation import evaluate_variant
from pipeline.params import load, network_with_changes

PARAMS = ("seeds", "models.{model}.network", "variants.{key}", "evaluate")


def main(key: str) -> None:
    seeds, network, variant, evaluate = load(PARAMS, key=key)
    evaluate_variant(key, variant.model, network_with_changes(network, variant, key), seeds, evaluate)


if __name__ == "__main__":
    main(sys.argv[1])
