"""How learning rates were chosen: the sweep's curve, choice and cost, and beside each table how its networks' rates came."""

import json

import pytest

from pipeline.params.rates import without_rates
from pipeline.report.figures import multiples
from pipeline.report.figures.multiples import draw_multiples
from pipeline.report.tables.learning_rates import AT_THE_END, NOT_SO, OTHERWISE, cost, rate_words, sweep_grid
from pipeline.report.tables.recipes import recipes_grid, unequal
from pipeline.store import paths
from pipeline.store.swept import write_rates


def sweep(name: str, base: float, chosen: float | None, **psnr: float | None) -> None:
    """Let a network have been swept: multiple, as x1, x4, ..., -> PSNR; None: the trial broke off."""
    trials = []
    for multiple, value in ((float(key.removeprefix("x")), value) for key, value in psnr.items()):
        trial = {"multiple": multiple, "learning_rate": multiple * base, "psnr_y": value, "failed": "", "seconds": 90.0}
        trial |= {"curve": [[4, value]], "steps": 4}
        if value is None:
            trial |= {"failed": "step 2: a loss is no finite number", "seconds": None, "curve": [], "steps": None}
        trials.append(trial)
    card = json.loads((paths.MODELS / name / "card.json").read_text())
    recipe = {"model": card["model"], "loss": card["loss"], "params": without_rates(card["params"])}
    found = {"network": name, "of": "", **recipe, "base": base, "source": "a paper", "seed": 0, "images": 3, "steps": 4}
    write_rates(found | {"chosen": chosen, "trials": trials})


def train_at(project, name: str, rate: float) -> None:
    path = paths.MODELS / name / "card.json"
    params = json.loads(path.read_text())["params"]
    project.change(path, params=params | {"train": params["train"] | {"learning_rate": rate}})


@pytest.fixture
def swept(project):
    """AGRNet and its baseline, each at the rate that its sweep chose; AGRNet's at 4 times its published one."""
    sweep("agrnet", 2e-4, 8e-4, x1=24.0, x4=25.118, x16=None)
    sweep("agrnet_baseline", 2e-4, 2e-4, x1=24.5, x4=24.0, x16=21.0)
    train_at(project, "agrnet", 8e-4)
    train_at(project, "agrnet_baseline", 2e-4)
    return project


def lines(project) -> dict[str, dict[str, str]]:
    grid = sweep_grid(project.run())
    return {
        line.header: dict(zip((head.text for head in grid.columns), (cell.text for cell in line.cells), strict=True))
        for line in grid.lines
    }


def test_each_network_has_its_curve_choice_and_cost(swept):
    assert lines(swept) == {
        "agrnet": {
            "published": "0.0002",
            "× 1": "24.00",
            "× 4": "25.12",
            "× 16": "failed",
            "chosen": "0.0008",
            "steps": "4",
            "minutes": "3.0",
        },
        "agrnet_baseline": {
            "published": "0.0002",
            "× 1": "24.50",
            "× 4": "24.00",
            "× 16": "21.00",
            "chosen": "0.0002",
            "steps": "4",
            "minutes": "4.5",
        },
    }
    assert cost(swept.run()) == [
        "It cost 8 minutes: 6 trainings, 24 steps beside the 8 of these networks’ own trainings, with seed 0."
    ]


def test_a_choice_at_the_end_one_not_taken_and_a_trial_that_broke_off_are_noted(swept):
    def notes(name, column):
        grid = sweep_grid(swept.run())
        (line,) = (line for line in grid.lines if line.header == name)
        place = [head.text for head in grid.columns].index(column)
        return [grid.notes[number - 1] for number in line.cells[place].notes]

    assert notes("agrnet", "chosen") == []
    assert notes("agrnet", "published") == ["Published rate: a paper."]
    assert notes("agrnet_baseline", "chosen") == [AT_THE_END]
    assert notes("agrnet", "× 16") == ["step 2: a loss is no finite number"]
    train_at(swept, "agrnet", 1e-3)
    assert notes("agrnet", "chosen") == [NOT_SO]
    sweep("agrnet", 2e-4, None, x1=None, x4=None)
    assert lines(swept)["agrnet"]["chosen"] == "–"


def test_an_end_is_that_of_the_networks_own_multiples(swept):
    sweep("agrnet", 2e-4, 8e-4, x1=24.0, x4=25.0)
    grid = sweep_grid(swept.run())
    assert len([line for line in grid.lines if line.cells[-3].notes]) == 2


def test_beside_a_table_stands_how_each_rate_was_chosen(swept):
    run, report = swept.read()
    grid = recipes_grid("table_4", "Table 4", report.tables["table_4"], run)
    place = [head.text for head in grid.columns].index("how it was chosen")
    assert {line.header: line.cells[place].text for line in grid.lines} == {
        "Baseline": "1 × the published 0.0002, chosen by the sweep",
        "+ ACON + GAM": "4 × the published 0.0002, chosen by the sweep",
    }
    assert rate_words(run.results["hr"]) == "20 × the published 0.0001, set by hand"


def test_rates_that_one_rule_chose_are_no_inequality(swept):
    def said():
        run, report = swept.read()
        return unequal(report.tables["table_4"], run)

    assert said() == "Each has the learning rate that one sweep, the same for all, chose for it."
    sweep("agrnet_baseline", 2e-4, 2e-4, x1=24.5)  # broken off
    assert said().startswith("These networks were not trained alike: they differ in learning rate (")
    grid = sweep_grid(swept.run())
    assert all(OTHERWISE in [grid.notes[number - 1] for number in line.cells[-3].notes] for line in grid.lines)
    assert lines(swept)["agrnet_baseline"]["× 16"] == "–"
    sweep("agrnet_baseline", 2e-4, 2e-4, x1=24.5, x4=24.0, x16=21.0)
    train_at(swept, "agrnet", 1e-3)
    assert said().startswith("These networks were not trained alike: they differ in learning rate (")


def test_both_forms_of_the_report_show_the_sweep(swept):
    markdown, html = swept.build()
    for text in (markdown, html):
        assert "How learning rates were chosen" in text
        assert "It cost 8 minutes: 6 trainings" in text
    assert "| agrnet<br>AGRNet | 0.0002 <sup>1</sup> | 24.00 | 25.12 | failed" in markdown
    assert (paths.REPORTS / "figures/learning_rates_light.png").stat().st_size > 1000


@pytest.mark.middle
def test_the_picture_is_drawn_on_both_grounds_and_the_same_each_time(swept, draw_apart):
    drawn = draw_multiples(swept.run())
    assert set(drawn) == {"light", "dark"}
    assert drawn["light"] != drawn["dark"]
    draw_apart(multiples)
    assert draw_multiples(swept.run()) == drawn
    sweep("agrnet", 2e-4, 2e-4, x1=26.0, x4=24.0)
    assert draw_multiples(swept.run())["light"] != drawn["light"]


def test_a_sweep_of_another_recipe_is_not_shown(swept):
    path = paths.MODELS / "agrnet/card.json"
    params = json.loads(path.read_text())["params"]
    swept.change(path, params=params | {"model": params["model"] | {"num_arus": 7}})
    assert list(lines(swept)) == ["agrnet_baseline"]
    swept.change(path, params=params | {"train": params["train"] | {"threads": 2}})  # how it is computed is no recipe
    assert list(lines(swept)) == ["agrnet", "agrnet_baseline"]


def test_without_a_sweep_there_is_no_such_section(pages, reports):
    markdown, html = pages
    assert "How learning rates were chosen" not in markdown + html
    assert not (reports / "figures/learning_rates_light.png").exists()
