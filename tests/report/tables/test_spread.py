"""Training runs with several seeds: their spread, and which differences between networks are larger."""

import csv
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from pipeline.report.tables.comparison import compare
from pipeline.report.tables.paper import ONE_RUN, paper_table
from pipeline.report.tables.spread import Pair, pairs, runs_cell, runs_of, said, spread_grid
from pipeline.store import manifest, paths

OF_IMAGES = np.array([-0.1, 0.0, 0.1])


def repeat(project, name: str, *means: float) -> None:
    """Let a network have been trained once per mean of SSIM."""
    project.enlarge(name, "helen", 3)
    rows = [{"seed": seed, "key": f"synthetic/{number}"} for seed in range(len(means)) for number in range(3)]
    manifest.write_table(paths.EVALUATED / name / "helen.parquet", pd.DataFrame(rows))
    values = np.concatenate([mean + OF_IMAGES for mean in means])
    project.measure(name, "helen", ssim_y=values, psnr_y=40 * values)


@pytest.fixture
def repeated(project):
    """Three runs of AGRNet and of the baseline, whose best is below AGRNet's worst."""
    project.seeds = [0, 1, 2]
    repeat(project, "agrnet", 0.70, 0.72, 0.71)
    repeat(project, "agrnet_baseline", 0.66, 0.69, 0.66)
    repeat(project, "bicubic", 0.5)
    project.tables = {name: project.tables[name] for name in ("table_2", "table_4")}
    return project


def of_table(project, name: str) -> list[Pair]:
    run, report = project.read("agrnet", "agrnet_baseline")
    return pairs(compare(name, report.tables[name], run))


def test_a_difference_exceeds_the_spread_where_all_runs_of_one_lie_above_all_of_the_other(repeated):
    (pair,) = of_table(repeated, "table_4")
    assert (pair.row, pair.high, pair.low) == ("helen.ssim_y", "+ ACON + GAM", "Baseline")
    assert pair.difference == pytest.approx(0.04)
    assert pair.exceeds
    assert pair.chance == pytest.approx(1 / 10)  # 2 of the 20 orders of three and three
    repeat(repeated, "agrnet_baseline", 0.66, 0.705, 0.66)
    assert not of_table(repeated, "table_4")[0].exceeds


def test_the_higher_mean_comes_first_whatever_the_order_of_the_columns(repeated):
    repeat(repeated, "agrnet_baseline", 0.80, 0.81, 0.82)
    (pair,) = of_table(repeated, "table_4")
    assert (pair.high, pair.low, pair.exceeds) == ("Baseline", "+ ACON + GAM", True)


def test_a_network_that_was_trained_once_has_no_spread(repeated):
    assert of_table(repeated, "table_2") == []  # bicubic is not trained, and DIC the paper's alone
    repeat(repeated, "agrnet_baseline", 0.66)
    assert of_table(repeated, "table_4") == []


def test_what_exceeds_the_spread_is_said_and_what_does_not(repeated):
    apart = said(of_table(repeated, "table_4"))
    assert apart == [
        "SSIM (Y), beyond the spread of the training runs: + ACON + GAM over Baseline (+0.0400); within it: none."
    ]
    repeat(repeated, "agrnet_baseline", 0.66, 0.705, 0.66)
    assert said(of_table(repeated, "table_4"))[0].endswith("none; within it: + ACON + GAM over Baseline (+0.0350).")


def test_the_grid_has_both_spreads(repeated):
    grid = spread_grid("table_4", "Table 4", of_table(repeated, "table_4"))
    texts = [cell.text for cell in grid.lines[1].cells]
    assert grid.lines[1].header == "+ ACON + GAM − Baseline"
    assert texts == ["+0.0400", "0.7000 to 0.7200", "0.6600 to 0.6900", "yes", "1 in 10"]


def test_both_forms_of_the_report_show_spread_and_what_exceeds_it(repeated):
    markdown, html = repeated.build("agrnet", "agrnet_baseline")
    for text in (markdown, html):
        assert "SSIM (Y), beyond the spread of the training runs: + ACON + GAM over Baseline (+0.0400)" in text
        assert "0.7000 to 0.7200" in text
        assert "differences and the spread of the training runs" in text
    assert "| seeds | 0.6600 to 0.6900 | 0.7000 to 0.7200 |" in markdown
    with open(paths.REPORTS / "tables/table_4_spread.csv") as file:
        (row,) = csv.DictReader(file)
    assert (row["metric"], row["exceeds the spread"]) == ("helen.ssim_y", "yes")
    assert float(row["higher_lowest"]) == pytest.approx(0.70)


def test_where_one_network_alone_was_repeated_the_others_are_told_to_be_single_runs(project):
    project.own_seeds = {"agrnet": [0, 1]}
    repeat(project, "agrnet", 0.70, 0.72)
    repeat(project, "agrnet_baseline", 0.66)
    repeat(project, "bicubic", 0.5)
    run, report = project.read()
    grid = paper_table("table_4", report.tables["table_4"], run)
    single = grid.notes.index(ONE_RUN) + 1
    by_label = {line.header: line for line in grid.lines if not line.heading}
    assert single in by_label["Baseline"].cells[0].notes
    assert single not in by_label["+ ACON + GAM"].cells[0].notes
    assert single not in grid.columns[0].notes
    assert [head.text for head in grid.columns].count("seeds") == 1
    markdown, _ = project.build("agrnet", "agrnet_baseline")
    assert (
        "the mean of 2 training runs (seeds 0, 1) for agrnet; of 1 training run (seed 0) for agrnet_baseline."
        in markdown
    )
    assert (
        "Trained" not in markdown.split("**AGRNet** reaches")[1].split("##")[0].split("The mean of 2 training runs")[0]
    )


def test_with_one_seed_nothing_is_said_of_a_spread(pages, reports):
    markdown, html = pages
    assert "beyond the spread" not in markdown + html
    assert "| seeds |" not in markdown
    assert not (reports / "tables/table_4_spread.csv").exists()


@pytest.mark.parametrize("order", [(0.15, np.nan, 0.25), (np.nan, 0.15, 0.25), (0.25, 0.15, np.nan)])
def test_a_run_without_a_figure_hides_none_of_the_others(order):
    figure = SimpleNamespace(row="helen.ssim_y", interval={"seeds": dict(enumerate(order))})
    assert sorted(runs_of(figure)) == [0.15, 0.25]
    assert runs_cell(figure).text == "0.1500 to 0.2500"
