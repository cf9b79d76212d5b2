"""Tables 2 to 7 in full: our figures, how sure they are, how they differ, and the paper's. One path for all six."""

from pipeline.metrics.statistics import LEVEL, RESAMPLES
from pipeline.params.tables import Table
from pipeline.report.blocks.grid import Cell, Grid, Line, heads, number, signed
from pipeline.report.metrics import MEASURED_ANEW, decimals, split_row, title
from pipeline.report.results import TITLES, Run
from pipeline.report.tables.cells import difference_cell, interval_cell, measured_cell
from pipeline.report.tables.comparison import Compared, baseline_of, compare
from pipeline.report.tables.losses import loss_notes
from pipeline.report.tables.networks import circumstances
from pipeline.report.tables.recipes import unequal
from pipeline.report.tables.spread import runs_cell

# Sec. 4.3: images of each set. The training sets' are pairs.
PAPER_COUNTS = {"celeba": "about 179,000", "helen": "50", "ffhq": "70,000", "celebahq": "2,824", "real": "1,084"}
ONE_RUN = "One training run: how much another seed would change this is not known."
TRUNK = "The paper says LPIPS and does not name the network that it looks through."
INTERVAL = f"{LEVEL:.0%} interval".replace("%", " %")
READING = (
    "**ours** is what was measured here, a mean over the images of a test set. Its "
    f"**{INTERVAL}** says how far that mean depends on which images were tested: they were drawn anew {RESAMPLES:,} times "
    "from those that there are (bootstrap). It does not say how another training run would have turned out; with several "
    "runs, **seeds** has the lowest and the highest mean of one run.",
    "**difference to** another network is taken image by image, so that hard and easy images cancel, with its own "
    f"{INTERVAL}. *Better* or *worse* stands where all of that interval lies on one side of 0. Of many such comparisons "
    "between equal networks one in twenty would say so by chance.",
    "**paper** is the paper’s figure, on the paper’s own data, and **ours − paper** what lies between. A dash: there is no "
    "such figure, or the method is not trained here. FID, KID and other distances between whole sets, and what a network "
    "costs, are not means over images and have no interval.",
)


def caption(name: str, table: Table) -> str:
    """What stands over a table, e.g. "Table 5. Number of ARUs"."""
    return f"{name.replace('_', ' ').capitalize()}. {table.title}"


def paper_table(name: str, table: Table, run: Run) -> Grid | None:
    """One of the paper's tables with our figures; None where none of its columns is a network of ours.

    Networks are lines, under a heading for each row of params (set and metric). A column without a network has the paper's
    figures alone.
    """
    results = [run.results.get(column.network or "") for column in table.columns]
    if not any(result and result.task for result in results):
        return None
    grid = Grid(name, f"{caption(name, table)}: every figure", "network", [], groups="metric")
    grid.columns = _columns(grid, table, run)
    said = loss_notes([column.label for column in table.columns], results)
    for row, figures in compare(name, table, run).items():
        grid.head(title(split_row(row)[1]), basis(row, figures, run), row)
        for compared in figures:
            once = [ONE_RUN] * (
                _several(table, run) and compared.result is not None and len(compared.result.seeds) == 1
            )
            sentences = [*said[compared.label], *measured_elsewhere(compared, figures), *once]
            grid.lines.append(_line(grid, compared, sentences, table, run))
    return grid


def _several(table: Table, run: Run) -> bool:
    """Whether any network of a table was trained several times."""
    results = (run.results.get(column.network or "") for column in table.columns)
    return any(result and len(result.seeds) > 1 for result in results)


def _columns(grid: Grid, table: Table, run: Run) -> list[Cell]:
    said = [] if _several(table, run) else [ONE_RUN]
    said += [sentence] if (sentence := unequal(table, run)) else []
    columns = [Cell(INTERVAL, fields=("low", "high"))]
    if baseline_of(table, run):
        fields = ("difference", "difference_low", "difference_high")
        columns.append(Cell(f"difference to {table.baseline}", fields=fields))
    else:
        said.append(f"No differences between networks: {table.baseline}, to compare with, is not computed here.")
    columns.insert(0, Cell("ours", notes=tuple(map(grid.note, said)), fields=("ours",)))
    if _several(table, run):
        columns.append(Cell("seeds", fields=("seeds_low", "seeds_high")))
    return [*columns, Cell("paper", paper=True, fields=("paper",)), Cell("ours − paper", fields=("ours_less_paper",))]


def basis(row: str, figures: list[Compared], run: Run) -> str:
    """On which images, or where, a row was measured here, and on how many images in the paper; empty for what is counted."""
    key, metric = split_row(row)
    if not key:
        places = _places(figures)
        return f"here, {places[0]}" if metric in MEASURED_ANEW and places else ""
    counts = [figure.result.measured(f"{key}.images") for figure in figures if figure.result]
    images = dict.fromkeys(f"{count:,.0f}" for count in counts if count is not None)
    here = f"here, on {TITLES[key]}: {' or '.join(images) or 'no'} {run.sources[key]}"
    printed = any(figure.paper is not None for figure in figures)
    return f"{here}; in the paper {PAPER_COUNTS[key]} images" if printed else here


def _places(figures: list[Compared]) -> list[str]:
    """Where and how time and memory of a row's networks were measured, in words."""
    return circumstances([figure.result for figure in figures if figure.result])


def measured_elsewhere(compared: Compared, figures: list[Compared]) -> list[str]:
    """What has to be said of a time or a memory that was not measured where the row's heading says."""
    if compared.result is None or split_row(compared.row)[1] not in MEASURED_ANEW:
        return []
    return [f"Measured {place}." for place in circumstances([compared.result]) if place != _places(figures)[0]]


def _line(grid: Grid, compared: Compared, said: list[str], table: Table, run: Run) -> Line:
    key, metric = split_row(compared.row)
    digits, result = decimals(metric), compared.result
    paper = number(compared.paper, digits, _paper_notes(grid, compared), paper=True)
    beside = compared.beside_paper
    last = [paper, Cell() if beside is None else Cell(signed(beside, digits), beside)]
    if result is None:
        blank = [Cell() for _ in grid.columns[2:]]
        return Line(compared.label, [*blank, *last], paper=True)
    ours = measured_cell(grid, result, compared.row, run)
    about = tuple(grid.note(sentence) for sentence in said)
    cells = [Cell(ours.text, ours.value, ours.notes + about), interval_cell(grid, result, compared.row)]
    if baseline_of(table, run):
        of_set = difference_cell(grid, compared.difference, compared.row, result.measured(f"{key}.images"))
        cells.append(Cell("baseline") if compared.baseline else of_set)
    if _several(table, run):
        cells.append(runs_cell(compared))
    return Line(compared.label, cells + last)


def _paper_notes(grid: Grid, compared: Compared) -> tuple[int, ...]:
    lpips = compared.paper is not None and split_row(compared.row)[1].startswith("lpips")
    return (grid.note(TRUNK),) if lpips else ()


def results_grid(tables: dict[str, Table], run: Run) -> Grid:
    """Every figure of the tables, a line each, for files alone: reports/tables/results.csv, in the report's order."""
    names = ("label", "network", "set", "metric", "ours", "low", "high")
    names += ("baseline", "difference", "difference_low", "difference_high", "paper")
    grid = Grid("results", "Every figure of the tables", "table", heads(*names), tidy=True)
    for name, table in tables.items():
        figures = compare(name, table, run)
        if any(figure.result and figure.result.task for of_row in figures.values() for figure in of_row):
            for figure in (figure for of_row in figures.values() for figure in of_row):
                grid.lines.append(Line(name, [Cell(str(value), value) for value in _values(figure, table.baseline)]))
    return grid


def _values(figure: Compared, baseline: str) -> list[float | str | None]:
    key, metric = split_row(figure.row)
    interval = figure.interval or {}
    names = [figure.label, figure.result.name if figure.result else None, key or None, metric]
    apart = figure.difference
    difference = [baseline, apart.mean, apart.low, apart.high] if apart else [None] * 4
    return [*names, figure.ours, interval.get("low"), interval.get("high"), *difference, figure.paper]
