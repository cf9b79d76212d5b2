"""The report: tables as CSV, pictures as PNG, and both again on one page in HTML and in Markdown."""

from pipeline import layout
from pipeline.params import ReportParams, Variant
from pipeline.report import counts, draws, networks, samples, tables
from pipeline.report.curves import draw_curves
from pipeline.report.grid import Grid, write_grid
from pipeline.report.histograms import draw_draws
from pipeline.report.page import Page, Rules, Spoilt, write_pages
from pipeline.report.results import Run, read_run
from pipeline.report.series import write_series
from pipeline.report.strips import read_strips, write_strip

FIGURES = layout.REPORTS / "figures"
TABLES = layout.REPORTS / "tables"
PLOTS = layout.REPORTS / "plots"


def build_report(profile: str, seeds: list[int], variants: dict[str, Variant], report: ReportParams) -> None:
    """Write reports/report.html, report.md, figures/ and tables/ from what the other stages left.

    Only the variants given are read, whatever else lies there. The same inputs give the same bytes. Raises ReportError
    where an input is missing, naming the stage that makes it.
    """
    run = read_run(profile, seeds, variants)
    strips, curves = read_strips(run, report), draw_curves(run)
    page = Page(run, strips, curves, rules=_rules(run), spoilt=_spoilt(run), **_grids(run, report))
    for folder in (FIGURES, TABLES):
        folder.mkdir(parents=True, exist_ok=True)
    for grid in page.grids:
        write_grid(TABLES, grid)
    _write_figures(page)
    write_series(PLOTS, run)
    write_pages(layout.REPORTS, page)


def _write_figures(page: Page) -> None:
    for strip in page.strips:
        write_strip(FIGURES, strip)
    for of_set in page.rules:
        if of_set.groups:
            samples.write_samples(FIGURES, of_set.key, of_set.groups)
    drawn = {f"curves_{model}": pictures for model, pictures in page.curves.items()}
    drawn |= {f"draws_{of_set.draws.key}": of_set.pictures for of_set in page.spoilt}
    for name, pictures in drawn.items():
        for ground, data in pictures.items():
            (FIGURES / f"{name}_{ground}.png").write_bytes(data)


def _rules(run: Run) -> list[Rules]:
    return [Rules(key, counts.rules_grid(key, run), samples.read_samples(key, run)) for key in layout.SETS]


def _spoilt(run: Run) -> list[Spoilt]:
    found = [drawn for key in layout.SETS if (drawn := draws.read_draws(key))]
    return [Spoilt(drawn, draws.draws_grid(drawn), draw_draws(drawn)) for drawn in found]


def _grids(run: Run, report: ReportParams) -> dict[str, list[Grid] | list[str]]:
    made = {name: tables.paper_table(name, table, run) for name, table in report.tables.items()}
    rejected, absent = counts.reasons_grid(run), networks.absent_grid(run)
    return {
        "papers": [grid for grid in made.values() if grid],
        "left_out": [tables.caption(name, report.tables[name]) for name, grid in made.items() if not grid],
        "counts": [counts.counts_grid(run), *([rejected] if rejected else [])],
        "networks": [networks.networks_grid(run)],
        "trainings": networks.training_grids(run),
        "figures": networks.figures_grids(run),
        "absent": [absent] if absent else [],
    }
