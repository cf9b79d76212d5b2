"""A trained network on its test sets, and what that costs: the whole of the stage infer."""

from collections.abc import Iterator

from pipeline.infer.apply import Apply, applied
from pipeline.infer.count import count_cost
from pipeline.infer.measure import device_name, measure_cost
from pipeline.infer.sets import first_batch, infer_sets
from pipeline.infer.trained import read_network
from pipeline.params.stages import InferParams
from pipeline.runtime.device import pick_device, use_precision, use_threads
from pipeline.store import paths
from pipeline.store.files import write_json
from pipeline.store.restored import Made, write_made


def infer(name: str, params: InferParams) -> None:
    """Writes data/infer/<name>/ and reports/metrics/<name>/cost.json, of the network that models/<name>/ holds."""
    folder, device = paths.MODELS / name, pick_device(params.device)
    use_threads(params.threads)
    use_precision(params.precision, device)
    trained = read_network(folder)
    first = next(iter(trained.values()))
    keys = paths.sets_of(first.task, "test")

    def runs() -> Iterator[tuple[int, Apply]]:
        for seed, weights in trained.items():
            yield seed, applied(weights.load(), device, params.precision)

    figures: dict[str, float | str | int] = {}
    batch = first_batch(keys, params.batch_size, first.takes)
    if batch is not None:
        figures = count_cost(first.build, batch.shape[1])
        figures |= measure_cost(lambda: next(runs())[1], batch, device)
    share = infer_sets(name, keys, runs(), params.batch_size, first.takes)
    write_made(name, Made(first.task, list(trained)))
    if batch is not None:
        # Of what is restored: a network may take a smaller image.
        size_px = first_batch(keys, 1).shape[1]
        figures |= {"network_share": share, "batch_size": params.batch_size, "size_px": size_px}
        figures |= {"device": device_name(device), "threads": params.threads, "precision": params.precision}
    write_json(paths.METRICS / name / "cost.json", figures)
