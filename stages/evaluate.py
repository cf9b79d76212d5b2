"""evaluate: metrics of one variant's restored images."""

import sys

from pipeline import layout
from pipeline.evaluation import evaluate
from pipeline.params import load
from pipeline.restored import restored_folder, restored_images, restored_keys

PARAMS = ("seeds", "variants.{key}", "evaluate")


def main(key: str) -> None:
    seeds, variant, params = load(PARAMS, key=key)

    def restored(name: str, seed: int):
        folder = restored_folder(key, seed, name)
        return restored_keys(folder), restored_images(folder)

    evaluate(key, seeds, layout.sets_of(variant.model, "test"), restored, params)


if __name__ == "__main__":
    main(sys.argv[1])
