"""The report's sections: which blocks stand in each, under which heading."""

from pipeline.params.tables import ReportParams
from pipeline.report.blocks.blocks import Block, Folded, Heading, PageSection, Picture, Text
from pipeline.report.blocks.grid import Grid
from pipeline.report.faces import extremes, samples
from pipeline.report.faces.strips import read_strips
from pipeline.report.figures import multiples, tradeoff
from pipeline.report.figures.slice_panels import slices_alt
from pipeline.report.figures.tradeoff import Tradeoff
from pipeline.report.page import prose
from pipeline.report.results import Run
from pipeline.report.tables import (
    conventions,
    counts,
    draws,
    environment,
    networks,
    printed,
    published,
    quality,
    recipes,
    spread,
)
from pipeline.report.tables import learning_rates as rates
from pipeline.report.tables import paper as tables
from pipeline.report.tables.comparison import compare
from pipeline.report.tables.draws import Draws
from pipeline.report.tables.slices import READING as SLICES
from pipeline.report.tables.slices import Slices, all_slices_grid, slices_grids
from pipeline.store import paths

Pictures = dict[str, bytes]  # ground ("light", "dark") -> PNG


def this_run(run: Run) -> PageSection:
    """What was run on what."""
    return PageSection(
        "run", "This run", [Text([prose.NETWORKS]), Text(prose.this_run(run), listed=True), Text([prose.DEVIATIONS])]
    )


def papers(run: Run, report: ReportParams) -> PageSection:
    """Tables 2 to 7, each as the paper prints it, and folded below it in full."""
    reading = Text([*prose.READING, *tables.READING, spread.READING, recipes.READING], listed=True)
    blocks: list[Block | Grid] = [Text(list(printed.READING)), Folded(printed.MEANING, [reading])]
    left_out = []
    for name, table in report.tables.items():
        caption = tables.caption(name, table)
        if grid := tables.paper_table(name, table, run):
            full: list[Block | Grid] = [grid, recipes.recipes_grid(name, caption, table, run)]
            if run.several and (apart := spread.pairs(compare(name, table, run))):
                full.insert(1, spread.spread_grid(name, caption, apart))
            blocks += [printed.printed_table(name, table, run), Folded(printed.in_full(name), full)]
        else:
            left_out.append(caption)
    blocks += _said(prose.gone(left_out))
    return PageSection("tables", "The paper’s tables, and ours", blocks, [tables.results_grid(report.tables, run)])


def faces(run: Run, report: ReportParams) -> PageSection:
    """Strips of every test set, to compare by eye."""
    blocks: list[Block | Grid] = []
    for strip in read_strips(run, report):
        blocks += [Heading(prose.set_title(strip.key, run)), strip]
    return PageSection("faces", "Faces", [Text([prose.faces(run)]), *blocks] if blocks else [])


def best_and_worst(run: Run) -> PageSection:
    """The images that each metric finds best, in the middle and worst."""
    blocks: list[Block | Grid] = []
    for found in extremes.read_extremes(run):
        blocks += [Heading(prose.set_title(found.key, run)), extremes.extremes_grid(found), found]
    return PageSection(
        "extremes", "Best, median and worst images", [Text([prose.extremes(run)]), *blocks] if blocks else []
    )


def by_degradation(found: list[Slices], pictures: dict[str, Pictures]) -> PageSection:
    """Quality by what Eq. (28) did to the images. pictures: by set."""
    blocks: list[Block | Grid] = []
    for of_set in found:
        picture = pictures[of_set.key]
        name, alt = f"slices_{of_set.key}", slices_alt(of_set)
        blocks += [Picture(name, alt, picture["light"], picture.get("dark"), [f"{alt}."]), *slices_grids(of_set)]
    beside = [all_slices_grid(of_set) for of_set in found]
    return PageSection(
        "slices", "By blur, size, noise and compression", [Text(list(SLICES)), *blocks] if blocks else [], beside
    )


def by_convention(run: Run) -> PageSection:
    """PSNR and SSIM as other codes measure them."""
    grids = conventions.conventions_grids(run)
    reading = Text([conventions.READING[0]]), Text(list(conventions.READING[1:]), listed=True)
    return PageSection("conventions", "PSNR and SSIM in other conventions", [*reading, *grids] if grids else [])


def of_networks(run: Run) -> PageSection:
    """Size and cost."""
    return PageSection("networks-section", "Networks", [Text(list(networks.COST)), networks.networks_grid(run)])


def quality_against_cost(
    run: Run, report: ReportParams, drawn: list[tuple[Tradeoff, Pictures]], missing: list[str]
) -> PageSection:
    """What networks reach for what they cost. drawn: with its pictures; missing: why other tables have none."""
    blocks: list[Block | Grid] = [Text(list(tradeoff.READING))] if drawn else []
    for found, of in drawn:
        said = [*tradeoff.time_remarks(found), *found.remarks]
        name, alt = f"cost_{found.name}", tradeoff.tradeoff_alt(found)
        picture = Picture(name, alt, of["light"], of.get("dark"), said)
        blocks += [Heading(found.caption), picture, tradeoff.tradeoff_grid(found, run)]
    if missing:
        blocks += [*([Heading("Without a plot")] if drawn else []), Text(missing, listed=True)]
    grid = published.published_grid(run, report)
    if grid:
        blocks += [Heading("What others publish"), Text([published.READING]), grid]
    return PageSection("cost", "Quality against cost", blocks)


def training(run: Run, curves: dict[str, Pictures]) -> PageSection:
    """How long each network was trained, and its curves. curves: by group of networks."""
    pictures = [
        Picture(f"curves_{group}", prose.curves_alt(group), of["light"], of.get("dark"), [prose.curves(group)])
        for group, of in curves.items()
    ]
    return PageSection("training", "Training", [Text(prose.trained(run)), *networks.training_grids(run), *pictures])


def learning_rates(run: Run, pictures: Pictures) -> PageSection:
    """What the sweep of learning rates found and cost."""
    grid = rates.sweep_grid(run)
    blocks: list[Block | Grid] = []
    if grid:
        picture = Picture(
            "learning_rates", multiples.ALT, pictures["light"], pictures.get("dark"), [f"{multiples.ALT}."]
        )
        blocks = [Text([*rates.READING, *rates.cost(run)]), grid, picture]
    return PageSection("rates", "How learning rates were chosen", blocks)


def every_figure(run: Run) -> PageSection:
    """All that was measured."""
    return PageSection("figures", "Every figure", [Text(list(quality.FIGURES)), *quality.figures_grids(run)])


def images(run: Run) -> PageSection:
    """How many photos and crops each stage kept."""
    rejected = counts.reasons_grid(run)
    blocks = [Text(list(prose.COUNTS)), counts.counts_grid(run), *([rejected] if rejected else [])]
    return PageSection("images", "Images", blocks)


def rules(run: Run) -> PageSection:
    """Faces that broke a rule of the filter."""
    blocks: list[Block | Grid] = [Text(list(prose.RULES))]
    groups = {key: samples.read_samples(key, run) for key in paths.SETS}
    for key, of_set in groups.items():
        grid = counts.rules_grid(key, run)
        blocks += [Heading(prose.set_title(key, run)), grid or Text([prose.NO_RULE_BROKEN])]
        if grid and of_set:
            blocks.append(samples.Samples(key, of_set))
    listed = samples.samples_grid(groups)
    return PageSection("rules", "Faces that broke a rule", blocks, [listed] if listed.lines else [])


def spoilt(run: Run, drawn: list[tuple[Draws, Pictures]]) -> PageSection:
    """What Eq. (28) drew. drawn: of each set that it degraded, with its picture."""
    blocks: list[Block | Grid] = []
    for of_set, pictures in drawn:
        name, alt, caption = f"draws_{of_set.key}", prose.draws_alt(of_set), prose.drawn(of_set)
        picture = Picture(name, alt, pictures["light"], pictures.get("dark"), caption)
        blocks += [Heading(prose.set_title(of_set.key, run)), picture, draws.draws_grid(of_set)]
    return PageSection("draws", "How faces were spoilt", [Text(list(prose.DRAWS)), *blocks] if blocks else [])


def made_with(run: Run) -> PageSection:
    """Versions, devices, precision, data, params."""
    blocks = [
        Text([prose.ENVIRONMENT]),
        environment.trainings_grid(run),
        environment.data_grid(run),
        environment.packages_grid(),
        *environment.params_file(),
    ]
    return PageSection("environment", "Environment and parameters", blocks)


def not_computed(run: Run) -> PageSection:
    """What is missing, and why."""
    return PageSection("absent", "Not computed, and why", [networks.absent_grid(run) or Text([prose.COMPLETE])])


def departures() -> PageSection:
    """Where the code departs from the paper."""
    return PageSection("deviations", "Deviations and reconstructions", [environment.deviations()])


def _said(sentences: list[str]) -> list[Text]:
    return [Text(sentences)] if sentences else []
