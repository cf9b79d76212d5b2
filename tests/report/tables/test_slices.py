"""Slices by what Eq. (28) did: which images a bin holds, their means, empty and small bins, what is drawn."""

import csv
import io
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pipeline.metrics.statistics import mean_interval
from pipeline.report.blocks.grid import write_grid
from pipeline.report.figures import slice_panels
from pipeline.report.figures.slice_panels import draw_slices, slices_alt
from pipeline.report.tables.slices import FACTORS, all_slices_grid, cut, read_slices, slices_grids
from pipeline.store import paths
from pipeline.store.files import write_json

KIND, SIDE, NOISE, STRENGTH = FACTORS
IMAGES = 48


@pytest.fixture
def degraded(project):
    """The project with 48 images of many degradations, of which LPIPS is told by the LR side."""
    rng = np.random.default_rng(0)
    records = {
        "kind": np.resize(["gaussian", "average", "median"], IMAGES),
        "lr_side_px": np.tile(np.arange(8, 32), 2),
        "noise_level": np.where(np.arange(IMAGES) % 8 == 0, 0.0, rng.uniform(0.1, 25, IMAGES)),
        "compression": np.where(np.arange(IMAGES) % 16 == 0, -1, 60 + np.arange(IMAGES) % 5),
    }
    for name, more in (("bicubic", 0.2), ("hr", 0.0), ("hr_without_pc", 0.1)):
        project.enlarge(name, "celebahq", IMAGES)
        lpips = 1 - records["lr_side_px"] / 50 + more
        project.measure(name, "celebahq", lpips_alex=lpips, psnr_y=20 + 5 * lpips, **records)
    return project


def test_only_sets_that_were_degraded_so_are_sliced(degraded):
    (slices,) = read_slices(degraded.run())
    assert slices.key == "celebahq"
    assert slices.metrics == ["lpips_alex", "psnr_y"]
    assert [result.name for result in slices.shown] == ["bicubic", "hr"]


def test_a_bin_holds_the_mean_of_its_own_images(degraded):
    slices = read_slices(degraded.run())[0]
    frame = pd.read_parquet(paths.EVALUATED / "hr" / "celebahq.parquet").set_index("key")
    for of_bin, found in zip(slices.bins, slices.means["lpips_alex", "hr"], strict=True):
        assert found == mean_interval(frame.loc[of_bin.keys, "lpips_alex"].to_numpy())
    by_side = [slices.means["lpips_alex", "hr"][place].mean for place in slices.of_factor(SIDE)]
    assert by_side == sorted(by_side, reverse=True)


def test_bins_are_named_by_their_ends_and_steps_not_taken_stand_apart(degraded):
    grid = slices_grids(read_slices(degraded.run())[0])[0]
    assert grid.name == "slices_celebahq_lpips_alex"
    table, factor = {}, None
    for line in grid.lines:
        factor = line.value if line.heading else factor
        if not line.heading:
            table.setdefault(factor, {})[line.header] = [cell.text for cell in line.cells]
    assert {kind: row[0] for kind, row in table["kind"].items()} == {
        "gaussian": "16",
        "average": "16",
        "median": "16",
        "motion": "0",
    }
    assert table["kind"]["motion"] == ["0", "–", "–"]
    assert [(label, row[0]) for label, row in table["lr_side_px"].items()] == [
        ("8 to 13 px", "12"),
        ("14 to 19 px", "12"),
        ("20 to 25 px", "12"),
        ("26 to 31 px", "12"),
    ]
    assert table["noise_level"]["none"][0] == "6"
    assert table["compression"]["none"][0] == "3"


def test_bins_of_few_images_are_marked(degraded):
    grid = slices_grids(read_slices(degraded.run())[0])[0]
    few = "Fewer than 5 images: what a network makes of them may be chance."
    counts = [line.cells[0] for line in grid.lines if not line.heading]
    for cell in counts:
        said = [grid.notes[number - 1] for number in cell.notes]
        assert (few in said) == (0 < cell.value < 5)
    assert any(0 < cell.value < 5 for cell in counts)


def test_images_without_a_value_are_counted_in_the_cell(degraded):
    distances = np.where(np.arange(IMAGES) % 3 == 1, np.nan, 0.1)  # none of "average" has one
    distances[0] = np.nan
    degraded.measure("hr", "celebahq", landmark_distance=distances)
    grid = slices_grids(read_slices(degraded.run())[0])[-1]
    rows = {line.header: line.cells[1].text for line in grid.lines}
    assert [head.text for head in grid.columns] == ["images", "hr"]
    assert rows["gaussian"] == "0.1000 (0.1000 to 0.1000; 15 of 16 images)"
    assert rows["average"] == "–"


def test_files_hold_every_network(degraded, tmp_path):
    slices = read_slices(degraded.run())[0]
    for grid in (all_slices_grid(slices), slices_grids(slices)[0]):
        write_grid(tmp_path, grid)
    with open(tmp_path / "slices_celebahq.csv") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["network", "metric", "factor", "bin", "images", "mean", "low", "high"]
    assert {row["network"] for row in rows} == {"bicubic", "hr", "hr_without_pc"}
    assert len(rows) == 3 * 2 * len(slices.bins)
    median = next(row for row in rows if (row["network"], row["bin"]) == ("hr", "median"))
    with open(tmp_path / "slices_celebahq_lpips_alex.csv") as file:
        shown = next(row for row in csv.DictReader(file) if row["bin"] == "median")
    assert [median[end] for end in ("mean", "low", "high")] == [shown[end] for end in ("hr", "hr_low", "hr_high")]
    assert shown["factor"] == "kind"


@settings(max_examples=40, deadline=None)
@given(values=st.lists(st.floats(0, 25), max_size=30), factor=st.sampled_from([NOISE, SIDE, STRENGTH]))
def test_every_image_is_in_one_bin_of_each_quantity(values, factor):
    names = [f"image {number}" for number in range(len(values))]
    bins = cut(factor, pd.Series(values, names, dtype=float))
    assert sorted(key for of_bin in bins for key in of_bin.keys) == sorted(names)
    assert all(of_bin.keys for of_bin in bins)
    assert len(bins) <= 5
    given_values = dict(zip(names, values, strict=True))
    quarters = [of_bin for of_bin in bins if of_bin.label != "none"]
    for below, above in pairwise(quarters):
        assert max(given_values[key] for key in below.keys) < min(given_values[key] for key in above.keys)


def test_quarters_are_about_equally_large():
    values = pd.Series(np.random.default_rng(0).uniform(0.1, 25, 1001), [str(n) for n in range(1001)])
    assert {len(of_bin.keys) for of_bin in cut(NOISE, values)} <= {250, 251}


def test_kinds_without_images_and_images_without_a_kind_have_bins():
    bins = cut(KIND, pd.Series(["", "motion", None, "box"], list("abcd")))
    assert {of_bin.label: of_bin.keys for of_bin in bins} == {
        "gaussian": [],
        "average": [],
        "median": [],
        "motion": ["b"],
        "box": ["d"],
        "none": ["a", "c"],
    }


@pytest.mark.middle
def test_the_picture_has_two_grounds_and_shows_the_means(degraded, draw_apart):
    slices = read_slices(degraded.run())[0]
    pictures = draw_slices(slices)
    corners = {ground: np.asarray(Image.open(io.BytesIO(data)))[0, 0, :3].mean() for ground, data in pictures.items()}
    assert corners["light"] > 250
    assert corners["dark"] < 40
    draw_apart(slice_panels)
    assert draw_slices(slices) == pictures
    degraded.measure("hr", "celebahq", lpips_alex=np.full(IMAGES, 0.3))
    assert draw_slices(read_slices(degraded.run())[0])["light"] != pictures["light"]
    assert "LPIPS (AlexNet) ↓ of bicubic and hr by blur kind" in slices_alt(slices)


def test_a_set_of_a_single_image_can_be_drawn(degraded):
    for name in ("bicubic", "hr", "hr_without_pc"):
        degraded.enlarge(name, "celebahq", 1)
        record = {"kind": ["median"], "lr_side_px": [9], "noise_level": [0.0], "compression": [-1]}
        degraded.measure(name, "celebahq", lpips_alex=[0.5], **record)
    slices = read_slices(degraded.run())[0]
    assert "0.5000 (no interval)" in [cell.text for line in slices_grids(slices)[0].lines for cell in line.cells]
    assert draw_slices(slices)["light"]


def test_no_slices_of_a_set_that_no_network_was_measured_on(project):
    for name in ("bicubic", "hr", "hr_without_pc"):
        write_json(paths.METRICS / name / "evaluate.json", {})
    assert read_slices(project.run("hr", "hr_without_pc")) == []
