"""Training curves as pictures: a panel per figure, a line per network, once for light pages and once for dark.

The paper's own networks stand in one picture, their peers beside the paper's itself in another.

With several seeds the line is their mean, and the band behind it reaches from the lowest to the highest of them.
"""

from dataclasses import dataclass
from itertools import cycle

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from pipeline.report.figures.grounds import Ground, on_grounds
from pipeline.report.figures.panels import dress, make_figure
from pipeline.report.results import PAPERS, Result, Run
from pipeline.report.tables.networks import term_name

PANELS_PER_ROW = 3  # at most
# Okabe and Ito's colours without black and yellow, which vanish on one of the two grounds, and two greys.
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#8c8c8c", "#a6761d")


@dataclass(frozen=True)
class Curve:
    """What is drawn of a network. points: loss terms by step. width: of its line; the paper's itself has the thickest.
    band: the lowest and the highest of the seeds, as points; None with one seed."""

    name: str
    points: pd.DataFrame
    width: float
    band: tuple[pd.DataFrame, pd.DataFrame] | None = None


def draw_curves(run: Run) -> dict[str, dict[str, bytes]]:
    """Name of a group of networks (see `curve_groups`) -> ground (light, dark) -> PNG. The same bytes each time."""
    pictures = {}
    for group, results in curve_groups(run).items():
        curves = [Curve(result.name, mean_curve(result), _width(result), seed_band(result)) for result in results]
        pictures[group] = on_grounds(_draw, curves)
    return pictures


def curve_groups(run: Run) -> dict[str, list[Result]]:
    """Networks whose curves share a picture: <task>, the paper's; <task>_others, the paper's itself and
    others of the task.

    Apart, because fourteen lines in a panel can no longer be told from each other.
    """
    groups = {}
    for task in PAPERS:
        trained = [result for result in run.networks if result.task == task and result.trained_here]
        groups[task] = [result for result in trained if result.ours]
        others = [result for result in trained if not result.ours]
        itself = [result for result in groups[task] if result.itself][:1]
        groups[f"{task}_others"] = [*itself, *others] if others else []
    return {name: results for name, results in groups.items() if results}


def _width(result: Result) -> float:
    """Of a network's line; the paper's model itself is the thickest."""
    return 2.4 if result.itself else 1.1


def mean_curve(result: Result) -> pd.DataFrame:
    """The figures of a network by step, averaged over its seeds; loss terms without their "train/"."""
    return _ordered(result.curve.drop(columns="seed").groupby("step").mean())


def seed_band(result: Result) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """The lowest and the highest figure of a network's seeds, as `mean_curve`; None with one seed."""
    if result.curve["seed"].nunique() < 2:
        return None
    by_step = result.curve.drop(columns="seed").groupby("step")
    return _ordered(by_step.min()), _ordered(by_step.max())


def _ordered(figures: pd.DataFrame) -> pd.DataFrame:
    figures = figures[sorted(figures, key=_place)]
    return figures.rename(columns=lambda name: name.removeprefix("train/").replace("/", "_"))


def _place(figure: str) -> tuple[bool, bool, bool]:
    """Of a figure's panel: the loss, its terms, what was measured on images held out, the learning rate."""
    return figure == "learning_rate", not figure.startswith("train/"), figure != "train/loss"


def _draw(curves: list[Curve], ground: Ground) -> Figure:
    terms = list(dict.fromkeys(term for curve in curves for term in curve.points))
    rows = -(-len(terms) // PANELS_PER_ROW)
    columns = -(-len(terms) // rows)  # no more than these rows need
    figure, panels = make_figure(rows, columns, 2.5 * rows + 0.22 * -(-len(curves) // 3) + 0.4, ground)
    for panel, term in zip(panels, terms, strict=False):
        _draw_panel(panel, curves, term)
        dress(panel, _title(term), ground, "step")
        panel.title.set_parse_math(True)
    for panel in panels[len(terms) :]:
        panel.set_axis_off()
    handles = {handle.get_label(): handle for panel in panels for handle in panel.get_lines()}
    ordered = [handles[curve.name] for curve in curves]
    figure.legend(handles=ordered, loc="outside lower center", ncols=3, frameon=False, labelcolor=ground.ink)
    return figure


def _title(term: str) -> str:
    symbol, _, index = term_name(term).partition("_")
    return f"${symbol}_{{{index}}}$" if symbol == "L" else term_name(term)


def _draw_panel(panel, curves: list[Curve], term: str) -> None:
    styles = ((colour, dash) for dash in cycle(("-", "--", ":")) for colour in COLOURS)
    for curve, (colour, dash) in zip(curves, styles, strict=False):
        if term in curve.points:
            if curve.band:
                low, high = (end[term].dropna() for end in curve.band)
                panel.fill_between(low.index, low, high, color=colour, alpha=0.18, linewidth=0)
            values = curve.points[term].dropna()  # not every row of a curve has every figure
            panel.plot(values.index, values, dash, color=colour, label=curve.name, linewidth=curve.width, marker=".")
    values = pd.concat([curve.points[term] for curve in curves if term in curve.points])
    if values.min() > 0 and values.max() > 10 * values.min():
        panel.set_yscale("log")
        panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        panel.yaxis.set_minor_formatter(NullFormatter())
    panel.xaxis.set_major_locator(MaxNLocator(5, integer=True))
