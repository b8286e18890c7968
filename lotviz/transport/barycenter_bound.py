"""How low the objective of a barycenter can be: a bound that holds for every cloud there is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lotviz.transport.coupling import Solver, solve
from lotviz.transport.progress import Progress, report, stop_if

_BINS = 256
_ARCS = 100_000_000  # about 16 seconds of one core; pairs beyond are bounded by their markers

Pair = tuple[int, int]


@dataclass(frozen=True, eq=False)
class BarycenterBound:
    """A lower bound on the weighted mean of squared Wasserstein distances from any cloud to the samples.

    Attributes
    ----------
    value
        The bound, scaled units squared.
    estimate
        What the bound would be with all pairs exact, judged by those that are; `value` itself when all are, or none.
    pairs
        How many pairs of samples there are.
    exact_pairs
        How many of them enter with their exact distance; the others with that of their markers, one by one.
    """

    value: float
    estimate: float
    pairs: int
    exact_pairs: int


def chosen_pairs(counts: Sequence[int], *, seed: int, arcs: int = _ARCS) -> tuple[Pair, ...]:
    """Choose the pairs of samples to solve exactly: all, or as many at random as `arcs` allows.

    Parameters
    ----------
    counts
        How many cells each sample has, N.
    seed
        Chooses the pairs.
    arcs
        At most so many pairs of cells in all.
    """
    first, second = np.triu_indices(len(counts), 1)
    order = np.random.default_rng(seed).permutation(len(first))
    sizes = np.asarray(counts, dtype=np.int64)
    spent = np.cumsum(sizes[first[order]] * sizes[second[order]])
    kept = np.sort(order[: np.searchsorted(spent, arcs, side="right")])
    return tuple(zip(first[kept].tolist(), second[kept].tolist(), strict=True))


def barycenter_bound(
    cloud: Callable[[int], NDArray[np.float64]],
    n: int,
    *,
    pairs: Sequence[Pair],
    weights: NDArray[np.float64] | None = None,
    workers: int = 2,
    solver: Solver = "simplex",
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> BarycenterBound:
    """Bound the barycenter objective of n clouds from below.

    Parameters
    ----------
    cloud
        Reads the cells of a sample by its number, (cells, d), scaled.
    n
        How many samples.
    pairs
        The pairs to solve exactly; see `chosen_pairs`.
    weights
        Weight of each cloud, (n,), positive, summing to one; equal when None.
    workers
        How many threads; the result does not depend on it.
    solver
        Solves the pairs; see `solve`.
    progress
        Called with (done, total, message) after each pair.
    cancel
        Set it to stop.

    Returns
    -------
        The bound.

    Notes
    -----
    Couple any cloud with all samples at once: the sum of l_i |z - y_i|^2 over the samples is at least the sum over
    pairs of l_i l_j |y_i - y_j|^2, and that at least the sum of l_i l_j W2_ij^2. A pair that is not solved enters with
    the sum over markers of its one-dimensional W2^2, which no coupling can undercut; and a quantile function averaged
    in bins only comes closer to another (Jensen). Over all pairs these sum to the variance of the quantile functions,
    so that solved pairs add what they are above it. A solved pair counts its cost less its duality gap.
    """
    wanted = {number for pair in pairs for number in pair}
    held: dict[int, NDArray[np.float64]] = {}
    quantiles = []
    for number in range(n):
        stop_if(cancel)
        cells = cloud(number)
        quantiles.append(binned_quantiles(cells))
        if number in wanted:
            held[number] = cells
    by_markers = np.stack(quantiles)  # (n, bins, d)
    share = np.full(n, 1 / n) if weights is None else np.asarray(weights, dtype=np.float64)
    deviations = np.square(by_markers - np.tensordot(share, by_markers, axes=1)).sum(axis=2).mean(axis=1)  # (n,)
    known = float(share @ deviations)
    costs = _solved(held, pairs, workers=workers, solver=solver, progress=progress, cancel=cancel)
    above = solved = 0.0
    for (i, j), cost in zip(pairs, costs, strict=True):
        by_marker = float(np.square(by_markers[i] - by_markers[j]).sum(axis=1).mean())
        above += share[i] * share[j] * max(cost - by_marker, 0.0)
        solved += share[i] * share[j]
    every = n * (n - 1) // 2
    rest = (1 - float(share @ share)) / 2 / solved if 0 < len(pairs) < every else 1.0
    return BarycenterBound(known + above, known + above * rest, every, len(pairs))


def binned_quantiles(cells: NDArray[np.float64], bins: int = _BINS) -> NDArray[np.float64]:
    """Average the quantile function of every marker in equal bins, (cells, d) -> (bins, d).

    Examples
    --------
    >>> binned_quantiles(np.array([[3.0], [1.0], [2.0], [4.0]]), bins=2).ravel().tolist()
    [1.5, 3.5]
    """
    count = len(cells)
    edges, steps = np.linspace(0, 1, bins + 1), np.linspace(0, 1, count + 1)
    integral = np.concatenate([np.zeros((1, cells.shape[1])), np.cumsum(np.sort(cells, axis=0), axis=0) / count])
    at_edges = np.column_stack([np.interp(edges, steps, column) for column in integral.T])
    return np.diff(at_edges, axis=0) * bins


def _solved(
    clouds: dict[int, NDArray[np.float64]],
    pairs: Sequence[Pair],
    *,
    workers: int,
    solver: Solver,
    progress: Progress | None,
    cancel: threading.Event | None,
) -> list[float]:
    def distance(pair: Pair) -> float:
        stop_if(cancel)
        coupling = solve(clouds[pair[0]], clouds[pair[1]], solver=solver, cancel=cancel)
        return coupling.cost - coupling.dual_gap

    with ThreadPoolExecutor(workers, thread_name_prefix="pairs") as threads:
        jobs = [threads.submit(distance, pair) for pair in pairs]
        try:
            for done, job in enumerate(as_completed(jobs), start=1):
                job.result()
                report(progress, done, len(jobs), "Bounding the barycenter from below")
        finally:  # after a failure or a cancel, pairs that still wait are not begun
            for job in jobs:
                job.cancel()
    return [job.result() for job in jobs]
