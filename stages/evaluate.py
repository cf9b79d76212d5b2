"""evaluate: metrics of one variant's restored images."""

import sys

from pipeline.evaluate.run import evaluate
from pipeline.params.file import load
from pipeline.store import paths
from pipeline.store.restored import restored_by

PARAMS = ("seeds", "variants.{key}", "evaluate")


def main(key: str) -> None:
    seeds, variant, params = load(PARAMS, key=key)
    evaluate(key, seeds, paths.sets_of(variant.model, "test"), restored_by(key), params)


if __name__ == "__main__":
    main(sys.argv[1])
