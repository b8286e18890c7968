"""The exact optimal coupling of a reference cloud with the cells of one sample, with its certificate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array
from scipy.spatial.distance import cdist

from lotviz.transport.doors import BYTES_PER_ARC, as_masses, as_points, require_memory

# POT stops silently at its default of 100,000 pivots: 21 % error in the maps at 1000 x 10000.
_PIVOTS = 1_000_000_000
_OPTIMAL = 1
# Flows below this share of the smallest mass are round-off of the simplex, not mass.
_ROUND_OFF = 1e-11
_MARGINAL_TOLERANCE = 1e-12
_GAP_TOLERANCE = 1e-7
_GAP_ROUND_OFF = 1e-11
_LARGEST = 1e150
_LARGE_SAMPLE = 4000
_STRIDE = 8


class ConvergenceError(RuntimeError):
    """The transport solver stopped before it reached a proven optimum."""


@dataclass(frozen=True, eq=False)
class Coupling:
    """An optimal coupling of a reference with the cells of one sample.

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
    """

    plan: csr_array
    cost: float
    dual_gap: float
    maps: NDArray[np.float64]
    residual: float
    potentials: tuple[NDArray[np.float64], NDArray[np.float64]]


def solve(
    reference: ArrayLike,
    cells: ArrayLike,
    reference_masses: ArrayLike | None = None,
    cell_masses: ArrayLike | None = None,
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

    Returns
    -------
        The coupling, with its plan, cost, maps, residual and certificate.

    Raises
    ------
    ValueError
        Points or masses are not usable; the message names the position.
    TransportMemoryError
        The dense cost matrix does not fit into free memory.
    ConvergenceError
        The solver did not reach a proven optimum.

    Notes
    -----
    Each cloud is centred at its own mean before the cost is built: the optimal plan is the same, since the
    cross term alone couples the clouds, and a shared offset cannot eat the digits of the distances.
    Source: network simplex of Bonneel et al. 2011 as found in POT.

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
    require_memory(
        BYTES_PER_ARC * len(a) * len(b),
        f"a transport problem of {len(a)} reference points and {len(b)} cells",
        "Use fewer reference points or fewer cells per sample.",
    )
    return _solve(points, targets, a, b)


def _solve(
    points: NDArray[np.float64], targets: NDArray[np.float64], a: NDArray[np.float64], b: NDArray[np.float64]
) -> Coupling:
    largest = max(np.abs(points).max(), np.abs(targets).max())
    if largest > _LARGEST:
        raise ValueError(
            f"Expected coordinates below {_LARGEST:g}, found {largest:.3g}: their squares overflow. Scale the markers."
        )
    from_mean, to_mean = a @ points, b @ targets
    x, y = points - from_mean, targets - to_mean
    unit = _power_of_two(max(np.abs(x).max(), np.abs(y).max()))
    plan, f, g = _optimal_plan(x / unit, y / unit, a, b)
    plan = _cleaned(plan, a, b)
    _check_marginals(plan, a, b)

    row, column, mass = _entries(plan)
    central = (plan @ y) / a[:, None]  # (m, n) @ (n, d) -> (m, d)
    central_cost = float(mass @ np.square(x[row] - y[column]).sum(axis=1))
    residual = float(mass @ np.square(y[column] - central[row]).sum(axis=1))
    gap = _checked_gap(central_cost / unit**2 - float(a @ f + b @ g), central_cost / unit**2) * unit**2

    offset = from_mean - to_mean  # |x - y|^2 = |x' - y'|^2 + 2 <x' - y', offset> + |offset|^2
    cost = central_cost + float(offset @ offset)
    f = f * unit**2 + 2 * (x @ offset) + offset @ offset
    g = g * unit**2 - 2 * (y @ offset)
    return Coupling(plan, cost, gap, central + to_mean, residual, (f, g))


def _optimal_plan(
    x: NDArray[np.float64], y: NDArray[np.float64], a: NDArray[np.float64], b: NDArray[np.float64]
) -> tuple[csr_array, NDArray[np.float64], NDArray[np.float64]]:
    import ot  # more than a second: only when the first problem is solved

    cost = cdist(x, y, "sqeuclidean")  # no BLAS: the same bits whatever the number of threads
    start = _starting_potentials(cost, a, b)
    dense, log = ot.lp.emd(a, b, cost, numItermax=_PIVOTS, log=True, potentials_init=start)
    if log["result_code"] != _OPTIMAL:
        raise ConvergenceError(
            f"Expected the transport solver to reach an optimum, found: {log['warning']} "
            "Check the sample for extreme values, or use fewer cells per sample."
        )
    plan = csr_array(dense)
    f = np.asarray(log["u"], dtype=np.float64)
    cost -= f[:, None]
    return plan, f, cost.min(axis=0)  # g_j = min_i c_ij - f_i: feasible by construction


def _starting_potentials(
    cost: NDArray[np.float64], a: NDArray[np.float64], b: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Solve every eighth cell first: its potentials halve the time of large problems. The optimum stays exact."""
    if len(b) < _LARGE_SAMPLE:
        return None
    import ot

    some = np.ascontiguousarray(cost[:, ::_STRIDE])
    _, log = ot.lp.emd(a, b[::_STRIDE] / b[::_STRIDE].sum(), some, numItermax=_PIVOTS, log=True)
    f = np.asarray(log["u"], dtype=np.float64)
    return f, np.min(cost - f[:, None], axis=0)


def _cleaned(plan: csr_array, a: NDArray[np.float64], b: NDArray[np.float64]) -> csr_array:
    """Drop round-off flows, so that a cell that is not split has one entry, and restore the cells' masses."""
    row, column, mass = _entries(plan)
    mass[mass < _ROUND_OFF * np.minimum(a[row], b[column])] = 0.0
    plan.eliminate_zeros()
    received = np.bincount(plan.indices, weights=plan.data, minlength=len(b))
    plan.data *= (b / received)[plan.indices]
    return plan


def _check_marginals(plan: csr_array, a: NDArray[np.float64], b: NDArray[np.float64]) -> None:
    error = max(np.abs(plan.sum(axis=1) - a).max(), np.abs(plan.sum(axis=0) - b).max())
    if not error <= _MARGINAL_TOLERANCE:
        raise ConvergenceError(
            f"Expected the plan to keep all masses to {_MARGINAL_TOLERANCE}, found an error of {error:.2g}. "
            "Use masses that are less unequal."
        )


def _checked_gap(gap: float, cost: float) -> float:
    """Refuse a gap that round-off cannot explain; clouds are within [-1, 1] here, so costs are of order one."""
    if not abs(gap) <= _GAP_TOLERANCE * cost + _GAP_ROUND_OFF:
        raise ConvergenceError(
            f"Expected the plan to be optimal, found a duality gap of {gap:.3g} at a cost of {cost:.3g}. "
            "Check the sample for extreme values."
        )
    return max(gap, 0.0)


def _entries(
    plan: csr_array,
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    row = np.repeat(np.arange(plan.shape[0]), np.diff(plan.indptr))
    return row, plan.indices, plan.data


def _power_of_two(size: float) -> float:
    """Return the power of two next to `size`: dividing by it changes no digit."""
    return float(2.0 ** np.clip(np.frexp(size)[1], -500, 500)) if size > 0 else 1.0
