"""What the drawn figures share: two grounds, one for light pages and one for dark, and bytes that are the same each time."""

import io
from collections.abc import Callable
from dataclasses import dataclass

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

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


def styled(function: Callable) -> Callable:
    """The function, with matplotlib in the report's style while it runs."""
    return mpl.rc_context(STYLE)(function)


def make_figure(rows: int, columns: int, height: float, ground: Ground) -> tuple[Figure, list]:
    """A figure as wide as the page, `height` inches high, and its panels, row by row."""
    figure = Figure(figsize=(7.2, height), dpi=150, facecolor=ground.paper, layout="constrained")
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
