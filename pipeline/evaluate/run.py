"""Metrics of restored images: per image beside the record of its degradation, as means, and what is not measured and why."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from tqdm import tqdm

from pipeline.evaluate.instruments import Instruments
from pipeline.evaluate.scorer import COLUMNS, HEADLINE, Scorer
from pipeline.images.pairs import Pairs, open_test_set, set_size
from pipeline.metrics.statistics import mean_interval, per_image, per_seed
from pipeline.params.stages import EvaluateParams
from pipeline.runtime.device import pick_device, use_threads
from pipeline.store import manifest, paths
from pipeline.store.files import write_json
from pipeline.store.restored import Restored

# Columns of a degraded set's manifest that say where bytes lie, not what was done to the image.
PLUMBING = ("kept", "reason", "detail", "shard", "offset", "size", "sha256", "variant")


def evaluate(name: str, seeds: list[int], keys: list[str], restored: Restored, params: EvaluateParams) -> None:
    """Measure restored images of the test sets `keys`; writes data/evaluate/<name>/ and the metrics file of `name`.

    Per set a table <set>.parquet: a row per seed and image with its metrics and the record of its degradation. The metrics
    file holds means over images, then over seeds; intervals.json the 95 % intervals and each seed's mean; absent.json what
    could not be measured, and why. Raises ManifestError where a restored image has another name than the test set's.
    """
    use_threads(params.threads)
    instruments = Instruments(params, pick_device(params.device))
    absent, metrics, intervals = dict(instruments.absent), {}, {}
    folder = paths.EVALUATED / name
    for key in keys:
        if not set_size(key):
            absent[key] = f"the set {key} holds no image, see its manifests"
            continue
        pairs = open_test_set(key)
        scorer = Scorer(key, pairs, instruments)
        frame, of_set = _evaluate_set(name, seeds, key, pairs, restored, scorer, params.batch_size)
        manifest.write_table(folder / f"{key}.parquet", frame)
        absent |= scorer.absent
        measured = [metric for metric in COLUMNS if metric in frame and frame[metric].notna().any()]
        means = {metric: float(per_seed(frame, metric).mean()) for metric in measured if metric in HEADLINE}
        metrics[key] = {"images": len(pairs), **means, **of_set}
        intervals[key] = {metric: _interval(frame, metric) for metric in measured}
    write_json(paths.METRICS / name / "evaluate.json", metrics)
    write_json(folder / "intervals.json", intervals)
    write_json(folder / "absent.json", absent)


def read_values(name: str, key: str) -> pd.DataFrame:
    """The per-image values of a network on a test set: seed, key, metrics, degradation record."""
    return pd.read_parquet(paths.EVALUATED / name / f"{key}.parquet")


def _evaluate_set(
    name: str, seeds: list[int], key: str, pairs: Pairs, restored: Restored, scorer: Scorer, batch_size: int
) -> tuple[pd.DataFrame, dict]:
    """Values per image and seed; of a set without ground truth also the distances of the whole set, means over the seeds."""
    rows, of_sets = [], []
    for seed in seeds:
        names, images = restored(key, seed)
        if names != pairs.keys:
            raise manifest.ManifestError(
                f"{name}, seed {seed}: its restored images are not those of the test set {key}; run the stage infer again"
            )
        progress = tqdm(images, f"{name} on {key}", len(pairs), unit="img", mininterval=1)
        for first, batch in _batches(progress, batch_size):
            rows += [{"seed": seed, **row} for row in scorer.of_images(first, batch)]
        if not pairs.has_hr:
            of_sets.append(scorer.of_set(lambda seed=seed: restored(key, seed)[1]))
    record = pd.DataFrame([_record(pairs, index) for index in range(len(pairs))])
    frame = pd.DataFrame(rows).merge(record, on="key", how="left", validate="many_to_one")
    return frame, {metric: float(value) for metric, value in pd.DataFrame(of_sets).mean().items()}


def _batches(images, size: int) -> Iterator[tuple[int, np.ndarray]]:
    """Number of the first image and the stacked images of each batch."""
    first, batch = 0, []
    for image in images:
        batch.append(image)
        if len(batch) == size:
            yield first, np.stack(batch)
            first, batch = first + len(batch), []
    if batch:
        yield first, np.stack(batch)


def _record(pairs: Pairs, index: int) -> dict:
    """What was done to an image; the seed of its draw is called draw_seed, beside the training run's seed."""
    row = pairs.row(index)
    record = {name: value for name, value in row.items() if name not in PLUMBING and not name.startswith("hr_")}
    return {"draw_seed" if name == "seed" else name: value for name, value in record.items()}


def _interval(frame: pd.DataFrame, metric: str) -> dict:
    """The ends of the interval (None where there is one image alone, or an infinite value), and each seed's mean."""
    found = mean_interval(per_image(frame, metric).to_numpy())
    seeds = {str(seed): float(mean) for seed, mean in per_seed(frame, metric).items()}
    return {"low": _finite(found.low), "high": _finite(found.high), "images": found.images, "seeds": seeds}


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
