"""What the drawn figures share: two grounds, one for light pages and one for dark, and bytes that are the same each time."""

import io
from collections.abc import Callable
from dataclasses import dataclass

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

STYLE = {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}


@dataclass(frozen=True)
class Ground:
    """The colours of a page: what is drawn on, text, thin lines, an area behind the data."""

    paper: str
    ink: str
    line: str
    band: str


GROUNDS = {
    "light": Ground("#ffffff", "#333333", "#e3e3e3", "#e9eff6"),
    "dark": Ground("#16181c", "#d0d0d0", "#3a3d44", "#232c38"),
}


class Layout(ConstrainedLayoutEngine):
    """Where the parts of a figure stand, found for its first ground and kept for the others.

    Colours take no room, so finding it again would give the same, for as long as drawing takes.
    """

    def __init__(self):
        super().__init__()
        self._panels, self._texts = [], []

    def execute(self, fig: Figure) -> None:
        if not self._panels:
            super().execute(fig)
            self._panels = [panel.get_position(original=True) for panel in fig.axes]
            self._texts = [text.get_position() for text in fig.texts]  # the label of all panels
            return
        for panel, place in zip(fig.axes, self._panels, strict=True):
            panel.set_position(place)
        for text, place in zip(fig.texts, self._texts, strict=True):
            text.set_position(place)


def on_grounds(draw: Callable[..., bytes], drawn: object) -> dict[str, bytes]:
    """Name of each ground (light, dark) -> draw(drawn, its ground, a layout that they share)."""
    layout = Layout()
    return {name: draw(drawn, ground, layout) for name, ground in GROUNDS.items()}


def styled(function: Callable) -> Callable:
    """The function, with matplotlib in the report's style while it runs."""
    return mpl.rc_context(STYLE)(function)


def make_figure(rows: int, columns: int, height: float, ground: Ground, layout: Layout) -> tuple[Figure, list]:
    """A figure as wide as the page, `height` inches high, and its panels, row by row."""
    figure = Figure(figsize=(7.2, height), dpi=150, facecolor=ground.paper, layout=layout)
    return figure, list(figure.subplots(rows, columns, squeeze=False).ravel())


def dress(panel, title: str, ground: Ground, label: str = "") -> None:
    """Title and colours of a panel, and what its horizontal axis counts."""
    panel.set_title(title, color=ground.ink, fontsize=10)
    panel.set_xlabel(label, color=ground.ink)
    panel.set_facecolor(ground.paper)
    panel.set_axisbelow(True)
    panel.grid(color=ground.line, linewidth=0.6)
    panel.tick_params(which="both", colors=ground.ink, labelsize=8)
    for spine in panel.spines.values():
        spine.set_color(ground.line)


def png_bytes(figure: Figure) -> bytes:
    """The figure as PNG, without the name of the program that drew it."""
    out = io.BytesIO()
    FigureCanvasAgg(figure).print_png(out, metadata={"Software": None})
    return out.getvalue()
