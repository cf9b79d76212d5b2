"""Slices as a picture: a panel per quantity of Eq. (28), in it every network's mean per bin with its interval."""

import math

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pipeline.report.figures.curves import COLOURS
from pipeline.report.figures.grounds import Ground, on_grounds
from pipeline.report.figures.panels import dress, make_figure
from pipeline.report.metrics import title
from pipeline.report.results import Result, heading
from pipeline.report.tables.slices import FACTORS, FEWEST, Factor, Slices

APART = 0.16  # of networks in one bin, in bins


def draw_slices(slices: Slices) -> dict[str, bytes]:
    """Ground (light, dark) -> PNG of the headline metric, or of the first one measured. The same bytes each time."""
    return on_grounds(_draw, slices)


def slices_alt(slices: Slices) -> str:
    """What the picture shows, for those who do not see it; the numbers stand in the tables."""
    factors = ", ".join(factor.name for factor in FACTORS)
    *names, last = [result.name for result in slices.shown]
    names = f"{', '.join(names)} and {last}" if names else last
    return f"{heading(slices.key)}: {title(slices.metrics[0])} of {names} by {factors}, means with their 95 % intervals"


def _draw(slices: Slices, ground: Ground) -> Figure:
    factors = [factor for factor in FACTORS if slices.of_factor(factor)]
    figure, panels = make_figure(2, 2, 5.4, ground)
    metric = slices.metrics[0]
    shown = [result for result in slices.shown if (metric, result.name) in slices.means]
    for panel, factor in zip(panels, factors, strict=False):
        for number, result in enumerate(shown):
            offset = APART * (number - (len(shown) - 1) / 2)
            _draw_network(panel, slices, factor, result, offset, COLOURS[number % len(COLOURS)], ground)
        dress(panel, factor.name, ground, f"{factor.unit} (images)".strip())
        _name_bins(panel, slices, factor)
    ends = [panel.get_ylim() for panel in panels[: len(factors)]]
    for panel in panels[: len(factors)]:
        panel.set_ylim(min(low for low, _ in ends), max(high for _, high in ends))
    for panel in panels[len(factors) :]:
        panel.set_axis_off()
    figure.supylabel(title(metric), color=ground.ink, fontsize=9)
    handles = [panels[0].plot([], [], "o", color=COLOURS[n % len(COLOURS)])[0] for n in range(len(shown))]
    few = panels[0].plot([], [], "o", color=ground.ink, markerfacecolor=ground.paper)[0]
    names = [*(result.name for result in shown), f"fewer than {FEWEST} images"]
    figure.legend([*handles, few], names, loc="outside lower center", ncols=4, frameon=False, labelcolor=ground.ink)
    return figure


def _draw_network(panel, slices: Slices, factor: Factor, result: Result, offset: float, colour: str, ground: Ground):
    means = slices.means[slices.metrics[0], result.name]
    for place, number in enumerate(slices.of_factor(factor)):
        found = means[number]
        if found is None or not math.isfinite(found.mean):
            continue
        x, few = place + offset, found.images < FEWEST
        if math.isfinite(found.low) and math.isfinite(found.high):  # of one image nothing is known
            panel.vlines(x, found.low, found.high, color=colour, linewidth=1.6)
        panel.plot(x, found.mean, "o", color=colour, markersize=5, markerfacecolor=ground.paper if few else colour)


def _name_bins(panel, slices: Slices, factor: Factor) -> None:
    places = slices.of_factor(factor)
    labels = [f"{_short(slices.bins[place].label)}\n({len(slices.bins[place].keys)})" for place in places]
    panel.set_xticks(range(len(places)), labels)
    panel.set_xlim(-0.5, len(places) - 0.5)
    panel.tick_params(axis="x", labelsize=7)
    panel.grid(axis="x", visible=False)
    panel.yaxis.set_major_locator(MaxNLocator(5))


def _short(label: str) -> str:
    """A bin's label without its unit, which would not fit beside the others."""
    return label.removesuffix(" px").removesuffix(" grey levels")
