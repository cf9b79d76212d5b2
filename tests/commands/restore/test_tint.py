"""Grey, nearly grey and toned photos are known from those in colours, and a face takes their tone."""

import io
from functools import cache

import cv2
import numpy as np
import pytest
from commands.restore.made import crowd
from PIL import Image
from skimage.data import astronaut

from pipeline.commands.restore import tint


def greyed(rgb8: np.ndarray) -> np.ndarray:
    return np.repeat(cv2.cvtColor(rgb8, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)


def toned(rgb8: np.ndarray, gammas: tuple[float, ...], whites: tuple[float, ...]) -> np.ndarray:
    levels = np.arange(256)[:, None] / 255
    table = np.rint(levels ** np.array(gammas) * np.array(whites) * 255).astype(np.uint8)
    return table[cv2.cvtColor(rgb8, cv2.COLOR_RGB2GRAY)]


TONES = {
    "grey": greyed,
    "warm": lambda image: toned(image, (1, 1, 1), (1, 0.97, 0.9)),
    "sepia": lambda image: toned(image, (0.8, 1, 1.3), (1, 0.95, 0.85)),
    "cyanotype": lambda image: toned(image, (1.4, 1, 0.8), (1, 1, 1)),
}


def grainy(rgb8: np.ndarray, levels: float = 5) -> np.ndarray:
    return np.clip(np.rint(rgb8 + levels * grain(rgb8.shape)), 0, 255).astype(np.uint8)


@cache
def grain(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape, np.float32)


def as_jpeg(rgb8: np.ndarray, quality: int = 75) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(rgb8).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file).convert("RGB"))


SPOILT = {"plain": np.array, "jpeg": as_jpeg, "grain": grainy, "both": lambda image: as_jpeg(grainy(image))}


def faded(rgb8: np.ndarray, share: float) -> np.ndarray:
    """With a share of its colour."""
    grey = greyed(rgb8).astype(float)
    return np.rint(grey + share * (rgb8 - grey)).astype(np.uint8)


@pytest.fixture(scope="module")
def portrait():
    return astronaut()


@pytest.mark.parametrize("spoilt", SPOILT)
@pytest.mark.parametrize("tone", TONES)
def test_one_tone_is_known_through_jpeg_and_grain(portrait, tone, spoilt):
    for photo in (portrait, crowd(face_px=96), cv2.resize(portrait, (1600, 1600))):
        found = tint.tone_of(SPOILT[spoilt](TONES[tone](photo)))
        assert found is not None
        assert found.is_near_grey == (tone == "grey")


@pytest.mark.parametrize("spoilt", SPOILT)
@pytest.mark.parametrize("share", [0.5, 1])
def test_colours_are_colours_when_pale(portrait, share, spoilt):
    for photo in (portrait, portrait[:240, 120:340]):
        assert tint.tone_of(SPOILT[spoilt](faded(photo, share))) is None


def test_pale_skin_on_white_is_in_colours(portrait):
    face = cv2.resize(portrait[60:200, 160:280], (120, 140)).astype(float)
    photo = np.full((300, 260, 3), 250, np.uint8)
    photo[80:220, 70:190] = np.rint(255 - 0.5 * (255 - face))  # half as dark, and with half of its colour
    assert tint.tone_of(as_jpeg(photo)) is None


@pytest.mark.parametrize("tone", TONES)
def test_a_coloured_face_takes_the_photos_tone_and_keeps_its_luma(portrait, tone):
    photo = as_jpeg(TONES[tone](portrait), 90)
    face = portrait[:240, 120:340]
    found = tint.tinted(face, tint.tone_of(photo))
    assert found.dtype == np.uint8
    # Where the tone's own luma differs from the grey that it was made of, the face's is the truth.
    luma = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY).astype(int)
    inside = (found.min(2) > 0) & (found.max(2) < 255)
    assert np.abs(cv2.cvtColor(found, cv2.COLOR_RGB2GRAY).astype(int) - luma)[inside].max() <= 1
    levels = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)[None]
    table = TONES[tone](levels)[0].astype(float)
    own = table @ (0.299, 0.587, 0.114)
    expected = np.stack([np.interp(luma, own, table[:, channel]) for channel in range(3)], axis=2)
    middle = (luma > 30) & (luma < 225)
    assert np.abs(found - expected)[middle].max() <= 8
    assert np.abs(found - expected)[middle].mean() <= 2


def test_no_colour_is_added_to_grey(portrait):
    tone = tint.tone_of(greyed(portrait))
    found = tint.tinted(portrait, tone)
    np.testing.assert_array_equal(found[..., 0], found[..., 1])
    np.testing.assert_array_equal(found[..., 0], found[..., 2])
    scanned = tint.tinted(portrait, tint.tone_of(grainy(greyed(portrait), 2)))
    assert np.ptp(scanned, axis=2).max() <= 2


def test_small_and_plain_photos_have_a_tone_or_none_and_no_error():
    for shape in ((1, 1, 3), (1, 300, 3), (5, 2, 3)):
        for level in (0, 128, 255):
            tone = tint.tone_of(np.full(shape, level, np.uint8))
            np.testing.assert_array_equal(tint.tinted(np.full((2, 2, 3), level, np.uint8), tone), level)


@pytest.mark.middle
def test_real_photos_are_told_apart(shared):
    """Of FFHQ's first 300 none is of one tone, of the old photos these four are."""
    names = [path for path in sorted((shared / "faces/ffhq").iterdir())[:300]]
    photos = [np.asarray(Image.open(path).convert("RGB")) for path in names]
    assert [path.name for path, photo in zip(names, photos, strict=True) if tint.tone_of(photo) is not None] == []
    for tone in TONES.values():
        assert all(tint.tone_of(as_jpeg(grainy(tone(photo)))) is not None for photo in photos[:100])
    old = {path.stem: np.asarray(Image.open(path).convert("RGB")) for path in (shared / "faces/real").glob("*.jpg")}
    assert sorted(name for name, photo in old.items() if tint.tone_of(photo) is not None) == [
        "059",
        "060",
        "061",
        "062",
    ]
