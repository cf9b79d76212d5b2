"""Training curves: DVCLive's files, with DVCLive and without it."""

import subprocess

import pandas as pd
import pytest

from pipeline.store import curves
from pipeline.store.curves import CurveWriter, read_curve

ROWS = [
    {"step": 10, "train/loss": 0.1, "learning_rate": 1e-3, "images_per_s": 17.5},
    {"step": 20, "train/loss": 1 / 3, "learning_rate": 5e-4, "images_per_s": 18.5, "validation/psnr_y": 21.0},
]


def files(folder):
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in sorted(folder.rglob("*.tsv"))}


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    subprocess.run(["dvc", "init", "--no-scm", "-q"], check=True)
    return tmp_path


def write(folder, rows=()):
    writer = CurveWriter(folder, list(rows))
    for row in ROWS[len(rows) :]:
        writer.log(row)
    writer.close()


@pytest.mark.middle
def test_without_dvclive_the_same_files_are_written(project, monkeypatch):
    write(project / "live")
    assert (project / "live/metrics.json").is_file()  # DVCLive's own summary
    monkeypatch.setattr(curves, "find_spec", lambda name: None)
    write(project / "plain")
    assert not (project / "plain/metrics.json").exists()
    assert files(project / "live") == files(project / "plain")
    assert list(files(project / "plain")) == [
        "plots/metrics/images_per_s.tsv",
        "plots/metrics/learning_rate.tsv",
        "plots/metrics/train/loss.tsv",
        "plots/metrics/validation/psnr_y.tsv",
    ]


def test_a_curve_is_read_back_without_what_dvc_ignores(tmp_path):
    write(tmp_path / "x")
    frame = read_curve(tmp_path / "x").set_index("step")
    expected = pd.DataFrame(ROWS).set_index("step").drop(columns="images_per_s")
    pd.testing.assert_frame_equal(frame[expected.columns], expected)


def test_a_run_that_goes_on_leaves_the_files_of_one_that_was_not_interrupted(tmp_path):
    write(tmp_path / "whole")
    writer = CurveWriter(tmp_path / "cut", [])
    for row in (ROWS[0], {"step": 15, "train/loss": 9.0}):  # the row of step 15 came after the last saved state
        writer.log(row)
    write(tmp_path / "cut", ROWS[:1])
    assert files(tmp_path / "cut") == files(tmp_path / "whole")


def test_pictures_lie_beside_the_curve_and_go_with_it(tmp_path):
    writer = CurveWriter(tmp_path / "x", [])
    writer.image("samples/0000010.png", b"png")
    assert (tmp_path / "x/plots/images/samples/0000010.png").read_bytes() == b"png"
