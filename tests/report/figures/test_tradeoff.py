"""Quality against cost, and the peers on the report's page."""

import csv
import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipeline.report.faces.strips import read_strips
from pipeline.report.figures import tradeoff_panels
from pipeline.report.figures.curves import curve_groups
from pipeline.report.figures.series import write_series
from pipeline.report.figures.tradeoff import (
    Point,
    Tradeoff,
    read_tradeoffs,
    shortened,
    time_remarks,
    tradeoff_alt,
    tradeoff_grid,
)
from pipeline.report.figures.tradeoff_panels import bicubic_is_near, draw_tradeoff
from pipeline.report.results import Result
from pipeline.report.tables.networks import networks_grid, training_grids
from pipeline.store import paths

TABLE_2 = {
    "title": "AGRNet and other methods",
    "baseline": "bicubic",
    "rows": ["parameters_m", "helen.psnr_y", "helen.ssim_y", "gmac", "ms_per_image"],
    "columns": [
        {"label": "bicubic", "network": "bicubic"},
        {"label": "DIC", "network": "dic"},
        {"label": "SwinIR", "network": "swinir"},
        {"label": "AGRNet", "network": "agrnet"},
    ],
}


@pytest.fixture
def with_peers(project):
    """AGRNet beside two peers, one dearer and worse, one of fewer GMAC and worse."""
    for name, psnr, gmac, ms in (("dic", 24.5, 2.0, 30.0), ("swinir", 23.0, 0.1, 40.0)):
        figures = {"ssim_y": psnr / 32, "psnr_y": psnr}
        project.add_peer(name, figures, gmac=gmac, ms_per_image=ms)
    project.tables = {"table_2": TABLE_2}
    return project


def read(project) -> Tradeoff:
    """The one that can be plotted."""
    ((found,), missing) = read_tradeoffs(*project.read("agrnet"))
    assert missing == []
    return found


def why_not(project) -> str:
    """Why nothing can be plotted."""
    (found, (missing,)) = read_tradeoffs(*project.read("agrnet"))
    assert found == []
    return missing


def made(*points: tuple, row: str = "helen.psnr_y", bicubic: float | None = None) -> Tradeoff:
    """A trade-off of (label, quality, GMAC, ms)."""
    found = [
        Point(label, costing(label, gmac, ms), quality, (quality - 0.1, quality + 0.1))
        for label, quality, gmac, ms in points
    ]
    return Tradeoff("table_2", "Table 2. Some", row, found, bicubic, ["on a processor"], [])


def costing(name: str, gmac: float, ms: float) -> Result:
    """A network of which only the cost is known."""
    cost = {"gmac": gmac, "ms_per_image": ms, "parameters_m": 1.0}
    return Result(name, "x8", [0], {}, {}, {}, {}, {}, cost, {}, {}, pd.DataFrame())


def test_a_table_is_read_by_its_first_row_of_quality(with_peers):
    found = read(with_peers)
    assert (found.row, found.bicubic, found.axes) == ("helen.psnr_y", 20.126, ["gmac", "ms_per_image"])
    assert [(point.label, point.quality, point.cost("gmac")) for point in found.points] == [
        ("DIC", 24.5, 2.0),
        ("SwinIR", 23.0, 0.1),
        ("AGRNet", 25.128, 0.5),
    ]
    assert found.points[0].ends == pytest.approx((24.1, 24.9))
    assert [point.label for point in found.front("gmac")] == ["SwinIR", "AGRNet"]
    assert [point.label for point in found.front("ms_per_image")] == ["AGRNet"]


def test_a_quality_that_was_not_computed_is_passed_over(with_peers):
    with_peers.tables = {"table_2": {**TABLE_2, "rows": ["helen.lpips_alex", "helen.ssim_y"]}}
    assert read(with_peers).row == "helen.ssim_y"


costs = st.floats(0.01, 1000)


@given(st.lists(st.tuples(st.floats(10, 40), costs, costs), min_size=3, max_size=9), st.booleans())
def test_the_front_is_what_no_other_beats(values, falls):
    row = "celebahq.lpips_alex" if falls else "helen.psnr_y"
    tradeoff = made(*((f"n{number}", *of) for number, of in enumerate(values)), row=row)
    front, sign = tradeoff.front("gmac"), -1 if falls else 1
    qualities, prices = [sign * point.quality for point in front], [point.cost("gmac") for point in front]
    assert qualities == sorted(qualities)
    assert prices == sorted(prices)
    for point in tradeoff.points:
        as_good = [
            sign * other.quality >= sign * point.quality and other.cost("gmac") <= point.cost("gmac") for other in front
        ]
        assert any(as_good)


def test_of_equals_both_stay_on_the_front():
    tradeoff = made(("A", 24.0, 1.0, 3.0), ("B", 24.0, 1.0, 4.0), ("C", 23.0, 1.0, 3.0))
    assert [point.label for point in tradeoff.front("gmac")] == ["A", "B"]


def test_fewer_than_three_networks_make_no_plot(project):
    project.tables = {"table_2": TABLE_2}
    assert why_not(project).startswith(
        "Table 2. AGRNet and other methods: 1 network computed here, where a plot takes 3"
    )


def test_networks_of_one_cost_make_no_plot(with_peers):
    for name in ("dic", "swinir"):
        with_peers.change(paths.METRICS / name / "cost.json", gmac=0.5001)  # within what is shown
    assert why_not(with_peers).endswith("its networks cost 0.500 GMAC, where a plot takes 3 that differ.")


def test_without_cost_or_quality_it_is_said_whose_is_missing(with_peers):
    (paths.METRICS / "dic" / "cost.json").write_text("{}")
    said = why_not(with_peers)
    assert "fewer than 3 networks have both a quality and a cost" in said
    assert "DIC is not in it: its cost was not measured" in said
    with_peers.tables = {"table_2": {**TABLE_2, "rows": ["helen.lpips_alex"]}}
    assert "no LPIPS (AlexNet), not asked for in params.yaml" in why_not(with_peers)


def test_a_table_without_quality_or_without_networks_is_not_spoken_of(project):
    project.tables = {"table_5": project.tables["table_5"], "table_7": project.tables["table_7"]}
    assert read_tradeoffs(*project.read("agrnet")) == ([], [])


def test_times_measured_in_different_ways_are_not_plotted(with_peers):
    with_peers.change(paths.METRICS / "dic" / "cost.json", device="another processor")
    found = read(with_peers)
    assert found.axes == ["gmac"]
    (said,) = time_remarks(found)
    assert "different ways" in said
    assert "on another processor" in said


def test_the_table_and_the_words_have_all_numbers(with_peers):
    run, found = with_peers.run("agrnet"), read(with_peers)
    grid = tradeoff_grid(found, run)
    rows = {line.header: [cell.text for cell in line.cells] for line in grid.lines}
    assert rows["SwinIR"] == ["23.00 (22.60 to 23.40)", "0.123", "0.100", "40.0", "34", "computation"]
    assert rows["AGRNet"][-1] == "computation and time"
    assert rows["DIC"][-1] == "–"
    assert rows["bicubic"] == ["20.13 (19.73 to 20.53)", *"–––––"]
    alt = tradeoff_alt(found)
    for words in (
        "SwinIR 23.00 at 0.100 GMAC, 40.0 ms, 0.123 M parameters",
        "bicubic 20.13",
        "no other beats SwinIR, AGRNet by computation",
        "no other beats AGRNet by time",
    ):
        assert words in alt


def test_the_points_are_a_file_for_dvc_plots(with_peers, tmp_path):
    write_series(tmp_path / "series", with_peers.run("agrnet"), [read(with_peers)])
    rows = pd.read_csv(tmp_path / "series/table_2_cost.csv").set_index("network")
    assert rows.loc["DIC", ["metric", "quality", "gmac", "ms_per_image"]].tolist() == ["helen.psnr_y", 24.5, 2.0, 30.0]
    assert ((rows["low"] < rows["quality"]) & (rows["quality"] < rows["high"])).all()
    assert pd.read_csv(tmp_path / "series/table_3_cost.csv").empty


@pytest.mark.parametrize(
    ("value", "text"), [(0.0319, "0.0319"), (0.1, "0.100"), (12.68, "12.7"), (882.4, "882"), (0, "0")]
)
def test_costs_have_three_digits_that_count(value, text):
    assert shortened(value) == text


@pytest.mark.middle
@pytest.mark.parametrize("row", ["helen.psnr_y", "celebahq.lpips_alex"])
def test_the_picture_is_the_same_each_time_and_fits_both_grounds(row, draw_apart):
    tradeoff = made(("A", 24.0, 0.1, 3.0), ("B", 25.0, 2.0, 3.1), ("C", 25.01, 2.05, 90.0), row=row, bicubic=23.5)
    first = draw_tradeoff(tradeoff)
    draw_apart(tradeoff_panels)
    assert draw_tradeoff(tradeoff) == first
    pictures = {ground: np.asarray(Image.open(io.BytesIO(png)).convert("RGB")) for ground, png in first.items()}
    assert pictures["light"].shape == pictures["dark"].shape
    assert pictures["light"][2, 2].tolist() == [255, 255, 255]
    assert pictures["dark"][2, 2].max() < 60


@pytest.mark.parametrize(("bicubic", "near"), [(24.0, True), (22.9, True), (22.0, False), (None, False), (30.0, False)])
def test_bicubic_far_off_does_not_press_the_networks_together(bicubic, near):
    points = (("A", 24.0, 0.1, 3.0), ("B", 25.0, 2.0, 3.1), ("C", 25.0, 2.05, 90.0))  # with bars from 23.9 to 25.1
    assert bicubic_is_near(made(*points, bicubic=bicubic)) == near


@pytest.mark.middle
def test_bicubic_is_drawn_also_where_it_is_far_off():
    points = (("A", 24.0, 0.1, 3.0), ("B", 25.0, 2.0, 3.1), ("C", 25.0, 2.05, 90.0))
    without, far = (draw_tradeoff(made(*points, bicubic=bicubic))["light"] for bicubic in (None, 20.0))
    assert without != far


def test_the_section_says_what_can_be_plotted_and_what_others_publish(with_peers):
    with_peers.tables = {"table_2": TABLE_2, "table_4": {**TABLE_2, "columns": TABLE_2["columns"][::3]}}
    md, html = with_peers.build("agrnet")
    for text in ("Quality against cost", "**DIC** (beside AGRNet), 1 network: dic.", "a peer, trained here"):
        assert text in md
    assert "cost_table_2_light.png" in md
    assert "Times were measured on a processor, 1 thread" in md
    assert "Table 4. AGRNet and other methods: 1 network computed here" in html
    with open(paths.REPORTS / "tables/cost_table_2.csv") as file:
        rows = {row["network"]: row for row in csv.DictReader(file)}
    assert list(rows) == ["DIC", "SwinIR", "AGRNet", "bicubic"]
    assert [rows["DIC"][name] for name in ("psnr_y", "gmac", "unbeaten_by")] == ["24.5", "2.0", ""]


def test_peers_are_in_the_strips_the_curves_and_the_tables_of_training(with_peers):
    run, report = with_peers.read("agrnet", "hr")
    strips = {strip.key: strip for strip in read_strips(run, report)}
    assert [column.label for column in strips["helen"].columns if column.label in ("DIC", "SwinIR")] == [
        "DIC",
        "SwinIR",
    ]
    assert [result.name for result in curve_groups(run)["x8_others"]] == ["agrnet", "dic", "swinir"]
    assert [line.header for line in training_grids(run)[0].lines] == ["agrnet", "dic", "swinir"]
    assert [line.basis for line in networks_grid(run).lines] == ["AGRNet", "AGRNet-HR", "DIC", "SwinIR"]


def test_weights_that_others_trained_need_no_curve_and_no_data(with_peers):
    with_peers.by_others("dic")
    md, _ = with_peers.build("agrnet")
    assert "a peer, with weights that others trained" in md
    run = with_peers.run("agrnet")
    assert [result.name for result in curve_groups(run)["x8_others"]] == ["agrnet", "swinir"]
    assert [line.header for line in training_grids(run)[0].lines] == ["agrnet", "swinir"]
