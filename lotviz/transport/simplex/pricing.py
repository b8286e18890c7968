"""Prices arcs in blocks of matrix products, to find those by which a cell could be reached at a lower cost.

For potentials f the score of an arc is c_ij - f_i. Written out, |x|² - 2 <x, y> - f + |y|², it is one product of the
cells, with a column of ones, and the reference points, with a row |x|² - f; |y|² is the same for all arcs of a cell and
is left out until it is needed. A block of 256 cells stays in the cache while it is searched.

The columns are laid out in stripes of equal width. Columns at the same place of each stripe are a group, and the least
score of every group comes from minima of whole stripes, which a processor takes many at a time. Only a group whose
least score is small can hold another small one, so few scores are looked at one by one.

Source: column generation, Gilmore and Gomory 1961, Operations Research 9; partial (block) pricing, Grigoriadis 1986,
Math. Programming Study 26. We differ in that a block is a block of cells, priced by a matrix product.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import DTypeLike, NDArray

# Kernels that call each other stand in one file: numba compiles anew when their file changes, not when another does.
# `a if a < b else b` instead of `min(a, b)`: only the former becomes a minimum of many numbers at once.

BLOCK = 256
_MOST_STRIPES = 16
_NARROWINGS = 20
_HIDDEN = 1e29
_ALL = 1e38  # no score is above it
_NEVER = 1e30  # score of a column that stands for no reference point; fits into float32


@dataclass(frozen=True, eq=False)
class Priced:
    """Clouds laid out for pricing in one precision.

    Attributes
    ----------
    cells
        Cells with a column of ones, (n, d + 1).
    points
        Minus twice the reference points, transposed, with a last row for |x|² - f, (d + 1, stripes * width).
    square
        |x|² of the reference points, (m,), float64.
    scores
        Room for the scores of a block of cells, (BLOCK, stripes * width).
    stripes
        How many stripes the columns are laid out in.
    """

    cells: NDArray[np.floating]
    points: NDArray[np.floating]
    square: NDArray[np.float64]
    scores: NDArray[np.floating]
    stripes: int

    def set_potentials(self, potentials: NDArray[np.float64]) -> None:
        """Write |x|² - f into the last row of `points`."""
        self.points[-1, : len(potentials)] = self.square - potentials

    def score(self, start: int, stop: int) -> NDArray[np.floating]:
        """Return c_ij - f_i - |y_j|² of the cells from `start` to `stop`, (stop - start, stripes * width)."""
        return np.dot(self.cells[start:stop], self.points, out=self.scores[: stop - start])

    def score_of(self, cells: NDArray[np.integer]) -> NDArray[np.floating]:
        """Return the scores of at most `BLOCK` single cells, (cells, stripes * width)."""
        return np.dot(self.cells[cells], self.points, out=self.scores[: len(cells)])


def lay_out(x: NDArray[np.float64], y: NDArray[np.float64], dtype: DTypeLike, *, candidates: int) -> Priced:
    """Lay out centred reference points x, (m, d), and cells y, (n, d), for pricing."""
    m, d = x.shape
    stripes = 1
    while stripes < _MOST_STRIPES and 4 * candidates * stripes <= m:
        stripes *= 2
    columns = -(-m // stripes) * stripes
    points = np.zeros((d + 1, columns), dtype)
    points[:d, :m] = -2.0 * x.T
    points[d, m:] = _NEVER
    cells = np.ones((len(y), d + 1), dtype)
    cells[:, :d] = y
    scores = np.empty((min(BLOCK, len(y)), columns), dtype)
    return Priced(cells, points, np.square(x).sum(axis=1), scores, stripes)


@njit(cache=True, nogil=True)
def may_pay(nodes, m, begin, end, floors, at, square, extent, noise, tolerance, cells, own, limits):
    """Find the cells of a block of which an arc may pay that is no candidate.

    Parameters
    ----------
    nodes, m
        The tree, and how many reference points it has.
    begin, end
        First cell of the block, and the first after it.
    floors
        No arc of a cell but its candidates has a lower score, (n,); brought up to date for the block.
    at
        The potentials for which that holds, (m,); brought up to date. A score falls by what a potential rises.
    square, extent
        |y|² of the cells, (n,), and the largest |x|² + |y|².
    noise, tolerance
        Error of a score relative to |x|² + |y|², and the least error. Without noise this is the last look, and only
        for what pays.
    cells, own, limits
        Filled with the cells, their potentials, and scores below which it is worth to select, (BLOCK,).

    Returns
    -------
        How many cells were found.
    """
    rise = nodes[0].potential - at[0]
    for i in range(m):
        rise = max(rise, nodes[i].potential - at[i])
        at[i] = nodes[i].potential
    count = 0
    for k in range(begin, end):
        node = m + 1 + k
        potential = nodes[node].cost - nodes[nodes[node].parent].potential
        error = max(noise * (square[k] + extent), tolerance)
        floors[k] -= rise
        if floors[k] - error <= potential - square[k]:
            cells[count] = k
            own[count] = potential
            limits[count] = _ALL if noise > 0 else potential - square[k] - error
            count += 1
    return count


@njit(cache=True, nogil=True, fastmath=True)
def select(scores, stripes, limit, lowest, found, values, floors):
    """Find a few arcs of least score of every cell of a block that has one below its limit.

    Parameters
    ----------
    scores
        Scores of the block, (B, stripes * width).
    stripes
        How many stripes the columns are laid out in.
    limit
        Cells without a score below their limit are passed over, (B,).
    lowest
        Filled with the least score of each cell, (B,).
    found, values
        Filled with the columns of about 3/4 K least scores and these scores, the least first and the others in no
        order, (B, K); -1 where a cell is passed over or there are fewer.
    floors
        Filled with a score that all columns not found are above or at, (B,).

    Returns
    -------
        How many cells were not passed over.
    """
    width = scores.shape[1] // stripes
    wanted = min(found.shape[1] - found.shape[1] // 4, width)
    least = np.empty(width, scores.dtype)
    groups = np.empty(width + 1, np.int32)
    count = 0
    for r in range(len(scores)):
        row = scores[r]
        best = _group_minima(row, stripes, least)
        lowest[r] = best
        found[r, :] = -1
        if best < limit[r]:
            count += 1
            threshold = _threshold(least, best, wanted)
            complete = _gather(row, stripes, least, threshold, groups, found[r])
            floors[r] = threshold if complete else best
            _put_first(row, best, found[r])
            for c in range(found.shape[1]):
                values[r, c] = row[found[r, c]] if found[r, c] >= 0 else _NEVER
    return count


@njit(cache=True, nogil=True, fastmath=True)
def _group_minima(row, stripes, least):
    """Fill in the least score of every group, which has one column in each stripe; return the least of all."""
    width = len(least)
    for q in range(width):
        least[q] = row[q]
    for s in range(1, stripes):
        stripe = row[s * width : (s + 1) * width]
        for q in range(width):
            value, least_yet = stripe[q], least[q]
            least[q] = value if value < least_yet else least_yet
    best = least[0]
    for q in range(width):
        best = least[q] if least[q] < best else best
    return best


@njit(cache=True, nogil=True, fastmath=True)
def _threshold(least, best, wanted):
    """Narrow an interval until about as many group minima as wanted are at or below its lower end."""
    number = least.dtype.type
    total = number(0)
    for value in least:
        total += value - best if value < number(_HIDDEN) else number(0)
    low, high = best, best + number(2) * total / number(len(least))
    for _ in range(_NARROWINGS):
        middle = low + (high - low) * number(0.4)
        below = np.int32(0)
        for value in least:
            below += np.int32(1) if value <= middle else np.int32(0)
        if below > wanted + 1:
            high = middle
        else:
            low = middle
            if below >= wanted - 1:
                break
    return low


@njit(cache=True, nogil=True)
def _gather(row, stripes, least, threshold, groups, found):
    """Write down the columns of scores up to the threshold, without branches that a processor would guess wrong.

    Returns
    -------
        Whether there was room for all.
    """
    width, room = len(least), len(found)
    hit = 0
    for q in range(width):
        groups[hit] = q
        hit += 1 if least[q] <= threshold else 0
    place, count = 0, 0
    for h in range(hit):
        for s in range(stripes):
            column = s * width + groups[h]
            found[place] = column
            low = 1 if row[column] <= threshold else 0
            count += low
            place += low if place < room - 1 else 0
    for rest in range(place, room):
        found[rest] = -1
    return count == place


@njit(cache=True, nogil=True)
def _put_first(row, best, found):
    """Exchange the column of the least score with the first; it may have found no room."""
    for place in range(len(found)):
        column = found[place]
        if column >= 0 and row[column] == best:
            found[place] = found[0]
            found[0] = column
            return
    for column in range(len(row)):
        if row[column] == best:
            found[0] = column
            return


@njit(cache=True, nogil=True)
def arc_costs(x, y, cells, arcs, costs):
    """Fill in the exact squared distances of arcs, (n, K), for some cells; an arc that is missing never pays."""
    for k in cells:
        for c in range(arcs.shape[1]):
            if arcs[k, c] < 0:
                arcs[k, c] = arcs[k, 0]
                costs[k, c] = _NEVER
            else:
                costs[k, c] = _squared_distance(x, y, arcs[k, c], k)


@njit(cache=True, nogil=True)
def renew(x, y, potentials, cell_potentials, tolerance, cells, found, arcs, costs):
    """Give cells the arcs found for them, with exact costs; a cell for which none was found keeps its own.

    Returns
    -------
        The cells for which one of the new arcs pays, in float64.
    """
    paying = np.empty(len(cells), np.int64)
    count = 0
    for r in range(len(cells)):
        if found[r, 0] < 0:
            continue
        k = cells[r]
        arcs[k] = found[r]
        arc_costs(x, y, cells[r : r + 1], arcs, costs)
        for c in range(arcs.shape[1]):
            if costs[k, c] - potentials[arcs[k, c]] - cell_potentials[r] < -tolerance:
                paying[count] = k
                count += 1
                break
    return paying[:count]


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _squared_distance(x, y, i, k):
    total = 0.0
    for t in range(x.shape[1]):
        difference = x[i, t] - y[k, t]
        total += difference * difference
    return total
