"""Two grounds from one drawing: the same bytes as two drawings by matplotlib itself."""

import io
from dataclasses import astuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from PIL import Image
from report.conftest import drawn_apart

from pipeline.report.figures import curves, histograms, tradeoff_panels
from pipeline.report.figures.grounds import GROUNDS, Ground, on_grounds
from pipeline.report.figures.panels import dress, make_figure


def one_of_each(colour: str, ground: Ground) -> Figure:
    """Whatever the report's figures are made of, each in a data colour and in colours of the ground."""
    figure, (left, right) = make_figure(1, 2, 1.5, ground)
    left.plot([1, 2, 3], [1, 300, 2], "--o", color=colour, markerfacecolor=ground.paper, label="a $^$ b")
    left.fill_between([1, 2, 3], [1, 2, 1], [3, 500, 4], color=colour, alpha=0.18)
    left.fill_between([1, 2, 3], [1, 2, 1], [2, 3, 2], color=ground.ink, alpha=0.5)
    left.set_yscale("log")
    right.axvspan(1, 2, facecolor=ground.band, edgecolor=ground.line)
    right.bar([1, 2], [2, 1], color=[colour, ground.ink])
    right.vlines([1, 2], [0, 1], [2, 3], color=[ground.ink, colour], alpha=0.6)
    right.scatter([1, 2], [1, 2], [20, 40], facecolor=[ground.paper, colour], edgecolor=[colour, ground.line])
    text = right.text(1, 1, "name", color=ground.ink)
    text.set_path_effects([withStroke(linewidth=2, foreground=ground.paper)])
    for panel in (left, right):
        dress(panel, "$L_{pc}$", ground, "step")
        panel.title.set_parse_math(True)
    figure.supylabel("turned", color=ground.ink)
    figure.legend(loc="outside lower center", frameon=False, labelcolor=ground.ink)
    return figure


def test_one_drawing_gives_the_bytes_of_two():
    grounds = []
    pictures = on_grounds(lambda drawn, ground: grounds.append(ground) or one_of_each(drawn, ground), "#0072b2")
    assert grounds == [GROUNDS["light"]]
    assert pictures == drawn_apart(one_of_each, "#0072b2")
    corners = {name: np.asarray(Image.open(io.BytesIO(data)))[0, 0, :3].tolist() for name, data in pictures.items()}
    assert corners == {"light": [0xFF, 0xFF, 0xFF], "dark": [0x16, 0x18, 0x1C]}


def test_no_colour_of_the_data_is_one_of_the_ground():
    """It would be another one on dark pages."""
    of_data = {*curves.COLOURS, histograms.INSIDE, histograms.OUTSIDE, tradeoff_panels.BEST, tradeoff_panels.OTHER}
    assert not of_data & {*astuple(GROUNDS["light"])}
