import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lotviz.analysis.displacement_field import displacement_field

BOUNDS = (-3.0, 3.0, -2.25, 2.25)


def cells(seed, n):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 2)), rng.normal(size=(n, 2)), rng.choice(["B", "NK", "T"], size=n)


def slowly(points, moves, labels, columns, least):
    """The definition, place by place."""
    side = (BOUNDS[1] - BOUNDS[0]) / columns
    found = []
    for row in range(int(np.ceil((BOUNDS[3] - BOUNDS[2]) / side))):
        for column in range(columns):
            low = np.array([BOUNDS[0] + column * side, BOUNDS[2] + row * side])
            here = np.all((points >= low) & (points < low + side), axis=1)
            if here.sum() >= max(5, least * len(points)):
                names, counts = np.unique(labels[here], return_counts=True)
                found.append((points[here].mean(0), moves[here].mean(0), here.mean(), names[counts.argmax()]))
    return found


@given(st.integers(0, 10**6), st.integers(30, 600), st.integers(1, 20))
@settings(max_examples=20, deadline=None)
def test_places_are_the_means_of_their_cells(seed, n, columns):
    points, moves, labels = cells(seed, n)
    field = displacement_field(points, moves, labels, bounds=BOUNDS, columns=columns, least=0.01)
    expected = slowly(points, moves, labels, columns, 0.01)
    assert len(field.starts) == len(expected)
    for place, (start, move, share, name) in enumerate(expected):
        assert field.starts[place] == pytest.approx(start)
        assert field.moves[place] == pytest.approx(move)
        assert field.share[place] == pytest.approx(share)
        assert field.labels[place] == name
    assert field.seen == pytest.approx(sum(share for _s, _m, share, _n in expected))


def test_cells_that_move_alike_move_so_in_every_place():
    points, _moves, labels = cells(0, 2000)
    field = displacement_field(points, np.tile([0.5, -1.0], (2000, 1)), labels, bounds=BOUNDS)
    assert field.moves == pytest.approx(np.tile([0.5, -1.0], (len(field.moves), 1)))
    assert 0.6 < field.seen <= 1.0
    assert field.share.min() >= 0.004


def test_cells_that_lie_nowhere_leave_no_arrow():
    points, moves, labels = cells(0, 50)
    field = displacement_field(points + 100, moves, labels, bounds=BOUNDS)
    assert field.starts.shape == field.moves.shape == (0, 2)
    assert (len(field.labels), field.seen) == (0, 0.0)
