import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.metrics.fid import (
    MIN_COMPARABLE,
    fid_features,
    fid_inception,
    fid_report,
    frechet_distance,
    inception_features,
)


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


def test_agrees_with_torch_fidelity_statistics():
    from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric

    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(40, 16)), rng.normal(0.3, 1.5, size=(50, 16))
    theirs = fid_statistics_to_metric(
        *(fid_features_to_statistics(torch.from_numpy(side)) for side in (a, b)), verbose=False
    )
    assert fid_features(a, b) == pytest.approx(theirs[KEY_METRIC_FID], rel=1e-9)


def test_refuses_shapes_and_values():
    one, two = np.zeros(1), np.zeros(2)
    with pytest.raises(ValueError, match=r"\(D, D\)"):
        frechet_distance(one, np.eye(1), two, np.eye(2))
    with pytest.raises(ValueError, match=r"\(D, D\)"):
        frechet_distance(two, two, two, two)
    with pytest.raises(ValueError, match="finite"):
        frechet_distance(two, np.eye(2), np.array([0, np.nan]), np.eye(2))


@pytest.mark.parametrize("rows", [0, 1])
def test_refuses_fewer_than_two_pictures(rows):
    with pytest.raises(ValueError, match="2 or more"):
        fid_features(np.zeros((rows, 4)), np.zeros((5, 4)))
    with pytest.raises(ValueError, match="2 or more"):
        fid_features(np.zeros((5, 4)), np.zeros((rows, 4)))


def test_report_orders_floor_restored_bicubic():
    rng = np.random.default_rng(3)
    reference = rng.normal(size=(401, 6))
    restored, bicubic = rng.normal(0.5, 1, size=(300, 6)), rng.normal(1.5, 1, size=(300, 6))
    report = fid_report(restored, bicubic, reference, seed=5)
    assert report["fid_floor"] < report["fid"] < report["fid_bicubic"]
    assert report["fid"] == fid_features(restored, reference)
    assert (report["n_restored"], report["n_bicubic"], report["n_reference"], report["n_floor"]) == (300, 300, 401, 200)
    assert report["comparable"] is False
    assert report == fid_report(restored, bicubic, reference, seed=5)
    assert report["fid_floor"] != fid_report(restored, bicubic, reference, seed=6)["fid_floor"]


@pytest.mark.parametrize(("n_restored", "n_reference", "comparable"), [(0, 0, True), (-1, 0, False), (0, -1, False)])
def test_report_flags_small_sets(n_restored, n_reference, comparable):
    rng = np.random.default_rng(4)
    sets = [rng.normal(size=(MIN_COMPARABLE + less, 3)) for less in (n_restored, 0, n_reference)]
    assert fid_report(*sets, seed=0)["comparable"] is comparable


def test_report_refuses_tiny_reference():
    features = np.random.default_rng(0).normal(size=(5, 3))
    with pytest.raises(ValueError, match="4 or more"):
        fid_report(features, features, features[:3], seed=0)


@pytest.fixture(scope="module")
def random_inception(tmp_path_factory):
    """Random weights in torch-fidelity's form: they test the wiring, their FIDs mean nothing."""
    from torch_fidelity import FeatureExtractorInceptionV3

    class Unloaded(FeatureExtractorInceptionV3):
        def load_state_dict(self, *_):
            return None

    folder = tmp_path_factory.mktemp("inception")
    torch.save({}, folder / "empty.pth")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Unloaded("inception-v3-compat", ["2048"], feature_extractor_weights_path=str(folder / "empty.pth"))
    torch.save(model.state_dict(), folder / "inception.pth")
    return folder / "inception.pth"


def pictures(seed, count, size=40):
    return [np.random.default_rng((seed, i)).integers(0, 256, (size, size, 3), np.uint8) for i in range(count)]


@pytest.mark.middle
def test_wiring_equals_torch_fidelity(random_inception):
    from torch_fidelity import KEY_METRIC_FID, calculate_metrics

    class Listed(torch.utils.data.Dataset):
        def __init__(self, images):
            self.images = images

        def __len__(self):
            return len(self.images)

        def __getitem__(self, index):
            return torch.from_numpy(self.images[index]).permute(2, 0, 1)

    a, b = pictures(0, 5), [(image // 2) for image in pictures(1, 6)]
    ours = fid_inception(iter(a), b, random_inception)
    theirs = calculate_metrics(
        input1=Listed(a),
        input2=Listed(b),
        cuda=False,
        fid=True,
        feature_extractor_weights_path=str(random_inception),
        cache=False,
        verbose=False,
        save_cpu_ram=True,
    )
    assert ours["fid"] == pytest.approx(theirs[KEY_METRIC_FID], rel=1e-3)
    assert (ours["n_a"], ours["n_b"], ours["comparable"]) == (5, 6, False)


@pytest.mark.middle
def test_features_keep_order_and_read_lazily(random_inception):
    images = pictures(2, 5)
    seen = []

    def lazily():
        for index, image in enumerate(images):
            seen.append(index)
            yield image

    before = torch.get_rng_state()
    features = inception_features(lazily(), random_inception, batch=2)
    assert torch.equal(before, torch.get_rng_state())
    assert seen == [0, 1, 2, 3, 4]
    assert features.shape == (5, 2048)
    np.testing.assert_allclose(features[3], inception_features(images[3:4], random_inception)[0], rtol=1e-4, atol=1e-5)
    assert inception_features([], random_inception).shape == (0, 2048)
    with pytest.raises(ValueError, match="one size"):
        inception_features([images[0], images[1][:20]], random_inception)
    with pytest.raises(ValueError, match="2 or more"):
        fid_inception(images[:1], images, random_inception)
