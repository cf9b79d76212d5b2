"""evaluate: metrics of one variant's restored images."""

import sys

from pipeline import layout
from pipeline.evaluation import evaluate
from pipeline.params import load
from pipeline.restored import restored_by

PARAMS = ("seeds", "variants.{key}", "evaluate")


def main(key: str) -> None:
    seeds, variant, params = load(PARAMS, key=key)
    evaluate(key, seeds, layout.sets_of(variant.model, "test"), restored_by(key), params)


if __name__ == "__main__":
    main(sys.argv[1])
