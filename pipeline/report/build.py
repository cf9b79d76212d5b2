"""The report: tables as CSV, pictures as PNG, and both again on one page in HTML and in Markdown."""

from pipeline.params.file import Params
from pipeline.params.tables import ReportParams
from pipeline.report.blocks.blocks import Page, PageSection
from pipeline.report.blocks.grid import write_grid
from pipeline.report.figures.curves import draw_curves
from pipeline.report.figures.histograms import draw_draws
from pipeline.report.figures.multiples import draw_multiples
from pipeline.report.figures.series import write_series
from pipeline.report.figures.slice_panels import draw_slices
from pipeline.report.figures.tradeoff import Tradeoff, read_tradeoffs
from pipeline.report.figures.tradeoff_panels import draw_tradeoff
from pipeline.report.page import prose, sections
from pipeline.report.page.first_screen import first_screen
from pipeline.report.page.page import write_pages
from pipeline.report.page.shipped import shipped
from pipeline.report.results import Run, read_run
from pipeline.report.tables import draws
from pipeline.report.tables.slices import read_slices
from pipeline.store import paths

FIGURES = paths.REPORTS / "figures"
TABLES = paths.REPORTS / "tables"
PLOTS = paths.REPORTS / "plots"


def build_report(params: Params) -> None:
    """Write reports/report.html, report.md, figures/ and tables/ from what the other stages left.

    Only the networks of params are read, whatever else lies there. The same inputs give the same bytes. Raises ReportError
    where an input is missing, naming the stage that makes it.
    """
    run, report = read_run(params), params.report
    weighed, unweighed = read_tradeoffs(run, report)
    shown = [section for section in _sections(run, report, weighed, unweighed) if section.blocks]
    page = Page(prose.title(run), prose.ABOUT, prose.warnings(run), first_screen(run, report), shown)
    for folder in (FIGURES, TABLES):
        folder.mkdir(parents=True, exist_ok=True)
    for grid in page.grids:
        write_grid(TABLES, grid)
    for name, data in page.figures.items():
        (FIGURES / name).write_bytes(data)
    write_series(PLOTS, run, weighed)
    write_pages(paths.REPORTS, page)


def _sections(run: Run, report: ReportParams, weighed: list[Tradeoff], unweighed: list[str]) -> list[PageSection]:
    """The report's sections in their order; one without a block is left out."""
    drawn = [found for key in paths.SETS if (found := draws.read_draws(key))]
    sliced = read_slices(run)
    return [
        shipped(),
        sections.this_run(run),
        sections.papers(run, report),
        sections.faces(run, report),
        sections.best_and_worst(run),
        sections.quality_against_cost(run, report, [(found, draw_tradeoff(found)) for found in weighed], unweighed),
        sections.of_networks(run),
        sections.learning_rates(run, draw_multiples(run)),
        sections.training(run, draw_curves(run)),
        sections.every_figure(run),
        sections.by_degradation(sliced, {found.key: draw_slices(found) for found in sliced}),
        sections.by_convention(run),
        sections.images(run),
        sections.rules(run),
        sections.spoilt(run, [(found, draw_draws(found)) for found in drawn]),
        sections.made_with(run),
        sections.not_computed(run),
        sections.departures(),
    ]
