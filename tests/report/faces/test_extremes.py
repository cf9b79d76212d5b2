"""Best, median and worst images: which they are, with whose values, and how they are shown."""

import csv
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipeline.report import metrics
from pipeline.report.faces.extremes import METRICS, ranked, read_extremes
from pipeline.report.page import prose
from pipeline.store import manifest, paths

VALUES = st.lists(st.floats(0, 100) | st.just(np.nan) | st.just(np.inf), max_size=12)


def change(name: str, **columns) -> None:
    """Overwrite a network's values on Helen."""
    path = paths.EVALUATED / name / "helen.parquet"
    manifest.write_table(path, pd.read_parquet(path).assign(**columns))


def of_helen(project):
    return next(found for found in read_extremes(project.run("agrnet")) if found.key == "helen")


@given(VALUES, st.booleans())
def test_the_best_the_median_and_the_worst_are_what_their_names_say(values, higher):
    series = pd.Series(values, [str(number) for number in range(len(values))], dtype=float)
    known = series.dropna()
    found = ranked(series, higher)
    if known.empty:
        assert found == []
        return
    best, median, worst = known[found]
    assert (best, worst) == ((known.max(), known.min()) if higher else (known.min(), known.max()))
    assert (known <= median).sum() * 2 >= len(known)
    assert (known >= median).sum() * 2 >= len(known)


def test_of_equals_the_first_in_the_sets_order_stands_first():
    assert ranked(pd.Series([1.0, 1.0, 1.0, 1.0], list("dcba")), higher=True) == ["d", "c", "a"]


def test_each_image_is_shown_once_with_all_that_it_is_an_example_of(project):
    change("agrnet", psnr_y=[20.0, 30.0, 25.0], ssim_y=[0.9, 0.7, 0.8])
    change("bicubic", psnr_y=[19.0, 31.0, 26.5], ssim_y=[0.5, 0.6, 0.4])
    found = of_helen(project)
    assert {image: prose.told(found, image) for image in found.roles} == {
        "synthetic/1": "best PSNR (Y) 30.00\u00a0dB (bicubic 31.00\u00a0dB); worst SSIM (Y) 0.7000 (bicubic 0.6000)",
        "synthetic/2": "median PSNR (Y) 25.00\u00a0dB (bicubic 26.50\u00a0dB); median SSIM (Y) 0.8000 (bicubic 0.4000)",
        "synthetic/0": "worst PSNR (Y) 20.00\u00a0dB (bicubic 19.00\u00a0dB); best SSIM (Y) 0.9000 (bicubic 0.5000)",
    }
    for face in found.faces:  # grey levels of the fixture, see test_strips.py
        number = int(face.key[-1])
        assert [int(image[0, 0, 0]) for image in face.images] == [level + number for level in (20, 20, 30, 10)]


def test_the_mean_over_seeds_decides(project):
    path = paths.EVALUATED / "agrnet" / "helen.parquet"
    first = pd.read_parquet(path).assign(psnr_y=[20.0, 30.0, 25.0])
    second = first.assign(seed=1, psnr_y=[40.0, 21.0, 25.0])
    manifest.write_table(path, pd.concat([first, second]))
    project.seeds = [0, 1]
    roles = of_helen(project).roles
    assert {
        role.place: (image, role.value) for image, of in roles.items() for role in of if role.metric == "psnr_y"
    } == {
        "best": ("synthetic/0", 30.0),
        "median": ("synthetic/1", 25.5),
        "worst": ("synthetic/2", 25.0),
    }


def test_images_without_a_value_are_left_out_and_that_is_said(project):
    change("agrnet", landmark_distance=[np.nan, 0.2, 0.1])
    change("bicubic", landmark_distance=[0.3, np.nan, 0.05])
    markdown, _ = project.build()
    rows = re.findall(r"^\| landmark distance ↓, (\w+)<br>(.*?) \| (.*?) \| (.*?) \| (.*?) \|$", markdown, re.MULTILINE)
    assert rows == [
        ("best", "of 2 with a value", "0.1000", "0.0500", "synthetic/2"),
        ("median", "of 2 with a value", "0.1000", "0.0500", "synthetic/2"),
        ("worst", "of 2 with a value", "0.2000", "–", "synthetic/1"),
    ]


def test_identical_images_have_an_infinite_psnr(project):
    change("agrnet", psnr_y=[np.inf, 30.0, 25.0])
    assert of_helen(project).roles["synthetic/0"][0].told == "best PSNR (Y) ∞\u00a0dB"


def test_table_and_figure_stand_in_both_forms(pages, reports):
    markdown, html = pages
    assert "(figures/extremes_helen.png)" in markdown
    assert "(figures/extremes_celebahq.png)" in markdown
    assert "extremes_real" not in markdown  # no HR images, so no value of an image
    part = html.split('id="extremes-images-helen"')[1].split("</section>")[0].split('id="extremes_celebahq"')[0]
    assert part.count("<figure") == 3
    assert len(re.findall(r'src="data:image', part)) == 3 * 4
    with open(reports / "tables" / "extremes_helen.csv") as file:
        rows = list(csv.DictReader(file))
    best = next(row for row in rows if row["metric"] == "PSNR (Y) ↑, best")
    assert float(best["AGRNet"]) == pytest.approx(25.628)  # unrounded
    with Image.open(reports / "figures" / "extremes_helen.png") as picture:
        pixels = np.asarray(picture)
    for level in (20, 21, 22, 30, 31, 32, 10, 11, 12):
        assert (pixels == level).all(axis=2).sum() >= 128**2


def test_without_the_model_itself_there_is_no_such_section(project):
    markdown, html = project.build("agrnet_baseline")
    assert "Best, median and worst" not in markdown + html


def test_metrics_are_named_as_in_the_tables():
    for key, metric in METRICS.items():
        assert metrics.METRICS[key][:3] == (metric.name, "↑" if metric.higher else "↓", metric.decimals)
