"""Faces out of photos and back: where nothing changes every bit stays, and what changes lands where it belongs."""

import cv2
import numpy as np
import pytest
from commands.restore.made import crowd, texture
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.commands.restore import geometry
from pipeline.faces.detect import Face
from pipeline.faces.square import ffhq_quad, quad_side, square_around, square_corners
from pipeline.images import pixels
from pipeline.ingest.synthetic.faces import draw_spec, render_face
from pipeline.resize.align import align
from pipeline.resize.cut import cut_face


def turned(centre, side, degrees):
    """A square's quad."""
    angle = np.radians(degrees)
    x = np.array([np.cos(angle), np.sin(angle)]) * side / 2
    y = np.array([-x[1], x[0]])
    centre = np.array(centre, dtype=float)
    return np.stack([centre - x - y, centre - x + y, centre + x + y, centre + x - y])


QUADS = st.builds(
    turned, st.tuples(st.floats(-20, 120), st.floats(-20, 90)), st.floats(6, 150), st.floats(0, 360, exclude_max=True)
)


def outside(quad, height, width):
    """Pixels whose centre lies outside the square or on its edge."""
    y, x = np.mgrid[:height, :width]
    points = geometry.to_square(np.stack([x, y], -1).reshape(-1, 2).astype(float), quad, 2) + 0.5
    return (np.abs(points - 1).max(axis=1) >= 1).reshape(height, width)


def pasted(photo, quad, seen, restored, kept=0.0, strength=1.0):
    canvas = photo.copy()
    geometry.paste(canvas, photo, quad, seen, restored, kept, strength)
    return canvas


@settings(max_examples=60, deadline=None)
@given(QUADS, st.sampled_from([np.uint8, np.uint16]), st.sampled_from([0.0, 0.4, 1.0]))
def test_pixels_outside_the_square_keep_their_bits(quad, dtype, kept):
    photo = texture(70, 100, dtype)
    seen, restored = texture(32, 32, seed=1), texture(32, 32, seed=2)
    result = pasted(photo, quad, seen, restored, kept)
    away = outside(quad, 70, 100)
    np.testing.assert_array_equal(result[away], photo[away])


@settings(max_examples=60, deadline=None)
@given(QUADS, st.sampled_from([np.uint8, np.uint16]), st.sampled_from([16, 64]))
def test_a_network_that_changes_nothing_changes_nothing(quad, dtype, size_px):
    photo = texture(70, 100, dtype)
    seen = texture(size_px, size_px, seed=1)
    kept = geometry.kept_share(texture(70, 100), quad, seen, seen, seen)
    np.testing.assert_array_equal(pasted(photo, quad, seen, seen, kept), photo)


def test_the_mask_is_one_inside_and_ends_before_the_edge():
    photo, white = np.zeros((100, 100, 3), np.uint8), np.full((64, 64, 3), 255, np.uint8)
    result = pasted(photo, square_corners(10, 10, 80), white, white)[..., 0]
    assert (result[30:70, 30:70] == 255).all()
    assert (result[30:70, 15:85] > 0).all()
    frame = np.ones((100, 100), bool)
    frame[11:89, 11:89] = False
    assert (result[frame] == 0).all()
    row = result[50, 10:50].astype(int)
    assert (np.diff(row) >= 0).all()
    assert np.diff(row).max() < 40  # feathered: no step


@pytest.mark.parametrize("size_px", [32, 128])
@pytest.mark.parametrize("degrees", [0, 20, 90])
def test_what_is_pasted_is_cut_out_again(size_px, degrees):
    quad = turned((60, 50), 64, degrees)
    restored = np.asarray(cv2.GaussianBlur(texture(size_px, size_px), (0, 0), size_px / 8))
    photo = np.full((100, 120, 3), 128, np.uint8)
    seen = geometry.cut(photo, quad, size_px)
    again = geometry.cut(pasted(photo, quad, seen, restored), quad, size_px)
    middle = slice(size_px // 4, -size_px // 4)
    assert np.abs(again[middle, middle].astype(int) - restored[middle, middle]).max() <= 3


def test_a_large_face_shrinks_without_leaving_pixels_out():
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[:, ::2] = 200
    photo = np.full((60, 60, 3), 7, np.uint8)
    result = pasted(photo, square_corners(10, 10, 40), stripes, stripes)
    assert np.abs(result[25:35, 25:35].astype(int) - 100).max() <= 8  # 6.4 stripes to a pixel


def test_strength_goes_straight_from_photo_to_network():
    photo, quad = texture(60, 60), turned((30, 30), 40, 10)
    seen, restored = texture(32, 32, seed=1), texture(32, 32, seed=2)
    whole = pasted(photo, quad, seen, restored).astype(float)
    np.testing.assert_array_equal(pasted(photo, quad, seen, restored, strength=0), photo)
    for strength in (0.25, 0.5):
        got = pasted(photo, quad, seen, restored, strength=strength)
        assert np.abs(got - (photo + strength * (whole - photo))).max() <= 1


def test_of_two_faces_in_one_place_the_later_lies_on_top():
    photo = np.full((60, 60, 3), 100, np.uint8)
    quad, seen = square_corners(10, 10, 40), np.full((32, 32, 3), 100, np.uint8)
    canvas = photo.copy()
    for level in (160, 130):  # changes that are added up would give 190
        geometry.paste(canvas, photo, quad, seen, np.full_like(seen, level), 0.5)
    assert (canvas[25:35, 25:35] == 130).all()


def test_sixteen_bits_get_the_network_s_levels_at_their_scale():
    photo = np.full((60, 60, 3), 30_000, np.uint16)
    level = np.full((32, 32, 3), 200, np.uint8)
    result = pasted(photo, square_corners(10, 10, 40), level, level)
    assert (result[30, 30] == 200 * 257).all()


def test_the_square_of_an_enlarged_photo():
    small, large = square_corners(3, 5, 10), square_corners(6, 10, 20)
    np.testing.assert_allclose(geometry.enlarged(small, (40, 30), (80, 60)), large)


def test_agrnets_faces_are_cut_as_its_training_set_is():
    photo = crowd(1, 1, 200)
    face = Face((50, 40, 90, 101), np.zeros((5, 2)), 1.0)
    left, top, side = square_around(face.box, 1.2, 200, 200)
    quad = geometry.face_quad(face, "x8", 200, 200)
    expected = cut_face(photo, {"mode": "box", "left": left, "top": top, "side": side}, 128, "bicubic")
    np.testing.assert_array_equal(geometry.cut(photo, quad, 128), expected)


@pytest.mark.parametrize("size_px", [64, 128, 256])
def test_hr_faces_are_cut_as_ffhq_is(size_px):
    photo, landmarks = render_face(draw_spec(3, 2), 400)
    quad = geometry.face_quad(Face((0, 0, 9, 9), landmarks, 1.0), "blind", 400, 400)
    np.testing.assert_array_equal(quad, ffhq_quad(landmarks))
    expected = align(photo, landmarks, size_px).astype(int)
    inner = slice(size_px // 4, -size_px // 4)  # inside the photo, where nothing is reflected
    apart = np.abs(geometry.cut(photo, quad, size_px) - expected)[inner, inner]
    assert apart.mean() < (4 if size_px == 64 else 2)  # where FFHQ halves the photo first, and blurs it so
    assert np.quantile(apart, 0.99) <= (24 if size_px == 64 else 12)


def test_landmarks_lie_in_the_square_where_ffhq_has_them():
    _, landmarks = render_face(draw_spec(3, 2), 400)
    quad = ffhq_quad(landmarks)
    eyes = geometry.to_square(landmarks, quad, 512)[:2].mean(axis=0)
    np.testing.assert_allclose(eyes[0], 255.5, atol=0.5)  # straight above the mouth, all but
    # The centre lies a tenth of the way from the eyes to the mouth; half a side is 2 eye distances or 1.8 times that way.
    assert 200 < eyes[1] < 255
    assert quad_side(quad) > 100


@pytest.mark.parametrize("box", [(400, 10, 20, 20), (-30, 10, 20, 20), (10, -60, 20, 50)])
def test_a_box_outside_the_photo_is_no_square(box):
    with pytest.raises(ValueError, match="outside the photo"):
        geometry.face_quad(Face(box, np.zeros((5, 2)), 1.0), "x8", 300, 200)


def noisy(image, level):
    noise = np.random.default_rng(5).normal(0, level, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def test_a_network_that_takes_noise_away_takes_the_grain_too():
    """Of a noisy photo whose face is four times the network's size, the noise beyond its pixels goes as well."""
    clean = render_face(draw_spec(3, 2), 512)[0]
    photo, quad = noisy(clean, 20), square_corners(0, 0, 512)
    seen = geometry.cut(photo, quad, 128)
    restored = pixels.resize(clean, 128)
    kept = geometry.kept_share(photo, quad, seen, seen, restored)
    middle = slice(150, 350)

    def off(share):
        return np.abs(pasted(photo, quad, seen, restored, share) - clean.astype(float))[middle, middle].mean()

    assert kept < 0.2
    assert off(kept) < 0.6 * off(1.0)


def test_a_network_that_keeps_a_clean_face_keeps_its_fine_detail():
    photo, quad = render_face(draw_spec(3, 2), 512)[0], square_corners(0, 0, 512)
    seen = geometry.cut(photo, quad, 128)
    restored = np.clip(seen.astype(int) + 3, 0, 255).astype(np.uint8)
    kept = geometry.kept_share(photo, quad, seen, seen, restored)
    assert kept > 0.95
    result = pasted(photo, quad, seen, restored, kept)
    middle = slice(150, 350)
    assert np.abs(result[middle, middle].astype(int) - photo[middle, middle] - 3).mean() < 0.5


def test_detail_that_was_thrown_away_and_drawn_again_is_not_there_twice():
    whole = render_face(draw_spec(3, 2), 128)[0]
    seen = pixels.resize(pixels.resize(whole, 16), 128)
    half = np.rint((whole.astype(float) + seen) / 2).astype(np.uint8)

    def kept(restored):
        return geometry.kept_share(whole, square_corners(0, 0, 128), whole, seen, restored)

    assert kept(whole) == 0
    assert kept(seen) == 1
    assert kept(half) == pytest.approx(0.5, abs=0.02)
