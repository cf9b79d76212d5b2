"""stages/__init__.py: how an error ends a stage that is run."""

import subprocess
import sys
from pathlib import Path

import pytest

import stages
from pipeline.ingest.files.folder import find
from pipeline.runtime.terminal import counted

ROOT = Path(__file__).resolve().parents[2]


def explained(capfd, call):
    """What is shown of the error that a call ends with."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - any
        call()
    stages.explain(caught.type, caught.value, caught.tb)
    return capfd.readouterr().err


def test_an_error_of_the_project_s_own_is_its_sentence(capfd, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "argv", ["/somewhere/stages/ingest.py"])
    shown = explained(capfd, lambda: find(tmp_path, "phtoos"))
    assert shown.startswith(f"ingest: {tmp_path / 'phtoos'} is not there: correct `root` and `path`")
    assert shown.count("\n") == 1


@pytest.mark.parametrize("call", [lambda: find(None, "a"), lambda: int("a"), lambda: counted(*"a")])
def test_an_unforeseen_error_keeps_its_traceback(capfd, call):
    assert explained(capfd, call).startswith("Traceback")


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
