"""The draws of Eq. (28): the stated ranges, filled evenly; what they depend on; the presets."""

import math
from dataclasses import replace

import numpy as np
import pytest
import scipy
from degradation_params import PARAMS
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.degrade.draw import NO_RECORD, Record, draw, jpeg_quality
from pipeline.degrade.kernels import KINDS, gaussian_kernel_px, gaussian_sigma
from pipeline.params.degrade import RealDegradation

PAPER = RealDegradation(kind="eq28", seed=3)
SPARNETHD = RealDegradation(kind="eq28", preset="sparnethd", seed=3)
# Scaled ends of a range, rounded to whole pixels; those of kernels are at least 3 px.
ENDS = {128: (3, 4, 3, 6, 8, 32), 200: (3, 6, 3, 10, 13, 50), 256: (3, 8, 3, 13, 16, 64), 512: (3, 15, 5, 25, 32, 128)}


def drawn(params, count=6000, side_px=512):
    return [draw(params, f"{n:06d}.jpg", side_px) for n in range(count)]


def by_kind(records):
    return {kind: [r for r in records if r.kind == kind] for kind in KINDS}


def check_whole(values, low, high):
    """Every whole number of low..high, none else, each as likely."""
    counts = np.bincount(values)
    assert (np.flatnonzero(counts) == np.arange(low, high + 1)).all()
    if high > low:
        assert scipy.stats.chisquare(counts[low:]).pvalue > 1e-3


def check_spread(values, low, high):
    """Numbers of low..high, each as likely."""
    assert low <= min(values) <= max(values) <= high
    assert scipy.stats.kstest(values, "uniform", (low, high - low)).pvalue > 1e-3


def check_share(records, condition, probability):
    assert scipy.stats.binomtest(sum(map(condition, records)), len(records), probability).pvalue > 1e-3


def check_blurs(records, blur_ends, motion_ends, scale):
    kinds = by_kind(records)
    assert scipy.stats.chisquare([len(of_kind) for of_kind in kinds.values()]).pvalue > 1e-3
    check_spread([r.r for r in kinds["gaussian"]], 3 * scale, 15 * scale)
    for kind, ends in (("average", blur_ends), ("median", blur_ends), ("motion", motion_ends)):
        check_whole([int(r.r) for r in kinds[kind]], *ends)
    check_spread([r.angle for r in kinds["motion"]], 0, 360)
    check_spread([r.direction for r in kinds["motion"]], -1, 1)


@pytest.mark.parametrize("side_px", ENDS)
def test_the_papers_ranges_are_filled_evenly_at_each_size(side_px):
    blur_low, blur_high, motion_low, motion_high, lr_low, lr_high = ENDS[side_px]
    records = drawn(PAPER, side_px=side_px)
    check_blurs(records, (blur_low, blur_high), (motion_low, motion_high), side_px / 512)
    check_whole([r.lr_side_px for r in records], lr_low, lr_high)
    check_spread([r.noise_level for r in records], 0, 25)
    check_whole([r.compression for r in records], 60, 85)
    assert {r.interpolation for r in records} == {"bicubic"}
    assert all(r.per_channel for r in records)


@pytest.mark.parametrize("side_px", [256, 512])
def test_sparnethds_ranges_are_filled_evenly(side_px):
    blur_low, blur_high, motion_low, motion_high, lr_low, lr_high = ENDS[side_px]
    records = drawn(SPARNETHD, 12000, side_px)
    lr_high -= side_px == 512  # 127, which rounds to 64 at 256 px
    blurred = [r for r in records if r.kind != "none"]
    check_share(records, lambda r: r.kind != "none", 0.5)
    check_blurs(blurred, (blur_low, blur_high), (motion_low, motion_high), side_px / 512)
    check_whole([r.lr_side_px for r in records], lr_low, lr_high)
    filters = ("nearest", "linear", "area", "cubic")
    assert scipy.stats.chisquare([sum(r.interpolation == name for r in records) for name in filters]).pvalue > 1e-3
    assert {r.interpolation for r in records} == set(filters)
    noisy = [r for r in records if r.noise_level > 0]
    check_share(records, lambda r: r.noise_level > 0, 0.2)
    check_spread([r.noise_level for r in noisy], 0, 25.5)
    check_share(noisy, lambda r: r.per_channel, 0.5)
    compressed = [r for r in records if r.quality >= 0]
    check_share(records, lambda r: r.quality >= 0, 0.7)
    check_whole([r.compression for r in compressed], 10, 64)
    assert {min(r.quality for r in compressed), max(r.quality for r in compressed)} == {37, 90}


def test_what_is_given_overrides_the_preset():
    params = RealDegradation(
        kind="eq28",
        preset="sparnethd",
        seed=3,
        blur_probability=1,
        interpolations=["area"],
        compression={"low": 5, "high": 5},
    )
    records = drawn(params, 500)
    assert {r.kind for r in records} == set(KINDS)
    assert {r.interpolation for r in records} == {"area"}
    assert {r.compression for r in records} == {-1, 5}
    check_share(records, lambda r: r.noise_level > 0, 0.2)


def test_kernels_follow_from_the_number_drawn():
    for r in drawn(PAPER, 1000):
        expected = {
            "gaussian": gaussian_kernel_px(r.r),
            "average": r.r,
            "median": r.r + 1 - r.r % 2,
            "motion": r.r + 1 - r.r % 2,
        }
        assert r.kernel_px == expected[r.kind]
        assert r.sigma == (r.r if r.kind == "gaussian" else 0)
        assert r.kind == "motion" or r.angle == r.direction == 0


def test_the_gaussian_may_be_read_as_a_kernel():
    records = by_kind(drawn(PAPER.model_copy(update={"gaussian_reading": "kernel"})))["gaussian"]
    check_whole([int(r.r) for r in records], 3, 15)
    assert all(r.kernel_px == r.r + 1 - r.r % 2 and r.sigma == gaussian_sigma(r.kernel_px) for r in records)


def test_compression_strength_is_imgaugs():
    # imgaug 0.4.0's JpegCompression
    assert [jpeg_quality(c) for c in (0, 10, 60, 64, 65, 85, 100)] == [100, 90, 41, 37, 36, 17, 2]


def test_a_draw_depends_on_seed_name_and_variant_alone():
    first = draw(PAPER, "a", 512)
    assert first == draw(PAPER, "a", 512, 0)
    others = [draw(PAPER, "b", 512), draw(PAPER, "a", 512, 1), draw(PAPER.model_copy(update={"seed": 4}), "a", 512)]
    assert len({r.seed for r in (first, *others)}) == 4
    assert len({r.noise_level for r in (first, *others)}) == 4


def test_more_variants_leave_the_first_ones_alone():
    several = PAPER.model_copy(update={"variants": 5})
    assert [draw(several, "a", 512, v) for v in range(2)] == [draw(PAPER, "a", 512, v) for v in range(2)]


def test_variants_are_drawn_independently():
    records = [(draw(PAPER, f"{n}", 512, 0), draw(PAPER, f"{n}", 512, 1)) for n in range(2000)]
    levels = np.array([[r.noise_level for r in pair] for pair in records])
    assert abs(np.corrcoef(levels.T)[0, 1]) < 0.08
    same = [a.kind == b.kind for a, b in records]
    assert scipy.stats.binomtest(sum(same), len(same), 1 / len(KINDS)).pvalue > 1e-3


def test_no_parameter_shifts_the_other_draws():
    other = SPARNETHD.model_copy(update={"blur_probability": 1, "noise_probability": 1, "jpeg_probability": 0})
    for a, b in zip(drawn(PAPER, 500), drawn(other, 500), strict=True):
        assert (a.kind, a.r, a.angle, a.direction, a.seed) == (b.kind, b.r, b.angle, b.direction, b.seed)
        assert b.noise_level == pytest.approx(a.noise_level * 25.5 / 25)
        assert abs(a.lr_side_px - b.lr_side_px) <= 1


def test_clean_images_are_a_share_and_shift_no_draw():
    some = SPARNETHD.model_copy(update={"clean_probability": 0.2})
    before, after = drawn(SPARNETHD), drawn(some)
    clean = [record for record in after if record.lr_side_px == 512]
    check_share(after, lambda record: record.lr_side_px == 512, 0.2)
    assert {replace(record, seed=-1) for record in clean} == {
        replace(NO_RECORD, lr_side_px=512, interpolation="bicubic")
    }
    assert all(a == b for a, b in zip(before, after, strict=True) if b.lr_side_px != 512)


def test_a_record_comes_back_from_its_row():
    record = draw(PAPER, "a", 512)
    row = {"key": "a", **record.columns(), "angle": np.float64(record.angle), "seed": np.int64(record.seed)}
    again = Record.from_row(row)
    assert again == record
    assert {type(value) for value in again.columns().values()} == {str, float, int, bool}
    assert {type(value) for value in NO_RECORD.columns().values()} == {str, float, int, bool}
    with pytest.raises(KeyError, match="r"):
        Record.from_row({"kind": "none"})


def within(value, limits, scale, least):
    low, high = (max(least, math.floor(end * scale + 0.5)) for end in (limits.low, limits.high))
    return low <= value <= high


@settings(deadline=None, max_examples=100)
@given(PARAMS, st.text(max_size=20), st.integers(1, 2048), st.integers(0, 100))
def test_every_record_lies_in_its_ranges(params, name, side_px, variant):
    record = draw(params, name, side_px, variant)
    scale = side_px / 512
    assert record.kind in (*KINDS, "none")
    if record.kind == "none":
        assert record == replace(record, r=0.0, kernel_px=0, sigma=0.0, angle=0.0, direction=0.0)
    elif record.kind == "gaussian" and params.gaussian_reading == "sigma":
        assert params.blur_px.low * scale <= record.sigma <= params.blur_px.high * scale * (1 + 1e-12)
        assert record.kernel_px % 2 == 1
    else:
        assert within(record.r, params.motion_px if record.kind == "motion" else params.blur_px, scale, 3)
        assert record.kernel_px % 2 == 1 or record.kind == "average"
        assert record.kernel_px >= 3
    assert within(record.lr_side_px, params.lr_side_px, scale, 1)
    assert record.interpolation in params.interpolations
    assert record.noise_level == 0 or params.noise_levels.low <= record.noise_level <= params.noise_levels.high
    assert record.compression == record.quality == -1 or within(record.compression, params.compression, 1, 0)
    assert record.quality == -1 or 2 <= record.quality <= 100
    assert 0 <= record.seed < 2**63
    assert Record.from_row(record.columns()) == record
