"""How many images each stage kept of each set, beside the paper's counts, and why others were rejected."""

from pipeline import layout
from pipeline.report.grid import Cell, Grid, Line, heads, number, words
from pipeline.report.results import MODELS, STAGES, Run, heading
from pipeline.report.tables import PAPER_COUNTS

DONE = {
    "ingest": "readable",
    "crop": "with a face",
    "filter": "large enough",
    "resize": "resized",
    "degrade": "ready",
}
PURPOSE = {"train": "training", "test": "test"}


def counts_grid(run: Run) -> Grid:
    """Images left after each stage, a line per set, the paper's number last."""
    columns = heads("found", *DONE.values(), "paper: images")
    grid = Grid("counts", "Images left after each stage", "set", columns)
    for key, (model, split) in layout.SETS.items():
        counts = run.counts[key]
        cells = [number(counts["ingest"]["in"]), *(number(counts[stage]["kept"]) for stage in STAGES)]
        paper = Cell(PAPER_COUNTS[key], PAPER_COUNTS[key])
        basis = f"{MODELS[model]}, {PURPOSE[split]}; here: {run.sources[key]}"
        grid.lines.append(Line(heading(key), [*cells, paper], basis))
    return grid


def reasons_grid(run: Run) -> Grid | None:
    """Rejected images by set, stage and reason; None where nothing was rejected."""
    grid = Grid("rejected", "Rejected images", "set", heads("stage", "reason", "images", prose=("stage", "reason")))
    for key in layout.SETS:
        for stage in STAGES:
            for reason, images in run.counts[key][stage]["reasons"].items():
                grid.lines.append(Line(heading(key), [words(stage), words(reason), number(images)]))
    return grid if grid.lines else None
