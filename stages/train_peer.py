"""train_peer: one of the other networks, every seed, with the budget of the model whose sets it shares."""

import sys

from pipeline.params.file import load, runtime
from pipeline.params.recipe import peer_model
from pipeline.runtime.device import pick_device
from pipeline.train.distributed import joined, launched
from pipeline.train.foreign import import_weights
from pipeline.train.run import train_variant

PARAMS = ("seeds", "peer_loss", "models.{sets}.train", "peers.{key}")


def main(key: str) -> None:
    seeds, loss, train, peer = load(PARAMS, key=key)
    model = peer_model(peer, key, train, loss)
    if peer.weights:
        import_weights(key, peer, model, seeds[0])
        return
    launched(model.train.processes, "stages.train_peer", key)
    with joined(pick_device(model.train.device).type) as world:
        train_variant(key, peer.model, model, seeds, runtime().keep_states, world, peer.sets)


if __name__ == "__main__":
    main(sys.argv[1])
