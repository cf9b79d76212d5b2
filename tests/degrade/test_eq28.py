"""Eq. (28): each step is what its name says, with the recorded numbers, and the record alone decides the result."""

import io
from dataclasses import replace

import cv2
import numpy as np
import pytest
from degradation_params import PARAMS
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage import data

from pipeline.degrade import eq28
from pipeline.degrade.draw import draw
from pipeline.degrade.eq28 import add_noise, degrade, downsample
from pipeline.images.pixels import resize
from pipeline.params.degrade import RealDegradation
from pipeline.store.images import decode

PAPER = RealDegradation(kind="eq28", seed=3)


@pytest.fixture(scope="module")
def hr():
    return resize(data.astronaut(), 256)


def field(shape, level, seed):
    """The noise of a record, drawn by numpy alone."""
    random = np.random.Generator(np.random.PCG64(seed))
    return random.standard_normal(shape, dtype=np.float32) * np.float32(level)


def test_bicubic_is_pils_and_antialiased(hr):
    expected = np.asarray(Image.fromarray(hr).resize((48, 48), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(downsample(hr, 48, "bicubic"), expected)


@pytest.mark.parametrize("name", ["nearest", "linear", "area", "cubic"])
def test_sparnethds_filters_are_opencvs(hr, name):
    expected = cv2.resize(hr, (48, 48), interpolation=getattr(cv2, f"INTER_{name.upper()}"))
    np.testing.assert_array_equal(downsample(hr, 48, name), expected)
    others = [downsample(hr, 48, other) for other in ("bicubic", "nearest", "linear", "area", "cubic") if other != name]
    assert all((expected != other).any() for other in others)


def test_noise_is_the_recorded_field_rounded_and_clipped(hr):
    image = resize(hr, 64)
    for per_channel, shape in ((True, (64, 64, 3)), (False, (64, 64, 1))):
        noise = np.rint(field(shape, 25, 5)).astype(int)
        expected = np.clip(image.astype(int) + noise, 0, 255)
        np.testing.assert_array_equal(add_noise(image, 25.0, per_channel, 5), expected)
        assert (expected != image + noise).any()  # some of it is clipped


def test_albumentations_adds_the_noise(hr, monkeypatch):
    monkeypatch.setattr(eq28.functions().pixel, "add_noise", lambda image, noise: noise)
    np.testing.assert_array_equal(add_noise(hr, 12.0, True, 5), np.rint(field(hr.shape, 12, 5)))


def test_noise_is_white_with_the_recorded_level():
    grey = np.full((200, 200, 3), 128, np.uint8)
    noise = add_noise(grey, 12.0, True, 5).astype(float) - 128
    assert noise.std() == pytest.approx(12, rel=0.02)
    assert abs(noise.mean()) < 0.2
    assert abs(np.corrcoef(noise.reshape(-1, 3).T) - np.eye(3)).max() < 0.02
    assert abs(np.corrcoef(noise[:, :-1, 0].ravel(), noise[:, 1:, 0].ravel())[0, 1]) < 0.02


def test_noise_may_be_the_same_for_all_channels():
    grey = np.full((200, 200, 3), 128, np.uint8)
    noise = add_noise(grey, 12.0, False, 5).astype(float) - 128
    assert noise.std() == pytest.approx(12, rel=0.02)
    assert (noise == noise[..., :1]).all()


def test_the_stream_has_the_recorded_quality(hr):
    record = draw(PAPER, "a", 256)
    tables = {}
    for quality in (record.quality, 95):
        with Image.open(io.BytesIO(degrade(hr, replace(record, quality=quality)))) as image:
            tables[quality] = list(image.quantization[0])
            assert (image.format, image.layer[0][1:3]) == ("JPEG", (2, 2))  # chroma 4:2:0
    reference = io.BytesIO()
    Image.fromarray(hr).save(reference, "JPEG", quality=record.quality)
    with Image.open(reference) as image:
        assert tables[record.quality] == list(image.quantization[0])
    assert tables[95] != tables[record.quality]


def test_the_steps_follow_the_equation(hr):
    record = replace(
        draw(PAPER, "a", 256), kind="average", kernel_px=5, lr_side_px=40, noise_level=9.0, seed=7, quality=-1
    )
    small = resize(cv2.blur(hr, (5, 5)), 40, "bicubic")
    noisy = np.clip(small + np.rint(field((40, 40, 3), 9, 7)), 0, 255).astype(np.uint8)
    np.testing.assert_array_equal(decode(degrade(hr, record)), noisy)
    _, stream = cv2.imencode(".jpg", noisy[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 30])
    assert degrade(hr, replace(record, quality=30)) == stream.tobytes()


def test_a_clean_image_stays_as_it_is(hr):
    params = RealDegradation(kind="eq28", seed=0, clean_probability=1)
    np.testing.assert_array_equal(decode(degrade(hr, draw(params, "a.png", len(hr)))), hr)


def test_without_any_step_only_the_size_changes(hr):
    record = replace(draw(PAPER, "a", 256), kind="none", noise_level=0.0, quality=-1)
    np.testing.assert_array_equal(decode(degrade(hr, record)), resize(hr, record.lr_side_px))


@settings(deadline=None, max_examples=50)
@given(PARAMS, st.integers(1, 40))
def test_any_valid_params_give_an_image_of_the_recorded_side(params, side_px):
    image = np.random.default_rng(side_px).integers(0, 256, (side_px, side_px, 3), dtype=np.uint8)
    record = draw(params, "a", side_px)
    stream = degrade(image, record)
    assert decode(stream).shape == (record.lr_side_px, record.lr_side_px, 3)
    assert stream.startswith(b"\xff\xd8" if record.quality >= 0 else b"\x89PNG")
