"""FFHQ's alignment: against the published script, and on FFHQ itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from resize.reference_ffhq import recreate

from pipeline.faces.detect import MTCNNDetector, YuNetDetector, detect_scaled
from pipeline.faces.square import ffhq_quad, quad_inside, quad_side
from pipeline.resize.align import align

FFHQ_TEMPLATE = np.array(  # of the 512 px release: eyes, nose, mouth corners (design: FFHQ's published template)
    [[192.98, 239.95], [318.90, 240.19], [256.63, 314.02], [201.26, 371.41], [313.09, 371.15]]
)
FACE = np.array([[203, 101], [245, 104], [226, 122], [206, 140], [243, 141]], dtype=float)


def test_the_quad_of_ffhqs_template_is_the_whole_picture():
    quad = ffhq_quad(FFHQ_TEMPLATE)
    # The template is a mean over faces: its square is the picture's to a few percent.
    np.testing.assert_allclose(quad, [[0, 0], [0, 512], [512, 512], [512, 0]], atol=0.04 * 512)
    assert quad_side(quad) == pytest.approx(512, rel=0.03)


@pytest.mark.parametrize("size_px", [32, 64, 128])
@pytest.mark.parametrize("shift", [0, -170])
@pytest.mark.parametrize("scale", [1, 4.1])
def test_it_is_the_published_script(photo, size_px, shift, scale):
    landmarks = (FACE + np.array([shift, shift / 2])) * scale
    image = photo(round(400 * scale), round(300 * scale))
    ours, theirs = align(image, landmarks, size_px), recreate(image, landmarks, size_px)
    assert np.abs(ours.astype(int) - theirs).max() <= 1  # the blur of the extension is OpenCV's, not SciPy's
    assert len(np.unique(ours)) > 50


def test_alignment_undoes_rotation_scale_and_shift():
    y, x = np.mgrid[:512, :512]
    upright = np.stack([x // 2, y // 2, (x + y) // 4], -1).astype(np.uint8)
    image = Image.fromarray(upright)
    turned = np.asarray(image.rotate(20, resample=Image.Resampling.BICUBIC))
    angle = np.deg2rad(-20)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    landmarks = np.array([[215, 240], [297, 240], [256, 290], [225, 330], [287, 330]], dtype=float)
    moved = (landmarks - 255.5) @ rotation.T + 255.5
    direct, undone = align(upright, landmarks, 128), align(turned, moved, 128)
    assert np.abs(direct.astype(int) - undone).mean() < 1.5
    assert direct.shape == (128, 128, 3)


def test_a_small_face_is_enlarged_as_asked(photo):
    image = photo(60, 60)
    landmarks = np.array([[24, 26], [34, 26], [29, 32], [25, 37], [33, 37]], dtype=float)
    own = align(image, landmarks, round(quad_side(ffhq_quad(landmarks))))
    for interpolation, resampling in (
        ("bicubic", Image.Resampling.BICUBIC),
        ("bilinear", Image.Resampling.BILINEAR),
    ):
        enlarged = np.asarray(Image.fromarray(own).resize((128, 128), resampling))
        np.testing.assert_array_equal(align(image, landmarks, 128, interpolation), enlarged)


@pytest.mark.parametrize(
    "landmarks",
    [np.zeros((5, 2)), np.full((5, 2), np.nan), np.full((5, 2), np.inf), np.full((5, 2), 7.5)],
    ids=["zero", "nan", "inf", "one point"],
)
def test_landmarks_that_give_no_square_are_an_error(landmarks):
    with pytest.raises(ValueError, match="no orientation"):
        ffhq_quad(landmarks)


def test_a_face_outside_the_photo_is_an_error_and_no_giant_extension():
    with pytest.raises(ValueError, match="outside the photo of 100x100 px"):
        align(np.zeros((100, 100, 3), np.uint8), FACE + 1e7, 64)
    quad = ffhq_quad(FACE)
    assert quad_inside(quad, 400, 300) is quad


@settings(max_examples=30, deadline=None)
@given(
    points=st.lists(st.floats(-80, 160), min_size=10, max_size=10),
    width=st.integers(1, 90),
    height=st.integers(1, 90),
)
def test_any_landmarks_give_a_face_or_a_clear_error(points, width, height):
    image = np.full((height, width, 3), 90, np.uint8)
    try:
        face = align(image, np.array(points).reshape(5, 2), 32)
    except ValueError as error:
        assert "no orientation" in str(error) or "outside the photo" in str(error)  # noqa: PT017
    else:
        assert face.shape == (32, 32, 3)
        assert set(np.unique(face)) <= {89, 90, 91}


def eye_movement(landmarks: np.ndarray, side: int) -> float:
    """How far alignment moves the eyes of a photo that is aligned already, over their distance."""
    quad = ffhq_quad(landmarks)
    across, down = (quad[3] - quad[0]) / quad_side(quad), (quad[1] - quad[0]) / quad_side(quad)
    eyes = landmarks[:2] - quad[0]
    moved = np.stack([eyes @ across, eyes @ down], axis=1) / quad_side(quad) * side
    return np.hypot(*(moved - landmarks[:2]).T).mean() / np.hypot(*(landmarks[1] - landmarks[0]))


# YuNet's landmarks are coarser: 6.5 % over 500 photos, and the bound says so.
@pytest.mark.middle
@pytest.mark.parametrize(("name", "most"), [("mtcnn", 0.05), ("yunet", 0.08)])
def test_realignment_of_ffhq_hardly_moves_the_eyes(shared, name, most):
    weights = shared / "weights/face_detection_yunet_2026may.onnx"
    if name == "yunet" and not weights.is_file():
        pytest.skip("no YuNet file beside this checkout")
    detector = MTCNNDetector() if name == "mtcnn" else YuNetDetector(weights)
    files = sorted(path for path in (shared / "faces/ffhq").rglob("*") if path.is_file())[:120]
    moves = []
    for file in files:
        image = np.asarray(Image.open(file).convert("RGB"))
        faces = detect_scaled(detector, image, 96, 2048)
        moves += [eye_movement(faces[0].landmarks, len(image))] if faces else []
    assert len(moves) >= 0.99 * len(files) >= 99
    assert np.median(moves) <= most
