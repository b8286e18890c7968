from __future__ import annotations

import threading

import numpy as np
import ot
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from scipy.stats import norm

from lotviz.transport import Cancelled, ConvergenceError, TransportMemoryError, doors, engine, pot, solve
from lotviz.transport.simplex import solver as solver_module
from tests.transport.clouds import cloud, masses, seeds, squared_distances

sizes = st.integers(1, 40)
dimensions = st.integers(1, 6)
problems = st.tuples(seeds, sizes, sizes, dimensions)
EXACT = {"rtol": 1e-9, "atol": 1e-9}


def solved(problem):
    seed, m, n, d = problem
    x, y, a, b = cloud(seed, m, d), cloud(seed + 1, n, d), masses(seed + 2, m), masses(seed + 3, n)
    return x, y, a, b, solve(x, y, a, b)


@given(problems)
@settings(max_examples=40, deadline=None)
def test_cost_is_the_optimum_of_pot(problem):
    x, y, a, b, found = solved(problem)
    np.testing.assert_allclose(found.cost, ot.emd2(a, b, squared_distances(x, y)), **EXACT)


@given(problems)
@settings(max_examples=40, deadline=None)
def test_plan_has_exact_marginals_and_few_entries(problem):
    x, y, a, b, found = solved(problem)
    assert found.plan.format == "csr"
    assert found.plan.shape == (len(x), len(y))
    assert found.plan.data.min() > 0
    assert found.plan.nnz <= len(x) + len(y) - 1
    np.testing.assert_allclose(found.plan.sum(axis=1), a, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.plan.sum(axis=0), b, rtol=0, atol=1e-12)


@given(problems)
@settings(max_examples=40, deadline=None)
def test_potentials_are_feasible_and_prove_the_optimum(problem):
    x, y, a, b, found = solved(problem)
    f, g = found.potentials
    scale = 1 + found.cost
    assert (squared_distances(x, y) - f[:, None] - g).min() >= -1e-9 * scale
    assert 0 <= found.dual_gap <= 1e-9 * scale
    np.testing.assert_allclose(found.cost - (a @ f + b @ g), found.dual_gap, rtol=0, atol=1e-9 * scale)


@given(problems)
@settings(max_examples=40, deadline=None)
def test_mean_identity_and_pythagoras(problem):
    x, y, a, b, found = solved(problem)
    np.testing.assert_allclose(a @ found.maps, b @ y, **EXACT)
    moved = a @ np.square(x - found.maps).sum(axis=1)
    np.testing.assert_allclose(moved + found.residual, found.cost, **EXACT)
    dense = found.plan.toarray()
    np.testing.assert_allclose(found.maps, dense @ y / a[:, None], **EXACT)
    np.testing.assert_allclose(found.residual, (dense * squared_distances(found.maps, y)).sum(), **EXACT)


@given(problems, st.floats(0.01, 100), seeds)
@settings(max_examples=40, deadline=None)
def test_shift_and_isotropic_scale_move_the_maps_exactly(problem, factor, shift_seed):
    x, y, a, b, found = solved(problem)
    shift = np.random.default_rng(shift_seed).normal(size=x.shape[1]) * 10
    moved = solve(x, factor * y + shift, a, b)
    tolerance = 1e-9 * max(1.0, factor * np.abs(y).max(), np.abs(shift).max())
    np.testing.assert_allclose(moved.maps, factor * found.maps + shift, rtol=0, atol=tolerance)
    np.testing.assert_allclose(moved.residual, factor**2 * found.residual, rtol=1e-9, atol=tolerance**2)


@given(seeds, st.integers(1, 30), dimensions)
@settings(max_examples=30, deadline=None)
def test_equal_clouds_of_equal_masses_are_assigned_as_scipy_does(seed, n, d):
    x, y = cloud(seed, n, d), cloud(seed + 1, n, d)
    found = solve(x, y)
    rows, columns = linear_sum_assignment(squared_distances(x, y))
    assert found.plan.nnz == n  # no cell is split
    np.testing.assert_array_equal(found.plan.indices, columns[np.argsort(rows)])
    np.testing.assert_allclose(found.residual, 0, atol=1e-20)


@given(seeds, st.integers(1, 30), dimensions)
@settings(max_examples=30, deadline=None)
def test_a_permuted_and_translated_cloud_is_found_again(seed, n, d):
    x = cloud(seed, n, d)
    rng = np.random.default_rng(seed)
    order, shift = rng.permutation(n), rng.normal(size=d) * 100
    found = solve(x, x[order] + shift)
    np.testing.assert_allclose(found.maps, x + shift, **EXACT)
    np.testing.assert_allclose(found.cost, shift @ shift, rtol=1e-9)


@given(seeds, st.integers(2, 40), dimensions)
@settings(max_examples=25, deadline=None)
def test_between_gaussians_the_map_is_the_closed_form(seed, n, d):
    # N(0, I) goes to N(mean, S^2), S symmetric positive, by x -> mean + S x: the same holds cell by cell.
    rng = np.random.default_rng(seed)
    x, root, mean = rng.normal(size=(n, d)), rng.normal(size=(d, d)), rng.normal(size=d)
    spread = root @ root.T + 0.1 * np.eye(d)
    found = solve(x, (mean + x @ spread)[rng.permutation(n)])
    np.testing.assert_allclose(found.maps, mean + x @ spread, **EXACT)
    assert found.residual < 1e-20


def test_quantiles_of_gaussians_have_their_wasserstein_distance():
    # W2^2 of N(0, 1) and N(3, 2^2) is 3^2 + (2 - 1)^2
    quantiles = norm.ppf((np.arange(400) + 0.5) / 400)[:, None]
    assert solve(quantiles, 3 + 2 * quantiles).cost == pytest.approx(10, rel=2e-3)


def test_one_point_takes_the_mean_and_leaves_the_variance():
    y = cloud(5, 50, 4)
    found = solve(np.zeros((1, 4)), y)
    np.testing.assert_allclose(found.maps[0], y.mean(axis=0), atol=1e-12)
    assert found.residual == pytest.approx(y.var(axis=0).sum())


def test_a_large_shared_offset_costs_no_digits():
    x, y = cloud(1, 30, 3), cloud(2, 50, 3)
    np.testing.assert_allclose(solve(x + 1e6, y + 1e6).cost, solve(x, y).cost, rtol=1e-8)


@pytest.mark.parametrize("unit", [1e-120, 1e-6, 1e6, 1e120])
def test_the_unit_of_the_markers_does_not_matter(unit):
    x, y = cloud(1, 20, 3), cloud(2, 40, 3)
    np.testing.assert_allclose(solve(unit * x, unit * y).maps / unit, solve(x, y).maps, rtol=1e-9, atol=1e-12)


def test_identical_and_constant_clouds_cost_nothing():
    x = cloud(1, 20, 3)
    assert solve(x, x).cost == 0
    assert solve(np.ones((5, 2)), np.ones((7, 2))).cost < 1e-25


def test_duplicated_cells_are_one_heavier_cell():
    x, y = cloud(1, 10, 3), cloud(2, 20, 3)
    np.testing.assert_allclose(solve(x, np.repeat(y, 3, axis=0)).cost, solve(x, y).cost, rtol=1e-9)


@pytest.mark.parametrize("equal", [True, False])
def test_pot_solves_a_large_sample_to_the_same_optimum(equal, monkeypatch):
    x, y = cloud(1, 20, 3), cloud(2, 4001, 3)
    b = None if equal else masses(3, 4001)
    warm = solve(x, y, None, b, solver="pot")
    monkeypatch.setattr(pot, "_LARGE_SAMPLE", 5000)
    cold = solve(x, y, None, b, solver="pot")
    simplex = solve(x, y, None, b)
    assert (warm.solver, simplex.solver) == ("pot", "simplex")
    for found in (cold, simplex):
        np.testing.assert_allclose(warm.cost, found.cost, rtol=1e-12)
        np.testing.assert_allclose(warm.maps, found.maps, rtol=1e-9, atol=1e-9)
    assert max(warm.dual_gap, simplex.dual_gap) <= 1e-9 * warm.cost


@pytest.mark.parametrize(("m", "n"), [(300, 3000), (700, 500), (64, 6400)])
@pytest.mark.parametrize("equal", [True, False])
def test_all_rounds_of_the_simplex_reach_the_optimum(m, n, equal):
    x, y = cloud(1, m, 12), cloud(2, n, 12)
    a, b = (None, None) if equal else (masses(3, m), masses(4, n))
    ours, theirs = solve(x, y, a, b), solve(x, y, a, b, solver="pot")
    np.testing.assert_allclose(ours.cost, theirs.cost, rtol=1e-12)
    np.testing.assert_allclose(ours.maps, theirs.maps, rtol=1e-9, atol=1e-9)


def test_an_entropic_plan_is_blurred_and_says_how_far_from_the_optimum_it_is():
    x, y = cloud(1, 20, 3), cloud(2, 60, 3)
    exact, blurred = solve(x, y), solve(x, y, solver="entropic")
    assert blurred.solver == "entropic"
    assert exact.cost < blurred.cost <= exact.cost + blurred.dual_gap * (1 + 1e-9)
    assert blurred.plan.nnz > exact.plan.nnz
    np.testing.assert_allclose(blurred.plan.sum(axis=1), np.full(20, 1 / 20), rtol=1e-12)
    np.testing.assert_allclose(blurred.plan.sum(axis=0), np.full(60, 1 / 60), atol=1e-5)


def test_an_unknown_solver_is_refused():
    with pytest.raises(ValueError, match="Expected solver simplex, pot or entropic, found 'sinkhorn'"):
        solve(X, Y, solver="sinkhorn")


def test_where_numba_cannot_compile_pot_solves_and_says_so(monkeypatch):
    monkeypatch.setattr(engine, "_tried", threading.Event())
    monkeypatch.setattr(engine, "_reason", "")
    monkeypatch.setattr(engine, "_solve_small_problems", _cannot_compile)
    assert engine.simplex_unavailable() == "numba cannot compile here (no compiler)"
    assert engine.solver_within(0) == "pot"
    assert solve(X, Y).solver == "pot"


def test_the_simplex_is_ready_soon_after_it_is_first_asked_for(monkeypatch):
    monkeypatch.setattr(engine, "_tried", threading.Event())
    monkeypatch.setattr(engine, "_compiled_before", lambda: True)
    assert engine.solver_within(60) == "simplex"
    assert engine.simplex_unavailable() == ""


def test_nobody_who_cannot_wait_waits_for_the_compiler(monkeypatch):
    monkeypatch.setattr(engine, "_tried", threading.Event())
    monkeypatch.setattr(engine, "_compiled_before", lambda: False)
    monkeypatch.setattr(engine, "prepare_in_background", lambda: pytest.fail("compiles"))
    assert engine.solver_within(60) == "pot"


def test_what_was_compiled_is_found_on_disk():
    assert engine.simplex_unavailable() == ""
    assert engine._compiled_before()


def _cannot_compile():
    raise RuntimeError("no compiler")


@pytest.mark.parametrize("solver", ["simplex", "pot", "entropic"])
def test_a_cancelled_solve_stops(solver):
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        solve(X, Y, solver=solver, cancel=cancel)


def test_a_running_solve_stops():
    x, y = cloud(1, 1500, 20), cloud(2, 30_000, 20)  # seconds of work
    cancel = threading.Event()
    later = threading.Timer(0.2, cancel.set)
    later.start()
    with pytest.raises(Cancelled):
        solve(x, y, cancel=cancel)


@pytest.mark.parametrize("solver", ["simplex", "pot"])
def test_the_order_of_tied_cells_changes_no_bit(solver):
    y = np.round(cloud(2, 300, 3))
    order = np.random.default_rng(0).permutation(300)
    first, second = solve(cloud(1, 40, 3), y, solver=solver), solve(cloud(1, 40, 3), y[order], solver=solver)
    assert first.maps.tobytes() == second.maps.tobytes()
    assert first.cost == second.cost


def test_same_bits_twice():
    x, y = cloud(1, 40, 5), cloud(2, 300, 5)
    first, second = solve(x, y), solve(x, y)
    assert first.maps.tobytes() == second.maps.tobytes()
    assert first.plan.data.tobytes() == second.plan.data.tobytes()


def test_an_unconverged_solve_raises(monkeypatch):
    monkeypatch.setattr(pot, "_PIVOTS", 5)
    with (
        pytest.warns(UserWarning, match="numItermax"),
        pytest.raises(ConvergenceError, match=r"Expected .* optimum, found: numItermax reached.*fewer cells"),
    ):
        solve(cloud(1, 40, 3), cloud(2, 80, 3), solver="pot")


def test_a_simplex_that_gives_up_raises(monkeypatch):
    monkeypatch.setattr(solver_module, "_PASSES", 1)
    with pytest.raises(ConvergenceError, match="no optimum after 1 looks at all arcs"):
        solve(cloud(1, 40, 3), cloud(2, 80, 3))


def test_a_plan_with_wrong_masses_or_a_gap_raises(monkeypatch):
    honest = ot.lp.emd

    def lost_mass(a, b, cost, **options):
        plan, log = honest(a, b, cost, **options)
        plan[0] *= 0.9
        return plan, log

    def not_optimal(a, b, cost, **options):
        return np.outer(a, b), honest(a, b, cost, **options)[1]

    for broken, words in ((lost_mass, "keep all masses"), (not_optimal, "duality gap")):
        monkeypatch.setattr(ot.lp, "emd", broken)
        with pytest.raises(ConvergenceError, match=words):
            solve(cloud(1, 10, 2), cloud(2, 15, 2), solver="pot")


def at(values, row, value):
    changed = np.array(values, dtype=float)
    changed[row] = value
    return changed


X, Y = cloud(1, 4, 2), cloud(2, 6, 2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((at(X, 2, np.nan), Y), "`reference` to be finite, found nan in row 2, column 0"),
        ((X, at(Y, (3, 1), np.inf)), "`cells` to be finite, found inf in row 3, column 1"),
        ((X, Y[:0]), "`cells` to hold at least one point, found none"),
        ((X[:0], Y), "`reference` to hold at least one point"),
        ((X[:, :0], Y[:, :0]), "at least one marker"),
        ((X, Y[:, :1]), "same markers, found 2 and 1 columns"),
        ((X[0], Y), r"shape \(points, markers\), found \(2,\)"),
        ((X, Y.astype(str)), "`cells` to be numbers, found dtype <U"),
        ((X, Y.astype(complex)), "`cells` to be numbers, found dtype complex128"),
        ((X, Y, [0.5, 0.5, 0.0, 0.0]), r"`reference_masses` to be positive, found 0.0 at position 2 \(2 such\)"),
        ((X, Y, [0.5, 0.7, 0.1, -0.3]), "found -0.3 at position 3"),
        ((X, Y, None, at(np.full(6, 1 / 6), 4, np.nan)), "`cell_masses` to be positive, found nan at position 4"),
        ((X, Y, [0.5, 0.5]), r"4 numbers, one per point, found shape \(2,\)"),
        ((X, Y, np.ones(4)), "`reference_masses` to sum to 1, found 4. Divide them by their sum"),
    ],
)
def test_wrong_input_is_refused_with_its_position(arguments, words):
    with pytest.raises(ValueError, match=words):
        solve(*arguments)


def test_squared_distances_beyond_all_numbers_are_refused():
    with pytest.raises(ValueError, match="overflow"):
        solve(X * 1e200, Y)


def test_a_problem_larger_than_memory_is_refused_before_it_is_begun(monkeypatch):
    monkeypatch.setattr(doors, "_BYTES_PER_ARC", 10**15)
    monkeypatch.setattr(doors, "_BYTES_PER_CELL", 10**15)
    for solver in ("simplex", "pot"):
        with pytest.raises(TransportMemoryError, match=r"4 reference points and 6 cells .* fewer cells per sample"):
            solve(X, Y, solver=solver)


@pytest.mark.parametrize("least", [1e-13, 1e-20, 1e-300])
def test_a_point_of_next_to_no_mass_is_sent_to_a_cell(least):
    found = solve([[0.0], [1.0], [2.0]], [[0.0], [1.0], [2.0], [3.0]], [least, 0.3, 0.7])
    assert found.maps.min() >= 0 and found.maps.max() <= 3
    assert found.maps[0, 0] == pytest.approx(0.0, abs=1e-6)
