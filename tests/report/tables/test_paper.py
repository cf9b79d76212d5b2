"""Tables 2 to 7: rounding, how sure a figure is, whose it is, what is left out, and what is said about it."""

import csv
import json

import numpy as np
import pandas as pd
import pytest
from tests_root import ROOT

from pipeline.metrics import vgg_features
from pipeline.metrics.statistics import mean_interval
from pipeline.params.file import parse
from pipeline.report.blocks.grid import Grid, write_grid
from pipeline.report.metrics import METRICS
from pipeline.report.results import ReportError
from pipeline.report.tables import cells
from pipeline.report.tables import paper as tables
from pipeline.report.tables.comparison import paper_figures
from pipeline.report.tables.paper import PAPER_COUNTS, paper_table, results_grid
from pipeline.store import paths

ROWS_NOT_THE_PAPERS = {"real.frechet_vgg16", "gmac", "ms_per_image"}
# Trained here, and not in the paper's table.
BESIDE = {"table_2": {"SwinIR", "MambaIR"}, "table_3": {"SPARNetHD"}}


def made(project, number: int, *names: str) -> Grid | None:
    """A table of the networks named, or of all."""
    name = f"table_{number}"
    run, report = project.read(*names)
    return paper_table(name, report.tables[name], run)


def shown(grid: Grid, row: str, network: str) -> dict[str, str]:
    """Column -> text of a network's line under the heading of a row."""
    heading = None
    for line in grid.lines:
        heading = line.value if line.heading else heading
        if (heading, line.header) == (row, network):
            return {head.text: cell.text for head, cell in zip(grid.columns, line.cells, strict=True)}
    raise AssertionError(f"{network} has no line under {row}")


def marked(grid: Grid, row: str, network: str, column: str) -> list[str]:
    """The notes of a cell."""
    place = [head.text for head in grid.columns].index(column)
    heading = None
    for line in grid.lines:
        heading = line.value if line.heading else heading
        if (heading, line.header) == (row, network):
            return [grid.notes[number - 1] for number in line.cells[place].notes]
    raise AssertionError(f"{network} has no line under {row}")


def written(grid: Grid, folder) -> list[dict[str, str]]:
    write_grid(folder, grid)
    with open(folder / f"{grid.name}.csv") as file:
        return list(csv.DictReader(file))


def test_figures_are_rounded_as_the_paper_prints_them(project):
    grid = made(project, 2)
    ours = shown(grid, "helen.ssim_y", "AGRNet")
    assert ours["ours"] == "0.8124"
    assert ours["95 % interval"] == "0.4124 to 1.2124"
    assert (ours["paper"], ours["ours − paper"]) == ("0.8352", "−0.0228")
    assert shown(grid, "helen.psnr_y", "bicubic")["ours"] == "20.13"
    parameters = shown(made(project, 5), "parameters_m", "10")
    assert (parameters["ours"], parameters["paper"], parameters["ours − paper"]) == ("0.12", "12.68", "−12.56")
    assert (parameters["95 % interval"], parameters["difference to 10"]) == ("–", "baseline")


def test_a_difference_is_taken_over_the_same_images_with_its_interval(project, tmp_path):
    rng = np.random.default_rng(1)
    project.enlarge("bicubic", "helen", 40)
    project.enlarge("agrnet", "helen", 40)
    bicubic = rng.normal(25, 4, 40)
    gain = rng.normal(1.5, 0.2, 40)
    project.measure("bicubic", "helen", psnr_y=bicubic, ssim_y=bicubic / 50)
    project.measure("agrnet", "helen", psnr_y=bicubic + gain, ssim_y=bicubic / 50 - 0.001 * gain)
    project.tables = {"table_2": project.tables["table_2"]}
    grid = made(project, 2, "agrnet")
    expected = mean_interval(gain)
    text = f"+{expected.mean:.2f} (+{expected.low:.2f} to +{expected.high:.2f}), better"
    assert shown(grid, "helen.psnr_y", "AGRNet")["difference to bicubic"] == text
    assert shown(grid, "helen.ssim_y", "AGRNet")["difference to bicubic"].endswith(", worse")
    assert shown(grid, "helen.psnr_y", "bicubic")["difference to bicubic"] == "baseline"
    assert shown(grid, "helen.psnr_y", "DIC")["difference to bicubic"] == "–"
    row = next(row for row in written(grid, tmp_path) if (row["metric"], row["network"]) == ("helen.psnr_y", "AGRNet"))
    ends = [float(row[f"difference{end}"]) for end in ("", "_low", "_high")]
    assert ends == pytest.approx([expected.mean, expected.low, expected.high])
    assert float(row["ours"]) == pytest.approx((bicubic + gain).mean())


def test_lower_is_better_for_distances(project):
    grid = made(project, 7)
    assert shown(grid, "celebahq.lpips_alex", "w/o L_pc")["difference to AGRNet-HR"] == "0.0000 (0.0000 to 0.0000)"
    project.measure("hr_without_pc", "celebahq", lpips_alex=[0.1, 0.2, 0.3])
    text = shown(made(project, 7), "celebahq.lpips_alex", "w/o L_pc")["difference to AGRNet-HR"]
    assert text.startswith("−0.1142 (")
    project.measure("hr_without_pc", "celebahq", lpips_alex=[-0.3, 0.2, 0.7])
    assert shown(made(project, 7), "celebahq.lpips_alex", "w/o L_pc")["difference to AGRNet-HR"].endswith(", better")


def test_other_images_than_the_baselines_are_an_error_that_names_the_stages(project):
    path = paths.EVALUATED / "agrnet" / "helen.parquet"
    frame = pd.read_parquet(path)
    frame.assign(key=[f"{key}x" for key in frame["key"]]).to_parquet(path)
    with pytest.raises(ReportError, match=r"agrnet and bicubic on helen: .*same images.*evaluate@agrnet bicubic"):
        made(project, 2)


def test_without_the_baseline_there_are_no_differences_and_that_is_said(project):
    grid = made(project, 4, "agrnet", "hr")
    assert not [head.text for head in grid.columns if head.text.startswith("difference")]
    assert {line.header: line.paper for line in grid.lines if not line.heading} == {
        "Baseline": True,
        "+ ACON + GAM": False,
    }
    assert "No differences between networks: Baseline, to compare with, is not computed here." in grid.notes


def test_with_one_seed_it_is_said_that_another_is_not_known(project):
    grid = made(project, 2)
    assert "seeds" not in [head.text for head in grid.columns]
    assert [grid.notes[number - 1] for number in grid.columns[0].notes] == [tables.ONE_RUN]


def test_with_several_seeds_the_spread_of_their_means_is_shown(project, tmp_path):
    project.seeds = [0, 3]
    project.enlarge("agrnet", "helen", 3, seeds=(0, 3))
    values = [0.5, 0.6, 0.7, 0.6, 0.7, 0.8]
    project.measure("agrnet", "helen", ssim_y=values, psnr_y=np.array(values) * 10)
    path = paths.EVALUATED / "bicubic" / "helen.parquet"
    frame = pd.read_parquet(path)
    frame.assign(key=[f"synthetic/{number:04d}" for number in range(3)]).to_parquet(path)
    grid = made(project, 2)
    assert shown(grid, "helen.ssim_y", "AGRNet")["seeds"] == "0.6000 to 0.7000"
    assert shown(grid, "helen.ssim_y", "AGRNet")["ours"] == "0.6500"
    assert shown(grid, "helen.ssim_y", "bicubic")["seeds"] == "–"
    assert tables.ONE_RUN not in grid.notes
    row = next(row for row in written(grid, tmp_path) if row["network"] == "AGRNet")
    assert (float(row["seeds_low"]), float(row["seeds_high"])) == pytest.approx((0.6, 0.7))


def test_few_images_images_without_a_value_and_equal_ones_are_noted(project):
    project.tables = {"table_2": {**project.tables["table_2"], "rows": ["helen.landmark_distance", "helen.ssim_y"]}}
    project.enlarge("agrnet", "helen", 30)
    project.enlarge("bicubic", "helen", 30)
    distances = np.where(np.arange(30) < 12, np.nan, 0.1 + np.arange(30) / 100)
    project.measure("agrnet", "helen", landmark_distance=distances, ssim_y=np.full(30, 0.5))
    project.measure("bicubic", "helen", landmark_distance=np.full(30, 0.4), ssim_y=np.linspace(0, 1, 30))
    grid = made(project, 2, "agrnet")
    few = "With fewer than 20 images an interval comes out too narrow."
    some = "Over 18 of 30 images: the others have no value."
    for column in ("95 % interval", "difference to bicubic"):
        assert set(marked(grid, "helen.landmark_distance", "AGRNet", column)) == {few, some}
    alike = "Every image has the same value, so that nothing tells how sure their mean is."
    assert marked(grid, "helen.ssim_y", "AGRNet", "95 % interval") == [alike]
    assert marked(grid, "helen.ssim_y", "bicubic", "95 % interval") == []


def test_infinite_psnr_and_a_single_image(project):
    project.measure("agrnet", "helen", psnr_y=[30.0, np.inf, 20.0])
    project.measure("bicubic", "helen", psnr_y=[25.0, np.inf, 25.0])
    cells_of = shown(made(project, 2), "helen.psnr_y", "AGRNet")
    assert (cells_of["ours"], cells_of["95 % interval"], cells_of["ours − paper"]) == ("∞", "20.00 to ∞", "+∞")
    assert cells_of["difference to bicubic"].startswith("0.00 (")
    for name in ("agrnet", "bicubic"):
        project.enlarge(name, "helen", 1)
        project.measure(name, "helen", psnr_y=[21.0], ssim_y=[0.5])
    grid = made(project, 2, "agrnet")
    assert shown(grid, "helen.psnr_y", "AGRNet")["95 % interval"] == "no interval"
    assert "One image says nothing about others." in marked(grid, "helen.psnr_y", "AGRNet", "95 % interval")


def test_the_papers_figures_are_marked_as_the_papers(project):
    grid = made(project, 2)
    place = [head.text for head in grid.columns].index("paper")
    assert grid.columns[place].paper
    lines = [line for line in grid.lines if not line.heading]
    assert all(line.cells[place].paper for line in lines)
    assert not any(cell.paper for line in lines for number, cell in enumerate(line.cells) if number != place)
    assert {line.header: line.paper for line in lines} == {"DIC": True, "bicubic": False, "AGRNet": False}
    assert shown(grid, "helen.ssim_y", "DIC") == dict.fromkeys(shown(grid, "helen.ssim_y", "DIC"), "–") | {
        "paper": "0.7694"
    }


def test_the_papers_lpips_is_said_to_name_no_trunk(project):
    assert marked(made(project, 7), "celebahq.lpips_alex", "AGRNet-HR", "paper") == [tables.TRUNK]


def test_a_heading_says_how_many_images_each_side_rests_on(project):
    headings = {line.value: line for line in made(project, 2).lines if line.heading}
    assert headings["helen.ssim_y"].header == "SSIM (Y) ↑"
    assert headings["helen.ssim_y"].basis == "here, on Helen: 3 generated faces; in the paper 50 images"
    project.tables = {"table_7": {**project.tables["table_7"], "rows": ["real.frechet_vgg16", "parameters_m"]}}
    bases = {line.value: line.basis for line in made(project, 7).lines if line.heading}
    assert bases == {
        "real.frechet_vgg16": "here, on real photos: 3 photographs from scikit-image",
        "parameters_m": "",
    }


def test_headings_have_as_many_cells_as_lines_so_that_any_template_can_show_them(project):
    for name in project.tables:
        grid = made(project, int(name[-1]))
        assert {len(line.cells) for line in grid.lines} == {len(grid.columns)}
        assert all(cell.text == "" for line in grid.lines if line.heading for cell in line.cells)


def test_the_page_shows_a_table_network_by_network(pages):
    markdown, html = pages
    table = markdown.split("**Table 2.", 1)[1].split("**Table 4.")[0]
    agrnet = next(row for row in table.splitlines() if row.startswith("| AGRNet"))
    assert "| 0.8124 |" in agrnet
    assert "0.8352" in agrnet
    assert "0.8124" in html


def test_a_removed_network_is_gone_though_its_files_still_lie_there(project):
    markdown, html = project.build("agrnet", "hr", "hr_without_pc")
    assert "agrnet_baseline" not in markdown + html
    assert "agrnet_baseline" not in (paths.REPORTS / "tables" / "table_4.csv").read_text()


def test_a_table_without_networks_is_left_out_and_that_is_said(project):
    markdown, html = project.build("agrnet", "agrnet_baseline")
    assert "**Table 7." not in markdown
    for text in (markdown, html):
        assert "Table 7. The four losses: left out" in text
    assert not (paths.REPORTS / "tables" / "table_7.csv").exists()
    assert made(project, 7, "agrnet") is None


def test_a_metric_that_was_not_computed_says_why(project):
    grid = made(project, 7)
    assert shown(grid, "real.fid_inception", "AGRNet-HR")["ours"] == "not computed"
    notes = marked(grid, "real.fid_inception", "AGRNet-HR", "ours")
    assert "FID: inception weights are not there: switched off" in notes


def test_a_metric_nobody_asked_for_is_not_blamed_on_weights(project):
    (paths.EVALUATED / "hr" / "absent.json").write_text("{}")
    (note,) = [note for note in made(project, 7, "hr").notes if note.startswith("FID")]
    assert "not asked for in params.yaml" in note


def test_a_metric_that_no_image_has_is_not_blamed_on_params(project):
    project.tables = {"table_2": {**project.tables["table_2"], "rows": ["helen.landmark_distance"]}}
    path = paths.EVALUATED / "agrnet" / "helen.parquet"
    pd.read_parquet(path).assign(landmark_distance=np.nan).to_parquet(path)
    notes = marked(made(project, 2), "helen.landmark_distance", "AGRNet", "ours")
    assert notes == ["landmark distance: no image has a value, as where no face is found in any"]


def test_networks_that_are_equal_for_want_of_weights_are_marked(project):
    notes = marked(made(project, 7), "celebahq.lpips_alex", "w/o L_pc", "ours")
    assert "“w/o L_pc” equals “AGRNet-HR” here: trained without L_pc, they differ in nothing else." in notes
    full = marked(made(project, 7), "celebahq.lpips_alex", "AGRNet-HR", "ours")
    assert any(note.startswith("Trained without L_pc: vgg16 weights are not there") for note in full)


def test_networks_are_not_called_equal_where_the_weights_were_there(project):
    project.change(paths.MODELS / "hr" / "card.json", left_out_of_the_loss={})
    assert "equals" not in " ".join(made(project, 7).notes)


def test_networks_that_differ_in_more_are_not_called_equal(project):
    card = paths.MODELS / "hr_without_pc" / "card.json"
    params = json.loads(card.read_text())["params"]
    project.change(card, params=params | {"loss": params["loss"] | {"fm": 0.0}})
    assert "equals" not in " ".join(made(project, 7).notes)


def of_real_photos(project, images: int, reference: int, **figures: float) -> None:
    """Give the sets without ground truth these sizes and these figures; bicubic's are 10 larger."""
    for name in ("hr", "hr_without_pc", "bicubic"):
        more = 10 * (name == "bicubic")
        real = {"images": images} | {metric: value + more for metric, value in figures.items()}
        project.change(paths.METRICS / name / "evaluate.json", real=real)
    path = paths.METRICS / "reference" / "evaluate.json"
    of_reference = json.loads(path.read_text())["celebahq"]
    project.change(path, celebahq=of_reference | {"images": reference})


@pytest.mark.parametrize(("images", "reference", "flagged"), [(3, 3, True), (2048, 2047, True), (2048, 2048, False)])
def test_fid_has_its_numbers_bicubics_and_the_floor_beside_it(project, images, reference, flagged):
    of_real_photos(project, images, reference, fid_inception=45.678)
    grid = made(project, 7)
    assert shown(grid, "real.fid_inception", "AGRNet-HR")["ours"] == "45.68"
    assert shown(grid, "real.fid_inception", "AGRNet-HR")["95 % interval"] == "–"
    assert shown(grid, "real.fid_inception", "w/o L_pc")["difference to AGRNet-HR"] == "–"
    note = next(note for note in grid.notes if note.startswith("FID of"))
    assert f"FID of {images:,} restored faces against {reference:,} HR images of CelebA-HQ." in note
    assert ("Unusable for comparison" in note) == flagged
    assert "Bicubic’s is 55.68." in note
    assert "12.35 apart" in note or "12.34 apart" in note


@pytest.mark.parametrize(("images", "flagged"), [(512, True), (513, False)])
def test_a_distance_on_vgg16_is_said_to_be_no_fid(project, images, flagged):
    project.tables = {"table_7": {**project.tables["table_7"], "rows": ["real.frechet_vgg16"]}}
    of_real_photos(project, images, 3000, frechet_vgg16=7.5)
    grid = made(project, 7)
    assert "no FID" in grid.lines[0].header
    notes = " ".join(marked(grid, "real.frechet_vgg16", "AGRNet-HR", "ours"))
    assert "No FID" in notes
    assert "Bicubic’s is 17.500." in notes
    assert "1.500 apart" in notes
    assert ("comes out too large" in notes) == flagged


def test_kid_has_its_spread_between_subsets_and_is_not_flagged_for_few_images(project):
    project.tables = {"table_7": {**project.tables["table_7"], "rows": ["real.kid_inception"]}}
    of_real_photos(project, 96, 50, kid_inception=0.0123, kid_inception_std=0.0045)
    notes = " ".join(marked(made(project, 7), "real.kid_inception", "AGRNet-HR", "ours"))
    assert "spreads by 0.0045" in notes
    assert "Unusable" not in notes


def test_files_hold_figures_unrounded_and_say_whose_they_are(reports):
    with open(reports / "tables" / "table_2.csv") as file:
        rows = {(row["metric"], row["network"]): row for row in csv.DictReader(file)}
    ours, paper = rows["helen.ssim_y", "AGRNet"], rows["helen.ssim_y", "DIC"]
    assert (ours["source"], paper["source"]) == ("here", "paper")
    assert [float(ours[name]) for name in ("ours", "low", "high", "paper")] == [
        0.81236,
        0.81236 - 0.4,
        0.81236 + 0.4,
        0.8352,
    ]
    assert float(ours["difference"]) == pytest.approx(0.81236 - 0.71119)
    assert float(ours["ours_less_paper"]) == pytest.approx(0.81236 - 0.8352)
    assert (paper["ours"], float(paper["paper"])) == ("", 0.7694)
    assert "3 generated faces" in ours["basis"]


def test_one_tidy_file_has_a_line_for_each_figure_of_all_tables(project, tmp_path):
    run, report = project.read("agrnet", "agrnet_baseline")
    rows = written(results_grid(report.tables, run), tmp_path)
    names = ["table", "label", "network", "set", "metric", "ours", "low", "high"]
    assert list(rows[0]) == [*names, "baseline", "difference", "difference_low", "difference_high", "paper"]
    keys = [(row["table"], row["label"], row["network"], row["set"], row["metric"]) for row in rows]
    assert keys == [
        ("table_2", "DIC", "", "helen", "ssim_y"),
        ("table_2", "bicubic", "bicubic", "helen", "ssim_y"),
        ("table_2", "AGRNet", "agrnet", "helen", "ssim_y"),
        ("table_2", "DIC", "", "helen", "psnr_y"),
        ("table_2", "bicubic", "bicubic", "helen", "psnr_y"),
        ("table_2", "AGRNet", "agrnet", "helen", "psnr_y"),
        ("table_4", "Baseline", "agrnet_baseline", "helen", "ssim_y"),
        ("table_4", "+ ACON + GAM", "agrnet", "helen", "ssim_y"),
        ("table_5", "10", "agrnet", "", "parameters_m"),
    ]
    assert float(rows[2]["ours"]) == 0.81236
    assert float(rows[2]["difference"]) == pytest.approx(0.81236 - 0.71119)
    assert [row["baseline"] for row in rows[:3]] == ["", "", "bicubic"]
    assert rows[1]["difference"] == ""


def test_a_cost_is_a_row_without_bicubic_and_says_where_it_was_measured(project):
    rows = ["helen.psnr_y", "gmac", "ms_per_image", "peak_memory_mb"]
    project.tables = {"table_4": {**project.tables["table_4"], "rows": rows, "baseline": "bicubic"}}
    columns = [*project.tables["table_4"]["columns"], {"label": "bicubic", "network": "bicubic"}]
    project.tables["table_4"]["columns"] = columns
    project.change(paths.METRICS / "agrnet_baseline" / "cost.json", device="another processor")
    grid = made(project, 4)
    assert [line.header for line in grid.lines].count("bicubic") == 1
    assert shown(grid, "ms_per_image", "+ ACON + GAM")["ours"] == "12.5"
    assert shown(grid, "peak_memory_mb", "+ ACON + GAM")["ours"] == "34"
    basis = {line.value: line.basis for line in grid.lines if line.heading}
    assert basis["gmac"] == ""
    assert basis["ms_per_image"] == "here, on another processor, 1 thread, fp32, in batches of 8 images of 32 px"
    (note,) = marked(grid, "ms_per_image", "+ ACON + GAM", "ours")
    assert note == "Measured on a processor, 1 thread, fp32, in batches of 8 images of 32 px."
    assert marked(grid, "gmac", "+ ACON + GAM", "ours") == []


def test_a_cost_that_was_not_measured_says_so(project):
    project.tables = {"table_4": {**project.tables["table_4"], "rows": ["gmac"]}}
    (paths.METRICS / "agrnet" / "cost.json").write_text("{}")  # its test sets hold no image
    grid = made(project, 4)
    assert shown(grid, "gmac", "+ ACON + GAM")["ours"] == "not computed"
    assert "GMAC: not measured, as where a network’s test sets hold no image" in grid.notes


def test_a_missing_reference_names_its_stage(project):
    (paths.METRICS / "reference" / "evaluate.json").unlink()
    with pytest.raises(ReportError, match=r"reference/evaluate\.json is missing: .*dvc repro reference\)"):
        project.run()


def test_enough_images_means_the_same_as_in_the_metrics():
    assert cells.VGG_FEATURES == vgg_features.LENGTH


@pytest.mark.parametrize("name", ["demo", "paper"])
def test_the_papers_figures_fit_the_profiles_tables(name):
    """Every figure of paper.yaml has its column and its row, and every column but bicubic and those beside has one."""
    report = parse(ROOT / "profiles" / f"{name}.yaml").report
    for number, columns in paper_figures().items():
        laid_out = report.tables[number]
        labels = {column.label for column in laid_out.columns if column.network != "bicubic"}
        assert set(columns) == labels - BESIDE.get(number, set())
        left_out = ROWS_NOT_THE_PAPERS | ({"parameters_m"} if number != "table_5" else set())
        for figures in columns.values():
            assert list(figures) == [row for row in laid_out.rows if row not in left_out]


def test_every_metric_of_the_paper_is_known():
    rows = {row for columns in paper_figures().values() for figures in columns.values() for row in figures}
    assert {row.rpartition(".")[2] for row in rows} <= set(METRICS)
    assert set(PAPER_COUNTS) == set(paths.SETS)
