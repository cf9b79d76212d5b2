"""Tables 2 to 7: rounding, whose figure is whose, what is left out, and what is said about it."""

import csv

import pytest

from pipeline import layout
from pipeline.metrics import fid
from pipeline.params import parse
from pipeline.report import tables
from pipeline.report.results import ReportError
from pipeline.report.tables import METRICS, PAPER_COUNTS, paper_figures


def table(markdown: str, number: int) -> list[str]:
    """The lines of a table and its notes, from its caption to the next one."""
    after = markdown.split(f"**Table {number}.", 1)[1]
    return after.split("\n**", 1)[0].split("\n## ", 1)[0].splitlines()


def line(markdown: str, number: int, start: str) -> list[str]:
    """The cells of the first line of a table that starts with `start`."""
    (found, *_) = [row for row in table(markdown, number) if row.startswith(f"| {start}")]
    return [cell.strip() for cell in found.strip("|").split("|")]


def test_figures_are_rounded_as_the_paper_prints_them_and_stand_under_their_column(project):
    markdown, _ = project.build()
    assert line(markdown, 2, "SSIM ↑")[1:] == ["–", "0.7112", "0.8124"]
    assert line(markdown, 2, "PSNR ↑")[1:] == ["–", "20.13", "25.13"]
    assert line(markdown, 5, "parameters, M")[1:] == ["0.12"]


def test_the_papers_figures_are_marked_as_the_papers(project):
    markdown, html = project.build()
    assert line(markdown, 2, "*paper: SSIM ↑*")[1:] == ["*0.7694*", "*–*", "*0.8352*"]
    assert line(markdown, 5, "*paper: parameters, M*")[1:] == ["*12.68*"]
    row = next(part for part in html.split("<tr") if "0.7694" in part)
    assert row.startswith(' class="paper"')
    assert "paper: SSIM" in row


def test_a_line_says_how_many_images_it_rests_on(project):
    markdown, _ = project.build()
    assert line(markdown, 2, "SSIM ↑")[0].endswith("here, on Helen: 3 generated faces")
    assert line(markdown, 2, "*paper: SSIM ↑*")[0].endswith("on Helen, 50 images")


def test_a_removed_variant_is_gone_though_its_files_still_lie_there(project):
    markdown, html = project.build("agrnet", "hr", "hr_without_pc")
    assert line(markdown, 4, "metric")[1:] == ["+ ACON + GAM"]
    assert line(markdown, 4, "*paper: SSIM ↑*")[1:] == ["*0.8352*"]
    assert "agrnet_baseline" not in markdown + html


def test_a_table_without_variants_is_left_out_and_that_is_said(project):
    markdown, html = project.build("agrnet", "agrnet_baseline")
    assert "**Table 7." not in markdown
    for text in (markdown, html):
        assert "Table 7. The four losses: left out" in text
    assert not (layout.REPORTS / "tables" / "table_7.csv").exists()


def test_a_metric_that_was_not_computed_says_why(project):
    markdown, _ = project.build()
    cells = line(markdown, 7, "FID ↓")
    assert all(cell.startswith("not computed <sup>") for cell in cells[1:])
    mark = cells[1].split("<sup>")[1].split("<")[0]
    assert f"{mark}. FID: inception weights are not there: switched off" in table(markdown, 7)


def test_a_metric_nobody_asked_for_is_not_blamed_on_weights(project):
    (layout.EVALUATED / "hr" / "absent.json").write_text("{}")
    markdown, _ = project.build("hr")
    assert "not asked for in params.yaml" in "\n".join(table(markdown, 7))


def test_columns_that_are_equal_for_want_of_weights_are_marked(project):
    markdown, html = project.build()
    notes = "\n".join(table(markdown, 7))
    assert "“w/o L_pc” equals “AGRNet-HR” here: trained without L_pc" in notes
    assert "Trained without L_pc: vgg16 weights are not there" in notes
    head = line(markdown, 7, "metric")
    assert head[1].startswith("w/o L_pc <sup>")
    assert "“w/o L<sub>pc</sub>” equals" in html


def test_columns_are_not_called_equal_where_the_weights_were_there(project):
    project.change(layout.MODELS / "hr" / "card.json", left_out_of_the_loss={})
    markdown, _ = project.build()
    assert "equals" not in "\n".join(table(markdown, 7))


def test_columns_that_differ_in_more_are_not_called_equal(project):
    card = layout.MODELS / "hr_without_pc" / "card.json"
    loss = {"px": 100.0, "adv": 1.0, "fm": 0.0, "pc": 0.0}
    project.change(card, params={"network": {"num_arus": 4, "widths": [8, 12, 16, 24]}, "loss": loss})
    markdown, _ = project.build()
    assert "equals" not in "\n".join(table(markdown, 7))


@pytest.mark.parametrize(("images", "reference", "flagged"), [(3, 3, True), (2048, 2047, True), (2048, 2048, False)])
def test_fid_of_too_few_images_is_flagged_with_both_numbers(project, images, reference, flagged):
    for name, extra in (("hr", {}), ("hr_without_pc", {}), ("bicubic", {"fid_inception_floor": 12.345})):
        real = {"images": images, "fid_inception": 45.678, "reference_images": reference, **extra}
        project.change(layout.METRICS / name / "evaluate.json", real=real)
    markdown, _ = project.build()
    assert line(markdown, 7, "FID ↓")[1].startswith("45.68 <sup>")
    notes = "\n".join(table(markdown, 7))
    assert f"FID of {images:,} restored faces against {reference:,} HR images of CelebA-HQ" in notes
    assert ("Unusable for comparison" in notes) == flagged
    assert "12.35 apart" in notes or "12.34 apart" in notes


def test_csv_holds_the_figures_unrounded_and_says_whose_they_are(project):
    project.build()
    with open(layout.REPORTS / "tables" / "table_2.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["source"] for row in rows] == ["here", "paper", "here", "paper"]
    assert float(rows[0]["AGRNet"]) == 0.81236
    assert rows[0]["DIC"] == ""
    assert float(rows[1]["DIC"]) == 0.7694


def test_an_unknown_row_is_refused_by_name(project):
    project.tables = {"table_2": {**project.tables["table_2"], "rows": ["helen.sim_y"]}}
    with pytest.raises(ReportError, match=r"table_2\.rows: 'helen\.sim_y'"):
        project.build()


def test_comparable_fid_means_the_same_as_in_the_metric():
    assert tables.MIN_COMPARABLE == fid.MIN_COMPARABLE


@pytest.mark.parametrize("name", ["demo", "paper"])
def test_the_papers_figures_fit_the_profiles_tables(name):
    """Every figure of paper.yaml has its column and its row, and every column but bicubic has a figure."""
    report = parse(tables.PAPER.parents[2] / "profiles" / f"{name}.yaml").report
    for number, columns in paper_figures().items():
        laid_out = report.tables[number]
        assert set(columns) == {column.label for column in laid_out.columns if column.variant != "bicubic"}
        for figures in columns.values():
            assert list(figures) == laid_out.rows


def test_every_metric_of_the_paper_is_known():
    rows = {row for columns in paper_figures().values() for figures in columns.values() for row in figures}
    assert {row.rpartition(".")[2] for row in rows} <= set(METRICS)
    assert set(PAPER_COUNTS) == set(layout.SETS)
