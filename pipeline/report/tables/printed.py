"""Tables 2 to 7 as the paper prints them: methods as columns, metrics as rows, ours over the paper's."""

from dataclasses import dataclass, field

from pipeline.params.tables import OF_SETS, Table
from pipeline.report.blocks.blocks import Block
from pipeline.report.blocks.grid import Cell, Noted, number
from pipeline.report.metrics import METRICS, decimals, split_row, title
from pipeline.report.results import Run
from pipeline.report.tables import spread
from pipeline.report.tables.cells import interval_cell, not_computed, set_basis, unusable
from pipeline.report.tables.comparison import Compared, compare
from pipeline.report.tables.losses import loss_notes
from pipeline.report.tables.paper import INTERVAL, TRUNK, basis, caption, measured_elsewhere
from pipeline.report.tables.recipes import unequal
from pipeline.report.tables.spread import runs_cell

READING = (
    f"Methods are columns and metrics rows, as in the paper. **Ours** comes first, beneath it in small print its {INTERVAL} "
    "over the images tested, where a network was trained several times the lowest and the highest mean of a run, then *the "
    "paper’s* figure, on the paper’s own data. **Bold** is the best of ours, by however little. A dash: there is no such "
    "figure, or the method is not trained here.",
)

MEANING = "What the metrics and the columns mean"


@dataclass(frozen=True)
class PrintedRow:
    """A metric: a cell per column with our figure, the interval beneath it, the spread of its runs, the paper's figure.

    sure, repeated, printed: whether any column has an interval, several training runs, and a figure of the paper's. best:
    numbers of the columns whose figure is the best of ours.
    """

    head: Cell
    ours: list[Cell]
    intervals: list[Cell]
    runs: list[Cell]
    paper: list[Cell]
    best: frozenset[int]

    @property
    def sure(self) -> bool:
        return any(cell.text for cell in self.intervals)

    @property
    def repeated(self) -> bool:
        return any(cell.value is not None for cell in self.runs)

    @property
    def printed(self) -> bool:
        return any(cell.value is not None for cell in self.paper)


@dataclass
class PrintedTable(Block, Noted):
    """One of the paper's tables. bases: what its figures rest on, a sentence each. columns: a method's label; `paper` where
    only the paper has it."""

    name: str
    caption: str
    bases: list[str]
    columns: list[Cell]
    rows: list[PrintedRow] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def printed_table(name: str, table: Table, run: Run) -> PrintedTable | None:
    """A table with the columns and rows of params; None where none of its columns is a network of ours.

    A column of which no row has a figure, ours or the paper's, is left out.
    """
    results = [run.results.get(column.network or "") for column in table.columns]
    if not any(result and result.task for result in results):
        return None
    compared = compare(name, table, run)
    shown = PrintedTable(f"{name}_printed", caption(name, table), _bases(compared, table, run), [])
    said = loss_notes([column.label for column in table.columns], results)
    labels = []
    for column, result in zip(table.columns, results, strict=True):
        if any(figure.label == column.label for figures in compared.values() for figure in figures):
            labels.append(column.label)
            notes = tuple(map(shown.note, said[column.label]))
            shown.columns.append(Cell(column.label, notes=notes, paper=result is None))
    shown.rows += [_row(shown, row, figures, labels, run) for row, figures in compared.items()]
    return shown


def in_full(name: str) -> str:
    """What opens the long form of a table such as table_2."""
    return f"{name.replace('_', ' ').capitalize()} in full: differences, notes, how the networks were trained"


def _bases(compared: dict[str, list[Compared]], table: Table, run: Run) -> list[str]:
    """On which images each set's figures rest, in what the networks were not trained alike, which differences are sure."""
    of_sets: dict[str, str] = {}
    for row, figures in compared.items():
        key = split_row(row)[0]
        if key:
            # A set's rows that the paper lacks say less than those that it prints.
            of_sets[key] = max(of_sets.get(key, ""), basis(row, figures, run), key=len)
    said = [f"{text[0].upper()}{text[1:]}." for text in of_sets.values()]
    return said + ([sentence] if (sentence := unequal(table, run)) else []) + spread.said(spread.pairs(compared))


def _row(shown: PrintedTable, row: str, figures: list[Compared], labels: list[str], run: Run) -> PrintedRow:
    key, metric = split_row(row)
    of = {figure.label: figure for figure in figures}
    where = basis(row, figures, run)
    head = [f"{where[0].upper()}{where[1:]}."] if where and not key else []
    if metric.startswith("lpips") and any(figure.paper is not None for figure in figures):
        head.append(TRUNK)
    found = [of.get(label) for label in labels]
    return PrintedRow(
        Cell(title(metric), notes=tuple(map(shown.note, head))),
        [_ours(shown, figure, figures, run) for figure in found],
        [_interval(shown, figure) for figure in found],
        [runs_cell(figure) for figure in found],
        [number(figure.paper if figure else None, decimals(metric), paper=True) for figure in found],
        _best(found, metric, run),
    )


def _ours(shown: PrintedTable, figure: Compared | None, figures: list[Compared], run: Run) -> Cell:
    """Our figure; why there is none, or what it cannot be compared with, is a note."""
    if figure is None or figure.result is None:
        return Cell()
    metric = split_row(figure.row)[1]
    if figure.ours is None:
        said = [not_computed(figure.result, figure.row)]
    else:
        said = [set_basis(figure.result, figure.row, run)] if metric in OF_SETS else []
        said += measured_elsewhere(figure, figures)
    return number(figure.ours, decimals(metric), tuple(map(shown.note, said)))


def _interval(shown: PrintedTable, figure: Compared | None) -> Cell:
    """The interval beneath our figure; nothing where there is none."""
    if figure is None or figure.interval is None:
        return Cell("")
    return interval_cell(shown, figure.result, figure.row)


def _best(figures: list[Compared | None], metric: str, run: Run) -> frozenset[int]:
    """Numbers of the columns whose figure is the best of ours as it is shown; none where there is nothing to choose from."""
    arrow = METRICS[metric][1]
    ours = {place: figure for place, figure in enumerate(figures) if figure and figure.ours is not None}
    if not arrow or any(unusable(figure.result, figure.row, run) for figure in ours.values()):
        return frozenset()
    shown = {place: round(figure.ours, decimals(metric)) for place, figure in ours.items()}
    best = (max if arrow == "↑" else min)(shown.values(), default=None)
    places = frozenset(place for place, value in shown.items() if value == best)
    return places if len(places) < len(shown) else frozenset()
