"""Faces for the weights that ship: cut as a test set's, degraded as the task says, the same each time."""

from types import SimpleNamespace

import numpy as np
import pytest
from tests_root import ROOT

from pipeline.degrade.draw import draw
from pipeline.examples import photographs
from pipeline.images.pixels import resize
from pipeline.params.file import parse
from pipeline.photos import packaged


def weights(task: str, size_px: int) -> SimpleNamespace:
    return SimpleNamespace(task=task, size_px=size_px, lr_px=size_px // 8 if task == "x8" else None)


def test_the_portrait_for_x8_is_its_own_shrunken_face():
    (face,) = photographs.portraits(weights("x8", 128))
    assert face.original.shape == (128, 128, 3)
    np.testing.assert_array_equal(face.lr, resize(face.original, 16, "bicubic"))
    assert face.has_hr
    assert face.done == "136 px in the photograph, brought to 128 px, shrunk to 16 px"
    # The square of Sec. 4.3.1 around the box, found in the photograph itself.
    np.testing.assert_array_equal(face.original, resize(packaged.photo("astronaut")[48:184, 156:292], 128, "bicubic"))


def test_the_portrait_for_blind_is_degraded_by_the_first_draws_of_a_seed():
    found = photographs.portraits(weights("blind", 64))
    assert [face.name for face in found] == [
        f"astronaut, draw {number} of seed 0" for number in range(photographs.DRAWS)
    ]
    for number, face in enumerate(found):
        record = draw(photographs.EQ28, "astronaut", 64, number)
        assert face.lr.shape == (record.lr_side_px, record.lr_side_px, 3)
        assert f"JPEG of quality {record.quality}" in face.done
        np.testing.assert_array_equal(face.original, found[0].original)
    assert len({face.done for face in found}) == photographs.DRAWS


@pytest.mark.parametrize(("task", "lr_px"), [("x8", 16), ("blind", 25)])
def test_small_photographs_are_the_first_in_which_a_face_is_found(task, lr_px):
    found = photographs.small_photographs(weights(task, 128))
    assert len(found) == photographs.SHOWN
    places = [photographs.SMALL.index(face.name) for face in found]
    assert places == sorted(set(places))
    crop = photographs.CROPS[task]
    detector = photographs._detector(crop)
    for place in range(places[-1] + 1):
        seen = bool(photographs._faces(detector, packaged.photo(photographs.SMALL[place]), crop))
        assert seen == (place in places)
    for face in found:
        assert (face.has_hr, face.lr.shape, face.original.shape) == (False, (lr_px, lr_px, 3), (25, 25, 3))


def test_faces_are_the_same_each_time():
    first, again = (photographs.given_faces(weights("blind", 64)) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.lr, other.lr)


def test_every_draw_is_told_in_words():
    record = draw(photographs.EQ28, "astronaut", 256)
    said = photographs._told(record)
    assert said.startswith(f"{record.kind} blur of ")
    assert f"shrunk to {record.lr_side_px} px" in said
    assert f"noise of {record.noise_level:.1f} grey levels" in said


@pytest.mark.parametrize("file", sorted((ROOT / "profiles").glob("*.yaml")), ids=lambda file: file.stem)
def test_faces_are_cut_as_every_profiles_sets_are(file):
    data = parse(file).data
    for key, task in (("celeba", "x8"), ("helen", "x8"), ("ffhq", "blind"), ("celebahq", "blind")):
        crop, resized = getattr(data, key).crop, getattr(data, key).resize
        if crop.mode != "none":  # photographs that come cut already
            assert (crop.mode, crop.margin) == (photographs.CROPS[task].mode, photographs.CROPS[task].margin)
        assert resized.interpolation == photographs.INTERPOLATIONS[task]
