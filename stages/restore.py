"""restore: one variant on its test sets; its images are kept, and what it cost to make them."""

import sys

from pipeline.infer.run import restore_network
from pipeline.params.file import load
from pipeline.params.recipe import network_with_changes

PARAMS = ("seeds", "models.{model}.network", "variants.{key}", "restore")


def main(key: str) -> None:
    seeds, base, variant, params = load(PARAMS, key=key)
    network = network_with_changes(base, variant, key)
    restore_network(key, variant.model, network, seeds, params)


if __name__ == "__main__":
    main(sys.argv[1])
