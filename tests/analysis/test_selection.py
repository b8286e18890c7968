from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotviz.analysis.selection import inside_polygon

SQUARE = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])


def grid(n=41, low=-0.5, high=1.5):
    """Points of a square lattice, none of them on a line of the examples."""
    places = np.linspace(low, high, n) + 1e-3
    return np.stack(np.meshgrid(places, places), axis=-1).reshape(-1, 2)


def winding(point, polygon):
    """The turns of the line as seen from a point, summed angle by angle: slow, and another way round."""
    corners = polygon - point
    ends = np.roll(corners, -1, axis=0)
    cross = corners[:, 0] * ends[:, 1] - corners[:, 1] * ends[:, 0]
    return round(float(np.arctan2(cross, (corners * ends).sum(axis=1)).sum() / (2 * np.pi)))


@pytest.mark.parametrize("turned", [SQUARE, SQUARE[::-1], np.roll(SQUARE, 1, axis=0)])
def test_a_square_holds_what_lies_between_its_sides(turned):
    points = grid()
    assert (inside_polygon(points, turned) == ((points > 0) & (points < 1)).all(axis=1)).all()


def test_a_triangle_holds_what_lies_below_its_long_side():
    points = grid()
    expected = (points > 0).all(axis=1) & (points.sum(axis=1) < 1)
    assert (inside_polygon(points, [[0, 0], [1, 0], [0, 1]]) == expected).all()


def test_a_bay_of_a_polygon_is_outside():
    bay = np.array([[0, 0], [1, 0], [1, 1], [0.5, 0.25], [0, 1]])
    assert inside_polygon([[0.5, 0.1], [0.5, 0.6], [0.1, 0.6], [0.9, 0.6]], bay).tolist() == [True, False, True, True]


def test_every_part_that_a_crossing_line_goes_round_is_inside():
    eight = np.array([[0, 0], [1, 1], [1, 0], [0, 1]])
    assert inside_polygon([[0.1, 0.5], [0.9, 0.5], [0.5, 0.1], [0.5, 0.9]], eight).tolist() == [
        True,
        True,
        False,
        False,
    ]
    twice = np.vstack([SQUARE, SQUARE + 0.25, SQUARE])
    assert inside_polygon([[0.6, 0.6]], twice).all(), "where a line goes round twice is not a hole"


def test_a_circle_holds_its_share_of_the_plane():
    angles = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    circle = np.c_[np.cos(angles), np.sin(angles)]
    points = np.random.default_rng(0).uniform(-1, 1, (200_000, 2))
    inside = inside_polygon(points, circle)
    assert inside.mean() == pytest.approx(np.pi / 4, abs=0.004)
    assert inside[np.hypot(*points.T) < 0.99].all()
    assert not inside[np.hypot(*points.T) > 1].any()


@given(st.integers(3, 30), st.integers(0, 2**32 - 1), st.sampled_from([1e-6, 1.0, 1e6]))
def test_it_agrees_with_the_turns_of_the_line(corners, seed, unit):
    rng = np.random.default_rng(seed)
    polygon, points = rng.normal(size=(corners, 2)) * unit, rng.normal(size=(50, 2)) * unit
    assert inside_polygon(points, polygon).tolist() == [winding(point, polygon) != 0 for point in points]


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_neighbours_share_no_point_and_leave_none_out(seed, rounded):
    rng = np.random.default_rng(seed)
    middle = rng.integers(1, 4, 2) / 4 if rounded else rng.uniform(0.1, 0.9, 2)
    points = rng.integers(0, 16, (300, 2)) / 16 if rounded else rng.random((300, 2))
    parts = [np.vstack([SQUARE[i], SQUARE[(i + 1) % 4], middle]) for i in range(4)]
    counted = np.sum([inside_polygon(points, part) for part in parts], axis=0)
    assert (counted == inside_polygon(points, SQUARE)).all()


@pytest.mark.parametrize("polygon", [[], [[0, 0]], [[0, 0], [1, 1]], [[0, 0], [1, 0], [2, 0]], [[0, 0]] * 5])
def test_a_line_without_an_area_holds_nothing(polygon):
    assert not inside_polygon(grid(), polygon).any()


def test_points_that_are_no_numbers_are_outside():
    points = np.array([[np.nan, 0.5], [0.5, np.nan], [np.inf, 0.5], [0.5, 0.5]])
    assert inside_polygon(points, SQUARE).tolist() == [False, False, False, True]
    assert inside_polygon(np.zeros((0, 2)), SQUARE).shape == (0,)


def test_single_precision_is_taken_as_it_is():
    points = grid().astype(np.float32)
    assert (inside_polygon(points, SQUARE) == inside_polygon(points.astype(np.float64), SQUARE)).all()
