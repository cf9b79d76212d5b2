"""Which perceptual hashes are near each other: exact, over all pairs.

Hashes are unpacked to +1 and -1, so that a matrix product gives 256 - 2 x (differing bits) for a block of pairs at once; in
float32 that is exact. All pairs of 200,000 hashes are 2e10 products of 256 numbers, 1e13 operations: three minutes on two
cores. Hashes stay packed outside of the blocks at work, so memory is the blocks': some 50 MB whatever the number.

`nearest` and `near_earlier` are the fast forms; `nearest_plain` and `near_earlier_plain` say what they mean.
"""

import numpy as np

BITS = 256
_ROWS, _OTHERS = 2048, 4096  # hashes in a block: their products take 32 MB
NONE = -1


def packed(phashes: list[str]) -> np.ndarray:
    """Hashes as hex digits -> uint8 (N, 32)."""
    return np.frombuffer(bytes.fromhex("".join(phashes)), dtype=np.uint8).reshape(len(phashes), BITS // 8)


def nearest(hashes: np.ndarray, others: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """For each of `hashes` the nearest of `others` that differs in at most `bits` bits; the first of equally near ones.

    hashes, others: uint8 (N, 32) and (M, 32). Returns (its number in `others` or NONE, differing bits or NONE), int64 (N,).
    """
    at, product = np.full(len(hashes), NONE), np.full(len(hashes), _below(bits))
    for start in range(0, len(hashes), _ROWS):
        stop = start + _ROWS
        _look(_signs(hashes[start:stop]), others, at[start:stop], product[start:stop])
    return at, _distances(at, product)


def near_earlier(hashes: np.ndarray, bits: int, may_stand: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """For each hash, in order, the nearest earlier one that stands and differs in at most `bits` bits.

    A hash stands where it is near no earlier one that stands, and where `may_stand` (bool (N,)) allows it: of several
    alike the first stands, and the others are near it. Returns as `nearest`; numbers are of `hashes`.
    """
    may_stand = np.ones(len(hashes), bool) if may_stand is None else may_stand
    at, product = np.full(len(hashes), NONE), np.full(len(hashes), _below(bits))
    standing, numbers, count = np.empty_like(hashes), np.empty(len(hashes), int), 0
    for start in range(0, len(hashes), _ROWS):
        block = slice(start, start + _ROWS)
        signs = _signs(hashes[block])
        _look(signs, standing[:count], at[block], product[block])
        near = at[block] != NONE
        at[block][near] = numbers[at[block][near]]
        stands = _within(signs, start, at[block], product[block], may_stand[block])
        new = start + np.flatnonzero(stands)
        standing[count : count + len(new)], numbers[count : count + len(new)] = hashes[new], new
        count += len(new)
    return at, _distances(at, product)


def nearest_plain(hashes: np.ndarray, others: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """`nearest`, a pair at a time."""
    found = [_plain(one, enumerate(others), bits) for one in hashes]
    return (
        tuple(np.array(column, dtype=int) for column in zip(*found, strict=True)) if found else (np.empty(0, int),) * 2
    )


def near_earlier_plain(hashes: np.ndarray, bits: int, may_stand: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`near_earlier`, a pair at a time."""
    found, standing = [], []
    for number, one in enumerate(hashes):
        found.append(_plain(one, standing, bits))
        if found[-1][0] == NONE and may_stand[number]:
            standing.append((number, one))
    return (
        tuple(np.array(column, dtype=int) for column in zip(*found, strict=True)) if found else (np.empty(0, int),) * 2
    )


def _plain(one: np.ndarray, others, bits: int) -> tuple[int, int]:
    distances = [(int(np.bitwise_count(one ^ other).sum()), number) for number, other in others]
    distance, number = min(distances, default=(BITS + 1, NONE))
    return (number, distance) if distance <= bits else (NONE, NONE)


def _look(signs: np.ndarray, others: np.ndarray, at: np.ndarray, product: np.ndarray) -> None:
    """Put into `at` and `product` which of `others` is nearer than what stands there."""
    for start in range(0, len(others), _OTHERS):
        products = signs @ _signs(others[start : start + _OTHERS]).T
        nearer = np.flatnonzero(products.max(axis=1) > product)
        best = products[nearer].argmax(axis=1)
        at[nearer], product[nearer] = start + best, products[nearer, best]


def _within(signs: np.ndarray, start: int, at: np.ndarray, product: np.ndarray, may_stand: np.ndarray) -> np.ndarray:
    """The same among the hashes of one block, where each one's standing depends on those before it: which stand."""
    products = signs @ signs.T
    earlier = np.tri(len(signs), k=-1, dtype=bool)
    alike = (products > product[:, None]) & earlier
    stands = may_stand & (at == NONE)
    for row in np.flatnonzero(alike.any(axis=1)):
        candidates = np.flatnonzero(earlier[row] & stands & (products[row] > product[row]))
        if len(candidates):
            best = candidates[products[row, candidates].argmax()]
            at[row], product[row] = start + best, products[row, best]
            stands[row] = False
    return stands


def _signs(hashes: np.ndarray) -> np.ndarray:
    return np.unpackbits(hashes, axis=1).astype(np.float32) * 2 - 1


def _below(bits: int) -> int:
    """The product just below that of hashes `bits` bits apart; products are even."""
    return BITS - 2 * bits - 1


def _distances(at: np.ndarray, product: np.ndarray) -> np.ndarray:
    return np.where(at == NONE, NONE, (BITS - product) // 2)
