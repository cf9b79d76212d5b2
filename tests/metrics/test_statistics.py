"""Intervals and paired differences: closed forms, what they do not depend on, and how often they hold the truth."""

import numpy as np
import pandas as pd
import pytest
import scipy
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.metrics import statistics
from pipeline.metrics.statistics import LEVEL, Interval, mean_interval, paired_difference, per_image, per_seed

VALUES = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=12)


def series(**values: float) -> pd.Series:
    return pd.Series(values, dtype=float)


def test_ends_for_shares_are_the_binomials():
    """Drawn anew, a share p of N images is a binomial number over N, whose quantiles are known."""
    n, hits = 200, 60
    found = mean_interval(np.repeat([1.0, 0.0], [hits, n - hits]))
    low, high = scipy.stats.binom.ppf([(1 - LEVEL) / 2, (1 + LEVEL) / 2], n, hits / n) / n
    assert found.mean == hits / n
    assert found.low == pytest.approx(low, abs=1.5 / n)  # a step is 1 / n
    assert found.high == pytest.approx(high, abs=1.5 / n)


def test_with_many_images_it_is_the_normal_interval():
    values = np.random.default_rng(3).gamma(2.0, size=5000)
    found = mean_interval(values)
    half = scipy.stats.norm.ppf((1 + LEVEL) / 2) * values.std() / np.sqrt(len(values))
    assert [found.low, found.high] == pytest.approx([values.mean() - half, values.mean() + half], abs=0.06 * half)


@pytest.mark.parametrize(
    ("images", "least", "most"),
    [(5, 0.75, 0.90), (10, 0.85, 0.94), (50, 0.915, 0.975)],  # 83, 90 and 93 % in 600 simulations
)
def test_how_often_an_interval_holds_the_true_mean(images, least, most):
    rng = np.random.default_rng(images)
    found = [mean_interval(rng.normal(25.0, 2.0, images)) for _ in range(400)]
    assert least < np.mean([one.low <= 25.0 <= one.high for one in found]) < most


@pytest.mark.parametrize("images", [2, 24, 50, 5000])
def test_it_is_scipys_bootstrap(images):
    values = np.sort(np.random.default_rng(images).gamma(2.0, size=images))
    theirs = scipy.stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=statistics.RESAMPLES,
        confidence_level=LEVEL,
        method="percentile",
        batch=4_000_000 // images,
        rng=np.random.default_rng(statistics.SEED),
    ).confidence_interval
    found = mean_interval(values)
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), rel=1e-13)


def test_equal_images_have_an_interval_without_width():
    assert mean_interval(np.full(7, 3.5)) == Interval(3.5, 3.5, 3.5, 7)


@settings(max_examples=25, deadline=None)
@given(values=VALUES, seed=st.integers(0, 99))
def test_the_order_of_the_images_is_of_no_account(values, seed):
    shuffled = np.random.default_rng(seed).permutation(values)
    assert mean_interval(shuffled) == mean_interval(np.array(values))


@settings(max_examples=25, deadline=None)
@given(values=VALUES, shift=st.floats(-50, 50), scale=st.floats(0.1, 10))
def test_it_moves_and_grows_with_the_values(values, shift, scale):
    plain, moved = mean_interval(np.array(values)), mean_interval(scale * np.array(values) + shift)
    expected = [scale * end + shift for end in (plain.mean, plain.low, plain.high)]
    assert [moved.mean, moved.low, moved.high] == pytest.approx(expected, abs=1e-6)
    assert min(values) - 1e-9 <= plain.low <= plain.high <= max(values) + 1e-9


def test_images_without_a_value_are_left_out():
    values = np.array([1.0, np.nan, 2.0, 4.0])
    assert mean_interval(values) == mean_interval(values[~np.isnan(values)])
    assert mean_interval(np.array([np.nan, np.nan])) is None
    assert mean_interval(np.array([])) is None


def test_one_image_says_nothing_about_others():
    found = mean_interval(np.array([2.0, np.nan]))
    assert found == Interval(2.0, -np.inf, np.inf, 1)
    assert not found.excludes_zero


def test_infinite_values_stay_within_what_was_seen():
    assert mean_interval(np.array([30.0, np.inf, 20.0])) == Interval(np.inf, 20.0, np.inf, 3)
    both = mean_interval(np.array([-np.inf, 1.0, np.inf]))
    assert np.isnan(both.mean)
    assert not both.excludes_zero


@pytest.mark.parametrize(
    ("low", "high", "excludes"), [(0.1, 0.2, True), (-0.2, -0.1, True), (-0.1, 0.1, False), (0.0, 1.0, False)]
)
def test_zero_is_excluded_where_both_ends_lie_on_one_side(low, high, excludes):
    assert Interval(0.1, low, high, 9).excludes_zero == excludes


def test_differences_are_taken_image_by_image():
    """Images differ by far more than the networks: only pairing sees that one is better on each of them."""
    difficulty = np.random.default_rng(0).normal(25, 5, 40)
    names = [f"image {number}" for number in range(40)]
    better = pd.Series(difficulty + 0.3 + 0.01 * np.arange(40) / 40, names)
    found = paired_difference(better, pd.Series(difficulty, names))
    assert found.mean == pytest.approx(0.305, abs=0.001)
    assert found.excludes_zero
    assert found.high - found.low < 0.01


def test_pairs_are_made_by_name():
    ours = series(a=1.0, b=2.0, c=4.0)
    theirs = series(c=3.0, a=1.0, b=0.0)
    assert paired_difference(ours, theirs) == mean_interval(np.array([0.0, 2.0, 1.0]))
    assert paired_difference(ours.iloc[::-1], theirs) == paired_difference(ours, theirs)


@pytest.mark.parametrize(
    "theirs",
    [series(a=1.0), series(a=1.0, b=2.0, d=3.0), pd.Series([1.0, 2.0, 3.0, 4.0], ["a", "b", "c", "c"])],
    ids=["fewer", "others", "twice"],
)
def test_other_images_are_refused(theirs):
    ours = series(a=1.0, b=2.0, c=4.0)
    for pair in ((ours, theirs), (theirs, ours)):
        with pytest.raises(ValueError, match="same images"):
            paired_difference(*pair)


def test_an_image_without_a_value_on_one_side_is_left_out():
    found = paired_difference(series(a=1.0, b=np.nan, c=4.0, d=1.0), series(a=0.0, b=1.0, c=np.nan, d=2.0))
    assert (found.mean, found.images) == (0.0, 2)


def test_identical_images_of_both_networks_differ_by_nothing():
    found = paired_difference(series(a=np.inf, b=2.0), series(a=np.inf, b=1.0))
    assert (found.mean, found.images) == (0.5, 2)


def test_values_are_means_over_the_seeds_by_image_and_over_the_images_by_seed():
    frame = pd.DataFrame({"seed": [0, 0, 3, 3], "key": ["b", "a", "b", "a"], "psnr_y": [1.0, 2.0, 3.0, np.nan]})
    assert per_image(frame, "psnr_y").to_dict() == {"b": 2.0, "a": 2.0}
    assert list(per_image(frame, "psnr_y").index) == ["b", "a"]
    assert per_seed(frame, "psnr_y").to_dict() == {0: 1.5, 3: 3.0}
