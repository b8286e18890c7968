from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotviz.transport import order as module
from lotviz.transport.order import canonical_order
from tests.transport.clouds import cloud, masses, seeds


@given(st.tuples(seeds, st.integers(1, 60), st.integers(1, 5), st.booleans()))
def test_the_order_does_not_depend_on_the_rows(given_):
    seed, n, d, tied = given_
    cells, weights = cloud(seed, n, d), masses(seed + 1, n)
    if tied:
        cells, weights = np.round(cells), np.round(weights, 2)
    moved = np.random.default_rng(seed).permutation(n)
    first, second = canonical_order(cells, weights), canonical_order(cells[moved], weights[moved])
    np.testing.assert_array_equal(cells[first], cells[moved][second])
    np.testing.assert_array_equal(weights[first], weights[moved][second])
    assert sorted(first) == list(range(n))


def test_both_zeros_are_one_number():
    cells = np.array([[0.0], [1.0], [-0.0], [2.0]])
    other = np.array([[-0.0], [1.0], [0.0], [2.0]])
    ordered = cells[canonical_order(cells, np.full(4, 0.25))]
    np.testing.assert_array_equal(ordered, other[canonical_order(other, np.full(4, 0.25))])


def test_rows_that_share_a_hash_are_still_told_apart(monkeypatch):
    monkeypatch.setattr(module, "_FIRST", np.uint64(0))  # every row gets the same hash
    cells = cloud(1, 30, 2)
    moved = np.random.default_rng(0).permutation(30)
    weights = np.full(30, 1 / 30)
    first, second = canonical_order(cells, weights), canonical_order(cells[moved], weights)
    np.testing.assert_array_equal(cells[first], cells[moved][second])


@pytest.mark.parametrize("part", [4, 10])
def test_a_first_part_is_a_fair_sample(part):
    cells = np.sort(cloud(3, 20_000, 1), axis=0)
    first = cells[canonical_order(cells, np.full(20_000, 1 / 20_000))][: 20_000 // part]
    error = np.sqrt(part / 20_000)
    assert abs(first.mean() - cells.mean()) < 5 * error * cells.std()
    assert abs(first.std() / cells.std() - 1) < 5 * error
