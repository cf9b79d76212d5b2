"""Spoilt faces: what the names say happens, where the face lies, and that all of it comes again."""

from functools import cache

import cv2
import numpy as np
import pytest
from commands.restore.made import portrait
from skimage import data

from pipeline.commands.calibrate import damage
from pipeline.commands.calibrate.scene import draw_scene
from pipeline.commands.calibrate.spoil import Spoiling, by_eq28, spoilt
from pipeline.commands.restore import geometry
from pipeline.faces.square import quad_side

RANDOM = np.random.default_rng


@cache
def face():
    """RGB uint8 (128, 128, 3), not to be changed."""
    return cv2.resize(data.astronaut()[:256, 96:352], (128, 128), interpolation=cv2.INTER_AREA)


def scenes(count=60):
    return [draw_scene(face(), "a/b.jpg", number) for number in range(count)]


def test_a_scene_depends_on_name_and_number_alone():
    one, other = draw_scene(face(), "a/b.jpg", 3), draw_scene(face(), "a/b.jpg", 3)
    np.testing.assert_array_equal(one.photo, other.photo)
    assert any(
        not np.array_equal(one.photo, draw_scene(face(), name, n).photo) for name, n in (("a/c.jpg", 3), ("a/b.jpg", 4))
    )


def test_each_kind_is_drawn_as_often_as_its_share():
    random = RANDOM(0)
    for kinds in (damage.KINDS, damage.SMALL_KINDS):
        assert sum(share for share, _ in kinds.values()) == pytest.approx(1)
    kinds = [damage.draw_kind(damage.KINDS, random) for _ in range(3000)]
    for kind, (share, _) in damage.KINDS.items():
        assert kinds.count(kind) / 3000 == pytest.approx(share, abs=4 * np.sqrt(share / 3000))


def test_the_square_holds_the_face_also_where_it_is_turned():
    """What is cut out of a photo that is hardly spoilt is the face."""
    clean = [scene for scene in scenes(120) if scene.kind == "clean"]
    assert {len(scene.photo) > len(face()) * 0.6 for scene in clean} == {True}
    turned = [scene for scene in clean if scene.quad[0, 1] != scene.quad[3, 1]]
    assert turned
    for scene in clean:
        found = geometry.cut(scene.photo, scene.quad, len(face())).astype(float)
        assert np.abs(found - face())[8:-8, 8:-8].mean() < 6


def test_a_small_face_lies_anywhere_on_the_photos_pixels_and_its_truth_with_it():
    """Of a photo that is hardly spoilt, what is cut out is the truth there but for what 16 px cannot hold."""
    drawn = [draw_scene(face(), "a/b.jpg", number, lr_px=16) for number in range(60)]
    assert {len(scene.photo) for scene in drawn} > {26, 36, 44}
    assert any(quad_side(scene.quad) == 16 and (scene.quad + 0.5 == np.rint(scene.quad + 0.5)).all() for scene in drawn)
    for scene in (one for one in drawn if one.kind == "clean"):
        found = geometry.cut(scene.photo, scene.quad, 128).astype(float)
        soft = cv2.GaussianBlur(scene.truth, (0, 0), 4).astype(float)
        assert np.abs(found - soft).mean() < 0.6 * np.abs(found - np.roll(soft, 16, 1)).mean()


def test_the_steps_are_what_they_are_called():
    flat = np.full((64, 64, 3), 128, np.uint8)
    assert spoilt(face(), Spoiling(side_px=32), RANDOM(0)).shape == (32, 32, 3)
    noise = spoilt(flat, Spoiling(noise=10), RANDOM(0)).astype(float) - 128
    assert noise.std() == pytest.approx(10, rel=0.05)
    shared = spoilt(flat, Spoiling(noise=10, shared=True), RANDOM(0))
    assert (np.ptp(shared, axis=2) == 0).all()
    grain = spoilt(flat, Spoiling(noise=10, grain_px=1.0), RANDOM(0)).astype(float) - 128
    assert grain.std() == pytest.approx(10, rel=0.05)
    assert (grain[:, 1:] * grain[:, :-1]).mean() > 0.5 * grain.var() > 5 * (noise[:, 1:] * noise[:, :-1]).mean()
    comb = spoilt(flat, Spoiling(comb=0.2), RANDOM(0))
    assert (int(comb[0, 0, 0]), int(comb[1, 0, 0])) == (115, 141)
    dots = spoilt(flat, Spoiling(raster_px=4), RANDOM(0)).astype(float)
    assert 10 < dots.std() < 20
    np.testing.assert_array_equal(spoilt(face(), Spoiling(), RANDOM(0)), face())


def test_eq_28_is_drawn_by_name_and_number():
    assert 8 <= len(by_eq28(face(), "a", 0)) <= 32
    assert not np.array_equal(by_eq28(face(), "a", 0), by_eq28(face(), "a", 1))
    np.testing.assert_array_equal(by_eq28(portrait(1, 0, 128), "b", 2), by_eq28(portrait(1, 0, 128), "b", 2))
