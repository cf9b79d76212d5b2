"""How far a network's training runs lie apart, and which differences between two networks are larger than that."""

from dataclasses import dataclass
from itertools import combinations
from math import comb, isnan

from pipeline.report.blocks.grid import Cell, Grid, Line, heads, signed
from pipeline.report.metrics import METRICS, decimals, split_row, title
from pipeline.report.tables.cells import span
from pipeline.report.tables.comparison import Compared

READING = (
    "**Spread.** A network that was trained several times has as many means; **seeds** is from the lowest to the highest. "
    "A difference between two networks **exceeds the spread** where every run of the one lies above every run of the "
    "other. Between equal networks of three runs each that happens by chance in one of ten comparisons, of two runs each in "
    "one of three."
)


@dataclass(frozen=True)
class Pair:
    """Two networks' means of each training run. high: the one with the higher mean over them."""

    row: str
    high: str
    low: str
    of_high: list[float]
    of_low: list[float]

    @property
    def difference(self) -> float:
        """The higher mean less the lower one."""
        return sum(self.of_high) / len(self.of_high) - sum(self.of_low) / len(self.of_low)

    @property
    def exceeds(self) -> bool:
        """Whether all runs of the one lie above all runs of the other."""
        return min(self.of_high) > max(self.of_low)

    @property
    def chance(self) -> float:
        """How often the runs of two equal networks would part so, by their order alone."""
        return 2 / comb(len(self.of_high) + len(self.of_low), len(self.of_low))


def pairs(compared: dict[str, list[Compared]]) -> list[Pair]:
    """Every two networks of a table with several training runs each, for each row with a mean per run."""
    found = []
    for row, figures in compared.items():
        repeated = {figure.label: runs for figure in figures if len(runs := runs_of(figure)) > 1}
        for a, b in combinations(repeated, 2):
            high, low = sorted((a, b), key=lambda label: -sum(repeated[label]) / len(repeated[label]))
            found.append(Pair(row, high, low, repeated[high], repeated[low]))
    return found


def runs_of(figure: Compared) -> list[float]:
    """The mean of each training run that has one: of landmarks it has none where no face is found in any image. One alone,
    such as bicubic's, is no run."""
    means = (figure.interval or {}).get("seeds", {}).values()
    return [mean for mean in means if not isnan(mean)]


def runs_cell(figure: Compared | None) -> Cell:
    """The lowest and the highest mean of a training run; a dash where there is one alone."""
    means = runs_of(figure) if figure else []
    if len(means) < 2:
        return Cell()
    return Cell(span(min(means), max(means), decimals(split_row(figure.row)[1])), (min(means), max(means)))


def spread_grid(name: str, caption: str, found: list[Pair]) -> Grid:
    """Every pair with its difference, the runs of both and whether it exceeds their spread."""
    columns = [
        *heads("difference"),
        *(Cell(f"runs of the {end}", fields=(f"{end}_lowest", f"{end}_highest")) for end in ("higher", "lower")),
        *heads("exceeds the spread", "by chance"),
    ]
    grid = Grid(f"{name}_spread", f"{caption}: differences and the spread of the training runs", "networks", columns)
    grid.groups, row = "metric", ""
    for pair in found:
        if pair.row != row:
            row = pair.row
            grid.head(title(split_row(row)[1]), value=row)
        grid.lines.append(Line(f"{pair.high} − {pair.low}", _cells(pair, decimals(split_row(row)[1]))))
    return grid


def _cells(pair: Pair, digits: int) -> list[Cell]:
    ends = [(min(runs), max(runs)) for runs in (pair.of_high, pair.of_low)]
    ranges = [Cell(span(*end, digits), end) for end in ends]
    answer = "yes" if pair.exceeds else "no"
    chance = Cell(f"1 in {1 / pair.chance:.0f}", pair.chance)
    return [Cell(signed(pair.difference, digits), pair.difference), *ranges, Cell(answer, answer), chance]


def said(found: list[Pair]) -> list[str]:
    """A sentence per row: which differences exceed the spread of the training runs, and which do not."""
    sentences = []
    for row in dict.fromkeys(pair.row for pair in found):
        of_row, metric = [pair for pair in found if pair.row == row], split_row(row)[1]
        parts = {True: [], False: []}
        for pair in of_row:
            apart = signed(pair.difference, decimals(metric))
            parts[pair.exceeds].append(f"{pair.high} over {pair.low} ({apart})")
        beyond, within = (", ".join(parts[exceeds]) or "none" for exceeds in (True, False))
        name = METRICS[metric][0]
        sentences.append(f"{name}, beyond the spread of the training runs: {beyond}; within it: {within}.")
    return sentences
