"""The first screen: what the headline says, when ours is worse, when nothing was computed, and what is said beside it."""

import numpy as np
import pytest
from report.conftest import write_evaluation

from pipeline.metrics.statistics import Interval
from pipeline.report.blocks.blocks import Page, Text
from pipeline.report.faces.strips import FaceRow, TileColumn
from pipeline.report.faces.teaser import Teaser
from pipeline.report.page.first_screen import NOTHING, against_bicubic, first_screen
from pipeline.report.page.page import write_pages
from pipeline.store import paths


def teasers(project, *names: str) -> dict[str, Teaser]:
    return {teaser.key: teaser for teaser in first_screen(*project.read(*names))}


def no_images(project, name: str, key: str) -> None:
    """Let a network's test set have been empty."""
    project.change(paths.METRICS / name / "evaluate.json", **{key: {"images": 0}})
    project.change(paths.EVALUATED / name / "absent.json", **{key: f"the set {key} holds no image, see its manifests"})


@pytest.mark.parametrize(
    ("ends", "metric", "told", "sure"),
    [
        ((0.7, 0.5, 0.9), "psnr_y", "0.70\u00a0dB above bicubic, which is better", "+0.50 to +0.90"),
        ((-0.4, -0.6, -0.2), "psnr_y", "0.40\u00a0dB below bicubic, which is worse", "−0.60 to −0.20"),
        ((0.1, -0.1, 0.3), "psnr_y", "0.10\u00a0dB above bicubic, which may be chance", "−0.10 to +0.30"),
        ((-0.14, -0.2, -0.1), "lpips_alex", "0.1400 below bicubic, which is better", "−0.2000 to −0.1000"),
        ((0.14, 0.1, 0.2), "lpips_alex", "0.1400 above bicubic, which is worse", "+0.1000 to +0.2000"),
        ((0.001, -0.1, 0.1), "psnr_y", "the same as bicubic", "−0.10 to +0.10"),
    ],
)
def test_a_difference_is_told_by_its_direction_and_judged_by_its_interval(ends, metric, told, sure):
    assert against_bicubic(Interval(*ends, 24), metric) == f"{told} (95 % interval of that: {sure})"


def test_one_image_has_no_interval():
    said = against_bicubic(Interval(1.0, -np.inf, np.inf, 1), "psnr_y")
    assert said == "1.00\u00a0dB above bicubic, which may be chance (no interval)"


def test_the_headline_says_what_is_reached_on_what_and_what_the_paper_reaches(project):
    rng = np.random.default_rng(0)
    for name in ("bicubic", "agrnet"):
        project.enlarge(name, "helen", 24)
    bicubic = rng.normal(24, 2, 24)
    project.measure("bicubic", "helen", psnr_y=bicubic)
    project.measure("agrnet", "helen", psnr_y=bicubic - 0.4 + rng.normal(0, 0.01, 24))
    project.strips = 0  # the small project has pictures of three images alone
    said = teasers(project, "agrnet")["helen"]
    assert said.headline.startswith("**AGRNet** reaches **PSNR (Y) ")
    assert "dB** on Helen (here 24 generated faces): 0.40\u00a0dB below bicubic, which is worse" in said.headline
    assert said.headline.endswith(" *The paper, on its own data: 27.54\u00a0dB.*")
    assert said.small == ["Trained once, on 3 generated faces, 4 steps."]


def test_each_task_has_its_headline_and_few_images_are_told(project):
    found = teasers(project)
    assert list(found) == ["helen", "celebahq"]
    hr = found["celebahq"]
    assert hr.headline.startswith(
        "**AGRNet-HR** reaches **LPIPS (AlexNet) 0.3142** on CelebA-HQ (here 3 generated faces): "
    )
    assert hr.headline.endswith("*The paper, on its own data: 0.2633.*")
    assert "With fewer than 20 images an interval comes out too narrow." in hr.small
    assert hr.chosen == "whose gain over bicubic in LPIPS (AlexNet) is the median of 3."
    assert hr.face


def test_without_lpips_psnr_stands_in_and_the_reason_is_told(project):
    for name in ("hr", "bicubic"):
        write_evaluation(name, ("helen", "celebahq", "real"), {"psnr_y": 25.0, "ssim_y": 0.7})
        project.change(paths.EVALUATED / name / "absent.json", lpips_alex="alexnet weights are not there: off")
    hr = teasers(project)["celebahq"]
    assert hr.headline == (
        "**AGRNet-HR** reaches **PSNR (Y) 25.00\u00a0dB** on CelebA-HQ (here 3 generated faces): the same as bicubic "
        "(95 % interval of that: 0.00 to 0.00)."
    )
    assert "LPIPS (AlexNet) was not computed: alexnet weights are not there: off." in hr.absent


def test_a_task_without_images_says_so_and_the_other_has_its_face(project):
    no_images(project, "hr", "celebahq")
    found = teasers(project)
    why = "PSNR (Y) was not computed: the set celebahq holds no image, see its manifests."
    assert found["celebahq"] == Teaser("celebahq", "**AGRNet-HR** has no figure on CelebA-HQ.", [why])
    assert found["helen"].face
    no_images(project, "agrnet", "helen")
    assert not any(teaser.face or teaser.small for teaser in teasers(project).values())


def test_without_the_papers_networks_that_is_said(project):
    assert list(teasers(project, "hr", "agrnet_baseline")) == ["celebahq"]
    assert first_screen(*project.read("agrnet_baseline")) == [Text([NOTHING])]


def test_of_several_seeds_the_headline_is_the_mean_and_the_picture_the_firsts(project):
    project.seeds = [0, 3]
    project.measure("agrnet", "helen", psnr_y=[24.0, 25.0, 27.0])
    said = teasers(project, "agrnet")["helen"]
    assert said.small[0] == "The mean of 2 training runs on 3 generated faces, 4 steps each."
    assert said.chosen.endswith(" Its figures are means over the runs, its image is that of seed 0.")


def test_weights_of_others_are_told(project):
    project.by_others("agrnet")
    assert teasers(project, "agrnet")["helen"].small[0] == "Others trained its weights."


def test_where_no_faces_are_wanted_the_headline_stands_alone(project):
    project.strips = 0
    found = teasers(project)
    assert all(teaser.headline and not teaser.face and not teaser.chosen for teaser in found.values())
    markdown, html = project.build()
    assert "teaser_" not in markdown
    assert "**AGRNet** reaches" in markdown
    assert "<img" not in html.split('id="teaser-helen"')[1].split("</figure>")[0]


def test_it_stands_before_everything_else_after_the_warnings(pages):
    for text in pages:
        places = [
            text.index(part) for part in ("no evidence of anybody’s identity", "on Helen (here", "This run", "Table 2.")
        ]
        assert places == sorted(places)


def test_names_and_reasons_are_no_markup(project, tmp_path):
    image = np.zeros((4, 4, 3), np.uint8)
    face = FaceRow(project.odd_name, 4, [image])
    teaser = Teaser("helen", "Said.", ["no *weights* <there>"], ["Trained."], [TileColumn("LR")], face, "chosen.")
    write_pages(tmp_path, Page("title", "about", [], [teaser], []))
    html, markdown = ((tmp_path / f"report.{end}").read_text() for end in ("html", "md"))
    assert "<p>no *weights* &lt;there&gt;</p>" in html
    assert r"no \*weights\* \<there\>" in markdown
    assert (
        'Face shown: <span class="name">a &lt;b&gt;&#34;face&#34;&lt;/b&gt;\\nof it&#39;s own.jpg</span>, chosen.'
        in html
    )
    assert r"""Trained. Face shown: a \<b\>"face"\</b\>\\nof it's own.jpg, chosen.""" in markdown
