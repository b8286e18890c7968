"""Seeded draws of tuples of cells, one of each sample, glued together through the reference points."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from lotviz.transport.progress import stop_if

_ASSIGNED_AT_ONCE = 256


@dataclass(frozen=True, eq=False)
class Drawn:
    """Tuples of glued cells of equal mass.

    Attributes
    ----------
    points
        The reference point each tuple is glued through, (N,).
    cells
        For each plan the positions of its cells, (N,).
    """

    points: NDArray[np.intp]
    cells: tuple[NDArray[np.intp], ...]


def draw_glued(
    named_plans: Sequence[tuple[str, csr_array]],
    n: int,
    *,
    seed: int,
    clouds: Sequence[NDArray[np.floating]] | None = None,
    cancel: threading.Event | None = None,
) -> Drawn:
    """Draw tuples of glued cells; the first plan is the anchor.

    The anchor's cells are visited at `n` equally spaced positions of their cumulative mass, in their order. Each
    visit passes through one reference point, and there every other sample gives a cell, its cells visited at
    equally spaced positions too, in seeded random order.

    With the clouds at hand, the cells that meet at a point are paired so that they deviate alike from their means there
    instead: every such pairing glues the same samples through the same points, and this one keeps the spread that a
    random pairing averages away.

    Parameters
    ----------
    named_plans
        Name and plan (m, n) of each sample; the name and `seed` choose its cells, so that the draw of a sample
        does not depend on which others are drawn with it.
    n
        How many tuples.
    seed
        Chooses the cells of all but the anchor.
    clouds
        Cells of each sample, (n_k, d), scaled; None pairs at random.
    cancel
        Set it to stop while cells are paired.

    Returns
    -------
        The points passed through and the cells drawn, by plan.
    """
    points, anchor_cells = _visit_in_order(named_plans[0][1], n)
    partners = [
        _draw_at(points, plan, np.random.default_rng([seed, zlib.crc32(name.encode())]))
        for name, plan in named_plans[1:]
    ]
    if clouds is not None:
        anchor = clouds[0][anchor_cells]
        partners = [
            drawn[paired_alike(points, anchor, cloud[drawn], cancel=cancel)]
            for drawn, cloud in zip(partners, clouds[1:], strict=True)
        ]
    return Drawn(points, (anchor_cells, *partners))


def visited_cells(plan: csr_array, n: int) -> NDArray[np.intp]:
    """Visit the cells of a plan at `n` equally spaced positions of their cumulative mass, in their order: (n,)."""
    return _visit_in_order(plan, n)[1]


def paired_alike(
    points: NDArray[np.intp],
    anchor: NDArray[np.floating],
    partner: NDArray[np.floating],
    *,
    cancel: threading.Event | None = None,
) -> NDArray[np.intp]:
    """Order the partners that meet the anchor's cells at the same point so that both deviate alike from their means.

    Parameters
    ----------
    points
        The reference point of each pair, (N,).
    anchor, partner
        Cells of either sample, (N, d).
    cancel
        Set it to stop.

    Returns
    -------
        Positions of the partners, (N,): a permutation within each point.

    Notes
    -----
    The least sum of squared distances of deviations, by linear assignment; of many cells in parts of 256 that follow
    one another along the axis of largest spread.
    """
    order = np.argsort(points, kind="stable")
    starts = np.flatnonzero(np.diff(points[order], prepend=-1))
    paired = np.empty(len(points), dtype=np.intp)
    for visits in np.split(order, starts[1:]):
        stop_if(cancel)
        first = np.asarray(anchor[visits], dtype=np.float64)
        second = np.asarray(partner[visits], dtype=np.float64)
        rows, columns = _assigned(first - first.mean(axis=0), second - second.mean(axis=0))
        paired[visits[rows]] = visits[columns]
    return paired


def _assigned(first: NDArray[np.float64], second: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    from scipy.optimize import linear_sum_assignment

    if len(first) <= _ASSIGNED_AT_ONCE:
        rows, columns = linear_sum_assignment(first @ second.T, maximize=True)
        return rows, columns
    axis = np.linalg.eigh(first.T @ first + second.T @ second)[1][:, -1]
    along = np.argsort(first @ axis, kind="stable"), np.argsort(second @ axis, kind="stable")
    cuts = np.arange(_ASSIGNED_AT_ONCE, len(first), _ASSIGNED_AT_ONCE)
    parts = [
        (mine[rows], theirs[columns])
        for mine, theirs in zip(np.split(along[0], cuts), np.split(along[1], cuts), strict=True)
        for rows, columns in [_assigned(first[mine], second[theirs])]
    ]
    return np.concatenate([rows for rows, _ in parts]), np.concatenate([columns for _, columns in parts])


def _visit_in_order(plan: csr_array, n: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    by_cell = plan.tocsc()
    cumulative = np.cumsum(by_cell.data)
    # the middles of n equal parts: with n cells of equal mass, each is visited exactly once
    entry = _entry_at(cumulative, (np.arange(n) + 0.5) / n * cumulative[-1])
    cell = np.searchsorted(by_cell.indptr, entry, side="right") - 1
    return by_cell.indices[entry].astype(np.intp), cell.astype(np.intp)


def _draw_at(points: NDArray[np.intp], plan: csr_array, rng: np.random.Generator) -> NDArray[np.intp]:
    """Draw a cell of `plan` at each of the points, (N,) -> (N,)."""
    drawn = np.empty(len(points), dtype=np.intp)
    order = np.argsort(points, kind="stable")
    visited, start = np.unique(points[order], return_index=True)
    for point, visits in zip(visited, np.split(order, start[1:]), strict=True):
        row = slice(plan.indptr[point], plan.indptr[point + 1])
        shuffled = rng.permutation(row.stop - row.start)
        cumulative = np.cumsum(plan.data[row][shuffled])
        position = (np.arange(len(visits)) + rng.random()) / len(visits) * cumulative[-1]
        chosen = plan.indices[row][shuffled][_entry_at(cumulative, position)]
        drawn[visits] = rng.permutation(chosen)
    return drawn


def _entry_at(cumulative: NDArray[np.float64], position: NDArray[np.float64]) -> NDArray[np.intp]:
    return np.minimum(np.searchsorted(cumulative, position, side="right"), len(cumulative) - 1)
