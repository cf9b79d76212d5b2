"""Putting a profile in place, and not losing anybody's edits."""

import subprocess

import pytest
from tests_root import ROOT

from pipeline.commands.profiles import put_in_place
from pipeline.params.file import ParamsError


@pytest.fixture
def place(tmp_path, monkeypatch):
    (tmp_path / "profiles").mkdir()
    for file in (ROOT / "profiles").glob("*.yaml"):
        (tmp_path / "profiles" / file.name).write_bytes(file.read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_profile_replaces_another(place):
    put_in_place("demo")
    put_in_place("cpu")
    assert (place / "params.yaml").read_bytes() == (place / "profiles/cpu.yaml").read_bytes()


def test_unsaved_edits_stay(place):
    put_in_place("demo")
    params = place / "params.yaml"
    params.write_text(params.read_text().replace("seeds: [0]", "seeds: [0, 1]"))
    edited = params.read_bytes()
    with pytest.raises(ParamsError, match="saved nowhere else"):
        put_in_place("cpu")
    assert params.read_bytes() == edited


def test_committed_edits_may_be_replaced(place):
    put_in_place("demo")
    params = place / "params.yaml"
    params.write_text(params.read_text().replace("seeds: [0]", "seeds: [0, 1]"))
    for command in (
        ["init", "-q"],
        ["add", "params.yaml"],
        ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "x"],
    ):
        subprocess.run(["git", *command], cwd=place, check=True)
    put_in_place("cpu")
    assert params.read_bytes() == (place / "profiles/cpu.yaml").read_bytes()


def test_unknown_profile_is_named_with_the_known_ones(place):
    with pytest.raises(ParamsError, match=r"'night'.*cpu, demo, fair, gpu, paper"):
        put_in_place("night")
