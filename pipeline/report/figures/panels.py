"""What the drawn figures share: their width, and how a panel is dressed."""

from matplotlib.figure import Figure

from pipeline.report.figures.grounds import DPI, Canvas, Ground


def make_figure(rows: int, columns: int, height: float, ground: Ground) -> tuple[Figure, list]:
    """A figure as wide as the page, `height` inches high, and its panels, row by row."""
    figure = Figure(figsize=(7.2, height), dpi=DPI, facecolor=ground.paper, layout="constrained")
    Canvas(figure)
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
