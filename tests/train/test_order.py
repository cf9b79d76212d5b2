"""Batches are a pure function of (seed, step)."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.train.order import batch_indices, flips


@given(seed=st.integers(0, 1000), batch=st.integers(1, 9), images=st.integers(1, 30))
def test_each_epoch_holds_every_image_once(seed, batch, images):
    seen = np.concatenate([batch_indices(seed, step, batch, images) for step in range(-(-3 * images // batch))])
    for epoch in range(3):
        assert sorted(seen[epoch * images : (epoch + 1) * images]) == list(range(images))


def test_order_changes_with_seed_and_epoch():
    first, second = batch_indices(0, 0, 50, 50), batch_indices(0, 1, 50, 50)
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, batch_indices(1, 0, 50, 50))
    np.testing.assert_array_equal(first, batch_indices(0, 0, 50, 50))


def test_half_of_the_images_are_mirrored():
    drawn = np.concatenate([flips(0, step, 16) for step in range(200)])
    assert 0.46 < drawn.mean() < 0.54
    np.testing.assert_array_equal(flips(3, 7, 16), flips(3, 7, 16))
