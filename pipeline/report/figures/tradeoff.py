"""Quality against cost: what the networks of each table reach for what they cost, and which of them no other beats."""

import math
from dataclasses import dataclass

from pipeline.params.tables import OF_NETWORKS, ReportParams, Table
from pipeline.report.blocks.grid import Cell, Grid, Line, number, plain, words
from pipeline.report.metrics import COUNTED, METRICS, decimals, split_row, title
from pipeline.report.results import Result, Run
from pipeline.report.tables.cells import mean_cell, mean_fields
from pipeline.report.tables.networks import circumstances
from pipeline.report.tables.paper import caption
from pipeline.store import paths

FEWEST = 3  # networks that differ in cost: with fewer a plot shows nothing that a table does not
AXES = {"gmac": "computation", "ms_per_image": "time"}  # what a plot sets quality against
READING = (
    "Each plot holds the networks of one table. Further up is better, whichever way the metric counts, and further left is "
    "cheaper; the scales of cost are logarithmic. **The line** joins the networks that no other beats: none that costs no "
    "more is better, and none as good is cheaper. The means alone decide that. A marker’s area grows with the number of "
    "parameters, which stands beside the name.",
    "**Bars** are 95 % intervals over the images. They overlap more than the networks do, since all see the same easy and "
    "hard images: whether two networks differ is said by the differences in the tables above. **bicubic**, no network "
    "and next to free, is a dashed line, or a word at the edge where it lies far off.",
    "**GMAC** are counted and hold anywhere; **ms per image** were measured here, and hold for this device alone.",
)


@dataclass(frozen=True)
class Point:
    """A network in a plot: its label in the table, its quality (a mean) with the ends of its interval, where it has one."""

    label: str
    result: Result
    quality: float
    ends: tuple[float, float] | None

    def cost(self, metric: str) -> float | None:
        """gmac, ms_per_image or parameters_m; None where it was not measured."""
        return self.result.measured(metric)


@dataclass(frozen=True)
class Tradeoff:
    """A table's networks by cost and quality.

    row: of the table, e.g. helen.ssim_y. points: networks with a quality and a cost, in the table's order. bicubic: its
    quality, where the table has it. places: where and how times were measured. remarks: who is missing, and why.
    """

    name: str
    caption: str
    row: str
    points: list[Point]
    bicubic: float | None
    places: list[str]
    remarks: list[str]

    @property
    def metric(self) -> str:
        """The quality's key, without the set."""
        return split_row(self.row)[1]

    @property
    def higher(self) -> bool:
        """Whether more of the metric is better."""
        return METRICS[self.metric][1] == "↑"

    @property
    def axes(self) -> list[str]:
        """The costs to plot against: time only where all networks were timed, and in the same way."""
        timed = len(self.places) == 1 and all(point.cost("ms_per_image") for point in self.points)
        return list(AXES) if timed else ["gmac"]

    def front(self, axis: str) -> list[Point]:
        """The networks that no other beats in quality and in this cost, from the cheapest on."""
        kept = [point for point in self.points if not any(self._beats(other, point, axis) for other in self.points)]
        return sorted(kept, key=lambda point: point.cost(axis))

    def _beats(self, one: Point, other: Point, axis: str) -> bool:
        gain = one.quality - other.quality if self.higher else other.quality - one.quality
        saving = other.cost(axis) - one.cost(axis)
        return gain >= 0 and saving >= 0 and (gain > 0 or saving > 0)


def read_tradeoffs(run: Run, report: ReportParams) -> tuple[list[Tradeoff], list[str]]:
    """What can be plotted, in the tables' order; for each other table of quality a sentence says why not."""
    found, missing = [], []
    for name, table in report.tables.items():
        networks = _networks(table, run)
        row = _quality_row(table, networks)
        if networks and row:
            tradeoff = _read(name, table, row, networks, run)
            why = _why_not(networks, tradeoff)
            if why:
                missing.append(f"{tradeoff.caption}: {why}")
            else:
                found.append(tradeoff)
    return found, missing


def _networks(table: Table, run: Run) -> dict[str, Result]:
    """Label -> network of a table's columns that are computed here."""
    results = {column.label: run.results.get(column.network or "") for column in table.columns}
    return {label: result for label, result in results.items() if result and result.task}


def _quality_row(table: Table, networks: dict[str, Result]) -> str:
    """The first row of quality with enough figures to plot, or just the first; empty where the table has none."""
    rows = [row for row in table.rows if split_row(row)[1] not in OF_NETWORKS]
    enough = [row for row in rows if sum(_finite(result.measured(row)) for result in networks.values()) >= FEWEST]
    return next(iter([*enough, *rows]), "")


def _finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _read(name: str, table: Table, row: str, networks: dict[str, Result], run: Run) -> Tradeoff:
    points, remarks = [], []
    for label, result in networks.items():
        quality = result.measured(row)
        if not _finite(quality):
            why = result.why_not(row) if quality is None else "it is no finite number"
            remarks.append(f"{label} is not in it: no {METRICS[split_row(row)[1]][0]}, {why}.")
        elif not result.measured("gmac"):
            remarks.append(f"{label} is not in it: its cost was {result.why_not('gmac')}.")
        else:
            points.append(Point(label, result, quality, _ends(result, row)))
    bicubic = run.results[paths.BICUBIC].measured(row) if _has_bicubic(table) else None
    places = circumstances([point.result for point in points])
    return Tradeoff(name, caption(name, table), row, points, bicubic if _finite(bicubic) else None, places, remarks)


def _has_bicubic(table: Table) -> bool:
    return any(column.network == paths.BICUBIC for column in table.columns)


def _ends(result: Result, row: str) -> tuple[float, float] | None:
    found = result.interval(row)
    return (found["low"], found["high"]) if found and _finite(found["low"]) and _finite(found["high"]) else None


def _why_not(networks: dict[str, Result], tradeoff: Tradeoff) -> str:
    """Why a table has no plot; empty where it has one."""
    if len(networks) < FEWEST:
        count = f"{len(networks)} network{'s' * (len(networks) > 1)} computed here"
        return f"{count}, where a plot takes {FEWEST} that differ in cost."
    if len(tradeoff.points) < FEWEST:
        return f"fewer than {FEWEST} networks have both a quality and a cost. {' '.join(tradeoff.remarks)}"
    costs = dict.fromkeys(shortened(point.cost("gmac")) for point in tradeoff.points)
    if len(costs) < FEWEST:
        return f"its networks cost {' or '.join(costs)} GMAC, where a plot takes {FEWEST} that differ."
    return ""


def time_remarks(tradeoff: Tradeoff) -> list[str]:
    """Where times were measured, or why they are not plotted."""
    if "ms_per_image" in tradeoff.axes:
        return [f"Times were measured {tradeoff.places[0]}."]
    if len(tradeoff.places) > 1:
        return [f"Times are not plotted: they were measured in different ways ({'; '.join(tradeoff.places)})."]
    return ["Times are not plotted: they were not measured of all networks."]


def tradeoff_alt(tradeoff: Tradeoff) -> str:
    """All that the plot shows, in words."""
    digits = decimals(tradeoff.metric)
    told = [f"{point.label} {plain(point.quality, digits)} at {_costs(point)}" for point in tradeoff.points]
    told += [] if tradeoff.bicubic is None else [f"bicubic {plain(tradeoff.bicubic, digits)}"]
    fronts = [
        f"no other beats {', '.join(point.label for point in tradeoff.front(axis))} by {AXES[axis]}"
        for axis in tradeoff.axes
    ]
    return f"{tradeoff.caption}: {title(tradeoff.metric)} against cost. {'; '.join([*told, *fronts])}"


def _costs(point: Point) -> str:
    units = {"gmac": "GMAC", "ms_per_image": "ms", "parameters_m": "M parameters"}
    known = {metric: point.cost(metric) for metric in units}
    return ", ".join(f"{shortened(value)} {units[metric]}" for metric, value in known.items() if value is not None)


def shortened(value: float) -> str:
    """A cost with three digits that count, e.g. 0.123, 12.7 or 724."""
    digits = max(0, 2 - math.floor(math.log10(value))) if value > 0 else 0
    return plain(value, digits)


def tradeoff_grid(tradeoff: Tradeoff, run: Run) -> Grid:
    """The plot's points: quality with its interval, every cost, and by which cost no other network beats it."""
    metric = tradeoff.metric
    columns = [Cell(title(metric), title(metric), fields=mean_fields(metric))]
    columns += [Cell(METRICS[cost][0], fields=(cost,)) for cost in OF_NETWORKS]
    columns.append(Cell("no other beats it by", prose=True, fields=("unbeaten_by",)))
    grid = Grid(f"cost_{tradeoff.name}", f"{tradeoff.caption}: quality and cost", "network", columns)
    fronts = {axis: [point.label for point in tradeoff.front(axis)] for axis in tradeoff.axes}
    for point in tradeoff.points:
        costs = [number(point.cost(cost), 3 if cost in COUNTED else decimals(cost)) for cost in OF_NETWORKS]
        best = [AXES[axis] for axis, labels in fronts.items() if point.label in labels]
        cells = [
            mean_cell(grid, point.result, tradeoff.row, run),
            *costs,
            words(" and ".join(best)) if best else Cell(prose=True),
        ]
        grid.lines.append(Line(point.label, cells))
    if tradeoff.bicubic is not None:
        quality = mean_cell(grid, run.results[paths.BICUBIC], tradeoff.row, run)
        grid.lines.append(Line("bicubic", [quality, *(Cell() for _ in OF_NETWORKS), Cell(prose=True)]))
    return grid
