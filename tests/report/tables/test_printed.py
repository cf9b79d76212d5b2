"""Tables 2 to 7 as the paper prints them: what stands in which cell, what is the best, what has to be said beside it."""

import json
import re

import numpy as np
import pytest

from pipeline.report.tables.paper import ONE_RUN, TRUNK
from pipeline.report.tables.printed import PrintedRow, PrintedTable, printed_table
from pipeline.store import paths
from pipeline.store.files import write_json

FEW = "With fewer than 20 images an interval comes out too narrow."


def made(project, number: int, *names: str) -> PrintedTable | None:
    """A table of the networks named, or of all."""
    name = f"table_{number}"
    run, report = project.read(*names)
    return printed_table(name, report.tables[name], run)


def row_of(table: PrintedTable, head: str) -> PrintedRow:
    return next(row for row in table.rows if row.head.text.startswith(head))


def texts(cells) -> list[str]:
    return [cell.text for cell in cells]


def bold(table: PrintedTable, head: str) -> list[str]:
    """Labels of the columns whose figure is the best of a row."""
    best = row_of(table, head).best
    return [column.text for place, column in enumerate(table.columns) if place in best]


def notes(table: PrintedTable, cell) -> list[str]:
    return [table.notes[number - 1] for number in cell.notes]


def with_rows(project, number: int, *rows: str) -> None:
    project.tables = {f"table_{number}": project.tables[f"table_{number}"] | {"rows": list(rows)}}


def of_real_photos(project, images: int, fid: dict[str, float]) -> None:
    """Give both sides of FID a number of images, and networks an FID."""
    for name, figure in fid.items():
        project.change(paths.METRICS / name / "evaluate.json", real={"images": images, "fid_inception": figure})
    path = paths.METRICS / "reference" / "evaluate.json"
    reference = json.loads(path.read_text())["celebahq"]
    project.change(path, celebahq=reference | {"images": images})


def test_methods_are_columns_metrics_are_rows_and_ours_stand_over_the_papers(project):
    table = made(project, 2)
    assert table.caption == "Table 2. AGRNet and other methods"
    assert texts(table.columns) == ["DIC", "bicubic", "AGRNet"]
    assert texts(row.head for row in table.rows) == ["SSIM (Y) ↑", "PSNR (Y) ↑"]
    ssim = table.rows[0]
    assert texts(ssim.ours) == ["–", "0.7112", "0.8124"]
    assert texts(ssim.intervals) == ["", "0.3112 to 1.1112", "0.4124 to 1.2124"]
    assert texts(ssim.paper) == ["0.7694", "–", "0.8352"]
    assert all(cell.paper for cell in ssim.paper)


def test_a_method_that_only_the_paper_has_is_marked_as_the_papers(project):
    table = made(project, 2)
    assert [column.paper for column in table.columns] == [True, False, False]
    table = made(project, 4, "agrnet")
    assert [column.paper for column in table.columns] == [True, False]
    assert texts(table.rows[0].ours) == ["–", "0.8124"]
    assert texts(table.rows[0].paper) == ["0.7703", "0.8352"]


def test_a_table_without_a_network_of_ours_is_none(project):
    assert made(project, 7, "agrnet") is None


def test_a_column_without_any_figure_is_left_out_and_a_row_without_the_papers_has_no_line_for_them(project):
    with_rows(project, 2, "gmac")
    table = made(project, 2)
    assert texts(table.columns) == ["AGRNet"]  # bicubic is no network, and the paper has no GMAC of DIC's
    assert (table.rows[0].sure, table.rows[0].printed) == (False, False)
    assert table.bases == []


@pytest.mark.parametrize(
    ("name", "figure", "best"),
    [("bicubic", 0.9, ["bicubic"]), ("bicubic", 0.1, ["AGRNet"]), ("bicubic", 0.812361, [])],
)
def test_the_best_of_ours_is_bold_bicubic_too_and_equal_ones_are_not(project, name, figure, best):
    project.measure(name, "helen", ssim_y=np.full(3, figure))
    assert bold(made(project, 2), "SSIM") == best


def test_lower_is_better_for_distances_and_those_that_look_equal_share_it(project):
    project.tables = {"table_7": {**project.tables["table_7"], "rows": ["celebahq.lpips_alex"]}}
    project.tables["table_7"]["columns"] = [
        {"label": "bicubic", "network": "bicubic"},
        *project.tables["table_7"]["columns"],
    ]
    table = made(project, 7)
    assert texts(table.rows[0].ours) == ["0.4124", "0.3142", "0.3142"]
    assert bold(table, "LPIPS") == ["w/o L_pc", "AGRNet-HR"]


def test_a_cost_and_a_single_figure_have_no_best(project):
    project.change(paths.METRICS / "agrnet_baseline" / "cost.json", gmac=7.0)
    with_rows(project, 4, "gmac")
    assert bold(made(project, 4), "GMAC") == []
    with_rows(project, 4, "helen.ssim_y")
    assert bold(made(project, 4, "agrnet"), "SSIM") == []


@pytest.mark.parametrize(("images", "best"), [(30, []), (2048, ["w/o L_pc"])])
def test_fid_of_few_images_is_said_to_be_unusable_and_has_no_best(project, images, best):
    of_real_photos(project, images, {"hr": 40.0, "hr_without_pc": 30.0, "bicubic": 50.0})
    table = made(project, 7)
    row = row_of(table, "FID")
    assert texts(row.ours) == ["30.00", "40.00"]
    assert bold(table, "FID") == best
    for cell in row.ours:
        (note,) = notes(table, cell)
        assert f"FID of {images:,} restored faces against {images:,} HR images" in note
        assert ("Unusable for comparison" in note) == (not best)


def test_what_was_not_computed_is_a_dash_with_the_first_sentence_of_its_reason(project):
    long = "inception weights are not there: switched off. Name a file under pretrained, and run it again"
    for name in ("hr", "hr_without_pc"):
        project.change(paths.EVALUATED / name / "absent.json", fid_inception=long)
    table = made(project, 7)
    row = row_of(table, "FID")
    assert texts(row.ours) == ["–", "–"]
    for cell in row.ours:
        assert notes(table, cell) == ["FID was not computed: inception weights are not there: switched off."]
    assert texts(row.paper) == ["26.51", "26.27"]
    assert not row.sure


def test_few_images_are_noted_beside_the_interval(project):
    table = made(project, 2)
    interval = table.rows[0].intervals[2]
    assert notes(table, interval) == [FEW]
    project.enlarge("agrnet", "helen", 30)
    project.enlarge("bicubic", "helen", 30)
    for name in ("agrnet", "bicubic"):
        project.measure(name, "helen", ssim_y=np.linspace(0, 1, 30), psnr_y=np.linspace(20, 30, 30))
    assert FEW not in made(project, 2, "agrnet").notes


def test_what_the_papers_lpips_leaves_open_stands_beside_the_row(project):
    table = made(project, 7)
    assert TRUNK in notes(table, row_of(table, "LPIPS").head)
    assert TRUNK not in made(project, 2).notes


def test_a_column_says_what_it_was_trained_without(project):
    table = made(project, 7)
    equal = "“w/o L_pc” equals “AGRNet-HR” here: trained without L_pc, they differ in nothing else."
    assert all(equal in notes(table, column) for column in table.columns)
    assert any(note.startswith("Trained without L_pc: vgg16") for note in notes(table, table.columns[1]))


def test_over_a_table_stands_what_it_rests_on_each_set_once(project):
    assert made(project, 2).bases == ["Here, on Helen: 3 generated faces; in the paper 50 images."]
    with_rows(project, 7, "celebahq.lpips_alex", "real.frechet_vgg16", "real.fid_inception")
    assert made(project, 7).bases[:2] == [
        "Here, on CelebA-HQ: 3 generated faces; in the paper 2,824 images.",
        "Here, on real photos: 3 photographs from scikit-image; in the paper 1,084 images.",
    ]


def test_networks_not_trained_alike_are_told_over_the_table(project):
    card = paths.MODELS / "agrnet_baseline" / "card.json"
    params = json.loads(card.read_text())["params"]
    write_json(
        card,
        json.loads(card.read_text()) | {"params": params | {"train": params["train"] | {"learning_rate": 0.5}}},
    )
    assert any("not trained alike: they differ in learning rate" in said for said in made(project, 4).bases)
    assert not any("alike" in said for said in made(project, 2).bases)


def test_where_a_cost_was_measured_is_a_note_of_the_row_and_elsewhere_one_of_the_cell(project):
    with_rows(project, 4, "ms_per_image")
    project.change(paths.METRICS / "agrnet" / "cost.json", device="another processor")
    table = made(project, 4)
    where = ", 1 thread, fp32, in batches of 8 images of 32 px."
    assert notes(table, table.rows[0].head) == [f"Here, on a processor{where}"]
    assert [notes(table, cell) for cell in table.rows[0].ours] == [[], [f"Measured on another processor{where}"]]


def test_of_several_seeds_the_mean_is_shown(project):
    project.seeds = [0, 3]
    project.tables = {"table_2": project.tables["table_2"]}
    project.enlarge("agrnet", "helen", 3, seeds=(0, 3))
    project.enlarge("bicubic", "helen", 3)
    project.measure("bicubic", "helen", ssim_y=[0.1, 0.2, 0.3], psnr_y=[1.0, 2.0, 3.0])
    values = [0.5, 0.6, 0.7, 0.6, 0.7, 0.8]
    project.measure("agrnet", "helen", ssim_y=values, psnr_y=np.array(values) * 10)
    assert texts(made(project, 2, "agrnet").rows[0].ours) == ["–", "0.2000", "0.6500"]


def test_both_forms_show_it_first_and_fold_the_long_form_below(pages):
    markdown, html = pages
    assert ONE_RUN in html
    table = markdown.split("**Table 2. AGRNet and other methods**")[1].split("**Table 4.")[0]
    short, folded = table.split("<details><summary>Table 2 in full: differences, notes, how the networks were trained")
    assert short.split("\n| ", 1)[1].splitlines()[:5] == [
        "metric | *DIC* | bicubic | AGRNet |",
        "| :-- | --: | --: | --: |",
        "| SSIM (Y) ↑ | – | 0.7112 | **0.8124** |",
        "| 95 % interval |  | 0.3112 to 1.1112 <sup>1</sup> | 0.4124 to 1.2124 <sup>1</sup> |",
        "| *paper* | *0.7694* | *–* | *0.8352* |",
    ]
    assert f"1. {FEW}" in short
    assert "difference to bicubic" not in short
    assert "difference to bicubic" in folded.split("</details>")[0]
    assert "how the networks were trained**" in folded.split("</details>")[0]
    short, folded = html.split('id="table_2_printed"')[1].split('id="table_4_printed"')[0].split("<details", 1)
    assert "<strong>0.8124</strong>" in short
    assert "difference to bicubic" not in short
    assert 'id="table_2"' in folded
    assert re.search(r'<tr class="papers"><th scope="row">paper</th><td>0.7694</td>', short)


def test_the_files_are_those_of_the_long_form(reports):
    names = {file.name for file in (reports / "tables").iterdir()}
    assert {"table_2.csv", "table_2_recipes.csv", "results.csv"} <= names
    assert not [name for name in names if "printed" in name]
