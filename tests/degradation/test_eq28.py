"""Eq. (28): the draws, the kernels, and the image made again from its record."""

import io
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image
from scipy.stats import chisquare

from pipeline.degradation import kernels
from pipeline.degradation.eq28 import Record, add_noise, degrade, draw, jpeg_quality
from pipeline.images import decode, resize
from pipeline.params import RealDegradation

PAPER = RealDegradation(kind="eq28", seed=3)


@pytest.fixture(scope="module")
def hr():
    from skimage import data

    return resize(data.astronaut(), 256)


@pytest.fixture(scope="module")
def records():
    return [draw(PAPER, f"{n:06d}.jpg", 512) for n in range(4000)]


def test_compression_strength_is_imgaugs():
    # reconstruction: 60 -> 41, 85 -> 17, 65 -> 36, 64 -> 37
    assert [jpeg_quality(c) for c in (60, 64, 65, 85)] == [41, 37, 36, 17]


def test_draws_fill_the_papers_ranges(records):
    kinds = {kind: [r for r in records if r.kind == kind] for kind in kernels.KINDS}
    for kind, drawn in kinds.items():
        assert 0.22 < len(drawn) / len(records) < 0.28, kind
    sigmas = [r.sigma for r in kinds["gaussian"]]
    assert 3 <= min(sigmas) < 3.2
    assert 14.8 < max(sigmas) <= 15
    assert {r.kernel_px for r in kinds["average"]} == set(range(3, 16))
    assert {r.kernel_px for r in kinds["median"]} == set(range(3, 17, 2))
    assert {r.kernel_px for r in kinds["motion"]} == set(range(5, 27, 2))
    assert {r.lr_side_px for r in records} == set(range(32, 129))
    assert {r.compression for r in records} == set(range(60, 86))
    noise = [r.noise_level for r in records]
    assert 0 <= min(noise) < 0.1
    assert 24.9 < max(noise) <= 25
    angles = [r.angle for r in kinds["motion"]]
    assert 0 <= min(angles) < 5
    assert 355 < max(angles) <= 360
    assert -1 <= min(r.direction for r in kinds["motion"]) < -0.95


def test_draws_are_uniform(records):
    for values, edges in (
        ([r.lr_side_px for r in records], np.arange(32, 130)),
        ([r.noise_level for r in records], np.linspace(0, 25, 30)),
        ([r.compression for r in records], np.arange(60, 87)),
    ):
        counts, _ = np.histogram(values, bins=edges)
        assert counts.sum() == len(records)
        assert chisquare(counts).pvalue > 1e-3


def test_pixel_ranges_scale_with_the_hr_side():
    small = [draw(PAPER, f"{n}", 128) for n in range(800)]
    assert {r.lr_side_px for r in small} == set(range(8, 33))
    assert min(r.kernel_px for r in small) == 3
    gaussian = [r.sigma for r in small if r.kind == "gaussian"]
    assert 0.75 <= min(gaussian) <= max(gaussian) <= 3.75


def test_a_draw_depends_on_seed_and_name_alone():
    assert draw(PAPER, "a", 512) == draw(PAPER, "a", 512)
    assert draw(PAPER, "a", 512) != draw(PAPER, "b", 512)
    assert draw(PAPER, "a", 512) != draw(PAPER.model_copy(update={"seed": 4}), "a", 512)


def test_a_probability_does_not_shift_the_other_draws():
    some = PAPER.model_copy(update={"blur_probability": 0.5, "noise_probability": 0.2, "jpeg_probability": 0.7})
    drawn = [(draw(PAPER, f"{n}", 512), draw(some, f"{n}", 512)) for n in range(1000)]
    assert all(a.lr_side_px == b.lr_side_px and a.noise_seed == b.noise_seed for a, b in drawn)
    assert 0.45 < np.mean([b.kind != "none" for _, b in drawn]) < 0.55
    assert 0.16 < np.mean([b.noise_level > 0 for _, b in drawn]) < 0.24
    assert 0.65 < np.mean([b.quality > 0 for _, b in drawn]) < 0.75


def test_gaussian_kernel_sizes_are_imgaugs():
    # int(max(5, f sigma)) made odd: f = 3.3 below sigma 3, 2.9 below 5, 2.6 above
    sizes = {1.0: 5, 2.9: 9, 3.0: 9, 4.9: 15, 5.0: 13, 10.0: 27, 15.0: 39}
    assert {sigma: kernels.gaussian_kernel_px(sigma) for sigma in sizes} == sizes


def test_motion_kernel_is_a_line_with_a_direction():
    even = kernels.motion_kernel(9, 0, 0)
    assert even.sum() == pytest.approx(1)
    np.testing.assert_allclose(even[:, 4], 1 / 9, rtol=1e-5)
    down, up = kernels.motion_kernel(9, 0, -1.0), kernels.motion_kernel(9, 0, 1.0)
    assert down[-1, 4] > down[0, 4]
    np.testing.assert_allclose(down, up[::-1], atol=1e-6)
    across = kernels.motion_kernel(9, 90, 0)
    np.testing.assert_allclose(across[4], 1 / 9, atol=1e-3)


@pytest.mark.parametrize("kind", kernels.KINDS)
def test_blurs_are_opencvs(hr, kind):
    ours = kernels.blur(hr, kind, 7, 2.0, 30.0, 0.5)
    reference = {
        "gaussian": lambda: cv2.GaussianBlur(hr, (7, 7), 2.0),
        "average": lambda: cv2.blur(hr, (7, 7)),
        "median": lambda: cv2.medianBlur(hr, 7),
        "motion": lambda: cv2.filter2D(hr, -1, kernels.motion_kernel(7, 30.0, 0.5)),
    }
    np.testing.assert_array_equal(ours, reference[kind]())


def test_noise_is_white_with_the_recorded_level():
    grey = np.full((200, 200, 3), 128, np.uint8)
    noise = add_noise(grey, 12.0, 5).astype(float) - 128
    assert noise.std() == pytest.approx(12, rel=0.02)
    assert abs(noise.mean()) < 0.2
    channels = noise.reshape(-1, 3)
    assert abs(np.corrcoef(channels.T) - np.eye(3)).max() < 0.02
    assert abs(np.corrcoef(noise[:, :-1, 0].ravel(), noise[:, 1:, 0].ravel())[0, 1]) < 0.02


def test_noise_is_rounded_and_clipped():
    random = np.random.Generator(np.random.PCG64(5))
    field = random.standard_normal((16, 16, 3), dtype=np.float32) * np.float32(25)
    image = np.full((16, 16, 3), 250, np.uint8)
    np.testing.assert_allclose(add_noise(image, 25.0, 5), np.rint(np.clip(250 + field, 0, 255)), atol=1)


def test_an_image_is_made_again_from_its_record(hr):
    for name in ("a", "b", "c", "d"):
        record = draw(PAPER, name, 256)
        again = Record(**record.columns())
        assert degrade(hr, record) == degrade(hr, again)
        lr = decode(degrade(hr, record))
        assert lr.shape == (record.lr_side_px, record.lr_side_px, 3)


def test_the_stream_has_the_recorded_quality(hr):
    record = draw(PAPER, "a", 256)
    tables = {}
    for quality in (record.quality, 95):
        with Image.open(io.BytesIO(degrade(hr, replace(record, quality=quality)))) as image:
            tables[quality] = list(image.quantization[0])
    reference = io.BytesIO()
    Image.fromarray(hr).save(reference, "JPEG", quality=record.quality)
    with Image.open(reference) as image:
        assert tables[record.quality] == list(image.quantization[0])
    assert tables[95] != tables[record.quality]


def test_steps_follow_the_equation(hr):
    record = replace(draw(PAPER, "a", 256), kind="average", kernel_px=5, noise_level=0.0, quality=-1)
    expected = resize(cv2.blur(hr, (5, 5)), record.lr_side_px, "bicubic")
    np.testing.assert_array_equal(decode(degrade(hr, record)), expected)
