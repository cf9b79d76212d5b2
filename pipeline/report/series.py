"""Figures as tables for `dvc plots`: curves by step, means with their intervals by network."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from pipeline import layout
from pipeline.files import whole_file
from pipeline.report.results import MODELS, Run

# Figures of a training that are worth a plot: name in the file -> its column in a curve.
CURVES = {"loss": "train/loss", "psnr_y": "validation/psnr_y"}
# Test set -> metrics of its images that are worth one.
MEANS = {"helen": ("psnr_y", "ssim_y"), "celebahq": ("lpips_alex", "landmark_distance")}


def write_series(folder: Path, run: Run) -> None:
    """Write <folder>/<model>_<figure>.csv (variant, step, figure) and <set>_<metric>.csv (network, figure, low, high).

    A file without rows has its columns all the same: dvc.yaml names every one.
    """
    for model in MODELS:
        for figure, column in CURVES.items():
            _write(folder / f"{model}_{figure}.csv", ["variant", "step", figure], _curves(model, figure, column, run))
    for key, metrics in MEANS.items():
        for metric in metrics:
            _write(folder / f"{key}_{metric}.csv", ["network", metric, "low", "high"], _means(key, metric, run))


def _curves(model: str, figure: str, column: str, run: Run) -> Iterator[dict]:
    """A row per step, the mean over seeds, of each variant of the model's family."""
    for result in run.variants:
        if result.family == model and column in result.curve:
            for step, value in result.curve.groupby("step")[column].mean().dropna().items():
                yield {"variant": result.name, "step": step, figure: value}


def _means(key: str, metric: str, run: Run) -> Iterator[dict]:
    for result in run.results.values():
        interval = result.intervals.get(key, {}).get(metric)
        if interval and result.family in (None, layout.SETS[key][0]):
            yield {
                "network": result.name,
                metric: result.measured(f"{key}.{metric}"),
                "low": interval["low"],
                "high": interval["high"],
            }


def _write(path: Path, columns: list[str], rows: Iterator[dict]) -> None:
    with whole_file(path) as file:
        pd.DataFrame(list(rows), columns=columns).to_csv(file, index=False)
