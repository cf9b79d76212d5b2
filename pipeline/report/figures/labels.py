"""Where names stand beside the points of a plot, so that none covers another, a point or its bar."""

import numpy as np

STEP_PX = 5  # of the places that are tried
GAP_PX = 4  # between a name and what it must not cover
CROSSED_PX = 60  # a name goes this much further away to keep off a line,
MISTAKEN_PX = 120  # and this much to stand nearer to its own point than to any other

Box = tuple[float, float, float, float]  # left, bottom, right, top


def place_labels(points: np.ndarray, sizes: np.ndarray, bounds: Box, taken: list[Box], lines: list[Box]) -> list[Box]:
    """A box for each name, as near to its point as it can be, all in pixels.

    points: (N, 4) boxes, of no size for a point; a name may stand anywhere along a longer one. sizes: (N, 2) width and
    height of the names. bounds: where names may stand. taken: what they must not cover; lines: what they should not. A
    name is placed after those before it. Where nothing is free, the place that covers the fewest of them is taken.
    """
    placed: list[Box] = []
    for number, (point, size) in enumerate(zip(points, sizes, strict=True)):
        places = _places(size, bounds)
        own = distance(places, point)
        others = [other for other in np.delete(points, number, axis=0) if (other[:2] == other[2:]).all()]
        nearest = np.min([np.full(len(places), np.inf), *(distance(places, other) for other in others)], axis=0)
        covered = _covers(places, [*taken, *placed]).sum(axis=1)
        crossed = _covers(places, lines).any(axis=1)
        worth = own + CROSSED_PX * crossed + MISTAKEN_PX * (nearest <= 1.5 * own)
        chosen = np.lexsort((-nearest, worth, covered))[0]
        placed.append(tuple(places[chosen].tolist()))
    return placed


def _places(size: np.ndarray, bounds: Box) -> np.ndarray:
    """(M, 4) boxes of a size, evenly over the bounds."""
    left, bottom, right, top = bounds
    x = np.arange(left, max(left, right - size[0]) + 1, STEP_PX)
    y = np.arange(bottom, max(bottom, top - size[1]) + 1, STEP_PX)
    corners = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    return np.concatenate([corners, corners + size], axis=1)


def _covers(places: np.ndarray, boxes: list[Box]) -> np.ndarray:
    """(M, K) whether a place, with its gap, has something of a box in it."""
    left, bottom, right, top = np.array(boxes, float).reshape(-1, 4).T
    apart = (places[:, [0]] - GAP_PX >= right) | (places[:, [2]] + GAP_PX <= left)
    apart |= (places[:, [1]] - GAP_PX >= top) | (places[:, [3]] + GAP_PX <= bottom)
    return ~apart


def distance(boxes: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(M,) how far boxes (M, 4) lie from another, 0 where they overlap."""
    outside = np.maximum(boxes[:, :2] - other[2:], other[:2] - boxes[:, 2:])
    return np.hypot(*np.maximum(outside, 0).T)
