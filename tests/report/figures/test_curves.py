"""Training curves: what is drawn, and for whom."""

import io

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pipeline.report.figures import curves
from pipeline.report.figures.curves import Curve, draw_curves, mean_curve, seed_band
from pipeline.report.figures.grounds import LIGHT, STYLE
from pipeline.store import paths
from pipeline.store.curves import CurveWriter


def test_a_task_without_networks_has_no_picture(drawn_project):
    assert set(draw_curves(drawn_project.run("agrnet"))) == {"x8"}


@pytest.mark.middle
def test_pictures_have_a_light_and_a_dark_ground_and_bytes_repeat(drawn_project, draw_apart):
    pictures = draw_curves(drawn_project.run("hr"))["blind"]
    draw_apart(curves)
    assert draw_curves(drawn_project.run("hr"))["blind"] == pictures
    corners = {ground: np.asarray(Image.open(io.BytesIO(data)))[0, 0, :3].mean() for ground, data in pictures.items()}
    assert corners["light"] > 250
    assert corners["dark"] < 40


def test_a_curve_changes_the_picture(drawn_project):
    before = draw_curves(drawn_project.run("agrnet"))
    CurveWriter(paths.CURVES / "agrnet/seed_0", [{"step": step, "train/px": 1 / step} for step in (2, 4)])
    assert draw_curves(drawn_project.run("agrnet")) != before


def test_a_curve_is_the_mean_of_the_seeds(drawn_project):
    drawn_project.seeds = [0, 3]
    CurveWriter(paths.CURVES / "agrnet/seed_7", [{"step": 2, "train/px": 99.0}])  # of an older run
    for seed in (0, 3):
        row = {"step": 2, "train/px": seed + 1.0, "validation/psnr_y": 20.0, "images_per_s": 9.0 + seed}
        CurveWriter(paths.CURVES / f"agrnet/seed_{seed}", [row])
    curve = mean_curve(drawn_project.run("agrnet").results["agrnet"])
    pd.testing.assert_frame_equal(
        curve, pd.DataFrame({"px": [2.5], "validation_psnr_y": [20.0]}, index=pd.Index([2], name="step"))
    )


def test_the_band_reaches_from_the_lowest_to_the_highest_seed(drawn_project):
    assert seed_band(drawn_project.run("agrnet").results["agrnet"]) is None
    drawn_project.seeds = [0, 3]
    for seed, px in ((0, 1.0), (3, 4.0)):
        rows = [{"step": step, "train/px": px * step} for step in (2, 4)]
        CurveWriter(paths.CURVES / f"agrnet/seed_{seed}", rows)
    result = drawn_project.run("agrnet").results["agrnet"]
    low, high = seed_band(result)
    assert (low["px"].to_dict(), high["px"].to_dict()) == ({2: 2.0, 4: 4.0}, {2: 8.0, 4: 16.0})
    assert (low["px"] < mean_curve(result)["px"]).all()


def test_the_band_is_drawn(drawn_project):
    """The same means, once with the seeds apart and once alike."""
    drawn_project.seeds = [0, 1]

    def pictures(*values: float) -> bytes:
        for seed, px in enumerate(values):
            rows = [{"step": step, "train/px": px} for step in (2, 4)]
            CurveWriter(paths.CURVES / f"agrnet/seed_{seed}", rows)
        return draw_curves(drawn_project.run("agrnet"))["x8"]["light"]

    assert pictures(1.0, 3.0) != pictures(2.0, 2.0)


def test_a_term_of_the_loss_is_set_as_a_formula():
    points = pd.DataFrame({"px": [2.0, 1.0]}, index=[1, 2])
    with mpl.rc_context(STYLE):
        title = curves._draw([Curve("a", points, 1.0)], LIGHT).axes[0].title
    assert (title.get_text(), title.get_parse_math()) == ("$L_{px}$", True)
