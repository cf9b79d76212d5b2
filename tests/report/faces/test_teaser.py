"""The face of the first screen: by which rule it is chosen, and which pictures it is shown as."""

import numpy as np
import pytest
from PIL import Image

from pipeline.report.blocks.pictures import TILE_PX
from pipeline.report.faces.teaser import Teaser, median_gain, read_face
from pipeline.store import paths


def gains(project, *ours: float, metric: str = "psnr_y") -> str | None:
    """The image chosen where a network gains so much on each."""
    project.measure("bicubic", "helen", **{metric: np.full(len(ours), 20.0)})
    project.measure("agrnet", "helen", **{metric: 20.0 + np.array(ours)})
    run = project.run("agrnet")
    return median_gain(run.results["agrnet"], "helen", metric, run)


@pytest.mark.parametrize(
    ("ours", "chosen"),
    [
        ((3, 1, 2), "synthetic/2"),
        ((-5, -1, -3), "synthetic/2"),
        ((np.inf, 2, 1), "synthetic/1"),
        ((1, 1, 1), "synthetic/1"),
    ],
)
def test_the_image_with_the_median_gain_is_chosen(project, ours, chosen):
    assert gains(project, *ours) == chosen


def test_of_an_even_number_the_better_in_the_middle_is_taken_and_lower_may_be_better(project):
    for name in ("bicubic", "agrnet"):
        project.enlarge(name, "helen", 4)
    assert gains(project, 4, 1, 3, 2) == "synthetic/0002"
    assert gains(project, 4, 1, 3, 2, metric="lpips_alex") == "synthetic/0003"


def test_images_without_a_value_and_two_infinite_ones_are_no_obstacle(project):
    project.measure("bicubic", "helen", psnr_y=[np.inf, 20.0, 20.0])
    project.measure("agrnet", "helen", psnr_y=[np.inf, 21.0, np.nan])
    run = project.run("agrnet")
    assert median_gain(run.results["agrnet"], "helen", "psnr_y", run) == "synthetic/1"
    assert median_gain(run.results["agrnet"], "helen", "landmark_distance", run) is None


def test_the_mean_over_the_seeds_decides(project):
    project.seeds = [0, 3]
    project.enlarge("agrnet", "helen", 3, seeds=(0, 3))
    project.enlarge("bicubic", "helen", 3)
    project.measure("bicubic", "helen", psnr_y=[20.0, 20.0, 20.0])
    project.measure("agrnet", "helen", psnr_y=[21.0, 22.0, 23.0, 25.0, 22.0, 28.0])  # means 23, 22, 25.5
    run = project.run("agrnet")
    assert median_gain(run.results["agrnet"], "helen", "psnr_y", run) == "synthetic/0000"


def test_each_picture_stands_under_its_name_beside_its_figure(project):
    """Grey levels of the fixture: 10 + n the HR image n, 20 + n its LR, 30 + n its restoration."""
    run = project.run("agrnet")
    columns, face = read_face(run.results["agrnet"], "helen", "psnr_y", "synthetic/2", run)
    assert [(column.label, column.beside) for column in columns] == [
        ("LR", "4\u00a0px"),
        ("bicubic", "PSNR 20.63\u00a0dB"),
        ("AGRNet", "PSNR 25.63\u00a0dB"),
        ("HR", "ground truth"),
    ]
    assert [int(image[0, 0, 0]) for image in face.images] == [22, 22, 32, 12]
    assert [image.shape[0] for image in face.images] == [4, 32, 32, 32]
    (name, data), *others = Teaser("helen", "", columns=columns, face=face).figures().items()
    assert (name, others) == ("teaser_helen.png", [])
    (paths.REPORTS / name).write_bytes(data)
    with Image.open(paths.REPORTS / name) as picture:
        shown = np.asarray(picture)
    for level in (22, 32, 12):
        assert (shown == level).all(axis=2).sum() >= TILE_PX**2


def test_without_a_face_there_is_no_file():
    assert Teaser("helen", "said").figures() == {}
