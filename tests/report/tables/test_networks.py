"""Size and cost, every figure measured, conventions, and what is absent."""

import csv
import json

import numpy as np
import pandas as pd
import pytest

from pipeline.metrics.conventions import CONVENTIONS
from pipeline.report.blocks.grid import Cell, Grid, Line, plain, signed, write_grid
from pipeline.report.tables import conventions
from pipeline.report.tables.conventions import conventions_grids
from pipeline.report.tables.networks import absent_grid, networks_grid
from pipeline.report.tables.quality import FIGURES, figures_grids
from pipeline.store import paths


def texts(grid: Grid, header: str) -> dict[str, str]:
    """Column -> text of a line."""
    line = next(line for line in grid.lines if line.header == header)
    return {head.text: cell.text for head, cell in zip(grid.columns, line.cells, strict=True)}


def cost(project, name: str, **values) -> None:
    project.change(paths.METRICS / name / "cost.json", **values)


def test_time_and_memory_stand_beside_size_and_the_caption_says_where(project):
    cost(project, "agrnet", ms_per_image=1234.56, peak_memory_mb=1034.5, network_share=0.625)
    grid = networks_grid(project.run())
    assert grid.caption == (
        "Size and cost; time and memory on a processor, 1 thread, fp32, in batches of 8 images of 32 px"
    )
    row = texts(grid, "agrnet")
    assert [row[name] for name in ("ms per image", "peak memory, MB", "network’s share of the stage")] == [
        "1,234.6",
        "1,034",
        "0.62",
    ]
    assert grid.notes == []
    assert "bicubic" not in [line.header for line in grid.lines]


def test_another_device_is_noted_at_its_line(project):
    cost(project, "hr", device="a graphics card", threads=0, precision="bf16")
    grid = networks_grid(project.run())
    (note,) = grid.notes
    expected = "on a graphics card, as many threads as PyTorch takes, bf16, in batches of 8 images of 32 px."
    assert note == f"Measured {expected}"
    marked = {line.header: [cell.notes for cell in line.cells[-3:]] for line in grid.lines}
    assert marked["hr"] == [(1,)] * 3
    assert marked["agrnet"] == [()] * 3


def test_what_was_not_measured_is_a_dash(project):
    path = paths.METRICS / "agrnet" / "cost.json"
    without_memory = {key: value for key, value in json.loads(path.read_text()).items() if key != "peak_memory_mb"}
    path.write_text(json.dumps(without_memory))
    (paths.METRICS / "hr" / "cost.json").write_text("{}")  # its test sets hold no image
    grid = networks_grid(project.run())
    assert texts(grid, "agrnet")["peak memory, MB"] == "–"
    assert [texts(grid, "hr")[name] for name in ("GMAC", "ms per image")] == ["–", "–"]
    for name in project.params().networks:
        (paths.METRICS / name / "cost.json").write_text("{}")
    assert networks_grid(project.run()).caption == "Size and cost"


def test_every_figure_has_its_interval_and_hr_its_own_share_of_faces(project, tmp_path):
    project.enlarge("agrnet", "helen", 40)
    found = np.arange(40) % 4 > 0
    project.measure("agrnet", "helen", psnr_y=np.linspace(20, 30, 40), faces_found=found.astype(float))
    grid = next(grid for grid in figures_grids(project.run()) if grid.name == "figures_helen")
    row = texts(grid, "agrnet")
    assert row["PSNR (Y) ↑"].startswith("25.00 (24.")
    assert row["faces found ↑"].startswith("0.750 (0.")
    assert texts(grid, "HR") == {head.text: "–" for head in grid.columns} | {"images": "3", "faces found ↑": "0.987"}
    write_grid(tmp_path, grid)
    with open(tmp_path / "figures_helen.csv") as file:
        ours = next(row for row in csv.DictReader(file) if row["network"] == "agrnet")
    assert float(ours["psnr_y"]) == pytest.approx(25.0)
    assert 23.5 < float(ours["psnr_y_low"]) < 25 < float(ours["psnr_y_high"]) < 26.5
    assert "detector finds a face" in " ".join(FIGURES)


def test_sets_with_and_without_ground_truth_have_their_own_metrics(project):
    for name in ("hr", "bicubic"):
        real = {"images": 3, "frechet_vgg16": 7.5, "kid_inception": 0.01, "faces_found": 0.5}
        project.change(paths.METRICS / name / "evaluate.json", real=real)
    by_name = {grid.name: [head.text for head in grid.columns] for grid in figures_grids(project.run())}
    assert by_name["figures_celebahq"] == ["images", "PSNR (Y) ↑", "SSIM (Y) ↑", "LPIPS (AlexNet) ↓"]
    real = ["images", "faces found ↑", "FID ↓", "KID ↓", "Fréchet distance on VGG16 (no FID) ↓"]
    assert by_name["figures_real"] == real


def test_an_empty_set_has_no_table_and_is_named_among_the_absent(project):
    for name in ("bicubic", "hr", "hr_without_pc"):
        path = paths.METRICS / name / "evaluate.json"
        path.write_text(json.dumps({key: of for key, of in json.loads(path.read_text()).items() if key != "real"}))
        project.change(paths.EVALUATED / name / "absent.json", real="the set real holds no image, see its manifests")
    run = project.run("hr", "hr_without_pc")
    assert "figures_real" not in [grid.name for grid in figures_grids(run)]
    row = texts(absent_grid(run), "every figure of real photos")
    assert row == {"for": "everything", "reason": "the set real holds no image, see its manifests"}


def test_conventions_stand_side_by_side_on_the_same_images(project, tmp_path):
    grids = {grid.name: grid for grid in conventions_grids(project.run())}
    assert list(grids) == ["conventions_helen", "conventions_celebahq"]
    grid = grids["conventions_helen"]
    assert [line.header for line in grid.lines] == ["bicubic", "agrnet", "agrnet_baseline"]
    row = texts(grid, "agrnet")
    assert row["PSNR, Y (ours)"] == "25.13"
    assert row["PSNR, DIC"] == "25.63"
    assert row["PSNR, RGB"] == "23.63"
    assert row["SSIM, SFMNet"] == "1.0624"
    assert "The same images read up to 2.00 dB of PSNR apart." in grid.notes
    write_grid(tmp_path, grid)
    with open(tmp_path / "conventions_helen.csv") as file:
        names = csv.DictReader(file).fieldnames
    keys = [f"{measure}_{name}" for measure in ("psnr", "ssim") for name in CONVENTIONS]
    assert [name for name in names if name.startswith(("psnr", "ssim"))] == keys


def test_no_table_of_conventions_where_only_ours_was_measured(project):
    for name in (*project.params().networks, "bicubic"):
        for path in (paths.EVALUATED / name).glob("*.parquet"):
            frame = pd.read_parquet(path)
            others = [name for name in frame if name.endswith(("_sparnet", "_dic", "_sfmnet", "_rgb"))]
            frame.drop(columns=others).to_parquet(path)
    assert conventions_grids(project.run()) == []


def test_each_convention_is_explained():
    text = " ".join(conventions.READING)
    assert all(convention.title in text and convention.words in text for convention in CONVENTIONS.values())


@pytest.mark.parametrize(
    ("value", "decimals", "as_plain", "as_signed"),
    [
        (1234.5, 1, "1,234.5", "+1,234.5"),
        (-0.004, 2, "-0.00", "0.00"),
        (-0.25, 2, "-0.25", "−0.25"),
        (float("inf"), 2, "∞", "+∞"),
        (float("-inf"), 2, "−∞", "−∞"),
        (float("nan"), 2, "–", "–"),
        (100.0, 0, "100", "+100"),
    ],
)
def test_numbers_as_text(value, decimals, as_plain, as_signed):
    assert plain(value, decimals) == as_plain
    assert signed(value, decimals) == as_signed


def test_a_column_of_several_fields_is_several_columns_of_the_file(tmp_path):
    grid = Grid("some", "Some", "name", [Cell("range", fields=("low", "high")), Cell("word")], groups="group")
    grid.head("A heading", "its basis", "heading")
    grid.lines += [
        Line("a", [Cell("1 to 2", (1, 2)), Cell("x", "x", (grid.note("a note"),))]),
        Line("b", [Cell("none", None), Cell("y", "y")], "its own"),
    ]
    write_grid(tmp_path, grid)
    with open(tmp_path / "some.csv") as file:
        rows = list(csv.DictReader(file))
    assert rows == [
        {
            "group": "heading",
            "name": "a",
            "source": "here",
            "basis": "its basis",
            "low": "1.0",
            "high": "2.0",
            "word": "x",
            "notes": "a note",
        },
        {
            "group": "heading",
            "name": "b",
            "source": "here",
            "basis": "its own",
            "low": "",
            "high": "",
            "word": "y",
            "notes": "",
        },
    ]
