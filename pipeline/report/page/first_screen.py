"""The report's first screen: of each task the figure of the paper's network, and a face."""

from pipeline.metrics.statistics import Interval
from pipeline.params.tables import ReportParams
from pipeline.report.blocks.blocks import Block, Text
from pipeline.report.blocks.grid import plain, signed
from pipeline.report.faces.extremes import METRICS
from pipeline.report.faces.strips import network_itself
from pipeline.report.faces.teaser import Teaser, median_gain, read_face
from pipeline.report.metrics import split_row
from pipeline.report.results import PAPERS, TITLES, Result, Run
from pipeline.report.tables.cells import image_remarks, not_computed, span
from pipeline.report.tables.comparison import difference, paper_figures
from pipeline.report.tables.paper import INTERVAL
from pipeline.store import paths

# The paper's metric of each task, then what is measured without anybody's weights.
HEADLINES = {"x8": ("psnr_y",), "blind": ("lpips_alex", "psnr_y")}
NOTHING = "Neither of the paper’s two networks is in this run without changes: what was trained stands in the tables."


def first_screen(run: Run, report: ReportParams) -> list[Block]:
    """A teaser per task whose network of the paper, without changes, is in the run; a sentence where there is none."""
    names = {task: network_itself(task, run) for task in PAPERS}
    return [_teaser(task, run.results[name], run, report) for task, name in names.items() if name] or [Text([NOTHING])]


def _teaser(task: str, result: Result, run: Run, report: ReportParams) -> Teaser:
    key = paths.sets_of(task, "test")[0]  # that with ground truth
    rows = [f"{key}.{metric}" for metric in HEADLINES[task]]
    row = next((row for row in rows if result.measured(row) is not None), None)
    if row is None:
        # The last of them needs nothing but images: its reason is that of all.
        return Teaser(key, f"**{result.title}** has no figure on {TITLES[key]}.", [not_computed(result, rows[-1])])
    compared = difference(result, run.results[paths.BICUBIC], row)
    absent = [not_computed(result, lacking) for lacking in rows[: rows.index(row)]]
    small = [_trained(task, result, run)]
    if compared:
        small += image_remarks(compared.images, result.measured(f"{key}.images"), compared.low == compared.high)
    said, metric = headline(result, row, run, compared), split_row(row)[1]
    image = median_gain(result, key, metric, run) if report.strips else None
    if image is None:
        return Teaser(key, said, absent, small)
    columns, face = read_face(result, key, metric, image, run)
    return Teaser(key, said, absent, small, columns, face, _chosen(metric, compared.images, result))


def headline(result: Result, row: str, run: Run, compared: Interval | None) -> str:
    """What a network reaches on a test set, how far that is from bicubic, and the paper's figure."""
    key, name = split_row(row)
    metric, images = METRICS[name], result.measured(f"{key}.images")
    said = f"**{result.title}** reaches **{metric.name} {metric.text(result.measured(row))}** on {TITLES[key]} (here "
    said += f"{images:,.0f} {run.sources[key]})"
    if compared:
        said += f": {against_bicubic(compared, name)}"
    printed = (columns.get(result.title, {}).get(row) for columns in paper_figures().values())
    paper = next((figure for figure in printed if figure is not None), None)
    return f"{said}." if paper is None else f"{said}. *The paper, on its own data: {metric.text(paper)}.*"


def against_bicubic(compared: Interval, name: str) -> str:
    """A difference to bicubic in words, better or worse only where its interval says so."""
    metric = METRICS[name]
    sure = span(compared.low, compared.high, metric.decimals, signed)
    sure = sure if compared.images == 1 else f"{INTERVAL} of that: {sure}"
    if not signed(compared.mean, metric.decimals).strip("0."):
        return f"the same as bicubic ({sure})"
    unit = f"\u00a0{metric.unit}" if metric.unit else ""
    apart = f"{plain(abs(compared.mean), metric.decimals)}{unit} {'above' if compared.mean > 0 else 'below'} bicubic"
    if not compared.excludes_zero:
        return f"{apart}, which may be chance ({sure})"
    return f"{apart}, which is {'better' if (compared.mean > 0) == metric.higher else 'worse'} ({sure})"


def _trained(task: str, result: Result, run: Run) -> str:
    """On what a network was trained, for how long and how often."""
    if not result.trained_here:
        return "Others trained its weights."
    data = f"{result.card['data']['images']:,} {run.sources[paths.sets_of(task, 'train')[0]]}"
    length = f"{result.card['steps']:,} steps"
    if len(result.seeds) == 1:
        return f"Trained once, on {data}, {length}."
    return f"The mean of {len(result.seeds)} training runs on {data}, {length} each."


def _chosen(metric: str, images: int, result: Result) -> str:
    said = f"whose gain over bicubic in {METRICS[metric].name} is the median of {images:,}."
    several = f" Its figures are means over the runs, its image is that of seed {result.seeds[0]}."
    return said + several * (len(result.seeds) > 1)
