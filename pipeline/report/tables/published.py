"""What others publish of the size and the cost of the tables' networks, beside what was counted here."""

from functools import cache
from pathlib import Path

from ruamel.yaml import YAML

from pipeline.params.tables import ReportParams
from pipeline.report.blocks.grid import Cell, Grid, Line, heads, number, words
from pipeline.report.metrics import COUNTED, METRICS, decimals, split_row
from pipeline.report.results import PAPERS, Result, Run
from pipeline.store import paths

PUBLISHED = Path(__file__).with_name("published.yaml")
READING = (
    "Sizes and costs that others print for these networks, with the source of each; none is the AGRNet paper’s. They are of "
    "the networks as published and counted in the sources’ own ways, those here of the networks as params.yaml sets them."
)


@cache
def published_figures() -> dict:
    """What others print: task -> network -> a list of figures with their source."""
    return YAML(typ="safe").load(PUBLISHED)


def published_grid(run: Run, report: ReportParams) -> Grid | None:
    """What others print of the cost of the tables' networks, a line per source, beside ours; None where nothing is known."""
    columns = [*heads("source", prose=("source",))]
    columns += [Cell(f"published: {METRICS[cost][0]}", paper=True, fields=(f"published_{cost}",)) for cost in COUNTED]
    columns += [Cell(f"here: {METRICS[cost][0]}", fields=(cost,)) for cost in COUNTED]
    grid = Grid("published", "Size and cost as others publish them", "network", columns, groups="beside", tidy=True)
    for task, networks in published_figures().items():
        labels = _labels(task, run, report)
        shown = {label: figures for label, figures in networks.items() if label in labels}
        if shown:
            grid.head(f"Beside {PAPERS[task]}", value=task)
        for label, figures in shown.items():
            grid.lines += [_published_line(label, figure, labels[label]) for figure in figures]
    return grid if grid.lines else None


def _published_line(label: str, figure: dict, here: Result | None) -> Line:
    theirs = [number(figure.get(cost), decimals(cost), paper=True) for cost in COUNTED]
    ours = [number(here.measured(cost) if here else None, decimals(cost)) for cost in COUNTED]
    return Line(label, [words(figure["source"]), *theirs, *ours])


def _labels(task: str, run: Run, report: ReportParams) -> dict[str, Result | None]:
    """Label -> network here, if any, of all columns of the tables about a task's test sets."""
    sets = paths.sets_of(task, "test")
    tables = [table for table in report.tables.values() if any(split_row(row)[0] in sets for row in table.rows)]
    found: dict[str, Result | None] = {}
    for column in (column for table in tables for column in table.columns):
        found[column.label] = found.get(column.label) or run.results.get(column.network or "")
    return found
