"""Quality against cost: what each network of a table reaches, and what it takes for it."""

from dataclasses import dataclass

from matplotlib.ticker import NullFormatter

from pipeline.params import ReportParams, Table
from pipeline.report.comparison import compare
from pipeline.report.grid import Grid, Line, heads, number, words
from pipeline.report.metrics import METRICS, OF_NETWORKS, split_row
from pipeline.report.networks import circumstances
from pipeline.report.panels import GROUNDS, Ground, dress, make_figure, png_bytes, styled
from pipeline.report.results import TITLES, Run

LEAST = 3  # networks that a plot is drawn for
COSTS = {"gmac": "GMAC per image", "ms_per_image": "ms per image"}
POINT, FRONT, BICUBIC = "#0072b2", "#d55e00", "#7f7f7f"
READING = (
    "**Up and to the left is better**: more quality for less work, on logarithmic axes of cost; where less is better, as of "
    "LPIPS, the axis is turned round. Bars are 95 % intervals. The line joins the networks that no other of the table beats "
    "in both; the dashed line is bicubic interpolation, which is no network. GMAC are counted, times measured where this "
    "report was made.",
)


@dataclass(frozen=True)
class Point:
    """A network of a table: its quality with the ends of the interval, and its cost by name."""

    label: str
    quality: float
    low: float | None
    high: float | None
    cost: dict[str, float]


@dataclass(frozen=True)
class Tradeoff:
    """The networks of a table by quality and cost. row: the quality, as helen.psnr_y. bicubic: its own quality."""

    name: str
    title: str
    row: str
    points: list[Point]
    bicubic: float | None
    places: list[str]

    @property
    def falls(self) -> bool:
        """Whether less is better."""
        return METRICS[split_row(self.row)[1]][1] == "↓"

    @property
    def measure(self) -> str:
        """What is drawn upwards, in words."""
        key, metric = split_row(self.row)
        return f"{METRICS[metric][0]} on {TITLES[key]}"

    def front(self, cost: str) -> list[Point]:
        """The points that no other beats in quality at no higher cost, by rising cost."""
        sign = -1 if self.falls else 1
        kept: list[Point] = []
        for point in sorted(self.points, key=lambda p: (p.cost[cost], -sign * p.quality)):
            if not kept or sign * point.quality > sign * kept[-1].quality:
                kept.append(point)
        return kept


def read_tradeoffs(run: Run, report: ReportParams) -> list[Tradeoff]:
    """One for each table whose networks differ in cost, by the first of its rows that has enough figures."""
    found = (_tradeoff(name, table, run) for name, table in report.tables.items())
    return [tradeoff for tradeoff in found if tradeoff]


def _tradeoff(name: str, table: Table, run: Run) -> Tradeoff | None:
    for row, figures in compare(name, table, run).items():
        if split_row(row)[1] in OF_NETWORKS:
            continue
        bicubic, points = None, []
        for figure in figures:
            if figure.result is None or figure.ours is None:
                continue
            if not figure.result.model:
                bicubic = figure.ours
                continue
            cost = {kind: figure.result.cost.get(kind) for kind in (*COSTS, "parameters_m")}
            if None not in cost.values():
                ends = figure.interval or {}
                points.append(Point(figure.label, figure.ours, ends.get("low"), ends.get("high"), cost))
        if len(points) >= LEAST and len({point.cost["gmac"] for point in points}) > 1:
            places = circumstances([figure.result for figure in figures if figure.result])
            return Tradeoff(name, table.title, row, points, bicubic, places)
    return None


def tradeoff_grid(tradeoff: Tradeoff) -> Grid:
    """The points as a table."""
    columns = heads(
        tradeoff.measure, "parameters, M", "GMAC", "ms per image", "beaten by none in quality and", prose=()
    )
    caption = f"{tradeoff.title}: quality and cost; times {' or '.join(tradeoff.places) or 'not measured'}"
    grid = Grid(f"cost_{tradeoff.name}", caption, "network", columns)
    digits = METRICS[split_row(tradeoff.row)[1]][2]
    for point in tradeoff.points:
        leads = [text for kind, text in COSTS.items() if point in tradeoff.front(kind)]
        cells = [
            number(point.quality, digits),
            number(point.cost["parameters_m"], 3),
            number(point.cost["gmac"], 3),
            number(point.cost["ms_per_image"], 1),
            words(", ".join(leads)),
        ]
        grid.lines.append(Line(point.label, cells))
    return grid


def draw_tradeoff(tradeoff: Tradeoff) -> dict[str, bytes]:
    """Ground (light, dark) -> PNG: a panel per cost. The same bytes each time."""
    return {name: _draw(tradeoff, ground) for name, ground in GROUNDS.items()}


def alt(tradeoff: Tradeoff) -> str:
    """The picture for those who do not see it."""
    digits = METRICS[split_row(tradeoff.row)[1]][2]
    said = [f"{p.label} {p.quality:.{digits}f} at {p.cost['gmac']:.3g} GMAC" for p in tradeoff.points]
    return f"{tradeoff.title}: {tradeoff.measure} against cost. {'; '.join(said)}."


@styled
def _draw(tradeoff: Tradeoff, ground: Ground) -> bytes:
    figure, panels = make_figure(1, len(COSTS), 3.4, ground)
    for panel, (kind, label) in zip(panels, COSTS.items(), strict=True):
        _draw_points(panel, tradeoff, kind, ground)
        dress(panel, tradeoff.measure if panel is panels[0] else "", ground, label)
    figure.draw_without_rendering()  # sets where things lie, which labels are moved apart by
    for panel, kind in zip(panels, COSTS, strict=True):
        _label(panel, tradeoff, kind, ground)
    return png_bytes(figure)


def _draw_points(panel, tradeoff: Tradeoff, kind: str, ground: Ground) -> None:
    x = [point.cost[kind] for point in tradeoff.points]
    y = [point.quality for point in tradeoff.points]
    below = [max(0.0, p.quality - p.low) if _finite(p.low) else 0.0 for p in tradeoff.points]
    above = [max(0.0, p.high - p.quality) if _finite(p.high) else 0.0 for p in tradeoff.points]
    panel.errorbar(x, y, yerr=[below, above], fmt="none", ecolor=ground.line, elinewidth=1.2, capsize=2, zorder=1)
    if tradeoff.bicubic is not None:
        panel.axhline(tradeoff.bicubic, color=BICUBIC, linewidth=1, linestyle="--", zorder=1)
    front = tradeoff.front(kind)
    panel.plot([p.cost[kind] for p in front], [p.quality for p in front], color=FRONT, linewidth=1, zorder=2)
    panel.scatter(x, y, color=[FRONT if p in front else POINT for p in tradeoff.points], s=18, zorder=3)
    panel.set_xscale("log")
    panel.xaxis.set_minor_formatter(NullFormatter())
    panel.margins(x=0.28, y=0.12)
    if tradeoff.falls:
        panel.invert_yaxis()


def _label(panel, tradeoff: Tradeoff, kind: str, ground: Ground) -> None:
    """Each point's name beside it, moved down where another name would lie over it."""
    height = 12 * panel.figure.dpi / 72 * 0.9
    width = 62 * panel.figure.dpi / 72
    places = [(*panel.transData.transform((p.cost[kind], p.quality)), p) for p in tradeoff.points]
    taken: list[tuple[float, float]] = []
    for x, y, point in sorted(places, key=lambda place: (-place[1], place[0])):
        at = y
        while any(abs(at - other) < height and abs(x - beside) < width for beside, other in taken):
            at -= height / 4
        taken.append((x, at))
        offset = (6, (at - y) * 72 / panel.figure.dpi)
        panel.annotate(
            point.label,
            (point.cost[kind], point.quality),
            offset,
            textcoords="offset points",
            va="center",
            fontsize=7.5,
            color=ground.ink,
            annotation_clip=False,
        )


def _finite(value: float | None) -> bool:
    return value is not None and abs(value) != float("inf")
