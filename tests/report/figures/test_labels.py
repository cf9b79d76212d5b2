"""Names beside points: none covers another, each stays near."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.report.figures.labels import GAP_PX, distance, place_labels

BOUNDS = (100.0, 50.0, 560.0, 490.0)
inside = st.tuples(st.floats(BOUNDS[0], BOUNDS[2]), st.floats(BOUNDS[1], BOUNDS[3]))


def apart(one, other) -> bool:
    return one[0] >= other[2] or other[0] >= one[2] or one[1] >= other[3] or other[1] >= one[3]


def around(points, radius: float) -> list[tuple[float, ...]]:
    return [(x - radius, y - radius, x + radius, y + radius) for x, y in points]


def boxes(points) -> np.ndarray:
    """Points as boxes of no size."""
    return np.tile(points, (1, 2))


@pytest.mark.middle
@given(st.lists(inside, min_size=1, max_size=9))
def test_names_cover_neither_each_other_nor_a_point_and_stay_in_the_panel(points):
    points, sizes = np.array(points), np.tile((120.0, 15.0), (len(points), 1))
    taken = around(points, 8)
    placed = place_labels(boxes(points), sizes, BOUNDS, taken, [])
    for number, box in enumerate(placed):
        assert all(apart(box, other) for other in [*placed[:number], *taken])
        assert box[0] >= BOUNDS[0]
        assert box[1] >= BOUNDS[1]
        assert box[2] <= BOUNDS[2]
        assert box[3] <= BOUNDS[3]


def test_a_name_stands_close_to_its_point_and_keeps_its_gap():
    point = np.array([[300.0, 300.0]])
    (box,) = place_labels(boxes(point), np.array([[100.0, 15.0]]), BOUNDS, around(point, 8), [])
    assert 8 + GAP_PX <= distance(np.array([box]), boxes(point)[0])[0] <= 8 + GAP_PX + 6


def test_a_name_keeps_off_a_line_where_that_is_near():
    point, line = np.array([[300.0, 300.0]]), [(290.0, 290.0, 560.0, 311.0)]
    (box,) = place_labels(boxes(point), np.array([[100.0, 15.0]]), BOUNDS, around(point, 8), line)
    assert apart(box, line[0])


def test_a_name_stands_nearest_to_its_own_point():
    points = np.array([[300.0, 300.0], [330.0, 302.0], [315.0, 280.0], [200.0, 290.0]])
    placed = place_labels(boxes(points), np.tile((110.0, 15.0), (4, 1)), BOUNDS, around(points, 8), [])
    for number, box in enumerate(placed):
        assert np.argmin([distance(np.array([box]), point)[0] for point in boxes(points)]) == number


def test_where_there_is_no_room_a_name_covers_as_few_as_it_can():
    taken = [(0.0, 0.0, 31.0, 15.0), (0.0, 20.0, 31.0, 30.0), (0.0, 30.0, 31.0, 40.0)]
    (box,) = place_labels(boxes(np.array([[15.0, 38.0]])), np.array([[30.0, 15.0]]), (0.0, 0.0, 31.0, 40.0), taken, [])
    assert box == (0.0, 0.0, 30.0, 15.0)


def test_the_name_of_a_line_stands_where_along_it_nothing_crosses():
    left, _, right, _ = BOUNDS
    level, crossing = np.array([[left, 300.0, right, 300.0]]), (left, BOUNDS[1], left + 200, BOUNDS[3])
    (box,) = place_labels(level, np.array([[100.0, 15.0]]), BOUNDS, [], [tuple(level[0]), crossing])
    assert apart(box, crossing)
    assert GAP_PX <= distance(np.array([box]), level[0])[0] <= GAP_PX + 6


def test_a_name_near_a_line_is_not_taken_for_the_line_s():
    point, level = boxes(np.array([[300.0, 300.0]])), np.array([[BOUNDS[0], 330.0, BOUNDS[2], 330.0]])
    sizes, taken = np.tile((100.0, 15.0), (2, 1)), around(point[:, :2], 8)
    alone = place_labels(point, sizes[:1], BOUNDS, taken, [])
    assert place_labels(np.concatenate([point, level]), sizes, BOUNDS, taken, [])[0] == alone[0]
