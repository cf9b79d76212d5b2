"""Every figure measured, a table per test set: what the networks reach, and what the HR images themselves do."""

from pipeline.params.tables import OF_NETWORKS, OF_SETS, WITHOUT_GROUND_TRUTH
from pipeline.report.blocks.grid import Cell, Grid, Line, number
from pipeline.report.metrics import METRICS, decimals, title
from pipeline.report.results import Result, Run, heading
from pipeline.report.tables.cells import mean_cell, mean_fields
from pipeline.report.tables.paper import INTERVAL
from pipeline.store import paths

FIGURES = (
    f"The range after a figure is its {INTERVAL} over the images, as in the tables above.",
    "**Faces found** is the share of restored faces in which a detector finds a face, of those in whose true image it finds "
    "one; the line *HR* has its share of the true images themselves. **Landmark distance** is how far the five points of a "
    "face (eyes, nose, corners of the mouth) lie from those of the true image, as a share of the distance between the eyes; "
    "it says nothing of images in which no face was found.",
)


def figures_grids(run: Run) -> list[Grid]:
    """Everything measured, a table per test set that holds images, networks as lines."""
    grids = []
    for key, (task, split) in paths.SETS.items():
        results = [r for r in run.results.values() if r.task in (None, task) and key in r.metrics]
        paired = any("psnr_y" in r.metrics[key] for r in results)
        of_kind = [m for m in METRICS if m not in OF_NETWORKS and m not in (OF_SETS if paired else ())]
        metrics = [m for m in of_kind if paired or m in WITHOUT_GROUND_TRUTH]
        metrics = [m for m in metrics if any(m in r.metrics[key] or m in r.absent for r in results)]
        if split == "test" and metrics:
            grids.append(_figures_grid(key, metrics, results, run))
    return grids


def _figures_grid(key: str, metrics: list[str], results: list[Result], run: Run) -> Grid:
    caption = f"{heading(key)}, here: {run.sources[key]}"
    columns = [Cell("images", "images"), *(Cell(title(m), title(m), fields=mean_fields(m)) for m in metrics)]
    grid = Grid(f"figures_{key}", caption, "network", columns)
    for result in results:
        cells = [mean_cell(grid, result, f"{key}.{metric}", run) for metric in metrics]
        grid.lines.append(Line(result.name, [number(result.measured(f"{key}.images")), *cells]))
    of_hr = run.reference.get(key, {})
    if any(metric in of_hr for metric in metrics):
        shares = [number(of_hr.get(metric), decimals(metric)) for metric in metrics]
        grid.lines.append(Line("HR", [number(of_hr.get("images")), *shares], "the true images themselves"))
    return grid
