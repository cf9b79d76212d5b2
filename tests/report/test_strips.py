"""Strips of faces: which faces, which networks, which pictures in which column."""

import numpy as np
import pytest
from PIL import Image

from pipeline import layout, manifest
from pipeline.params import ReportParams, Variant
from pipeline.report.results import read_run
from pipeline.report.strips import MAX_TILE_PX, TILE_PX, read_strips, spread, tile
from pipeline.restored import restored_folder


@pytest.fixture
def strips(project):
    models = {"agrnet": "agrnet", "hr": "agrnet_hr"}
    run = read_run("demo", [0], {name: Variant(model=model) for name, model in models.items()})
    found = read_strips(run, ReportParams(strips=2, tables=project.tables))
    return {strip.key: strip for strip in found}


def test_every_test_set_shows_its_columns(strips):
    assert {key: strip.labels for key, strip in strips.items()} == {
        "helen": ["LR", "bicubic", "AGRNet", "HR"],
        "celebahq": ["LR", "bicubic", "AGRNet-HR", "HR"],
        "real": ["photo", "AGRNet-HR"],
    }


def test_every_column_holds_its_own_picture_of_the_same_face(strips):
    """Grey levels of the fixture: 10 + n the HR image n, 20 + n its LR, 30 + n its restoration."""
    for strip, levels in ((strips["helen"], (20, 20, 30, 10)), (strips["real"], (10, 30))):
        for face, number in zip(strip.faces, (0, 2), strict=True):
            assert face.key.endswith(f"/{number}")
            assert [int(image[0, 0, 0]) for image in face.tiles] == [level + number for level in levels]


def test_faces_are_paired_by_name_and_not_by_place(project, strips):
    folder = restored_folder("agrnet", 0, "helen")
    rows = manifest.read_kept(folder)
    manifest.write_manifest(folder, rows[::-1])
    run = read_run("demo", [0], {"agrnet": Variant(model="agrnet")})
    report = ReportParams(strips=2, tables=project.tables)
    again = next(strip for strip in read_strips(run, report) if strip.key == "helen")
    assert [int(face.tiles[2][0, 0, 0]) for face in again.faces] == [30, 32]
    manifest.write_manifest(folder, rows[:2])
    with pytest.raises(manifest.ManifestError, match="synthetic/2"):
        read_strips(run, report)


@pytest.mark.parametrize(("total", "count", "chosen"), [(7, 3, [0, 3, 6]), (2, 6, [0, 1]), (1, 1, [0]), (5, 1, [0])])
def test_faces_are_spread_over_the_set(total, count, chosen):
    assert spread(total, count) == chosen


@pytest.mark.parametrize(
    ("side", "shown"), [(16, TILE_PX), (23, 115), (100, 100), (128, 128), (256, 256), (512, MAX_TILE_PX)]
)
def test_tiles_are_enlarged_by_whole_numbers_and_bounded(side, shown):
    image = np.arange(side * side * 3, dtype=np.uint32).astype(np.uint8).reshape(side, side, 3)
    result = tile(image)
    assert result.shape == (shown, shown, 3)
    if shown >= side:
        np.testing.assert_array_equal(result[:: shown // side, :: shown // side], image)


def test_strip_files_show_every_face(project):
    project.build()
    with Image.open(layout.REPORTS / "figures" / "strip_helen.png") as picture:
        pixels = np.asarray(picture)
    assert pixels.shape[1] > 4 * TILE_PX
    assert pixels.shape[0] > 2 * TILE_PX
    for level in (20, 22, 30, 32, 10, 12):
        assert (pixels == level).all(axis=2).sum() >= TILE_PX**2


def test_no_strips_where_none_are_wanted(project):
    project.strips = 0
    markdown, html = project.build()
    assert "strip_" not in markdown
    assert 'class="strip"' not in html
