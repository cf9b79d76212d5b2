"""Near hashes: the fast forms equal the readable ones."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.filter import near


def crowd(seed: int, count: int, families: int, flips: int) -> np.ndarray:
    """Hashes that are variations of a few: `flips` random bits turned in each."""
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2, (families, near.BITS), dtype=np.uint8)[rng.integers(0, families, count)]
    for row in bits:
        row[rng.integers(0, near.BITS, rng.integers(0, flips + 1))] ^= 1
    return np.packbits(bits, axis=1)


crowds = st.builds(
    crowd,
    seed=st.integers(0, 10**6),
    count=st.integers(0, 60),
    families=st.integers(1, 8),
    flips=st.integers(0, 60),
)


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(near, "_ROWS", 7)
    monkeypatch.setattr(near, "_OTHERS", 5)


@pytest.mark.usefixtures("small_blocks")
def test_blocks_give_what_pairs_give():
    @settings(max_examples=80, deadline=None)
    @given(hashes=crowds, others=crowds, bits=st.integers(0, 80), seed=st.integers(0, 9))
    def check(hashes, others, bits, seed):
        may_stand = np.random.default_rng(seed).random(len(hashes)) < 0.8
        for fast, plain in (
            (near.nearest(hashes, others, bits), near.nearest_plain(hashes, others, bits)),
            (near.near_earlier(hashes, bits, may_stand), near.near_earlier_plain(hashes, bits, may_stand)),
        ):
            np.testing.assert_array_equal(fast[0], plain[0])
            np.testing.assert_array_equal(fast[1], plain[1])

    check()


def test_distances_by_hand():
    zero = "0" * 64
    hashes = near.packed([zero, "3" + "0" * 63, "f" * 64, "1" + "0" * 63, zero])
    at, distances = near.near_earlier(hashes, 2)
    assert at.tolist() == [-1, 0, -1, 0, 0]
    assert distances.tolist() == [-1, 2, -1, 1, 0]
    at, distances = near.nearest(hashes, hashes[2:], 256)
    assert at.tolist() == [2, 1, 0, 1, 2]
    assert distances.tolist() == [0, 1, 0, 0, 0]
    assert near.near_earlier(hashes[:0], 5)[0].tolist() == near.nearest(hashes[:0], hashes, 5)[0].tolist() == []


def test_a_chain_is_not_followed():
    # a near b, b near c, a not near c: b falls to a, and c stays.
    a, b, c = "0" * 64, "f" + "0" * 63, "ff" + "0" * 62
    assert near.near_earlier(near.packed([a, b, c]), 4)[0].tolist() == [-1, 0, -1]
    # a removed one holds nobody back
    assert near.near_earlier(near.packed([a, b, c]), 4, np.array([False, True, True]))[0].tolist() == [-1, -1, 1]


def test_twenty_thousand_alike_are_no_burden():
    hashes = crowd(0, 1, 1, 0).repeat(20_000, axis=0)
    at, distances = near.near_earlier(hashes, 40)
    assert at[0] == -1
    assert (at[1:] == 0).all()
    assert (distances[1:] == 0).all()


@pytest.mark.middle
def test_memory_is_the_blocks():
    hashes = np.random.default_rng(0).integers(0, 256, (12_000, 32), dtype=np.uint8)
    tracemalloc.start()
    at, _ = near.near_earlier(hashes, 40)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (at == -1).all()
    assert peak < 120e6  # 2,048 x 4,096 products in float32 are 34 MB; all pairs would be 576 MB
