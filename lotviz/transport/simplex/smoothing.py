"""Potentials to start from: a few steps up the smoothed dual, from coarse clouds to fine ones.

The simplex needs few pivots when it starts near the optimal potentials. The dual sum_i a_i f_i + sum_j b_j g_j, with
g_j = min_i c_ij - f_i, has edges; with a soft minimum it is smooth, its gradient is the mass a reference point lacks,
and its curvature the mass that is undecided. Steps along their quotient settle what is near; what is far is settled
before on a quarter of the points and cells, whose cells then give every point its potential, f_i = min_j c_ij - g_j.

Nothing here is exact, and nothing needs to be: whatever the start, the simplex ends at a proven optimum.

Source: the semi-discrete dual, Kitagawa, Mérigot and Thibert 2019, J. Eur. Math. Soc. 21; epsilon scaling, Schmitzer
2019, SIAM J. Sci. Comput. 41; from coarse to fine, Mérigot 2011, Computer Graphics Forum 30. We differ in the diagonal
step and in looking at the few nearest points of each cell only.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from lotviz.transport.progress import stop_if
from lotviz.transport.simplex.pricing import BLOCK, Priced, lay_out, select

CANDIDATES = 16
_COARSER = 4
_CROWDED = 8  # cells for each reference point
_ALL = 1e38  # no score is above it
# Width of the soft minimum, in spacings of the candidates, and how many steps.
_STEPS = ((0.2, 3), (0.08, 3), (0.03, 3))
_FURTHEST = 3.0  # that a potential moves, in spacings
_LONGEST = 1.5  # step, in widths
_DAMPING = 0.7


@dataclass(frozen=True, eq=False)
class Start:
    """Where the simplex starts.

    Attributes
    ----------
    potentials
        Of the reference points, (m,).
    arcs
        Reference points that each cell might be given to, (n, K); -1 where there are fewer.
    spacing
        Mean over cells of the spread of the scores of their candidates.
    """

    potentials: NDArray[np.float64]
    arcs: NDArray[np.int32]
    spacing: float


@dataclass(frozen=True, eq=False)
class Coarser:
    """A quarter of the reference points, (m / 4, d), and cells, (n / 4, d), with their masses."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    a: NDArray[np.float64]
    b: NDArray[np.float64]


def coarser(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    *,
    cancel: threading.Event | None = None,
) -> Coarser:
    """Keep every fourth reference point, with the mass of those it is nearest to, and the first quarter of the cells.

    Where there are very many cells for each point all points are kept: what limits the start then is how fine the
    potentials are, not how far they are off.
    """
    cells = y[: -(-len(y) // _COARSER)]
    share = b[: len(cells)] / b[: len(cells)].sum()
    if len(y) >= _CROWDED * len(x):
        return Coarser(x, cells, a, share)
    points = np.ascontiguousarray(x[::_COARSER])
    owner, _ = _nearest(lay_out(points, x, np.float32, candidates=1), np.zeros(len(points)), cancel)
    masses = np.bincount(owner, weights=a, minlength=len(points)).astype(np.float64)
    taken = masses > 0  # points at the same place leave one of them without any
    return Coarser(points[taken], cells, masses[taken], share)


def carried_over(
    coarse: Coarser, potentials: NDArray[np.float64], x: NDArray[np.float64], *, cancel: threading.Event | None = None
) -> NDArray[np.float64]:
    """Carry potentials of a coarser problem over to all reference points, (m,), by two c-transforms."""
    if coarse.x is x:
        return potentials
    _, lowest = _nearest(lay_out(coarse.x, coarse.y, np.float32, candidates=1), potentials, cancel)
    of_cells = lowest + np.square(coarse.y).sum(axis=1)
    _, lowest = _nearest(lay_out(coarse.y, x, np.float32, candidates=1), of_cells, cancel)
    return lowest + np.square(x).sum(axis=1)


def starting_point(
    priced: Priced,
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    *,
    potentials: NDArray[np.float64],
    cancel: threading.Event | None = None,
) -> Start:
    """Improve potentials, and find candidate arcs for them.

    Parameters
    ----------
    priced
        Centred reference points and cells, laid out in float32.
    a, b
        Their masses, (m,) and (n,), positive, each summing to one.
    potentials
        Of the reference points, (m,), to begin with.
    cancel
        Set it to stop.

    Raises
    ------
    Cancelled
        `cancel` was set.
    """
    arcs, costs, spacing = _candidates(priced, potentials, cancel)
    improved = potentials.copy()
    for width, steps in _STEPS if spacing > 0 else ():
        stop_if(cancel)
        _ascend(improved, arcs, costs, a, b, width * spacing, steps)
    # What no cell lists as a candidate would rise without end.
    improved = np.clip(improved, potentials - _FURTHEST * spacing, potentials + _FURTHEST * spacing)
    return Start(improved - a @ improved, arcs, spacing)


def _candidates(
    priced: Priced, potentials: NDArray[np.float64], cancel: threading.Event | None
) -> tuple[NDArray[np.int32], NDArray[np.float32], float]:
    """Find arcs of least score for every cell, their costs up to |y|², (n, K), and the spread of the scores."""
    size, count = len(priced.cells), min(CANDIDATES, len(potentials))
    arcs, scores = np.empty((size, count), np.int32), np.empty((size, count), np.float32)
    every, lowest, floors = np.full(BLOCK, _ALL), np.empty(BLOCK), np.empty(BLOCK)
    priced.set_potentials(potentials)
    for begin in range(0, size, BLOCK):
        stop_if(cancel)
        end = min(begin + BLOCK, size)
        select(priced.score(begin, end), priced.stripes, every, lowest, arcs[begin:end], scores[begin:end], floors)
    there = arcs >= 0
    worst = np.max(scores, axis=1, where=there, initial=-_ALL)
    spacing = float(np.mean(worst - scores[:, 0], dtype=np.float64))
    scores += np.where(there, potentials[arcs], 0.0)  # a missing arc keeps its prohibitive score
    return arcs, scores, spacing


def _nearest(
    priced: Priced, potentials: NDArray[np.float64], cancel: threading.Event | None
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the column of least score of every row, (n,), and that score without |y|², (n,)."""
    n = len(priced.cells)
    owner, lowest = np.empty(n, np.intp), np.empty(n)
    priced.set_potentials(potentials)
    for begin in range(0, n, BLOCK):
        stop_if(cancel)
        end = min(begin + BLOCK, n)
        scores = priced.score(begin, end)
        owner[begin:end] = scores.argmin(axis=1)
        lowest[begin:end] = scores[np.arange(end - begin), owner[begin:end]]
    return owner, lowest


@njit(cache=True, nogil=True, fastmath=True)
def _ascend(potentials, arcs, costs, a, b, width, steps):
    """Climb the dual that is smoothed by `width`, in place.

    The share of a cell that goes to a candidate falls off as (1 + s / 32)^32, near exp(s) and far cheaper.
    """
    n, count = arcs.shape
    m = len(a)
    f = np.empty(m, np.float32)
    received = np.empty((m, 2), np.float32)  # mass, and how much of it is undecided
    shares = np.empty(count, np.float32)
    scale = np.float32(1.0 / (32.0 * width))
    one, zero = np.float32(1.0), np.float32(0.0)
    for _ in range(steps):
        for i in range(m):
            f[i] = potentials[i] * scale
            received[i, :] = zero
        for k in range(n):
            best = np.float32(-3e38)
            for c in range(count):
                w = f[np.uint32(max(arcs[k, c], 0))] - costs[k, c] * scale
                shares[c] = w
                best = w if w > best else best
            best -= one
            total = np.float32(1e-30)
            for c in range(count):
                w = shares[c] - best
                w = w if w > zero else zero
                w *= w
                w *= w
                w *= w
                w *= w
                w *= w
                shares[c] = w
                total += w
            part = np.float32(b[k]) / total
            total = one / total
            for c in range(count):
                i = np.uint32(max(arcs[k, c], 0))
                received[i, 0] += part * shares[c]
                received[i, 1] += part * shares[c] * (one - total * shares[c])
        longest = _LONGEST * width
        for i in range(m):
            step = _DAMPING * width * (a[i] - received[i, 0]) / max(received[i, 1], 0.2 * a[i])
            potentials[i] += min(max(step, -longest), longest)
