"""A trained network on its test sets, and what that costs: the whole of the stages restore and restore_peer."""

from pipeline.infer.apply import cost, trained
from pipeline.infer.measure import device_name, measure_cost
from pipeline.infer.sets import first_batch, restore_sets
from pipeline.networks.build import network_input
from pipeline.params.base import Section
from pipeline.params.stages import RestoreParams
from pipeline.runtime.device import pick_device, use_threads
from pipeline.store import manifest, paths


def restore_network(
    name: str, model_name: str, network: Section, seeds: list[int], params: RestoreParams, sets: str | None = None
) -> None:
    """Writes data/restore/<name>/ and reports/metrics/<name>/cost.json.

    model_name, network: what models/<name>/ holds the weights of. sets: for a peer, whose test sets it restores.
    """
    keys, device = paths.sets_of(sets or model_name, "test"), pick_device(params.device)
    use_threads(params.threads)
    takes = network_input(model_name, sets)

    def runs():
        return trained(paths.MODELS / name, model_name, network, seeds, device, params.precision, sets)

    figures: dict[str, float | str | int] = {}
    batch = first_batch(keys, params.batch_size, takes)
    if batch is not None:
        figures = cost(model_name, network, batch.shape[1], sets)
        figures |= measure_cost(lambda: next(runs())[1], batch, device)
    share = restore_sets(name, keys, runs(), params.batch_size, takes)
    if batch is not None:
        # Of what is restored: a network may take a smaller image.
        size_px = first_batch(keys, 1).shape[1]
        figures |= {"network_share": share, "batch_size": params.batch_size, "size_px": size_px}
        figures |= {"device": device_name(device), "threads": params.threads, "precision": params.precision}
    manifest.write_json(paths.METRICS / name / "cost.json", figures)
