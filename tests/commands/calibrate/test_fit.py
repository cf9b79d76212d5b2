"""A gate from measurements, and what it is worth on faces it has not seen."""

import numpy as np
import pytest

from pipeline.commands.calibrate.fit import UNKNOWN_WEIGHT, Measured, fit

CUTS = 2


def faces(known=300, unknown=120, too_good_db=0.0, noise=0.01, seed=0):
    """Gain and PSNR change are linear in two of five signs; on photos it was trained on the network is better in PSNR."""
    random = np.random.default_rng(seed)
    count = known + unknown
    values = random.normal(size=(count, 5)) * [1, 2, 3, 0.1, 1] + 7
    gain = (
        np.stack([0.1 * (values[:, 0] - 7), 0.05 * (values[:, 1] - 7)], 1) + random.normal(size=(count, CUTS)) * noise
    )
    is_known = np.arange(count) < known
    change = 10 * gain + too_good_db * is_known[:, None]
    start = np.full((count, 1), 0.5)
    return Measured(
        photo=np.array([f"{n // 3}" for n in range(count)]),
        group=np.where(is_known, "ffhq", np.where(np.arange(count) % 2, "helen", "other")),
        known=is_known,
        kind=np.full(count, "blur"),
        values=values,
        lpips=np.hstack([start, start - gain]),
        psnr=np.hstack([start + 30, start + 30 + change]),
    )


def test_a_linear_law_is_found():
    measured = faces()
    found = fit(measured)
    gain, change, error = found.predicted
    assert np.abs(gain - measured.gain).max() < 0.05
    assert np.abs(change - measured.change).max() < 0.5
    # The mean of |noise| is 0.8 of its standard deviation.
    assert error.mean() == pytest.approx(0.8 * 0.01, rel=0.2)
    assert (found.bounds[0] <= found.bounds[1]).all()


def test_psnr_is_that_of_photos_that_the_network_does_not_know():
    """Trained-on photos promise 2 dB more: what is promised to new ones is without them."""
    measured = faces(too_good_db=2.0)
    change = fit(measured).predicted[1]
    assert (change - measured.change)[~measured.known].mean() == pytest.approx(0, abs=0.3)
    assert (change - measured.change)[measured.known].mean() < -1.5


def test_a_group_is_predicted_without_itself():
    """A data set of other laws is predicted by the others', not by its own."""
    measured = faces()
    strange = measured.group == "helen"
    measured.lpips[strange, 1:] += 0.3
    gain = fit(measured).predicted[0]
    assert (gain - measured.gain)[strange].mean() > 0.2
    assert UNKNOWN_WEIGHT > 1


def test_the_same_faces_give_the_same_bits():
    one, other = fit(faces()), fit(faces())
    np.testing.assert_array_equal(one.gain, other.gain)
