"""What the sweep of learning rates saw: PSNR on images held out over multiples of the published rate, a panel per task."""

from itertools import cycle

from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from pipeline.report.figures.curves import COLOURS
from pipeline.report.figures.grounds import Ground, on_grounds
from pipeline.report.figures.panels import dress, make_figure
from pipeline.report.results import PAPERS, Result, Run

ALT = "PSNR on images held out over multiples of the published learning rate, a line per network; the rate chosen is a dot"


def draw_multiples(run: Run) -> dict[str, bytes]:
    """Ground (light, dark) -> PNG; {} where no network has a sweep. The same bytes each time."""
    swept = {task: [result for result in run.networks if result.task == task and result.sweep] for task in PAPERS}
    panels = {task: results for task, results in swept.items() if results}
    return on_grounds(_draw, panels) if panels else {}


def _draw(tasks: dict[str, list[Result]], ground: Ground) -> Figure:
    figure, panels = make_figure(1, len(tasks), 4.2, ground)
    for panel, (task, results) in zip(panels, tasks.items(), strict=True):
        styles = ((colour, dash) for dash in cycle(("-", "--", ":")) for colour in COLOURS)
        for result, (colour, dash) in zip(results, styles, strict=False):
            _draw_network(panel, result, colour, dash)
        multiples = sorted({trial["multiple"] for result in results for trial in result.sweep["trials"]})
        dress(panel, f"{PAPERS[task]} and others: PSNR, held out", ground, "multiple of the published rate")
        panel.set_xscale("log")
        panel.xaxis.set_major_locator(FixedLocator(multiples))
        panel.xaxis.set_minor_locator(NullLocator())
        panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        panel.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2, frameon=False, labelcolor=ground.ink)
    return figure


def _draw_network(panel, result: Result, colour: str, dash: str) -> None:
    """A line over the trials that came to a figure, and a dot at the one chosen."""
    found = result.sweep
    points = [(trial["multiple"], trial["psnr_y"], trial["learning_rate"]) for trial in found["trials"]]
    points = [point for point in points if point[1] is not None]
    panel.plot(
        [x for x, _, _ in points], [y for _, y, _ in points], dash, color=colour, label=result.name, linewidth=1.3
    )
    chosen = [(x, y) for x, y, rate in points if rate == found["chosen"]]
    panel.plot([x for x, _ in chosen], [y for _, y in chosen], "o", color=colour, markersize=5)
