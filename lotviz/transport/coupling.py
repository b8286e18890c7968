"""The one door to transport: couples a reference cloud with the cells of one sample, with a certificate."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from lotviz.transport import pot
from lotviz.transport.blas import one_thread
from lotviz.transport.doors import as_masses, as_points, require_memory, transport_bytes
from lotviz.transport.engine import Solver, solver_at_hand
from lotviz.transport.order import canonical_order
from lotviz.transport.progress import stop_if

_MARGINAL_TOLERANCE = 1e-12
# Flows below this share of the smallest mass are round-off, not mass.
_ROUND_OFF = 1e-11
_ROUND_OFF_OF_ROW = 1e-9  # of the mass of a point
_GAP_TOLERANCE = 1e-7
_GAP_ROUND_OFF = 1e-11
_LARGEST = 1e150


class ConvergenceError(RuntimeError):
    """The transport solver stopped before it reached a proven optimum."""


@dataclass(frozen=True, eq=False)
class Coupling:
    """A coupling of a reference with the cells of one sample.

    Attributes
    ----------
    plan
        Mass moved from reference point i to cell j, (m, n), sparse.
    cost
        Sum of plan times squared distance.
    dual_gap
        Upper bound on how far `cost` is above the optimum, from dual feasible potentials; never negative.
    maps
        Mean of the cells each reference point is moved to, (m, d).
    residual
        Sum of plan times the squared distance of a cell from its map: what the maps cannot see.
    potentials
        Dual feasible potentials of the reference points, (m,), and of the cells, (n,).
    solver
        What solved it: "simplex" or "pot", both exact, or "entropic".
    """

    plan: csr_array
    cost: float
    dual_gap: float
    maps: NDArray[np.float64]
    residual: float
    potentials: tuple[NDArray[np.float64], NDArray[np.float64]]
    solver: Solver = "simplex"


def solve(
    reference: ArrayLike,
    cells: ArrayLike,
    reference_masses: ArrayLike | None = None,
    cell_masses: ArrayLike | None = None,
    *,
    solver: Solver = "simplex",
    cancel: threading.Event | None = None,
) -> Coupling:
    """Couple a reference with cells at the least squared Euclidean cost, exactly.

    Parameters
    ----------
    reference
        Reference points, (m, d).
    cells
        Cells, (n, d), in the same space.
    reference_masses
        Positive masses of the reference points, (m,), summing to one; equal when None.
    cell_masses
        Positive masses of the cells, (n,), summing to one; equal when None.
    solver
        "simplex": our own, exact and fast; on a machine where numba cannot compile POT takes its place, and
        `Coupling.solver` says so. "pot": the network simplex of POT, exact, slow and in need of 33 bytes for each
        pair of reference point and cell. "entropic": an approximation, see the notes.
    cancel
        Set it to stop within half a second; POT only stops before it begins.

    Returns
    -------
        The coupling, with its plan, cost, maps, residual and certificate. It does not depend on the order of the
        cells, to the last bit.

    Raises
    ------
    ValueError
        Points or masses are not usable, the message names the position; or there is no such solver.
    TransportMemoryError
        The problem does not fit into free memory.
    ConvergenceError
        The solver did not reach a proven optimum.
    Cancelled
        `cancel` was set.

    Notes
    -----
    Each cloud is centred at its own mean before anything is computed: the optimal plan is the same, since the
    cross term alone couples the clouds, and a shared offset cannot eat the digits of the distances.

    Entropic plans are blurred by 1 % of the mean squared distance. Measured by `tests/benchmark/entropic.py` on 24
    simulated patients of 2,000 cells with 128 reference points: cost 5 % too high, maps wrong by 0.15 of their spread
    between patients, residual share .092 for .070, distances 3 % too short, 92 % of patients keep their nearest
    neighbour. The gap is large and honest. It is for comparison with methods that use it, not for results.

    Source: transportation simplex, see `lotviz.transport.simplex`; network simplex of Bonneel et al. 2011 in POT;
    Cuturi 2013 for the entropic approximation.

    Examples
    --------
    >>> coupling = solve([[0.0], [1.0]], [[5.0], [4.0]])
    >>> coupling.maps.ravel().tolist()
    [4.0, 5.0]
    >>> coupling.cost, coupling.residual
    (16.0, 0.0)
    """
    points, targets = as_points(reference, "reference"), as_points(cells, "cells")
    if points.shape[1] != targets.shape[1]:
        raise ValueError(
            f"Expected `reference` and `cells` to have the same markers, found {points.shape[1]} and "
            f"{targets.shape[1]} columns. Choose the same markers in both."
        )
    a = as_masses(reference_masses, len(points), "reference_masses")
    b = as_masses(cell_masses, len(targets), "cell_masses")
    if solver not in get_args(Solver):
        raise ValueError(f"Expected solver simplex, pot or entropic, found {solver!r}. Choose one of them.")
    chosen = solver_at_hand(solver)
    require_memory(
        transport_bytes(len(a), len(b), points.shape[1], chosen),
        f"a transport problem of {len(a)} reference points and {len(b)} cells",
        "Use fewer reference points or fewer cells per sample.",
    )
    _require_squares(points, targets)
    with one_thread():
        return _couple(points, targets, a, b, solver=chosen, cancel=cancel)


def _require_squares(points: NDArray[np.float64], targets: NDArray[np.float64]) -> None:
    largest = max(_largest(points), _largest(targets))
    if largest > _LARGEST:
        raise ValueError(
            f"Expected coordinates below {_LARGEST:g}, found {largest:.3g}: their squares overflow. Scale the markers."
        )


def _couple(
    points: NDArray[np.float64],
    targets: NDArray[np.float64],
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    *,
    solver: Solver,
    cancel: threading.Event | None,
) -> Coupling:
    order = canonical_order(targets, b)
    y, b = targets[order], b[order]
    anchor = y[0].copy()  # far from the origin, means taken there would lose digits
    x = points - anchor
    y -= anchor
    among = canonical_order(points, a)  # equal clouds have equal means, to the last bit
    from_mean, to_mean = a[among] @ x[among], b @ y
    x -= from_mean
    y -= to_mean
    unit = _power_of_two(max(_largest(x), _largest(y)))  # costs are of order one, and no digit changes
    x /= unit
    y /= unit

    found = _plan(x, y, a, b, solver=solver, cancel=cancel)
    row, column, mass = found.rows, found.columns, found.masses
    if solver != "entropic":
        row, column, mass = _cleaned(row, column, mass, a=a, b=b)
        _check_marginals(row, column, mass, a=a, b=b)
    reached = y[column]
    central = _means_of_rows(row, mass, reached, a)  # (m, d)
    central_cost = float(mass @ _squared_lengths(x[row] - reached))
    residual = float(mass @ _squared_lengths(reached - central[row]))
    gap = central_cost - float(a @ found.f + b @ found.g)
    if solver != "entropic":
        _check_gap(gap, central_cost)

    offset = (from_mean - to_mean) / unit  # |x - y|^2 = |x' - y'|^2 + 2 <x' - y', offset> + |offset|^2
    f = found.f + 2 * (x @ offset) + offset @ offset
    g = np.empty_like(b)
    g[order] = found.g - 2 * (y @ offset)
    return Coupling(
        plan=_plan_of_cells(row, order[column], mass, shape=(len(a), len(b))),
        cost=(central_cost + float(offset @ offset)) * unit**2,
        dual_gap=max(gap, 0.0) * unit**2,
        maps=central * unit + (to_mean + anchor),
        residual=residual * unit**2,
        potentials=(f * unit**2, g * unit**2),
        solver=solver,
    )


def _means_of_rows(
    row: NDArray[np.intp], mass: NDArray[np.float64], reached: NDArray[np.float64], a: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Mean of what each point reaches, (m, d); of a point of next to no mass by what is left of it after rounding."""
    starts = np.searchsorted(row, np.arange(len(a)))
    given = np.add.reduceat(mass, starts)
    own = np.where(np.abs(given - a) <= _ROUND_OFF_OF_ROW * a, a, given)
    return np.asarray(np.add.reduceat(mass[:, None] * reached, starts) / own[:, None])


def _plan_of_cells(
    row: NDArray[np.intp], cell: NDArray[np.intp], mass: NDArray[np.float64], *, shape: tuple[int, int]
) -> csr_array:
    """Return the entries as a matrix, the cells of each row in ascending order."""
    ranked = np.argsort(row * shape[1] + cell)
    starts = np.searchsorted(row[ranked], np.arange(shape[0] + 1))
    return csr_array((mass[ranked], cell[ranked], starts), shape=shape)


def _squared_lengths(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.einsum("ij,ij->i", vectors, vectors)


def _largest(values: NDArray[np.float64]) -> float:
    return float(max(values.max(), -values.min()))


def _plan(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    *,
    solver: Solver,
    cancel: threading.Event | None,
) -> pot.Plan:
    stop_if(cancel)
    try:
        if solver == "simplex":
            found = _by_simplex(x, y, a, b, cancel)
        else:
            found = pot.entropic(x, y, a, b) if solver == "entropic" else pot.network_simplex(x, y, a, b)
    except pot.NotConvergedError as problem:
        raise ConvergenceError(
            f"Expected the transport solver to reach an optimum, found: {problem} "
            "Check the sample for extreme values, or use fewer cells per sample."
        ) from problem
    ranked = np.argsort(found.rows * len(b) + found.columns)
    return replace(found, rows=found.rows[ranked], columns=found.columns[ranked], masses=found.masses[ranked])


def _by_simplex(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    cancel: threading.Event | None,
) -> pot.Plan:
    from lotviz.transport.simplex import NoOptimumError, optimum  # compiled: not where numba cannot

    try:
        best = optimum(x, y, a, b, cancel=cancel)
    except NoOptimumError as problem:
        raise pot.NotConvergedError(str(problem)) from problem
    return pot.Plan(best.rows, best.columns, best.masses, best.f, best.g)


def _cleaned(
    row: NDArray[np.intp],
    column: NDArray[np.intp],
    mass: NDArray[np.float64],
    *,
    a: NDArray[np.float64],
    b: NDArray[np.float64],
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Drop round-off flows, so that a cell that is not split has one entry, and restore the cells' masses."""
    there = mass >= _ROUND_OFF * np.minimum(a[row], b[column])
    row, column, mass = row[there], column[there], mass[there]
    received = np.bincount(column, weights=mass, minlength=len(b))
    return row, column, mass * (b / received)[column]


def _check_marginals(
    row: NDArray[np.intp],
    column: NDArray[np.intp],
    mass: NDArray[np.float64],
    *,
    a: NDArray[np.float64],
    b: NDArray[np.float64],
) -> None:
    given = np.bincount(row, weights=mass, minlength=len(a))
    received = np.bincount(column, weights=mass, minlength=len(b))
    error = max(np.abs(given - a).max(), np.abs(received - b).max())
    if not error <= _MARGINAL_TOLERANCE:
        raise ConvergenceError(
            f"Expected the plan to keep all masses to {_MARGINAL_TOLERANCE}, found an error of {error:.2g}. "
            "Use masses that are less unequal."
        )


def _check_gap(gap: float, cost: float) -> None:
    """Refuse a gap that round-off cannot explain; clouds are within [-1, 1] here, so costs are of order one."""
    if not abs(gap) <= _GAP_TOLERANCE * cost + _GAP_ROUND_OFF:
        raise ConvergenceError(
            f"Expected the plan to be optimal, found a duality gap of {gap:.3g} at a cost of {cost:.3g}. "
            "Check the sample for extreme values."
        )


def _power_of_two(size: float) -> float:
    """Return the power of two next to `size`: dividing by it changes no digit."""
    return float(2.0 ** np.clip(np.frexp(size)[1], -500, 500)) if size > 0 else 1.0
