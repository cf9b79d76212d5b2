"""Fréchet distance against closed forms, the matrix root, and torch-fidelity's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.metrics.frechet import floor, frechet_distance, frechet_features


def covariance(rng, size, rank=None):
    a = rng.normal(size=(size, rank or 2 * size))
    return a @ a.T / a.shape[1]


def test_closed_form_of_one_dimension():
    # (m1 - m2)^2 + (s1 - s2)^2
    value = frechet_distance(np.array([1.0]), np.array([[4.0]]), np.array([3.5]), np.array([[9.0]]))
    assert value == pytest.approx(2.5**2 + 1.0**2, abs=1e-12)


def test_closed_form_of_diagonal_and_rotated_covariances():
    rng = np.random.default_rng(0)
    d1, d2 = rng.uniform(0.1, 4, 6), rng.uniform(0.1, 4, 6)
    mu1, mu2 = rng.normal(size=(2, 6))
    q, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    expected = np.square(mu1 - mu2).sum() + np.square(np.sqrt(d1) - np.sqrt(d2)).sum()
    value = frechet_distance(q @ mu1, q @ np.diag(d1) @ q.T, q @ mu2, q @ np.diag(d2) @ q.T)
    assert value == pytest.approx(expected, rel=1e-10)


def test_equal_sets_are_at_distance_0_and_shifted_ones_at_the_shifts_square():
    features = np.random.default_rng(7).normal(size=(60, 10))
    shift = np.linspace(-1, 2, 10)
    assert frechet_features(features, features) == pytest.approx(0, abs=1e-9)
    assert frechet_features(features, features + shift) == pytest.approx(np.square(shift).sum(), rel=1e-9)
    # Spread c times as far about the same mean: sum of (c - 1)^2 times the variances.
    wider = features.mean(axis=0) + 3 * (features - features.mean(axis=0))
    assert frechet_features(features, wider) == pytest.approx(4 * features.var(axis=0, ddof=1).sum(), rel=1e-9)


def test_commuting_covariances():
    # S2 = S1^3 has the same eigenvectors: sum of (l^(1/2) - l^(3/2))^2 over the eigenvalues l of S1.
    s1 = covariance(np.random.default_rng(8), 9)
    values = np.linalg.eigvalsh(s1)
    expected = np.square(values**0.5 - values**1.5).sum()
    assert frechet_distance(np.zeros(9), s1, np.zeros(9), s1 @ s1 @ s1) == pytest.approx(expected, rel=1e-9)


def test_covariances_that_do_not_commute_against_the_matrix_root():
    from scipy.linalg import sqrtm

    rng = np.random.default_rng(1)
    s1, s2, mu1, mu2 = covariance(rng, 12), covariance(rng, 12), rng.normal(size=12), rng.normal(size=12)
    assert np.abs(s1 @ s2 - s2 @ s1).max() > 1e-2
    expected = np.square(mu1 - mu2).sum() + np.trace(s1 + s2 - 2 * sqrtm(s1 @ s2).real)
    assert frechet_distance(mu1, s1, mu2, s2) == pytest.approx(expected, rel=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 8), st.integers(1, 8))
def test_symmetric_never_negative_zero_on_itself(seed, rank1, rank2):
    rng = np.random.default_rng(seed)
    s1, s2, mu1, mu2 = covariance(rng, 8, rank1), covariance(rng, 8, rank2), rng.normal(size=8), rng.normal(size=8)
    value = frechet_distance(mu1, s1, mu2, s2)
    assert value >= 0
    assert value == pytest.approx(frechet_distance(mu2, s2, mu1, s1), abs=1e-6)  # singular where the rank is below 8
    assert frechet_distance(mu1, s1, mu1, s1) == pytest.approx(0, abs=1e-6)


@pytest.mark.middle
def test_agrees_with_torch_fidelity_statistics():
    import torch
    from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric

    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(40, 16)), rng.normal(0.3, 1.5, size=(50, 16))
    theirs = fid_statistics_to_metric(
        *(fid_features_to_statistics(torch.from_numpy(side)) for side in (a, b)), verbose=False
    )
    assert frechet_features(a, b) == pytest.approx(theirs[KEY_METRIC_FID], rel=1e-9)


def test_refuses_shapes_and_values():
    one, two = np.zeros(1), np.zeros(2)
    with pytest.raises(ValueError, match=r"\(D, D\)"):
        frechet_distance(one, np.eye(1), two, np.eye(2))
    with pytest.raises(ValueError, match=r"\(D, D\)"):
        frechet_distance(two, two, two, two)
    with pytest.raises(ValueError, match="finite"):
        frechet_distance(two, np.eye(2), np.array([0, np.nan]), np.eye(2))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_order_of_pictures_is_of_no_matter_and_neither_is_which_set_comes_first(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(20, 6)), rng.normal(0.4, 2, size=(30, 6))
    value = frechet_features(a, b)
    assert value > 0
    assert frechet_features(rng.permutation(a), rng.permutation(b)) == pytest.approx(value, rel=1e-9)
    assert frechet_features(b, a) == pytest.approx(value, rel=1e-9)


def test_features_of_one_number():
    a, b = np.array([[1.0], [3.0]]), np.array([[2.0], [8.0]])
    # means 2 and 5, standard deviations sqrt(2) and sqrt(18)
    assert frechet_features(a, b) == pytest.approx(9 + (np.sqrt(18) - np.sqrt(2)) ** 2, rel=1e-12)


@pytest.mark.parametrize("rows", [0, 1])
def test_refuses_fewer_than_two_pictures(rows):
    with pytest.raises(ValueError, match="2 pictures or more"):
        frechet_features(np.zeros((rows, 4)), np.zeros((5, 4)))
    with pytest.raises(ValueError, match="2 pictures or more"):
        frechet_features(np.zeros((5, 4)), np.zeros((rows, 4)))


def test_floor_is_the_distance_of_two_halves_that_share_no_picture():
    reference = np.random.default_rng(3).normal(size=(401, 6))
    value = floor(reference, seed=5)
    assert value == floor(reference, seed=5)
    assert value != floor(reference, seed=6)
    # The bias falls as 1 / N: with twenty times as many pictures the halves are far closer.
    assert 0 < floor(np.random.default_rng(4).normal(size=(8020, 6)), seed=5) < value / 5
    # Two rows a side have a distance that can be computed by hand; every split of four is one of three.
    four = np.array([[0.0], [1.0], [10.0], [100.0]])
    splits = [([0, 1], [2, 3]), ([0, 2], [1, 3]), ([0, 3], [1, 2])]
    possible = [frechet_features(four[one], four[other]) for one, other in splits]
    assert any(floor(four, seed=0) == pytest.approx(value, rel=1e-9) for value in possible)


def test_floor_refuses_a_tiny_reference():
    with pytest.raises(ValueError, match="4 or more"):
        floor(np.zeros((3, 3)), seed=0)
