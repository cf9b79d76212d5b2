"""Sharpness and perceptual hash."""

import cv2
import numpy as np
import pytest
from PIL import Image

from pipeline.crop import measure
from pipeline.faces import square
from pipeline.faces.square import ffhq_quad
from pipeline.filter.near import packed


def grey(image):
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


def distance(one, other):
    return int(np.bitwise_count(packed([one]) ^ packed([other])).sum())


FACE = np.array([[80, 90], [120, 92], [100, 112], [84, 130], [117, 131]], dtype=float)


def face_hash(image, landmarks):
    return measure.perceptual_hash(grey(image), measure.inner(ffhq_quad(landmarks)))


def test_sharpness_is_the_variance_of_the_laplacian():
    checker = np.uint8(np.indices((128, 128)).sum(0) % 2 * 200)
    inside = checker.astype(int)
    laplacian = (inside[:-2, 1:-1] + inside[2:, 1:-1] + inside[1:-1, :-2] + inside[1:-1, 2:]) - 4 * inside[1:-1, 1:-1]
    # A checkerboard goes on in its reflection, so its edge is like its inside.
    assert measure.sharpness(checker, 0, 0, 128) == pytest.approx(laplacian.var(), rel=1e-6)
    assert measure.sharpness(np.full((200, 200), 77, np.uint8), 10, 20, 150) == 0


def test_sharpness_falls_with_blur_and_with_size(photo):
    image = grey(photo(256, 256))
    blurred = cv2.GaussianBlur(image, (0, 0), 3)
    small = cv2.resize(image, (32, 32), interpolation=cv2.INTER_AREA)
    sharp = measure.sharpness(image, 0, 0, 256)
    assert measure.sharpness(blurred, 0, 0, 256) < sharp / 2
    assert measure.sharpness(small, 0, 0, 32) < sharp / 2


def test_the_hash_is_the_librarys(photo):
    import imagehash

    image = grey(photo(256, 256))
    averaged = image.reshape(64, 4, 64, 4).mean(axis=(1, 3)).round().astype(np.uint8)
    expected = str(imagehash.phash(Image.fromarray(averaged), hash_size=16))
    assert distance(measure.perceptual_hash(image, square.square_corners(0, 0, 256)), expected) <= 4
    assert len(expected) == 64


def test_the_hash_follows_the_face(photo):
    image = photo(218, 218)
    first = face_hash(image, FACE)
    jpeg = cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 60])[1], cv2.IMREAD_COLOR)
    assert distance(first, face_hash(jpeg, FACE)) <= 20
    assert distance(first, face_hash(image[20:200, 30:190], FACE - (30, 20))) <= 20
    large = cv2.resize(image, None, fx=9, fy=9, interpolation=cv2.INTER_CUBIC)  # shrunk before it is warped
    assert distance(first, face_hash(large, (FACE + 0.5) * 9 - 0.5)) <= 20
    turn = cv2.getRotationMatrix2D((100, 110), 25, 1)
    turned = cv2.warpAffine(image, turn, (218, 218))
    assert distance(first, face_hash(turned, FACE @ turn[:, :2].T + turn[:, 2])) <= 30
    assert distance(first, face_hash(photo(218, 218, seed=1), FACE)) >= 64


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 300), (40_000, 3), (20, 20)])
def test_any_photo_has_a_hash_and_a_sharpness(width, height):
    image = np.full((height, width), 9, np.uint8)
    side = min(width, height)
    assert len(measure.perceptual_hash(image, square.square_corners(0, 0, side))) == 64
    assert measure.sharpness(image, 0, 0, side) == 0
    # Of which the square covers hardly anything.
    assert len(measure.perceptual_hash(image, square.square_corners(-50, -50, 52))) == 64


@pytest.mark.middle
def test_strangers_differ_and_copies_do_not(shared, listed):
    files = sorted((shared / "faces/celebahq").iterdir())
    images = [np.asarray(Image.open(file).convert("RGB")) for file in files]

    def whole(image):
        side = min(image.shape[:2])
        return measure.perceptual_hash(grey(image), measure.inner(square.square_corners(0, 0, side)))

    hashes = [whole(image) for image in images]
    copies = [whole(cv2.resize(image, (200, 200), interpolation=cv2.INTER_AREA)) for image in images]
    assert max(distance(*pair) for pair in zip(hashes, copies, strict=True)) <= 30
    strangers = [distance(one, other) for n, one in enumerate(hashes) for other in hashes[:n]]
    assert min(strangers) >= 64
