"""train: one variant, every seed."""

import sys

from pipeline.params import load, with_changes
from pipeline.training.run import train_variant

PARAMS = ("seeds", "models.{model}", "variants.{key}")


def main(key: str) -> None:
    seeds, base, variant = load(PARAMS, key=key)
    train_variant(key, variant.model, with_changes(base, variant, key), seeds)


if __name__ == "__main__":
    main(sys.argv[1])
