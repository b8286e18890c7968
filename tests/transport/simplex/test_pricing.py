from __future__ import annotations

import numpy as np
import pytest

from lotviz.transport.simplex.pricing import BLOCK, arc_costs, lay_out, renew, select
from tests.transport.clouds import cloud, squared_distances

EVERY = np.full(BLOCK, 1e38)


def priced(m, n, d, *, dtype=np.float64, candidates=4):
    x, y = cloud(1, m, d), cloud(2, n, d)
    f = np.random.default_rng(3).normal(size=m)
    laid = lay_out(x, y, dtype, candidates=candidates)
    laid.set_potentials(f)
    return laid, squared_distances(x, y).T - f - np.square(y).sum(axis=1)[:, None]


@pytest.mark.parametrize("m", [1, 2, 3, 17, 64, 100, 333])
@pytest.mark.parametrize(("dtype", "digits"), [(np.float64, 1e-12), (np.float32, 1e-4)])
def test_scores_are_costs_less_potentials(m, dtype, digits):
    laid, expected = priced(m, 40, 5, dtype=dtype)
    scores = laid.score(0, 40)
    np.testing.assert_allclose(scores[:, :m], expected, atol=digits)
    assert (scores[:, m:] > 1e29).all()  # columns that stand for no point are never chosen


@pytest.mark.parametrize("m", [1, 2, 3, 17, 64, 100, 333, 1000])
@pytest.mark.parametrize("count", [1, 4, 16])
def test_select_finds_the_least_scores(m, count):
    laid, expected = priced(m, 50, 3, candidates=count)
    count = min(count, m)
    lowest, found, values, floors = np.empty(50), np.empty((50, count), np.int32), np.empty((50, count)), np.empty(50)
    assert select(laid.score(0, 50), laid.stripes, EVERY, lowest, found, values, floors) == 50
    np.testing.assert_allclose(lowest, expected.min(axis=1), atol=1e-12)
    np.testing.assert_array_equal(found[:, 0], expected.argmin(axis=1))
    for row, names, numbers, floor in zip(expected, found, values, floors, strict=True):
        there = names >= 0
        assert len(set(names[there])) == there.sum()
        np.testing.assert_allclose(numbers[there], row[names[there]], atol=1e-12)
        assert (numbers[~there] > 1e29).all()
        left_out = np.delete(row, names[there])
        assert left_out.min(initial=np.inf) >= floor - 1e-12
        if there.sum() < count - 1 and left_out.size:  # what was left out is no better than what was found
            assert left_out.min() >= row[names[there]].max() - 1e-12


def test_select_passes_over_cells_without_a_score_below_their_limit():
    laid, expected = priced(30, 20, 3)
    limit = expected.min(axis=1) + np.where(np.arange(20) % 2, 1e-6, -1e-6)
    lowest, found, values, floors = np.empty(20), np.empty((20, 4), np.int32), np.empty((20, 4)), np.full(20, 7.0)
    assert select(laid.score(0, 20), laid.stripes, limit, lowest, found, values, floors) == 10
    assert (found[::2] == -1).all()
    assert (floors[::2] == 7).all()
    assert (found[1::2, 0] >= 0).all()


def test_arcs_have_exact_costs_and_missing_ones_never_pay():
    x, y = cloud(1, 6, 3), cloud(2, 5, 3)
    arcs = np.array([[0, 3], [5, -1], [2, 2], [1, 0], [4, -1]], np.int32)
    costs = np.zeros((5, 2))
    arc_costs(x, y, np.array([0, 1, 4]), arcs, costs)
    expected = squared_distances(x, y)
    np.testing.assert_allclose(costs[0], expected[[0, 3], 0])
    assert costs[1, 0] == pytest.approx(expected[5, 1])
    assert (costs[[1, 4], 1] > 1e29).all()
    assert (costs[2:4] == 0).all()
    assert (arcs >= 0).all()


def test_scores_of_single_cells_are_those_of_the_block():
    laid, expected = priced(30, 20, 3)
    np.testing.assert_allclose(laid.score_of(np.array([3, 17, 4]))[:, :30], expected[[3, 17, 4]], atol=1e-12)


def test_cells_get_the_arcs_found_for_them_and_those_that_pay_are_named():
    x, y = cloud(1, 6, 3), cloud(2, 5, 3)
    costs = squared_distances(x, y)
    best = costs.argmin(axis=0).astype(np.int32)
    g = costs.min(axis=0) + np.array([1.0, -1.0, 1e-3, 0.0, 1.0])
    found = np.where(np.arange(5) == 4, -1, best).astype(np.int32)[:, None]
    arcs, arc = np.zeros((5, 1), np.int32), np.zeros((5, 1))
    paying = renew(x, y, np.zeros(6), g, 1e-9, np.arange(5), found, arcs, arc)
    assert paying.tolist() == [0, 2]  # nothing was found for the last
    np.testing.assert_array_equal(arcs[:, 0], [*best[:4], 0])
    np.testing.assert_allclose(arc[:, 0], [*costs.min(axis=0)[:4], 0])
