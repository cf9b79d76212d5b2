"""stages/recipes.py: what each network's training is cached against, and trained by."""

import json
from copy import deepcopy

import pytest
from ruamel.yaml import YAML
from tests_root import ROOT

from pipeline.params.file import ParamsError, training
from pipeline.store.paths import RECIPES, recipe_file
from stages.recipes import main

DEMO = YAML(typ="safe").load(ROOT / "profiles/demo.yaml")


@pytest.fixture
def change(tmp_path, monkeypatch):
    """Changes the demo's params, and has the stage write what is said then; `write=False`: has it not."""
    monkeypatch.chdir(tmp_path)
    values = deepcopy(DEMO)

    def changed(edit=lambda params: None, write=True):
        edit(values)
        (tmp_path / "params.yaml").write_text(json.dumps(values))
        if write:
            main()
        return {file.stem: file.read_bytes() for file in RECIPES.iterdir()} if RECIPES.is_dir() else {}

    return changed


def differing(before, after):
    return {name for name in before | after if before.get(name) != after.get(name)}


def test_a_network_has_all_that_it_is_trained_with_and_no_other_networks(change):
    before = change()
    assert {"agrnet", "hr", "swinir"} < set(before)
    read = json.loads(before["agrnet_gam"])
    assert read["seeds"] == [0]
    assert read["recipe"]["network"]["activation"] == "relu"
    assert read["recipe"]["train"]["batch_size"] == DEMO["tasks"]["x8"]["batch_size"]
    after = change(lambda params: params["networks"]["agrnet_gam"]["changes"]["model"].update(head_width=6))
    assert differing(before, after) == {"agrnet_gam"}


def test_a_section_changes_the_networks_that_it_reaches(change):
    before = change()
    after = change(lambda params: params["losses"]["composite"].update(pc=0.5))
    changed = differing(before, after)
    assert "hr" in changed
    assert "hr_without_pc" not in changed  # which overrides it
    assert not [name for name in changed if name.startswith("agrnet")]


def test_training_is_what_the_file_says_and_nothing_else_is_trained(change):
    change()
    asked = training("hr")
    assert asked.model_dump(mode="json") == json.loads(recipe_file("hr").read_bytes())
    change(lambda params: params["tasks"]["blind"].update(steps=3), write=False)
    with pytest.raises(ParamsError, match=r"says otherwise of hr than data/recipes/hr\.json"):
        training("hr")
    assert training("agrnet").recipe.model == "agrnet"
    main()
    assert training("hr").recipe.train.steps == 3


def test_without_dvc_a_training_needs_no_such_file(change):
    assert change(write=False) == {}
    assert training("hr").seeds == [0]
    with pytest.raises(ParamsError, match="no network 'nobody'"):
        training("nobody")
