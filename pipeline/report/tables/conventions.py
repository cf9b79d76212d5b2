"""PSNR and SSIM of the same images as the compared methods' published code computes them, side by side."""

import math
from dataclasses import replace

from pipeline.metrics.conventions import CONVENTIONS
from pipeline.metrics.statistics import per_seed
from pipeline.report.blocks.grid import Cell, Grid, Line, number
from pipeline.report.metrics import decimals
from pipeline.report.results import Result, Run, heading
from pipeline.store import paths

MEASURES = {"psnr": "PSNR", "ssim": "SSIM"}
READING = (
    "Published code computes PSNR and SSIM in ways of its own. Each line below is measured on the same restored images in "
    "all of them: figures of different columns must not be compared, which is what happens where a paper copies another’s.",
    *(f"**{convention.title}**: {convention.words}." for convention in CONVENTIONS.values()),
)


def conventions_grids(run: Run) -> list[Grid]:
    """A table per test set that was measured in several conventions: bicubic and all networks as lines."""
    keys = [key for key, (_, split) in paths.SETS.items() if split == "test"]
    return [grid for key in keys if (grid := _conventions_grid(key, run))]


def _conventions_grid(key: str, run: Run) -> Grid | None:
    results = [result for result in run.results.values() if key in result.values]
    measured = {column for result in results for column in result.values[key]}
    names = [name for name in CONVENTIONS if {f"{measure}_{name}" for measure in MEASURES} <= measured]
    if len(names) < 2:
        return None
    keys = {f"{measure}_{name}": (measure, name) for measure in MEASURES for name in names}
    columns = [Cell(f"{MEASURES[m]}, {CONVENTIONS[name].title}", fields=(k,)) for k, (m, name) in keys.items()]
    images = max(result.measured(f"{key}.images") for result in results)
    caption = f"{heading(key)}, the same {images:,.0f} {run.sources[key]} in each convention"
    grid = Grid(f"conventions_{key}", caption, "network", columns)
    for result in results:
        means = {column: _mean(result, key, column) for column in keys}
        cells = [number(mean, decimals(f"{keys[column][0]}_y")) for column, mean in means.items()]
        grid.lines.append(Line(result.name, cells))
    for place, column in enumerate(grid.columns):
        if column.fields[0].endswith(f"_{names[0]}"):
            note = grid.note(_apart(grid, column.fields[0].split("_")[0]))
            grid.columns[place] = replace(column, notes=(note,))
    return grid


def _mean(result: Result, key: str, column: str) -> float | None:
    """Over the images, then over the seeds."""
    frame = result.values[key]
    return float(per_seed(frame, column).mean()) if column in frame else None


def _apart(grid: Grid, measure: str) -> str:
    """How far apart the conventions read the images of one network, at most, in words."""
    places = [place for place, head in enumerate(grid.columns) if head.fields[0].startswith(measure)]
    rows = [[line.cells[place].value for place in places] for line in grid.lines]
    finite = [[value for value in row if value is not None and math.isfinite(value)] for row in rows]
    gap = max((max(row) - min(row) for row in finite if row), default=0.0)
    unit = " dB" if measure == "psnr" else ""
    return f"The same images read up to {gap:.{decimals(f'{measure}_y')}f}{unit} of {MEASURES[measure]} apart."
