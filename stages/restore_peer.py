"""restore_peer: one of the other networks on its test sets; its images are kept, and what it cost to make them."""

import sys

from pipeline.infer.run import restore_network
from pipeline.params.file import load
from pipeline.params.recipe import peer_network

PARAMS = ("seeds", "peers.{key}", "restore")


def main(key: str) -> None:
    seeds, peer, params = load(PARAMS, key=key)
    seeds = seeds[:1] if peer.weights else seeds
    restore_network(key, peer.model, peer_network(peer, key), seeds, params, peer.sets)


if __name__ == "__main__":
    main(sys.argv[1])
