"""stages/__init__.py: how an error ends a stage that is run."""

import subprocess
import sys
from pathlib import Path

import pytest

import stages
from pipeline.params.file import ParamsError

ROOT = Path(__file__).resolve().parents[2]


def explained(capfd, error):
    """What is shown of an error that was raised here."""
    try:
        raise error
    except type(error) as caught:
        stages.explain(type(caught), caught, caught.__traceback__)
    return capfd.readouterr().err


def test_a_foreseen_error_is_its_sentence(capfd, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/somewhere/stages/train.py"])
    assert explained(capfd, ParamsError("tasks.x8.steps: too few")) == "train: tasks.x8.steps: too few\n"


@pytest.mark.parametrize("error", [TypeError("unsupported operand"), IndexError("out of range"), OSError("no room")])
def test_an_unforeseen_error_keeps_its_traceback(capfd, error):
    shown = explained(capfd, error)
    assert shown.startswith("Traceback")
    assert "raise error" in shown
    assert shown.strip().endswith(str(error))


@pytest.mark.parametrize(
    ("stage", "ending"),
    [
        ("train", "usage: python -m stages.train KEY"),
        ("resize", "usage: python -m stages.resize KEY [ROOT] [SETTINGS ...]"),
        (
            "recipes",
            "recipes: params.yaml is missing: run in the project's root, or put a profile in place (make profile)",
        ),
    ],
)
def test_a_stage_that_is_run(tmp_path, stage, ending):
    command = [sys.executable, "-m", f"stages.{stage}"]
    ended = subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr.strip()) == (1, ending)


def test_who_imports_a_stage_keeps_python_s_own_hook():
    assert sys.excepthook is not stages.explain
