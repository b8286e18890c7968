"""The cost of a registration, shared out over the cells of both samples and over markers: the shares add up to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from lotviz.analysis.composition import indicator

if TYPE_CHECKING:
    from lotviz.transport.embedding import LOTEmbedding


@dataclass(frozen=True, eq=False)
class CostShares:
    """What each cell and marker takes of the mean squared distance of glued cells.

    Attributes
    ----------
    a, b
        The two samples.
    markers
        The d markers.
    first
        By cell of A, (n, d), scaled units squared, never negative; sums to the cost.
    second
        By cell of B, (k, d); sums to the same cost, seen from the other end.
    cost
        The cost of the registration.
    """

    a: str
    b: str
    markers: tuple[str, ...]
    first: NDArray[np.float64]
    second: NDArray[np.float64]
    cost: float

    @property
    def by_marker(self) -> NDArray[np.float64]:
        """Cost by marker, (d,); sums to the cost."""
        return np.asarray(self.first.sum(axis=0))

    def by_population(self, labels: ArrayLike, names: Sequence[str]) -> pd.DataFrame:
        """Return the cost by population of A's cells and by marker, populations x markers; sums to the cost.

        Parameters
        ----------
        labels
            Population of each cell of A, (n,).
        names
            The populations; every label must be among them.
        """
        return pd.DataFrame(indicator(labels, names).T @ self.first, index=list(names), columns=list(self.markers))


def cost_shares(embedding: LOTEmbedding, a: str, b: str) -> CostShares:
    """Share the cost of the registration of A and B out over their cells and over markers.

    A cell y of A with mass G_ij at point i pays ``G_ij (|y - T_i|^2 + v_i)``, marker by marker, T_i being the mean
    and v_i the spread of the cells of B at i: the mean squared distance to its partners, by mass. Nothing is
    approximated, and no pair of cells is formed.

    Parameters
    ----------
    embedding
        Holds both samples, with their cells.
    a, b
        Names of the two samples; a sample costs nothing to itself.
    """
    rows = (embedding.index(a), embedding.index(b))
    cells = [embedding.scaled_cells(sample) for sample in (a, b)]
    if a == b:
        nothing = np.zeros_like(cells[0])
        return CostShares(a, b, tuple(embedding.markers), nothing, nothing, 0.0)
    plans = [sparse.csr_array(embedding.plans[row]) for row in rows]
    maps = [np.asarray(embedding.maps[row], dtype=np.float64) for row in rows]
    spread = [_spread(plan, own, there) for plan, own, there in zip(plans, cells, maps, strict=True)]
    return CostShares(
        a=a,
        b=b,
        markers=tuple(embedding.markers),
        first=_paid(plans[0], cells[0], maps[1], spread[1]),
        second=_paid(plans[1], cells[1], maps[0], spread[0]),
        cost=embedding.registration(a, b).cost,
    )


def _spread(plan: sparse.csr_array, cells: NDArray[np.float64], maps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the variance of the cells at each reference point, (m, d)."""
    point, cell = _entries(plan)
    squares = plan.data[:, None] * np.square(cells[cell] - maps[point])
    return _summed(squares, point, plan.shape[0]) / np.asarray(plan.sum(axis=1)).reshape(-1, 1)


def _paid(
    plan: sparse.csr_array, cells: NDArray[np.float64], maps: NDArray[np.float64], spread: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return what each cell pays to reach its partners, (n, d): mean `maps` and variance `spread` at its points."""
    point, cell = _entries(plan)
    paid = plan.data[:, None] * (np.square(cells[cell] - maps[point]) + spread[point])
    return _summed(paid, cell, plan.shape[1])


def _entries(plan: sparse.csr_array) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return point and cell of each stored entry of a plan."""
    return np.repeat(np.arange(plan.shape[0]), np.diff(plan.indptr)), np.asarray(plan.indices)


def _summed(values: NDArray[np.float64], places: NDArray[np.intp], count: int) -> NDArray[np.float64]:
    """Sum rows of values, (e, d), by their place, (e,) -> (count, d)."""
    columns = [np.bincount(places, weights=column, minlength=count) for column in values.T]
    return np.stack(columns, axis=1)
