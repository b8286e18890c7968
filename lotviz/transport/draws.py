"""Seeded draws of tuples of cells, one of each sample, glued together through the reference points."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array


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


def draw_glued(named_plans: Sequence[tuple[str, csr_array]], n: int, *, seed: int) -> Drawn:
    """Draw tuples of glued cells; the first plan is the anchor.

    The anchor's cells are visited at `n` equally spaced positions of their cumulative mass, in their order. Each
    visit passes through one reference point, and there every other sample gives a cell, its cells visited at
    equally spaced positions too, in seeded random order.

    Parameters
    ----------
    named_plans
        Name and plan (m, n) of each sample; the name and `seed` choose its cells, so that the draw of a sample
        does not depend on which others are drawn with it.
    n
        How many tuples.
    seed
        Chooses the cells of all but the anchor.

    Returns
    -------
        The points passed through and the cells drawn, by plan.
    """
    points, anchor_cells = _visit_in_order(named_plans[0][1], n)
    partners = (
        _draw_at(points, plan, np.random.default_rng([seed, zlib.crc32(name.encode())]))
        for name, plan in named_plans[1:]
    )
    return Drawn(points, (anchor_cells, *partners))


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
