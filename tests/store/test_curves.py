"""Training curves, in DVCLive's layout."""

import pandas as pd

from pipeline.store.curves import CurveWriter, read_curve

ROWS = [
    {"step": 10, "train/loss": 0.1, "learning_rate": 1e-3, "images_per_s": 17.5},
    {"step": 20, "train/loss": 1 / 3, "learning_rate": 5e-4, "images_per_s": 18.5, "validation/psnr_y": 21.0},
]


def files(folder):
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in sorted(folder.rglob("*.tsv"))}


def write(folder, rows=()):
    writer = CurveWriter(folder, list(rows))
    for row in ROWS[len(rows) :]:
        writer.log(row)


def test_a_table_per_figure_in_dvclives_layout(tmp_path):
    """As DVCLive 3.49 writes these rows."""
    write(tmp_path / "x")
    assert {name: content.decode() for name, content in files(tmp_path / "x").items()} == {
        "plots/metrics/images_per_s.tsv": "step\timages_per_s\n10\t17.5\n20\t18.5\n",
        "plots/metrics/learning_rate.tsv": "step\tlearning_rate\n10\t0.001\n20\t0.0005\n",
        "plots/metrics/train/loss.tsv": "step\tloss\n10\t0.1\n20\t0.3333333333333333\n",
        "plots/metrics/validation/psnr_y.tsv": "step\tpsnr_y\n20\t21.0\n",
    }


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
