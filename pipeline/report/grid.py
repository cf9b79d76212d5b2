"""A table as the report shows it, whatever its subject: one form for HTML, Markdown and CSV."""

from dataclasses import dataclass, field
from pathlib import Path

from pipeline import manifest

NONE = "–"


@dataclass(frozen=True)
class Cell:
    """What stands in a cell.

    text: as shown. value: as written to CSV, at full precision (None: an empty field). notes: numbers of notes under the
    table. prose: words, set to the left.
    """

    text: str = NONE
    value: float | int | str | None = None
    notes: tuple[int, ...] = ()
    prose: bool = False


@dataclass(frozen=True)
class Line:
    """A row: what it is about, what that rests on (`basis`, in small print), its cells; `paper` marks the paper's."""

    header: str
    cells: list[Cell]
    basis: str = ""
    paper: bool = False


@dataclass
class Grid:
    """A table with its caption, the header over the row headers (`corner`), columns, lines and numbered notes."""

    name: str
    caption: str
    corner: str
    columns: list[Cell]
    lines: list[Line] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> int:
        """The number of the note that says `text`, added where no other cell needed it before."""
        if text not in self.notes:
            self.notes.append(text)
        return self.notes.index(text) + 1


def words(text: str) -> Cell:
    """A cell of prose."""
    return Cell(text, text, prose=True)


def number(value: float | int | None, decimals: int = 0, notes: tuple[int, ...] = ()) -> Cell:
    """A cell with a rounded number, thousands set apart; a dash for None."""
    if value is None:
        return Cell(notes=notes)
    return Cell(f"{value:,.{decimals}f}", value, notes)


def heads(*labels: str, prose: tuple[str, ...] = ()) -> list[Cell]:
    """Column headers; those in `prose` stand over words."""
    return [Cell(label, label, prose=label in prose) for label in labels]


def write_grid(folder: Path, grid: Grid) -> None:
    """Write a table as <folder>/<name>.csv: a row per line, numbers unrounded, notes spelled out in the last column."""
    rows = []
    for line in grid.lines:
        numbers = sorted({number for cell in line.cells for number in cell.notes})
        row = {grid.corner: line.header, "source": "paper" if line.paper else "here", "basis": line.basis}
        row |= {head.text: cell.value for head, cell in zip(grid.columns, line.cells, strict=True)}
        rows.append(row | {"notes": " | ".join(grid.notes[number - 1] for number in numbers)})
    manifest.write_csv(folder / f"{grid.name}.csv", rows)
