"""evaluate_peer: metrics of the images that one of the other networks restored."""

import sys

from pipeline.evaluate.run import evaluate
from pipeline.params.file import load
from pipeline.store import paths
from pipeline.store.restored import restored_by

PARAMS = ("seeds", "peers.{key}", "evaluate")


def main(key: str) -> None:
    seeds, peer, params = load(PARAMS, key=key)
    seeds = seeds[:1] if peer.weights else seeds
    evaluate(key, seeds, paths.sets_of(peer.sets, "test"), restored_by(key), params)


if __name__ == "__main__":
    main(sys.argv[1])
