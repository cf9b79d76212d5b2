"""The section on the weights that ship: which pictures, which figures, which words; and none without weights."""

import csv
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from report.conftest import copied, draw_nothing, texts

from pipeline.report.page import shipped
from pipeline.report.results import ReportError
from pipeline.store import paths
from pipeline.store.examples import FILE, Example, NetworkExamples, write_examples

TITLE = "What trained weights do"
PORTRAIT = {
    "bicubic": {"psnr_y": 23.086, "ssim_y": 0.61, "lpips_alex": 0.69},
    "network": {"psnr_y": 24.851, "ssim_y": 0.7, "lpips_alex": 0.39},
}
OF_CARD = {"psnr_y": 25.366, "ssim_y": 0.7356, "lpips_alex": 0.312, "images": 50}
CARD = {
    "title": "AGRNet",
    "task": "x8",
    "steps": 2000,
    "data": {"set": "celeba", "images": 4215, "sources": {"celeba": 4315}},
    "figures_in_float32": {"helen": OF_CARD, "parameters_m": 0.39},
    "bicubic": {"helen": {"psnr_y": 22.996, "ssim_y": 0.63, "lpips_alex": 0.57, "images": 50}},
}
HR = CARD | {"title": "AGRNet-HR", "task": "blind", "figures_in_float32": {}}


def grey(level: int, side_px: int) -> np.ndarray:
    return np.full((side_px, side_px, 3), level, np.uint8)


def example(name: str, lr_px: int, figures: dict, original_px: int = 64) -> Example:
    return Example(name, f"{lr_px} px", grey(1, lr_px), grey(2, 64), grey(3, 64), grey(4, original_px), figures)


def examples(name: str, card: dict, lr_px: int) -> NetworkExamples:
    found = [example("portrait", lr_px, PORTRAIT), example("small", lr_px, {}, original_px=25)]
    return NetworkExamples(name, 64, 0.39, card, {}, found)


@pytest.fixture(scope="module")
def both(written, tmp_path_factory) -> Path:
    """The folder with the report of the project with examples of two networks, for tests that only read it."""
    with pytest.MonkeyPatch.context() as patch:
        draw_nothing(patch)
        project = copied(written, tmp_path_factory.mktemp("both"), patch)
        write_examples([examples("agrnet", CARD, 8), examples("hr", HR, 25)])
        project.build()
    return project.root / paths.REPORTS


def test_the_section_follows_the_first_screen(both):
    markdown, html = texts(both)
    assert re.findall("^## (.*)$", markdown, re.MULTILINE)[0] == TITLE
    assert re.findall(r'<section id="(\w+)"', html)[0] == "shipped"


def test_what_the_weights_began_from_counts():
    card = CARD | {"began_from": [{"images_seen": 16000, "data": {"sources": {"ffhq": 9}}}]}
    said = shipped.told(examples("agrnet", card, 8))
    assert "4,315 photographs of CelebA, begun from weights that had seen 16,000 images." in said
    assert "FFHQ: CC BY-NC-SA" in said


def test_it_says_that_these_are_other_networks_and_on_what_they_were_trained(both):
    part = texts(both)[0].split(f"## {TITLE}")[1].split("\n## ")[0]
    assert "These are not this run’s networks." in part
    assert "One portrait says little." in part
    told = "0.39 M parameters, trained for 2,000 steps on 4,215 images from 4,315 photographs of CelebA."
    assert f"**AGRNet** (`agrnet`): {told} CelebA: non-commercial research only." in part
    assert "### AGRNet, 8 → 64 px" in part
    assert "### AGRNet-HR, spoilt faces at 64 px" in part


def test_networks_trained_on_generated_faces_are_not_said_to_know_photographs():
    card = CARD | {"data": {"set": "celeba", "images": 90, "sources": {"synthetic": 100}}}
    said = shipped.told(examples("agrnet", card, 8))
    assert "100 generated faces" in said
    assert "photographs" not in said


def test_pictures_stand_in_named_columns(both):
    write = [examples("agrnet", CARD, 8), examples("hr", HR, 25)]
    labels = [[column.label for column in strip.columns] for network in write for strip in shipped.strips(network)]
    assert labels == [
        ["LR", "bicubic", "AGRNet", "HR"],
        ["photo", "LR", "bicubic", "AGRNet"],
        ["LR", "bicubic", "AGRNet-HR", "HR"],
        ["photo", "AGRNet-HR"],
    ]
    levels = [
        [int(image[0, 0, 0]) for image in face.images]
        for network in write
        for strip in shipped.strips(network)
        for face in strip.faces
    ]
    assert levels == [[1, 2, 3, 4], [4, 1, 2, 3], [1, 2, 3, 4], [2, 3]]
    assert [image.shape[0] for image in shipped.strips(write[0])[1].faces[0].images] == [64, 8, 64, 64]
    markdown, html = texts(both)
    for key in ("agrnet", "agrnet_photos", "hr", "hr_photos"):
        assert f"(figures/strip_shipped_{key}.png)" in markdown
        assert (both / "figures" / f"strip_shipped_{key}.png").is_file()
        assert html.count(f'id="strip-shipped_{key}"') == 1
    assert "PSNR: bicubic 23.09 dB, AGRNet 24.85 dB" in html


def test_addresses_on_the_page_stay_unique_and_only_measured_faces_have_a_viewer(both):
    _, html = texts(both)
    ids = re.findall(r' id="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert re.findall(r'data-strip="strip-(shipped_\w+)"', html) == ["shipped_agrnet", "shipped_hr"]


def test_every_figure_stands_in_the_table(both):
    markdown, _ = texts(both)
    assert "| portrait<br>8 px | 23.09 → 24.85 | 0.6100 → 0.7000 | 0.6900 → 0.3900 |" in markdown
    with open(both / "tables" / "shipped_weights.csv") as file:
        rows = list(csv.DictReader(file))
    assert [(row["network"], row["image"]) for row in rows] == [
        ("agrnet", "portrait"),
        ("agrnet", "test set Helen"),
        ("hr", "portrait"),
    ]
    assert float(rows[0]["psnr_y_network"]) == 24.851
    assert [float(rows[1][f"psnr_y_{side}"]) for side in ("bicubic", "network")] == [22.996, 25.366]


def test_a_figure_that_is_not_there_says_why(project):
    figures = {side: {metric: v for metric, v in of.items() if metric != "lpips_alex"} for side, of in PORTRAIT.items()}
    network = replace(
        examples("agrnet", CARD, 8),
        absent={"lpips_alex": "alexnet weights are not there"},
        examples=[example("portrait", 8, figures)],
    )
    write_examples([network])
    markdown, html = project.build()
    assert "→ 0.7000 | – <sup>1</sup> |" in markdown
    assert "alexnet weights are not there" in html
    assert "strip_shipped_agrnet_photos" not in html


@pytest.mark.middle
def test_a_lower_psnr_with_a_better_lpips_is_explained_where_it_is_seen(project, both):
    assert shipped.FOR_THE_EYE not in texts(both)[0]
    figures = PORTRAIT | {"network": PORTRAIT["network"] | {"psnr_y": 20.0}}
    write_examples([replace(examples("hr", HR, 25), examples=[example("portrait", 25, figures)])])
    assert shipped.FOR_THE_EYE in project.build()[0]


def test_without_weights_there_is_no_such_section(pages):
    """As of the project, whose stage `examples` found none."""
    markdown, html = pages
    assert TITLE not in markdown + html


def test_a_missing_stage_is_named(project):
    (paths.EXAMPLES / FILE).unlink(missing_ok=True)
    with pytest.raises(ReportError, match=r"dvc repro examples\)"):
        project.build()
