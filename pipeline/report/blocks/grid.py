"""A table as the report shows it, whatever its subject: one form for HTML, Markdown and CSV."""

import math
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.store import manifest

NONE = "–"
Value = float | int | str | None


@dataclass(frozen=True)
class Cell:
    """What stands in a cell, or over a column.

    text: as shown. value: as written to CSV, at full precision (None: an empty field); a tuple where the column has several
    fields there. notes: numbers of notes under the table. prose: words, set to the left. paper: the paper's figure.
    fields: of a header alone, the names of its column's CSV fields, where its text is not the one name.
    """

    text: str = NONE
    value: Value | tuple[Value, ...] = None
    notes: tuple[int, ...] = ()
    prose: bool = False
    paper: bool = False
    fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class Line:
    """A row: what it is about, what that rests on (`basis`, in small print), its cells.

    paper: all of it is the paper's. heading: it stands over the lines that follow and has empty cells. value: what CSV has
    in place of the header.
    """

    header: str
    cells: list[Cell]
    basis: str = ""
    paper: bool = False
    heading: bool = False
    value: str = ""


class Noted:
    """A table with numbered notes."""

    notes: list[str]

    def note(self, text: str) -> int:
        """The number of the note that says `text`, added where nothing needed it before."""
        if text not in self.notes:
            self.notes.append(text)
        return self.notes.index(text) + 1


@dataclass
class Grid(Noted):
    """A table with its caption, the header over the row headers (`corner`), columns, lines and numbered notes.

    groups: the name of the CSV field that says under which heading a line stands. tidy: CSV has the columns alone, without
    source, basis and notes.
    """

    name: str
    caption: str
    corner: str
    columns: list[Cell]
    lines: list[Line] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    groups: str = ""
    tidy: bool = False

    def head(self, header: str, basis: str = "", value: str = "") -> None:
        """Add a line that stands over those that follow."""
        self.lines.append(Line(header, [Cell("") for _ in self.columns], basis, heading=True, value=value))


def words(text: str) -> Cell:
    """A cell of prose."""
    return Cell(text, text, prose=True)


def number(value: float | int | None, decimals: int = 0, notes: tuple[int, ...] = (), paper: bool = False) -> Cell:
    """A cell with a rounded number; a dash for None and NaN."""
    if value is None or math.isnan(value):
        return Cell(notes=notes, paper=paper)
    return Cell(plain(value, decimals), value, notes, paper=paper)


def plain(value: float, decimals: int) -> str:
    """A number as text: rounded, thousands set apart, an infinite one as ∞, NaN as a dash."""
    if math.isnan(value):
        return NONE
    return f"{value:,.{decimals}f}" if math.isfinite(value) else f"{'−' * (value < 0)}∞"


def signed(value: float, decimals: int) -> str:
    """A difference as text: with its sign, but none where it is rounded to 0 or NaN."""
    size = plain(abs(value), decimals)
    return f"{'−' if value < 0 else '+'}{size}" if size.strip(f"0.{NONE}") else size


def heads(*labels: str, prose: tuple[str, ...] = ()) -> list[Cell]:
    """Column headers; those in `prose` stand over words."""
    return [Cell(label, label, prose=label in prose) for label in labels]


def write_grid(folder: Path, grid: Grid) -> None:
    """Write a table as <folder>/<name>.csv: a row per line, numbers unrounded, notes spelled out in the last column.

    Headings have no row: their value is a field of the rows below them.
    """
    rows, over = [], Line("", [])
    for line in grid.lines:
        if line.heading:
            over = line
        else:
            rows.append(_row(grid, line, over))
    manifest.write_csv(folder / f"{grid.name}.csv", rows)


def _row(grid: Grid, line: Line, over: Line) -> dict[str, Value]:
    row: dict[str, Value] = {grid.groups: over.value or over.header} if grid.groups else {}
    row[grid.corner] = line.value or line.header
    if not grid.tidy:
        row |= {"source": "paper" if line.paper else "here", "basis": line.basis or over.basis}
    for head, cell in zip(grid.columns, line.cells, strict=True):
        row |= _fields(head, cell)
    if not grid.tidy:
        numbers = sorted({number for cell in line.cells for number in cell.notes})
        row["notes"] = " | ".join(grid.notes[number - 1] for number in numbers)
    return row


def _fields(head: Cell, cell: Cell) -> dict[str, Value]:
    names = head.fields or (head.text,)
    if not isinstance(cell.value, tuple):  # a cell without a figure may say so in one word, whatever its fields
        return dict.fromkeys(names) | {names[0]: cell.value}
    return dict(zip(names, cell.value, strict=True))
