"""Faces of about 16 px: found in photos of any size, cut on the photo's own pixels, and what AGRNet gains there."""

import json
from pathlib import Path

import numpy as np
import pytest
from commands.restore.made import model_folder, portrait, texture
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from small_faces import wide_photo
from tests_root import ROOT

from pipeline.commands.restore import cli, geometry
from pipeline.faces.detect import Face, MTCNNDetector
from pipeline.faces.square import quad_side, square_around

AGRNET = ROOT / "models/pretrained/agrnet"
CELL_PX = 22  # of a scene in the photo; eight times that in the truth
COLUMNS = 4


def boxed(x, y, width, height):
    return Face((x, y, width, height), np.full((5, 2), np.nan), 0.9)


@given(
    longer=st.floats(9.2, 16.6),
    left=st.floats(-3, 60),
    top=st.floats(-3, 30),
    size=st.sampled_from([(60, 30), (16, 16)]),
)
def test_a_face_of_about_16_px_is_cut_on_the_photos_own_pixels(longer, left, top, size):
    width, height = size
    face = boxed(min(left, width - 2), min(top, height - 2), 0.8 * longer, longer)
    photo = texture(height, width)
    quad = geometry.face_quad(face, "x8", width, height, 16)
    x, y = np.rint(quad[0] + 0.5).astype(int)
    assert quad_side(quad) == 16
    np.testing.assert_array_equal(geometry.cut(photo, quad, 16), photo[y : y + 16, x : x + 16])
    centre = np.add(face.box[:2], np.divide(face.box[2:], 2))
    reached = np.clip(centre, 8, np.subtract(size, 8))  # the nearest that the photo's edge leaves
    assert np.abs(quad.mean(axis=0) + 0.5 - reached).max() <= 0.5 + 1e-9


@pytest.mark.parametrize(("longer", "lr_px"), [(8, 16), (17, 16), (100, 16), (13, None), (13, 8)])
def test_other_faces_are_cut_as_their_box_says(longer, lr_px):
    face = boxed(50, 40, 0.8 * longer, longer)
    expected = geometry.square_corners(*square_around(face.box, geometry.MARGIN, 300, 200))
    np.testing.assert_array_equal(geometry.face_quad(face, "x8", 300, 200, lr_px), expected)


def test_a_photo_below_16_px_is_cut_as_it_is():
    quad = geometry.face_quad(boxed(1, 1, 10, 12), "x8", 15, 14, 16)
    assert quad_side(quad) == 14


def scene(image: np.ndarray) -> tuple[np.ndarray, tuple] | None:
    """A face's surroundings with its square of 128 px, and the box there; None where the photo shows less around it."""
    x, y, width, height = max(MTCNNDetector(60).detect(image), key=lambda face: face.box[2]).box
    half = CELL_PX / 16 * 1.2 * max(width, height) / 2
    if 2 * half > min(image.shape[:2]):
        return None
    low = np.clip((x + width / 2 - half, y + height / 2 - half), 0, np.array(image.shape[1::-1]) - 2 * half)
    size, scale = 8 * CELL_PX, 8 * CELL_PX / (2 * half)
    area = (*low, *(low + 2 * half))
    cut = np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.BICUBIC, box=area))
    return cut, ((x - low[0]) * scale, (y - low[1]) * scale, width * scale, height * scale)


def gain(scenes: list, folder: Path) -> float:
    """dB above bicubic of the faces in a finished photo of all scenes, shrunk to an eighth: mean."""
    rows = -(-len(scenes) // COLUMNS)
    size = 8 * CELL_PX
    truth, squares = np.full((rows * size, COLUMNS * size, 3), 128, np.uint8), []
    for number, (image, (x, y, width, height)) in enumerate(scenes):
        top, left = number // COLUMNS * size, number % COLUMNS * size
        truth[top : top + size, left : left + size] = image
        squares.append(square_around((x + left, y + top, width, height), 1.2, truth.shape[1], truth.shape[0]))
    photo = Image.fromarray(truth).resize((COLUMNS * CELL_PX, rows * CELL_PX), Image.Resampling.BICUBIC)
    photo.save(folder / "a.png")
    options = ("--weights", str(AGRNET), "--upscale", "8", "--min-face-px", "13", "--device", "cpu")
    assert cli.main([str(folder / "a.png"), "-o", str(folder / "out"), *options]) == 0
    with Image.open(folder / "out/a.png") as finished:
        after = np.asarray(finished, float)
    bicubic = np.asarray(photo.resize((truth.shape[1], truth.shape[0]), Image.Resampling.BICUBIC), float)

    def error(image, left, top, side):
        part = slice(top, top + side), slice(left, left + side)
        return np.square(image[part] - truth[part]).mean()

    return float(np.mean([10 * np.log10(error(bicubic, *one) / error(after, *one)) for one in squares]))


@pytest.mark.middle
def test_agrnet_gains_over_bicubic_from_photo_to_photo(tmp_path):
    assert gain([scene(portrait(7, number, 264)) for number in range(8)], tmp_path) > 1.2


@pytest.mark.middle
def test_agrnet_gains_over_bicubic_on_photographs(tmp_path, shared):
    files = sorted((shared / "faces/helen").glob("*.jpg"))[:16]
    scenes = [scene(np.asarray(Image.open(file).convert("RGB"))) for file in files]
    assert gain([one for one in scenes if one is not None], tmp_path) > 1.2


def test_restore_finds_small_faces_in_a_large_photo(tmp_path):
    photo, faces = wide_photo()
    Image.fromarray(photo).save(tmp_path / "wide.png")
    weights = str(model_folder(tmp_path / "models/agrnet", "agrnet", 128))
    assert cli.main([str(tmp_path / "wide.png"), "-o", str(tmp_path / "out"), "--weights", weights]) == 0
    assert len(json.loads((tmp_path / "out/wide.png.json").read_text())["faces"]) == len(faces)
