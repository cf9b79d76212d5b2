"""Training curves: what is drawn, and for whom."""

import io

import numpy as np
import pandas as pd
from PIL import Image

from pipeline import layout
from pipeline.curves import CurveWriter
from pipeline.params import Variant
from pipeline.report.curves import draw_curves, mean_curve
from pipeline.report.results import read_run


def read(**variants: str):
    return read_run("demo", [0], {name: Variant(model=model) for name, model in variants.items()})


def test_a_model_without_variants_has_no_picture(drawn_project):
    assert set(draw_curves(read(agrnet="agrnet"))) == {"agrnet"}


def test_pictures_have_a_light_and_a_dark_ground(drawn_project):
    pictures = draw_curves(read(hr="agrnet_hr"))["agrnet_hr"]
    corners = {ground: np.asarray(Image.open(io.BytesIO(data)))[0, 0, :3].mean() for ground, data in pictures.items()}
    assert corners["light"] > 250
    assert corners["dark"] < 40


def test_a_curve_changes_the_picture(drawn_project):
    before = draw_curves(read(agrnet="agrnet"))
    CurveWriter(layout.CURVES / "agrnet/seed_0", [{"step": step, "train/px": 1 / step} for step in (2, 4)]).close()
    assert draw_curves(read(agrnet="agrnet")) != before


def test_a_curve_is_the_mean_of_the_seeds(drawn_project):
    for seed in (0, 3):
        row = {"step": 2, "train/px": seed + 1.0, "validation/psnr_y": 20.0, "images_per_s": 9.0 + seed}
        CurveWriter(layout.CURVES / f"agrnet/seed_{seed}", [row]).close()
    curve = mean_curve(read(agrnet="agrnet").results["agrnet"])
    pd.testing.assert_frame_equal(
        curve, pd.DataFrame({"px": [2.5], "validation_psnr_y": [20.0]}, index=pd.Index([2], name="step"))
    )
