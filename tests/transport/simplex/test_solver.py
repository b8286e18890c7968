from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lotviz.transport.simplex.pricing import lay_out, may_pay
from lotviz.transport.simplex.smoothing import CANDIDATES, carried_over, coarser, starting_point
from lotviz.transport.simplex.solver import Bounds, integer_masses, optimum
from lotviz.transport.simplex.tree import artificial_flow, empty_tree, pivot_on, plant, raise_slack, refresh_potentials
from tests.transport.clouds import cloud, masses, seeds, squared_distances

problems = st.tuples(seeds, st.integers(1, 12), st.integers(1, 25), st.booleans())


@given(problems)
def test_masses_in_units_add_up_and_keep_their_digits(problem):
    seed, m, n, equal = problem
    a, b = (np.full(m, 1 / m), np.full(n, 1 / n)) if equal else (masses(seed, m), masses(seed + 1, n))
    units = integer_masses(a, b)
    assert units.a.sum() == units.b.sum()
    assert units.a.min() >= 1
    assert units.b.min() >= 1
    np.testing.assert_allclose(units.a * units.unit, a, rtol=1e-14)
    np.testing.assert_allclose(units.b * units.unit, b, rtol=1e-14)


def test_a_mass_of_next_to_nothing_is_not_lost():
    units = integer_masses(np.array([1.0 - 1e-25, 1e-25]), np.full(3, 1 / 3))
    assert units.a[1] == 1
    assert units.a.sum() == units.b.sum()
    assert len(set(units.b)) == 1


def balanced(nodes, a, b) -> bool:
    """Whether the flows on the tree are not negative and carry every mass."""
    m = len(a)
    given_away, received = np.zeros(m, np.int64), np.zeros(len(b), np.int64)
    root = np.int64(0)
    for v, node in enumerate(nodes):
        if v == m:
            continue
        parent, flow = node["parent"], node["flow"]
        if flow < 0:
            return False
        if parent == m:
            sign = 1 if node["upward"] else -1
            given_away[v] += sign * flow
            root += sign * flow
        elif v < m:
            given_away[v] += flow
            received[parent - m - 1] += flow
        else:
            given_away[parent] += flow
            received[v - m - 1] += flow
    return bool((given_away == a).all() and (received == b).all() and root == 0)


def strongly_feasible(nodes, m) -> bool:
    """Whether every arc without flow points towards the root."""
    empty = nodes[: m + 1]["flow"] == 0
    on_root = nodes[: m + 1]["parent"] == m
    reference = np.arange(m + 1) < m
    wrong = empty & reference & on_root & (nodes[: m + 1]["upward"] == 0)
    return not wrong.any() and bool((nodes[m + 1 :]["flow"] > 0).all())


@settings(max_examples=60)
@given(problems)
def test_every_pivot_keeps_a_balanced_and_strongly_feasible_tree_and_ends_without_artificial_flow(problem):
    seed, m, n, equal = problem
    x, y = np.round(cloud(seed, m, 2)), np.round(cloud(seed + 1, n, 2))  # ties
    a, b = (np.full(m, 1 / m), np.full(n, 1 / n)) if equal else (masses(seed + 2, m), masses(seed + 3, n))
    units = integer_masses(a, b)
    costs = np.ascontiguousarray(squared_distances(x, y).T)
    arcs = np.tile(np.arange(m, dtype=np.int32), (n, 1))
    nodes, stack, cells = empty_tree(m, n), np.empty(2 * m + 8, np.int32), np.arange(n)
    owner = costs.argmin(axis=1).astype(np.int32)
    plant(nodes, units.a, units.b, owner, costs[cells, owner], np.zeros(m), 0.25)
    for doubling in range(60):
        state = np.zeros(2, np.int64)
        while pivot_on(nodes, stack, m, arcs, costs, cells, 1e-9, 3, 1, state):
            assert balanced(nodes, units.a, units.b)
            assert strongly_feasible(nodes, m)
            kept = nodes["potential"].copy()
            refresh_potentials(nodes, stack, m)
            np.testing.assert_allclose(nodes["potential"], kept, atol=1e-9)
        if artificial_flow(nodes, m) == 0:
            break
        raise_slack(nodes, stack, m, 0.25 * 2.0**doubling)
    assert artificial_flow(nodes, m) == 0


@pytest.mark.parametrize(("m", "n"), [(40, 400), (200, 300), (300, 3000)])
def test_the_start_is_nearer_to_the_optimum(m, n):
    x, y = cloud(1, m, 6), cloud(2, n, 6)
    a, b = masses(3, m), np.full(n, 1 / n)
    best = optimum(x, y, a, b)

    def missing(f):
        dual = a @ f + b @ (squared_distances(x, y) - f[:, None]).min(axis=0)
        return a @ best.f + b @ best.g - dual

    at_zero = missing(np.zeros(m))
    priced = lay_out(x, y, np.float32, candidates=CANDIDATES)
    assert -1e-12 < missing(starting_point(priced, a, b, potentials=np.zeros(m)).potentials) < 0.9 * at_zero
    coarse = coarser(x, y, a, b)
    carried = carried_over(coarse, optimum(coarse.x, coarse.y, coarse.a, coarse.b).f, x)
    assert -1e-12 < missing(starting_point(priced, a, b, potentials=carried).potentials) < 0.2 * at_zero


def test_coarser_clouds_keep_all_mass_and_where_cells_crowd_all_points():
    x, y = cloud(1, 40, 3), cloud(2, 100, 3)
    coarse = coarser(x, y, masses(3, 40), masses(4, 100))
    assert (len(coarse.x), len(coarse.y)) == (10, 25)
    assert coarse.a.sum() == pytest.approx(1)
    assert coarse.b.sum() == pytest.approx(1)
    y = cloud(2, 400, 3)
    crowded = coarser(x, y, masses(3, 40), masses(4, 400))
    assert (len(crowded.x), len(crowded.y)) == (40, 100)
    assert carried_over(crowded, np.arange(40.0), x).tolist() == list(range(40))


def test_bounds_fall_by_what_a_potential_rises_and_spare_cells_from_a_look():
    m, n = 3, 4
    bounds, nodes, square = Bounds.unknown(m, n), empty_tree(m, n), np.zeros(n)
    nodes["parent"][m + 1 :] = 2
    room = np.empty(n, np.int64), np.empty(n), np.empty(n)

    def look(potentials):
        nodes["potential"][:m] = potentials
        nodes["cost"][m + 1 :] = np.array([4.0, 7.0, 1.0, 1.0]) + potentials[2]  # cells' own potentials stay
        count = may_pay(nodes, m, 0, n, bounds.floors, bounds.at[0], square, 1.0, 0.0, 0.01, *room)
        return room[0][:count].tolist()

    assert look([0.0, 1.0, 2.0]) == [0, 1, 2, 3]  # of cells that were never priced nothing is known
    assert room[1].tolist() == [4.0, 7.0, 1.0, 1.0]
    assert room[2].tolist() == [3.99, 6.99, 0.99, 0.99]
    bounds.floors[:2] = 5.0, 8.0
    assert look([0.5, 0.0, 2.25]) == [2, 3]
    assert bounds.floors[:2].tolist() == [4.5, 7.5]
    assert (bounds.floors[2:] < -1e37).all()
    assert look([0.0, -1.0, 2.0]) == [2, 3]
    assert bounds.floors[:2].tolist() == [4.75, 7.75]
    assert look([0.0, 0.0, 2.0]) == [0, 1, 2, 3]  # 3.75 and 6.75 may be below 4 and 7


def test_a_limit_does_not_hold_back_a_look_with_noise():
    nodes = empty_tree(1, 1)
    nodes["parent"][2] = 0
    room = np.empty(1, np.int64), np.empty(1), np.empty(1)
    assert may_pay(nodes, 1, 0, 1, np.zeros(1), np.zeros(1), np.zeros(1), 1.0, 0.5, 0.0, *room) == 1
    assert room[2][0] > 1e37
