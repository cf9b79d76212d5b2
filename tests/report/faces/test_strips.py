"""Strips of faces: which faces, which networks, which pictures in which column."""

import base64
import re

import numpy as np
import pytest
from PIL import Image

from pipeline.report.blocks.pictures import MAX_TILE_PX, TILE_PX
from pipeline.report.faces import strips
from pipeline.store import images, manifest
from pipeline.store.restored import restored_folder


def read(project, *names: str) -> dict[str, strips.Strip]:
    """The strips of the networks named, by test set."""
    return {strip.key: strip for strip in strips.read_strips(*project.read(*names))}


def names_of(strip: strips.Strip) -> list[str]:
    return [column.name for column in strip.columns]


def test_every_network_of_the_tables_about_a_set_is_shown_once_and_the_model_itself_last(project):
    project.tables = project.tables | {"table_9": project.tables["table_4"]}  # the same networks again
    found = read(project, "hr", "hr_without_pc", "agrnet", "agrnet_baseline")
    assert {key: names_of(strip) for key, strip in found.items()} == {
        "helen": ["LR", "bicubic", "Baseline (Table 4)", "AGRNet", "HR"],
        "celebahq": ["LR", "bicubic", "w/o L_pc (Table 7)", "AGRNet-HR", "HR"],
        "real": ["photo", "w/o L_pc (Table 7)", "AGRNet-HR"],
    }


def test_without_the_model_itself_the_order_is_the_tables(project):
    found = read(project, "agrnet_baseline")
    assert names_of(found["helen"]) == ["LR", "bicubic", "Baseline (Table 4)", "HR"]
    assert names_of(found["real"]) == ["photo"]


def test_the_first_comparison_is_the_input_with_the_last_network(project):
    for strip in read(project, "agrnet", "agrnet_baseline", "hr").values():
        first, second = (names_of(strip)[place] for place in strip.first_two)
        assert (first, second) in {("bicubic", "AGRNet"), ("bicubic", "AGRNet-HR"), ("photo", "AGRNet-HR")}


def test_without_a_network_the_input_is_compared_with_the_truth_if_there_is_one(project):
    found = read(project, "agrnet")
    hq = found["celebahq"]
    assert [hq.columns[place].label for place in hq.first_two] == ["bicubic", "HR"]
    _, html = project.build("agrnet")
    assert re.findall(r'data-strip="strip-(\w+)"', html) == ["helen", "celebahq"]


def with_more(project):
    """AGRNet, its baseline and four peers, three of them of Table 2: too many for one row."""
    for name in ("dic", "sparnet", "sfmnet", "swinir"):
        project.add_peer(name, {"psnr_y": 24.0, "ssim_y": 0.75})
    columns = [{"label": name.upper(), "network": name} for name in ("dic", "sparnet", "sfmnet")]
    table = project.tables["table_2"] | {"columns": [*columns, *project.tables["table_2"]["columns"][1:]]}
    other = project.tables["table_4"]
    other = other | {"columns": [*other["columns"], {"label": "SWINIR", "network": "swinir"}]}
    project.tables = project.tables | {"table_2": table, "table_4": other}
    return project


def test_where_a_row_is_full_the_first_tables_networks_are_seen_and_the_others_on_request(project):
    project = with_more(project)
    strip = next(s for s in strips.read_strips(*project.read("agrnet", "agrnet_baseline")))
    seen = ["LR", "bicubic", "DIC (Table 2)", "SPARNET (Table 2)", "SFMNET (Table 2)", "AGRNet", "HR"]
    assert [column.name for column in strip.figure_columns] == seen
    assert names_of(strip) == [*seen, "Baseline (Table 4)", "SWINIR (Table 4)"]
    assert [names_of(strip)[place] for place in strip.first_two] == ["bicubic", "AGRNet"]
    assert [int(image[0, 0, 0]) for image in strip.faces[0].images] == [20, 20, 30, 30, 30, 30, 10, 30, 30]
    assert strips.draw_strip(strip).shape[1] == strips.GAP_PX + 7 * (TILE_PX + strips.GAP_PX)


def test_every_network_is_on_the_page_in_the_viewers_order(project):
    project = with_more(project)
    markdown, html = project.build("agrnet", "agrnet_baseline")
    face = html.split('id="strip-helen"')[1].split("</figure>")[0]
    strip = next(s for s in strips.read_strips(*project.read("agrnet", "agrnet_baseline")))
    assert re.findall(r'<li data-name="(.*?)">', face) == names_of(strip)
    more = face.split("<details>")[1].split("</details>")[0]
    assert re.findall(r'<li data-name="(.*?)">', more) == ["Baseline (Table 4)", "SWINIR (Table 4)"]
    assert "2 more networks" in more
    assert "Below each face of report.html, and in its viewer: Baseline (Table 4), SWINIR (Table 4)." in markdown
    assert "columns: LR, bicubic, DIC (Table 2), SPARNET (Table 2), SFMNET (Table 2), AGRNet, HR" in markdown


def test_the_viewer_holds_no_image_of_its_own(pages):
    _, html = pages
    viewers = re.findall(r'<div class="viewer".*?<div class="strip"', html, re.DOTALL)
    assert len(viewers) == 3
    assert not any("data:" in viewer or "<img" in viewer for viewer in viewers)


def test_every_column_holds_its_own_picture_of_the_same_face(project):
    """Grey levels of the fixture: 10 + n the HR image n, 20 + n its LR, 30 + n its restoration."""
    found = read(project, "agrnet", "hr")
    for strip, levels in ((found["helen"], (20, 20, 30, 10)), (found["real"], (10, 30))):
        for face, number in zip(strip.faces, (0, 2), strict=True):
            assert face.key.endswith(f"/{number}")
            assert [int(image[0, 0, 0]) for image in face.images] == [level + number for level in levels]


def test_images_are_on_the_page_as_they_are(project):
    _, html = project.build("agrnet", "hr")
    part = html.split('id="strip-helen"')[1].split("</figure>")[0]
    shown = [images.decode(base64.b64decode(data)) for data in re.findall(r"base64,([^\"]+)\"", part)]
    for image, other in zip(shown, read(project, "agrnet", "hr")["helen"].faces[0].images, strict=True):
        np.testing.assert_array_equal(image, other)


def test_faces_are_paired_by_name_and_not_by_place(project):
    folder = restored_folder("agrnet", 0, "helen")
    rows = manifest.read_kept(folder)
    manifest.write_manifest(folder, rows[::-1])
    again = read(project, "agrnet")["helen"]
    assert [int(face.images[2][0, 0, 0]) for face in again.faces] == [30, 32]
    manifest.write_manifest(folder, rows[:2])
    with pytest.raises(manifest.ManifestError, match="synthetic/2"):
        read(project, "agrnet")


@pytest.mark.parametrize(("tiles", "length"), [(2, 2), (7, 7), (8, 4), (9, 5), (12, 6)])
def test_long_rows_are_set_in_two(tiles, length):
    assert strips.row_length(tiles) == length


@pytest.mark.parametrize(("total", "count", "chosen"), [(7, 3, [0, 3, 6]), (2, 6, [0, 1]), (1, 1, [0]), (5, 1, [0])])
def test_faces_are_spread_over_the_set(total, count, chosen):
    assert strips.spread(total, count) == chosen


@pytest.mark.parametrize(
    ("side", "shown"), [(16, TILE_PX), (23, 115), (100, 100), (128, 128), (256, 256), (512, MAX_TILE_PX)]
)
def test_tiles_are_enlarged_by_whole_numbers_and_bounded(side, shown):
    image = np.arange(side * side * 3, dtype=np.uint32).astype(np.uint8).reshape(side, side, 3)
    result = strips.tile(image)
    assert result.shape == (shown, shown, 3)
    if shown >= side:
        np.testing.assert_array_equal(result[:: shown // side, :: shown // side], image)


def test_strip_files_show_every_face(reports):
    with Image.open(reports / "figures" / "strip_helen.png") as picture:
        pixels = np.asarray(picture)
    assert pixels.shape[1] > 4 * TILE_PX
    assert pixels.shape[0] > 2 * TILE_PX
    for level in (20, 22, 30, 32, 10, 12):
        assert (pixels == level).all(axis=2).sum() >= TILE_PX**2


def test_no_strips_where_none_are_wanted(project):
    project.strips = 0
    markdown, html = project.build()
    assert "strip_" not in markdown
    assert 'id="strip-' not in html
    assert "data-strip" not in html.split("<script>")[0]


def test_a_small_image_beside_large_ones_is_enlarged_to_their_size_as_far_as_whole_numbers_go():
    ((lr, hr),) = strips.tile_rows([[np.full((48, 48, 3), 7, np.uint8), np.zeros((256, 256, 3), np.uint8)]])
    assert (lr.shape[0], hr.shape[0]) == (240, 256)
    assert (lr == 7).all()
    ((small,),) = strips.tile_rows([[np.zeros((16, 16, 3), np.uint8)]])
    assert small.shape[0] == TILE_PX
