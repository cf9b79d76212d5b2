"""The draws of Eq. (28) as pictures: a panel per number, its range as the paper states it behind the bars."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from pipeline.report.figures.grounds import Ground, on_grounds
from pipeline.report.figures.panels import dress, make_figure
from pipeline.report.tables.draws import TOLERANCE, Draws, Quantity

BARS = 25  # at most, within the paper's range
INSIDE, OUTSIDE = "#0072b2", "#d55e00"


def draw_draws(draws: Draws) -> dict[str, bytes]:
    """Ground (light, dark) -> PNG. The same bytes each time."""
    return on_grounds(_draw, draws)


def _draw(draws: Draws, ground: Ground) -> Figure:
    figure, panels = make_figure(3, 3, 6.6, ground)
    _draw_kinds(panels[0], draws, ground)
    for panel, quantity in zip(panels[1:], draws.quantities, strict=True):
        _draw_quantity(panel, quantity, ground)
    band = Patch(facecolor=ground.band, edgecolor=ground.line, label="the paper’s range")
    bars = [Patch(color=INSIDE, label="drawn inside it")]
    if draws.outside:
        bars.append(Patch(color=OUTSIDE, label="drawn outside of it"))
    figure.legend(handles=[band, *bars], loc="outside lower center", ncols=3, frameon=False, labelcolor=ground.ink)
    return figure


def _draw_kinds(panel, draws: Draws, ground: Ground) -> None:
    kinds = draws.kinds | ({"none": draws.skipped["blur"]} if draws.skipped["blur"] else {})
    colours = [INSIDE if kind in draws.kinds else OUTSIDE for kind in kinds]
    panel.bar(list(kinds), list(kinds.values()), color=colours, width=0.7)
    panel.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    dress(panel, "blur kind", ground)
    panel.set_ylabel("images", color=ground.ink)
    panel.tick_params(axis="x", labelsize=7)


def _draw_quantity(panel, quantity: Quantity, ground: Ground) -> None:
    half = 0.5 if quantity.whole else 0
    panel.axvspan(quantity.low - half, quantity.high + half, facecolor=ground.band, edgecolor=ground.line, zorder=0)
    edges = bar_edges(quantity)
    heights, widths, middles = np.histogram(quantity.drawn, edges)[0], np.diff(edges), (edges[:-1] + edges[1:]) / 2
    even = np.allclose(widths, widths[0])
    if not even:
        heights = heights / widths
    inside = (middles >= quantity.low) & (middles <= quantity.high)
    colours = np.where(inside, INSIDE, OUTSIDE).tolist()
    panel.bar(middles, heights, widths * 0.9, color=colours)
    panel.margins(y=0.15)
    panel.xaxis.set_major_locator(MaxNLocator(6, integer=quantity.whole, min_n_ticks=1))
    panel.yaxis.set_major_locator(MaxNLocator(4, integer=even))
    dress(panel, quantity.name, ground, quantity.unit)
    panel.set_ylabel("images" if even else "images per unit", color=ground.ink)


def bar_edges(quantity: Quantity) -> np.ndarray:
    """Where bars begin and end: at the range's own ends, between whole numbers, and as far out as values lie."""
    half = 0.5 if quantity.whole else 0.0
    low, high = quantity.low - half, quantity.high + half
    width = (high - low) / BARS
    if quantity.whole:
        width = np.ceil(width)
    inside = [*np.arange(low, high - width / 1000, width), high]
    least, most = (min(low, *quantity.drawn), max(high, *quantity.drawn)) if len(quantity.drawn) else (low, high)
    below = [low - width * step for step in range(int(np.ceil((low - least) / width - TOLERANCE)), 0, -1)]
    above = [high + width * step for step in range(1, int(np.ceil((most - high) / width - TOLERANCE)) + 1)]
    return np.array(below + inside + above)
