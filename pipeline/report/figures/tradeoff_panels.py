"""Quality against cost as a picture: a panel per cost, a point per network, a line through those that no other beats."""

import math
from itertools import pairwise

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator
from matplotlib.transforms import IdentityTransform

from pipeline.report.blocks.grid import plain
from pipeline.report.figures.grounds import Ground, on_grounds
from pipeline.report.figures.labels import Box, distance, place_labels
from pipeline.report.figures.panels import dress, make_figure
from pipeline.report.figures.tradeoff import AXES, Point, Tradeoff, shortened
from pipeline.report.metrics import METRICS, decimals, title

BEST, OTHER = "#0072b2", "#8c8c8c"
LARGEST, SMALLEST = 150.0, 20.0  # areas of markers, in square points
FONT_PT = 7.5
LEADER_PX = 14  # a name further from its marker than this is tied to it by a line
SAMPLED_PX = 8  # between places of a slanting line that names keep off
WIDE = 4  # times: a range of costs from here on has ticks by powers of ten


def draw_tradeoff(tradeoff: Tradeoff) -> dict[str, bytes]:
    """Ground (light, dark) -> PNG. The same bytes each time."""
    return on_grounds(_draw, tradeoff)


def _draw(tradeoff: Tradeoff, ground: Ground) -> Figure:
    figure, panels = make_figure(1, len(tradeoff.axes), 3.9, ground)
    for panel, axis in zip(panels, tradeoff.axes, strict=True):
        _draw_points(panel, tradeoff, axis, ground)
        dress(
            panel, f"by {AXES[axis]}", ground, f"{METRICS[axis][0]} (less is better)".replace("GMAC", "GMAC per image")
        )
        _set_scales(panel, tradeoff, axis)
    turned = "" if tradeoff.higher else " (axis turned: up is better)"
    panels[0].set_ylabel(f"{title(tradeoff.metric)}{turned}", color=ground.ink)
    best = panels[0].plot([], [], "-o", color=BEST, markersize=5, linewidth=1.2)[0]
    other = panels[0].plot([], [], "o", color=OTHER, markersize=5, markerfacecolor=ground.paper)[0]
    names = ["no other is better for the same cost or less", "others"]
    figure.legend([best, other], names, loc="outside lower center", ncols=2, frameon=False, labelcolor=ground.ink)
    figure.get_layout_engine().execute(figure)  # from here on it is known which pixel a point falls on
    figure.set_layout_engine("none")
    for panel, axis in zip(panels, tradeoff.axes, strict=True):
        _name_points(figure, panel, tradeoff, axis, ground)
    return figure


def _draw_points(panel, tradeoff: Tradeoff, axis: str, ground: Ground) -> None:
    front = tradeoff.front(axis)
    panel.plot([p.cost(axis) for p in front], [p.quality for p in front], color=BEST, linewidth=1.2, zorder=2)
    for point in tradeoff.points:
        x, colour = point.cost(axis), BEST if point in front else OTHER
        if point.ends:
            panel.vlines(x, *point.ends, color=colour, linewidth=1, alpha=0.6, zorder=1)
        fill = colour if point in front else ground.paper
        panel.scatter(
            x, point.quality, _area(point, tradeoff), facecolor=fill, edgecolor=colour, linewidth=1.2, zorder=3
        )


def _area(point: Point, tradeoff: Tradeoff) -> float:
    most = max(other.cost("parameters_m") or 0 for other in tradeoff.points)
    return max(SMALLEST, LARGEST * (point.cost("parameters_m") or 0) / most) if most else SMALLEST


def _set_scales(panel, tradeoff: Tradeoff, axis: str) -> None:
    costs = [point.cost(axis) for point in tradeoff.points]
    panel.set_xscale("log")
    wide = max(costs) > WIDE * min(costs)
    panel.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)) if wide else MaxNLocator(4))
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.xaxis.set_minor_formatter(NullFormatter())
    panel.yaxis.set_major_locator(MaxNLocator(6))
    room = max(max(costs) / min(costs), 1.05) ** 0.15
    panel.set_xlim(min(costs) / room, max(costs) * room)
    low, high = _range(tradeoff)
    edge = 0.12 * (high - low or 1.0)
    ends = (low - edge, high + edge)
    panel.set_ylim(ends if tradeoff.higher else ends[::-1])


def _range(tradeoff: Tradeoff) -> tuple[float, float]:
    """The qualities to show: the networks' with their intervals, and bicubic's where that is not far off."""
    values = [value for point in tradeoff.points for value in (point.quality, *(point.ends or ()))]
    if bicubic_is_near(tradeoff):
        values.append(tradeoff.bicubic)
    return min(values), max(values)


def bicubic_is_near(tradeoff: Tradeoff) -> bool:
    """Whether a line for bicubic leaves the networks at least half of the axis."""
    if tradeoff.bicubic is None:
        return False
    values = [value for point in tradeoff.points for value in (point.quality, *(point.ends or ()))]
    low, high = min(values), max(values)
    return max(low - tradeoff.bicubic, tradeoff.bicubic - high) <= high - low


def _name_points(figure: Figure, panel, tradeoff: Tradeoff, axis: str, ground: Ground) -> None:
    """Write names beside the points, and bicubic's beside its line or at the edge that it lies behind."""
    names = [
        f"{p.label}, {shortened(p.cost('parameters_m'))} M" if p.cost("parameters_m") else p.label
        for p in tradeoff.points
    ]
    spots = [np.tile(panel.transData.transform((p.cost(axis), p.quality)), 2) for p in tradeoff.points]
    radii = [math.sqrt(_area(p, tradeoff)) / 2 * figure.dpi / 72 for p in tradeoff.points]
    if tradeoff.bicubic is not None:
        name, spot = _bicubic(panel, tradeoff, ground)
        names, spots, radii = [*names, name], [*spots, spot], [*radii, 0.0]
    texts = [_text(panel, name, ground) for name in names]
    sizes = np.array([text.get_window_extent().size for text in texts])
    box = panel.get_window_extent()
    taken = [(x - r, y - r, x + r, y + r) for (x, y, *_), r in zip(spots, radii, strict=True) if r]
    bounds = (box.x0 + 2, box.y0 + 2, box.x1 - 2, box.y1 - 2)
    places = place_labels(np.array(spots), sizes, bounds, taken, _lines(panel, tradeoff, axis))
    for text, place, spot, radius in zip(texts, places, spots, radii, strict=True):
        text.set_position(place[:2])
        if radius and distance(np.array([place]), spot)[0] > radius + LEADER_PX:
            nearest = np.clip(spot[:2], place[:2], place[2:])
            ends = zip(spot[:2], nearest, strict=True)
            panel.add_artist(Line2D(*ends, color=ground.ink, linewidth=0.5, transform=IdentityTransform(), zorder=2))


def _text(panel, name: str, ground: Ground):
    text = panel.text(0, 0, name, color=ground.ink, fontsize=FONT_PT, transform=IdentityTransform(), va="bottom")
    text.set_path_effects([withStroke(linewidth=2, foreground=ground.paper)])  # legible where it crosses a line
    text.set_in_layout(False)
    return text


def _bicubic(panel, tradeoff: Tradeoff, ground: Ground) -> tuple[str, np.ndarray]:
    """What is written of bicubic, and beside which pixels; its line is drawn where it is near."""
    box, name = panel.get_window_extent(), f"bicubic {plain(tradeoff.bicubic, decimals(tradeoff.metric))}"
    if bicubic_is_near(tradeoff):
        panel.axhline(tradeoff.bicubic, color=ground.ink, linewidth=0.9, linestyle="--", zorder=1)
        height = panel.transData.transform((1, tradeoff.bicubic))[1]
        return name, np.array([box.x0, height, box.x1, height])
    worse = (tradeoff.bicubic < tradeoff.points[0].quality) == tradeoff.higher
    arrow, edge = ("↓", box.y0) if worse else ("↑", box.y1)
    return f"{arrow} {name}", np.array([box.x0, edge, box.x0, edge])


def _lines(panel, tradeoff: Tradeoff, axis: str) -> list[Box]:
    """Boxes of what names should not cross: bars, bicubic's line, and small ones along the line through the best."""
    to_pixel, box = panel.transData.transform, panel.get_window_extent()
    bars = [(point.cost(axis), point.ends) for point in tradeoff.points if point.ends]
    found = [_around(*(to_pixel((x, end)) for end in ends)) for x, ends in bars]
    if bicubic_is_near(tradeoff):
        height = to_pixel((1, tradeoff.bicubic))[1]
        found.append(_around((box.x0, height), (box.x1, height)))
    best = [to_pixel((point.cost(axis), point.quality)) for point in tradeoff.front(axis)]
    for start, end in pairwise(best):
        along = np.linspace(start, end, 2 + int(np.hypot(*(end - start)) // SAMPLED_PX))
        found += [_around(place, place) for place in along]
    return found


def _around(one: tuple[float, float], other: tuple[float, float]) -> Box:
    low, high = np.minimum(one, other) - 1, np.maximum(one, other) + 1
    return (*low, *high)
