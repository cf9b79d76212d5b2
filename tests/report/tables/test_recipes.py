"""How the networks of a table were trained: side by side below it, and said where it was not alike."""

import csv
import json

import pytest

from pipeline.report.tables.paper import paper_table
from pipeline.report.tables.recipes import loss_words, recipes_grid, unequal
from pipeline.store import paths

CHOICE = "how it was chosen"
COLUMNS = ("loss", "learning rate", CHOICE, "betas", "batch", "steps")


@pytest.fixture
def with_peers(project):
    """AGRNet beside three peers, each with its paper's loss."""
    for name in ("dic", "swinir", "sfmnet"):
        project.add_peer(name, {"ssim_y": 0.75, "psnr_y": 24.0})
    columns = [{"label": label, "network": label.lower()} for label in ("DIC", "SwinIR", "SFMNet")]
    table = project.tables["table_2"]
    project.tables = project.tables | {"table_2": table | {"columns": [*columns, *table["columns"][1:]]}}
    return project


def recipes(project, name: str, *names: str) -> dict[str, dict[str, str]]:
    """Label -> column -> text, of the recipes of a table."""
    run, report = project.read(*names)
    grid = recipes_grid(name, "Some", report.tables[name], run)
    assert tuple(head.text for head in grid.columns) == COLUMNS
    return {line.header: dict(zip(COLUMNS, (cell.text for cell in line.cells), strict=True)) for line in grid.lines}


def said(project, name: str, *names: str) -> str:
    run, report = project.read(*names)
    return unequal(report.tables[name], run)


def retrain(project, name: str, steps: int = 4, **train) -> None:
    """Let a network have been trained otherwise."""
    path = paths.MODELS / name / "card.json"
    params = json.loads(path.read_text())["params"]
    project.change(path, steps=steps, params=params | {"train": params["train"] | train})


def test_each_network_of_a_table_has_its_recipe(with_peers):
    ten = "10 × the published 0.0002, set by hand"
    twenty = "20 × the published 0.0001, set by hand"
    alike = {"learning rate": "0.002", "betas": "0.9, 0.99", "batch": "4", "steps": "4"}
    assert recipes(with_peers, "table_2") == {
        "DIC": {"loss": "dic: align weight 0.1", CHOICE: twenty} | alike,
        "SwinIR": {"loss": "pixel: norm l1", CHOICE: ten} | alike,
        "SFMNet": {"loss": "sfmnet: frequency weight 0.01", CHOICE: twenty} | alike,
        "AGRNet": {"loss": "pixel: norm l2", CHOICE: ten} | alike,
    }
    retrain(with_peers, "swinir", steps=12000, learning_rate=0.00015, betas=[0.5, 1.0], batch_size=1024)
    assert recipes(with_peers, "table_2")["SwinIR"] == {
        "loss": "pixel: norm l1",
        "learning rate": "0.00015",
        CHOICE: "0.75 × the published 0.0002, set by hand",
        "betas": "0.5, 1",
        "batch": "1,024",
        "steps": "12,000",
    }


def test_a_loss_is_told_by_what_is_minimised_and_not_by_how_it_is_computed(project):
    project.change(paths.MODELS / "hr/card.json", left_out_of_the_loss={})
    others = "discriminators 3, discriminator learning rate 0.001"
    assert {label: recipe["loss"] for label, recipe in recipes(project, "table_7").items()} == {
        "w/o L_pc": f"composite: px 50, adv 1, fm 10, pc 0, px norm l1, {others}",
        "AGRNet-HR": f"composite: px 50, adv 1, fm 10, pc 4, px norm l1, perceptual trunk vgg16, {others}",
    }
    assert said(project, "table_7").startswith("One network, trained with several losses")
    assert loss_words("mine", {}) == "mine"


def test_a_term_that_was_left_out_for_want_of_weights_weighs_nothing(project):
    """Else a note would say that two networks differ in their loss, beside one that says that they are equal."""
    with_pc, without = (recipe["loss"] for recipe in recipes(project, "table_7").values())
    assert with_pc == without
    assert "pc 0" in with_pc
    assert said(project, "table_7") == ""


def test_only_networks_have_recipes(project):
    assert list(recipes(project, "table_2")) == ["AGRNet"]  # bicubic is none, DIC is the paper's alone
    assert list(recipes(project, "table_4", "agrnet")) == ["+ ACON + GAM"]


@pytest.mark.parametrize(
    ("changes", "differ"),
    [
        ({"batch_size": 8}, "loss and batch"),
        ({"learning_rate": 0.001, "betas": [0.5, 0.99]}, "loss, learning rate and betas"),
        ({"steps": 8}, "loss and steps"),
        ({"device": "cuda"}, "loss"),
    ],
)
def test_what_networks_were_not_trained_alike_in_is_said(with_peers, changes, differ):
    retrain(with_peers, "dic", **changes)
    assert said(with_peers, "table_2") == (
        f"These networks were not trained alike: they differ in {differ} (see the table of their recipes). A difference "
        "between two of them is one of network and recipe together."
    )


def test_of_networks_trained_alike_nothing_is_said(project):
    assert len(recipes(project, "table_4")) == 2
    assert said(project, "table_4") == ""
    retrain(project, "agrnet", steps=8)
    assert "they differ in steps (" in said(project, "table_4")
    assert said(project, "table_4", "agrnet") == ""  # one network differs from none
    assert said(project, "table_4", "hr") == ""


def test_networks_that_began_from_other_weights_were_not_trained_alike(project):
    project.change(paths.MODELS / "agrnet/card.json", began_from=[{"sha256": "12"}])
    assert "they differ in start (" in said(project, "table_4")


def test_of_weights_of_others_the_recipe_is_not_known(with_peers):
    with_peers.by_others("swinir")
    unknown = dict.fromkeys(COLUMNS[1:], "not known")
    assert recipes(with_peers, "table_2")["SwinIR"] == {"loss": "weights of others, theirs.pth"} | unknown
    assert "they differ in loss, learning rate, betas, batch and steps (" in said(with_peers, "table_2")


def test_the_note_stands_at_the_table_and_not_at_one_of_equal_recipes(with_peers):
    run, report = with_peers.read()
    for name, noted in (("table_2", True), ("table_4", False), ("table_5", False), ("table_7", False)):
        grid = paper_table(name, report.tables[name], run)
        ours = [grid.notes[number - 1] for number in grid.columns[0].notes]
        assert any(note.startswith("These networks were not trained alike") for note in ours) == noted, name


def test_both_forms_of_the_report_have_the_recipes(with_peers):
    markdown, html = with_peers.build()
    caption = "Table 2. AGRNet and other methods: how the networks were trained"
    for text in (markdown, html):
        assert caption in text
        assert "as the cards of their weights say" in text
        assert "they differ in loss (see the table of their recipes)" in text
    assert (
        "| DIC | dic: align weight 0.1 | 0.002 | 20 × the published 0.0001, set by hand | 0.9, 0.99 | 4 | 4 |"
        in markdown
    )
    part = html.split(caption)[1].split("</table>")[0]
    assert "pixel: norm l1" in part
    assert "bicubic" not in part
    with open(paths.REPORTS / "tables/table_2_recipes.csv") as file:
        rows = {row["network"]: row for row in csv.DictReader(file)}
    assert list(rows) == ["DIC", "SwinIR", "SFMNet", "AGRNet"]
    chosen = "10 × the published 0.0002, set by hand"
    assert [rows["AGRNet"][column] for column in COLUMNS] == ["pixel: norm l2", "0.002", chosen, "0.9, 0.99", "4", "4"]


def test_a_table_that_is_left_out_has_no_recipes(project):
    markdown, _ = project.build("agrnet", "agrnet_baseline")
    assert "The four losses: how the networks were trained" not in markdown
    assert not (paths.REPORTS / "tables/table_7_recipes.csv").exists()
