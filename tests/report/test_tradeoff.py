"""Quality against cost, and the peers on the report's page."""

import io
import json
import shutil

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipeline import layout, manifest
from pipeline.report.curves import curve_groups
from pipeline.report.networks import networks_grid, training_grids
from pipeline.report.strips import read_strips
from pipeline.report.tradeoff import Point, Tradeoff, alt, draw_tradeoff, read_tradeoffs, tradeoff_grid

TABLE_2 = {
    "title": "AGRNet and other methods",
    "baseline": "bicubic",
    "rows": ["parameters_m", "helen.psnr_y", "helen.ssim_y", "gmac", "ms_per_image"],
    "columns": [
        {"label": "bicubic", "variant": "bicubic"},
        {"label": "DIC", "variant": "dic"},
        {"label": "SwinIR", "variant": "swinir"},
        {"label": "AGRNet", "variant": "agrnet"},
    ],
}


@pytest.fixture
def with_peers(project):
    """AGRNet beside two peers, one cheaper and worse, one dearer and worse."""
    network = {"network": {"width": 4, "num_steps": 2}}
    for name, psnr, gmac, ms in (("dic", 24.5, 2.0, 30.0), ("swinir", 23.0, 0.1, 40.0)):
        figures = {"ssim_y": psnr / 32, "psnr_y": psnr}
        project.add_peer(name, name, "agrnet", figures, network, gmac=gmac, ms_per_image=ms)
    project.tables = project.tables | {"table_2": TABLE_2}
    return project


def made(*points: tuple, row: str = "helen.psnr_y") -> Tradeoff:
    """A trade-off of (label, quality, GMAC, ms)."""
    found = [
        Point(label, quality, quality - 0.1, quality + 0.1, {"gmac": gmac, "ms_per_image": ms, "parameters_m": 1.0})
        for label, quality, gmac, ms in points
    ]
    return Tradeoff("table_2", "AGRNet and other methods", row, found, 20.0, ["on a processor"])


def test_what_no_other_beats_in_quality_and_cost(with_peers):
    (found,) = read_tradeoffs(with_peers.run("agrnet"), with_peers.report)
    assert (found.row, found.bicubic) == ("helen.psnr_y", 20.126)
    assert {point.label for point in found.points} == {"AGRNet", "DIC", "SwinIR"}
    assert [point.label for point in found.front("gmac")] == ["SwinIR", "AGRNet"]
    assert [point.label for point in found.front("ms_per_image")] == ["AGRNet"]


costs = st.floats(0.01, 1000)


@given(st.lists(st.tuples(st.floats(10, 40), costs, costs), min_size=3, max_size=9), st.booleans())
def test_the_front_is_what_the_definition_says(values, falls):
    row = "celebahq.lpips_alex" if falls else "helen.psnr_y"
    tradeoff = made(*((f"n{number}", *of) for number, of in enumerate(values)), row=row)
    front = tradeoff.front("gmac")
    sign = -1 if falls else 1

    def beats(a: Point, b: Point) -> bool:
        as_good = sign * a.quality >= sign * b.quality and a.cost["gmac"] <= b.cost["gmac"]
        return as_good and (a.quality, a.cost["gmac"]) != (b.quality, b.cost["gmac"])

    unbeaten = {(p.quality, p.cost["gmac"]) for p in tradeoff.points if not any(beats(q, p) for q in tradeoff.points)}
    assert {(point.quality, point.cost["gmac"]) for point in front} == unbeaten
    assert [point.cost["gmac"] for point in front] == sorted(point.cost["gmac"] for point in front)


def test_fewer_than_three_networks_make_no_plot(project):
    assert read_tradeoffs(project.run(), project.report) == []


def test_networks_of_one_cost_make_no_plot(with_peers):
    for name in ("dic", "swinir"):
        with_peers.change(layout.METRICS / name / "cost.json", gmac=0.5)
    assert read_tradeoffs(with_peers.run("agrnet"), with_peers.report) == []


def test_the_table_beside_has_the_points(with_peers):
    (found,) = read_tradeoffs(with_peers.run("agrnet"), with_peers.report)
    lines = {line.header: [cell.value for cell in line.cells] for line in tradeoff_grid(found).lines}
    assert lines["SwinIR"][:4] == [23.0, 0.12345, 0.1, 40.0]
    assert lines["SwinIR"][4] == "GMAC per image"
    assert lines["AGRNet"][4] == "GMAC per image, ms per image"
    assert lines["DIC"][4] in ("", None)
    assert "SwinIR 23.00 at 0.1 GMAC" in alt(found)


@pytest.mark.parametrize("row", ["helen.psnr_y", "celebahq.lpips_alex"])
def test_the_picture_is_the_same_each_time_and_fits_both_grounds(row):
    tradeoff = made(("A", 24.0, 0.1, 3.0), ("B", 25.0, 2.0, 3.1), ("C", 25.01, 2.05, 90.0), row=row)
    first, again = draw_tradeoff(tradeoff), draw_tradeoff(tradeoff)
    assert first == again
    pictures = {ground: np.asarray(Image.open(io.BytesIO(png)).convert("RGB")) for ground, png in first.items()}
    assert pictures["light"].shape == pictures["dark"].shape
    assert pictures["light"][2, 2].tolist() == [255, 255, 255]
    assert pictures["dark"][2, 2].max() < 60


def test_peers_stand_on_the_page(with_peers):
    md, html = with_peers.build("agrnet")
    for text in ("Quality against cost", "**DIC** (beside AGRNet), 1 variant: dic.", "a peer, trained here"):
        assert text in md
    assert "cost_table_2_light.png" in md
    assert "SwinIR" in html
    cost = pd.read_csv(layout.REPORTS / "tables/cost_table_2.csv")
    assert len(cost) == 3


def test_peers_are_in_the_strips_the_curves_and_the_tables_of_training(with_peers):
    run = with_peers.run("agrnet", "hr")
    strips = {strip.key: strip for strip in read_strips(run, with_peers.report)}
    assert [column.label for column in strips["helen"].columns if column.label in ("DIC", "SwinIR")] == [
        "DIC",
        "SwinIR",
    ]
    assert [result.name for result in curve_groups(run)["agrnet_peers"]] == ["agrnet", "dic", "swinir"]
    assert [line.header for line in training_grids(run)[0].lines] == ["agrnet", "dic", "swinir"]
    assert [line.basis for line in networks_grid(run).lines] == ["AGRNet", "AGRNet-HR", "DIC", "SwinIR"]


def test_weights_that_others_trained_need_no_curve_and_no_data(with_peers):
    card = json.loads((layout.MODELS / "dic/card.json").read_text())
    theirs = {"params": {"network": {"width": 4}}, "seeds": card["seeds"], "trained_by": "others"}
    manifest.write_json(layout.MODELS / "dic/card.json", theirs)
    manifest.write_json(layout.METRICS / "dic/train.json", {})
    shutil.rmtree(layout.CURVES / "dic/seed_0")
    md, _ = with_peers.build("agrnet")
    assert "a peer, with weights that others trained" in md
    run = with_peers.run("agrnet")
    assert [result.name for result in curve_groups(run)["agrnet_peers"]] == ["agrnet", "swinir"]
    assert [line.header for line in training_grids(run)[0].lines] == ["agrnet", "swinir"]
