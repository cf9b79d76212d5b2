"""The draws of Eq. (28): whose ranges they are held against, what is counted, what is drawn."""

import csv
import io

import numpy as np
import pytest
from PIL import Image

from pipeline.report.figures import histograms
from pipeline.report.figures.histograms import INSIDE, OUTSIDE, bar_edges, draw_draws
from pipeline.report.tables.draws import Quantity, read_draws
from pipeline.store import manifest, paths

DEGRADED = paths.paired_folder("degrade", "ffhq")


def change_records(**columns) -> None:
    """Overwrite columns of the training set's records: one value for all, or a value each."""
    frame = manifest.read_manifest(DEGRADED)
    manifest.write_manifest(DEGRADED, frame.assign(**columns).to_dict("records"))


def quantity(name: str) -> Quantity:
    (found,) = [quantity for quantity in read_draws("ffhq").quantities if quantity.name.startswith(name)]
    return found


def pixels(picture: bytes, colour: str) -> int:
    """How many pixels of a picture are of a colour."""
    wanted = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
    return int((np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")) == wanted).all(axis=2).sum())


@pytest.mark.parametrize(
    ("side", "ranges"),
    [
        (512, {"gaussian": (3, 15), "average": (3, 15), "motion": (5, 25), "LR": (32, 128)}),
        (256, {"gaussian": (1.5, 7.5), "average": (3, 8), "motion": (3, 13), "LR": (16, 64)}),
        (32, {"gaussian": (0.1875, 0.9375), "average": (3, 3), "motion": (3, 3), "LR": (2, 8)}),
    ],
)
def test_pixel_ranges_scale_with_the_hr_side_and_others_do_not(project, side, ranges):
    project.hr_side("ffhq", side)
    assert read_draws("ffhq").hr_px == side
    ranges |= {"noise": (0, 25), "JPEG strength": (60, 85), "JPEG quality": (17, 41)}
    assert {name: (quantity(name).low, quantity(name).high) for name in ranges} == ranges


@pytest.mark.parametrize(
    ("columns", "name"),
    [
        ({"lr_side_px": [4, 5, 9]}, "LR side"),
        ({"noise_level": [12.5, 25.5, 0.5]}, "noise"),
        ({"compression": [60, 59, 85]}, "JPEG strength"),
        ({"quality": [17, 41, 42]}, "JPEG quality"),
        ({"r": [0.5, 3.0, 4.0]}, "median"),
        ({"r": [1.0, 3.0, 3.0], "sigma": [1.0, 0.0, 0.0]}, "gaussian"),
    ],
)
def test_values_outside_are_counted(project, columns, name):
    assert read_draws("ffhq").outside == 0
    change_records(**columns)
    assert read_draws("ffhq").outside == quantity(name).outside == 1


@pytest.fixture(scope="module")
def pictures(written) -> dict[str, bytes]:
    """The draws of a set as they are, drawn once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(written)
        return draw_draws(read_draws("celebahq"))


@pytest.mark.middle
def test_values_outside_are_drawn_in_another_colour(project, pictures):
    assert pixels(pictures["light"], OUTSIDE) == 0
    change_records(lr_side_px=[4, 5, 9])
    picture = draw_draws(read_draws("ffhq"))["light"]
    assert pixels(picture, OUTSIDE) > 0
    assert pixels(picture, INSIDE) > 0


def test_what_lies_outside_is_said_and_what_was_left_out_too(project, pages):
    for text in pages:
        assert text.count("numbers recorded lie in the paper’s ranges.") == 2
        assert "outside of the paper’s ranges" not in text
    change_records(
        compression=[60, 90, -1], quality=[41, 12, -1], kind=["none", "average", "average"], r=[0.0, 3.0, 3.0]
    )
    markdown, html = project.build()
    # 2 r, 3 LR sides, 3 noise levels, 2 strengths and 2 qualities.
    for text in (markdown, html):
        assert "2 of the 12 numbers recorded lie outside of the paper’s ranges." in text
        assert "1 of 3 images were left without JPEG; in the paper no image is." in text
        assert "1 of 3 images were left without blur" in text
        assert "left without noise" not in text
    assert "| JPEG strength | 2 | 60 | 90 | 60 to 85 | 1 |" in markdown
    assert "| without JPEG | 1 | – | – | never | 1 |" in markdown
    assert "| gaussian blur, kernel | 0 | – | – | 3 to 3 px | 0 |" not in markdown


def test_the_table_holds_the_records_numbers(project):
    change_records(noise_level=[0.25, 24.123456, 3.0], lr_side_px=[4, 8, 5])
    markdown, html = project.build()
    assert "**Numbers recorded for HR images of 32 px**" in markdown
    assert "| noise | 3 | 0.25 | 24.12 | 0 to 25 grey levels | 0 |" in markdown
    assert "| LR side | 3 | 4 | 8 | 2 to 8 px | 0 |" in markdown
    assert "(gaussian 1, average 1, median 1, motion 0)" in html
    with open(paths.REPORTS / "tables" / "draws_ffhq.csv") as file:
        rows = {row["number"]: row for row in csv.DictReader(file)}
    assert float(rows["noise"]["largest"]) == 24.123456
    assert float(rows["gaussian blur, sigma"]["smallest"]) == 0.5


def test_only_kept_images_count(project):
    frame = manifest.read_manifest(DEGRADED)
    rows = frame.to_dict("records")
    nothing = {"kind": "none", "r": 0.0, "lr_side_px": 0, "noise_level": 0.0, "compression": -1, "quality": -1}
    failed = rows[0] | manifest.rejected("broken", "failed", "ValueError") | nothing
    manifest.write_manifest(DEGRADED, [failed, *rows])
    drawn = read_draws("ffhq")
    assert (drawn.images, drawn.outside, sum(drawn.skipped.values())) == (3, 0, 0)


def test_sets_that_eq28_did_not_make_have_no_draws(project, reports):
    assert [key for key in paths.SETS if read_draws(key)] == ["ffhq", "celebahq"]
    figures = {file.name for file in (reports / "figures").glob("draws_*")}
    assert figures == {f"draws_{key}_{ground}.png" for key in ("ffhq", "celebahq") for ground in ("light", "dark")}


def test_no_section_where_eq28_made_no_set(project):
    for key in ("ffhq", "celebahq"):
        folder = paths.paired_folder("degrade", key)
        frame = manifest.read_manifest(folder)
        manifest.write_manifest(folder, frame.drop(columns=["compression", "quality"]).to_dict("records"))
    for text in project.build():
        assert "How faces were spoilt" not in text


@pytest.mark.parametrize(
    ("drawn", "low", "high", "whole"),
    [
        ([32, 128], 32, 128, True),
        ([3, 3], 3, 3, True),
        ([0.0, 25.0], 0, 25, False),
        ([-3.0, 31.5], 0, 25, False),
        ([50, 99], 60, 85, True),
        ([], 17, 41, True),
    ],
)
def test_bars_cover_every_value_and_meet_at_the_ranges_ends(drawn, low, high, whole):
    edges = bar_edges(Quantity("any", "", np.array(drawn, float), low, high, whole))
    half = 0.5 if whole else 0
    assert (np.diff(edges) > 0).all()
    assert {low - half, high + half} <= set(edges)
    assert np.histogram(drawn, edges)[0].sum() == len(drawn)


@pytest.mark.middle
def test_grounds_are_light_and_dark_and_bytes_repeat(project, pictures, draw_apart):
    draw_apart(histograms)
    assert draw_draws(read_draws("celebahq")) == pictures
    corners = {name: np.asarray(Image.open(io.BytesIO(data)))[0, 0, :3].mean() for name, data in pictures.items()}
    assert corners["light"] > 250
    assert corners["dark"] < 40
