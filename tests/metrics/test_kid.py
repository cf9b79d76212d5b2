"""KID against torch-fidelity's defaults and against the estimator written out."""

import math

import numpy as np
import pytest

from pipeline.metrics import kid as module
from pipeline.metrics.kid import kid

pytestmark = pytest.mark.middle  # torch-fidelity takes seconds to import


def features(seed, rows, mean=0.0, length=8):
    return np.random.default_rng(seed).normal(mean, 1, size=(rows, length))


def literal(a, b):
    """The unbiased squared MMD under (x.y / D + 1)^3, pair by pair."""

    def k(x, y):
        return (x @ y / len(x) + 1) ** 3

    def within(rows):
        values = [k(x, y) for i, x in enumerate(rows) for j, y in enumerate(rows) if i != j]
        return sum(values) / len(values)

    return within(a) + within(b) - 2 * np.mean([k(x, y) for x in a for y in b])


def test_whole_sets_give_the_estimator_once():
    a, b = features(0, 12), features(1, 12, 0.7)
    found = kid(a, b)
    assert found.mean == pytest.approx(literal(a, b), rel=1e-10)
    assert (found.std, found.subset_size, found.subsets) == (0.0, 12, 1)
    # Pictures in another order, and the sets the other way round.
    assert kid(a[::-1], b).mean == pytest.approx(found.mean, rel=1e-10)
    assert kid(b, a).mean == pytest.approx(found.mean, rel=1e-10)


def test_subsets_agree_with_torch_fidelity(monkeypatch):
    import torch
    from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, KEY_METRIC_KID_STD, kid_features_to_metric

    a, b = features(2, 50), features(3, 40, 0.5)
    for size in (40, 15):
        monkeypatch.setattr(module, "MAX_SUBSET", size)
        theirs = kid_features_to_metric(
            torch.from_numpy(a), torch.from_numpy(b), kid_subset_size=size, rng_seed=9, verbose=False
        )  # all else as torch-fidelity has it by default
        found = kid(a, b, seed=9)
        assert (found.mean, found.std) == (theirs[KEY_METRIC_KID_MEAN], theirs[KEY_METRIC_KID_STD])
        assert (found.subset_size, found.subsets) == (size, 100)
        assert found.std > 0
        assert kid(a, b, seed=9) == found
        assert kid(a, b, seed=10).mean != found.mean


def test_around_0_for_equal_distributions_and_larger_for_others():
    near = [kid(features(seed, 100), features(seed + 100, 100)).mean for seed in range(20)]
    assert min(near) < 0 < max(near)
    assert abs(np.mean(near)) < 0.02 < kid(features(0, 100), features(1, 100, 0.5)).mean
    assert math.isfinite(kid(features(0, 2), features(1, 2)).mean)


@pytest.mark.parametrize(
    ("a", "b"),
    [((1, 4), (5, 4)), ((5, 4), (0, 4)), ((5, 4), (5, 3)), ((5,), (5,))],
)
def test_refuses_too_few_pictures_and_other_lengths(a, b):
    with pytest.raises(ValueError, match="2 pictures or more"):
        kid(np.zeros(a), np.zeros(b))
