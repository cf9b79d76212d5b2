"""Figures as tables for `dvc plots`: curves by step, means with their intervals by network, and by what networks cost."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from pipeline.report.figures.tradeoff import Tradeoff
from pipeline.report.results import PAPERS, Run
from pipeline.store import paths
from pipeline.store.files import whole_file

# Figures of a training that are worth a plot: name in the file -> its column in a curve.
CURVES = {"loss": "train/loss", "psnr_y": "validation/psnr_y"}
# Test set -> metrics of its images that are worth one.
MEANS = {"helen": ("psnr_y", "ssim_y"), "celebahq": ("lpips_alex", "landmark_distance")}
# Tables whose networks are set against their cost.
WEIGHED = ("table_2", "table_3", "table_5")
COSTS = ("gmac", "ms_per_image", "parameters_m")


def write_series(folder: Path, run: Run, tradeoffs: list[Tradeoff]) -> None:
    """Write <folder>/<task>_<figure>.csv (network, step, figure), <set>_<metric>.csv (network, figure, low, high) and
    <table>_cost.csv (network, metric, quality, low, high, costs).

    A file without rows has its columns all the same: reports/dvc.yaml names every one.
    """
    for task in PAPERS:
        for figure, column in CURVES.items():
            _write(folder / f"{task}_{figure}.csv", ["network", "step", figure], _curves(task, figure, column, run))
    for key, metrics in MEANS.items():
        for metric in metrics:
            _write(folder / f"{key}_{metric}.csv", ["network", metric, "low", "high"], _means(key, metric, run))
    found = {tradeoff.name: tradeoff for tradeoff in tradeoffs}
    for name in WEIGHED:
        columns = ["network", "metric", "quality", "low", "high", *COSTS]
        _write(folder / f"{name}_cost.csv", columns, _weighed(found[name]) if name in found else iter(()))


def _curves(task: str, figure: str, column: str, run: Run) -> Iterator[dict]:
    """A row per step, the mean over seeds, of each network of the task."""
    for result in run.networks:
        if result.task == task and column in result.curve:
            for step, value in result.curve.groupby("step")[column].mean().dropna().items():
                yield {"network": result.name, "step": step, figure: value}


def _means(key: str, metric: str, run: Run) -> Iterator[dict]:
    for result in run.results.values():
        interval = result.intervals.get(key, {}).get(metric)
        if interval and result.task in (None, paths.SETS[key][0]):
            yield {
                "network": result.name,
                metric: result.measured(f"{key}.{metric}"),
                "low": interval["low"],
                "high": interval["high"],
            }


def _weighed(tradeoff: Tradeoff) -> Iterator[dict]:
    """A row per network: its quality with the ends of its interval (the quality itself where it has none), its costs."""
    for point in tradeoff.points:
        low, high = point.ends or (point.quality, point.quality)
        costs = {metric: point.cost(metric) for metric in COSTS}
        yield {
            "network": point.label,
            "metric": tradeoff.row,
            "quality": point.quality,
            "low": low,
            "high": high,
        } | costs


def _write(path: Path, columns: list[str], rows: Iterator[dict]) -> None:
    with whole_file(path) as file:
        pd.DataFrame(list(rows), columns=columns).to_csv(file, index=False)
