"""restore: one variant on its test sets; its images are kept, and what it cost to make them."""

import sys

from pipeline import layout, manifest
from pipeline.cost import device_name, measure_cost
from pipeline.device import pick_device, use_threads
from pipeline.inference import cost, trained
from pipeline.params import load, network_with_changes
from pipeline.restoring import first_batch, restore_sets

PARAMS = ("seeds", "models.{model}.network", "variants.{key}", "restore")


def main(key: str) -> None:
    seeds, base, variant, params = load(PARAMS, key=key)
    network = network_with_changes(base, variant, key)
    sets, device = layout.sets_of(variant.model, "test"), pick_device(params.device)
    use_threads(params.threads)

    def runs():
        return trained(layout.MODELS / key, variant.model, network, seeds, device, params.precision)

    figures: dict[str, float | str | int] = {}
    batch = first_batch(sets, params.batch_size)
    if batch is not None:
        figures = cost(variant.model, network, batch.shape[1])
        figures |= measure_cost(lambda: next(runs())[1], batch, device)
    share = restore_sets(key, sets, runs(), params.batch_size)
    if batch is not None:
        figures |= {"network_share": share, "batch_size": params.batch_size, "size_px": batch.shape[1]}
        figures |= {"device": device_name(device), "threads": params.threads, "precision": params.precision}
    manifest.write_json(layout.METRICS / key / "cost.json", figures)


if __name__ == "__main__":
    main(sys.argv[1])
