"""Metrics of restored images: per image beside the record of its degradation, as means, and what is not measured and why."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from tqdm import tqdm

from pipeline import layout, manifest
from pipeline.device import pick_device, use_threads
from pipeline.pairs import Pairs
from pipeline.params import EvaluateParams
from pipeline.restored import open_test_set, set_size
from pipeline.scorer import Scorer
from pipeline.statistics import mean_interval, per_image, per_seed

# Columns of a degraded set's manifest that say where bytes lie, not what was done to the image.
PLUMBING = ("kept", "reason", "detail", "shard", "offset", "size", "sha256", "variant")

# (test set, seed) -> names and restored images of the set, RGB uint8, in one order.
Restored = Callable[[str, int], tuple[list[str], Iterator[np.ndarray]]]


def evaluate(name: str, seeds: list[int], keys: list[str], restored: Restored, params: EvaluateParams) -> None:
    """Measure restored images of the test sets `keys`; writes data/evaluate/<name>/ and the metrics file of `name`.

    Per set a table <set>.parquet: a row per seed and image with its metrics and the record of its degradation. The metrics
    file holds means over images, then over seeds; intervals.json the 95 % intervals and each seed's mean; absent.json what
    could not be measured, and why. Raises ManifestError where a restored image has another name than the test set's.
    """
    use_threads(params.threads)
    scorer = Scorer(params, pick_device(params.device))
    folder, metrics, intervals = layout.EVALUATED / name, {}, {}
    for key in keys:
        if not set_size(key):
            scorer.absent[key] = f"the set {key} holds no image, see its manifests"
            continue
        frame, of_set = _evaluate_set(name, seeds, key, restored, scorer, params)
        manifest.write_table(folder / f"{key}.parquet", frame)
        measured = [column for column in scorer.columns if column in frame and frame[column].notna().any()]
        means = {metric: float(per_seed(frame, metric).mean()) for metric in measured if metric in scorer.headline}
        metrics[key] = {"images": frame["key"].nunique(), **means, **of_set}
        intervals[key] = {metric: _interval(frame, metric) for metric in measured}
    manifest.write_json(layout.METRICS / name / "evaluate.json", metrics)
    manifest.write_json(folder / "intervals.json", intervals)
    manifest.write_json(folder / "absent.json", scorer.absent)


def read_values(name: str, key: str) -> pd.DataFrame:
    """The per-image values of a network on a test set: seed, key, metrics, degradation record."""
    return pd.read_parquet(layout.EVALUATED / name / f"{key}.parquet")


def _evaluate_set(
    name: str, seeds: list[int], key: str, restored: Restored, scorer: Scorer, params: EvaluateParams
) -> tuple[pd.DataFrame, dict]:
    """Values per image and seed, and the mean over seeds of what is measured of the whole set."""
    pairs, rows = open_test_set(key), []
    for seed in seeds:
        names, images = restored(key, seed)
        if names != pairs.keys:
            raise manifest.ManifestError(
                f"{name}, seed {seed}: its restored images are not those of the test set {key}; run the stage restore again"
            )
        progress = tqdm(images, f"{name} on {key}", len(pairs), unit="img", mininterval=1)
        for first, batch in _batches(progress, params.batch_size):
            rows += [{"seed": seed, **row} for row in scorer.of_images(pairs, first, batch)]
    record = pd.DataFrame([_record(pairs, index) for index in range(len(pairs))])
    return pd.DataFrame(rows).merge(record, on="key", how="left", validate="many_to_one"), {}


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
    found = mean_interval(per_image(frame, metric).to_numpy())
    seeds = {str(seed): float(mean) for seed, mean in per_seed(frame, metric).items()}
    return {"low": found.low, "high": found.high, "images": found.images, "seeds": seeds}
