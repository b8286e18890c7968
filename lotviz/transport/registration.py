"""Two samples registered through the reference: which cells are glued together, and with what mass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from lotviz.data.choices import require_at_least, require_seed
from lotviz.transport.doors import require_memory
from lotviz.transport.draws import draw_glued

_BYTES_PER_PAIR = 40


@dataclass(frozen=True, eq=False)
class GluedPairs:
    """Cells of two samples that are glued together.

    Attributes
    ----------
    first, second
        Positions among the used cells of the two samples, (p,).
    point
        The reference point each pair is glued through, (p,).
    mass
        Mass of each pair, (p,), summing to one.
    """

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    point: NDArray[np.intp]
    mass: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Registration:
    """Two samples registered through the reference; no further transport problem is solved.

    A sample registered with itself is the identity: every cell is glued to itself, at no cost.

    Attributes
    ----------
    first, second
        Names of the samples.
    masses
        Masses of the reference points, (m,).
    first_plan, second_plan
        Mass from reference point to cell, (m, n), sparse.
    displacement
        How far each reference point moves from the first sample to the second, (m, d), scaled.
    marker_displacement
        The same in transformed marker units, (m, d).
    cost
        Mean squared distance of glued cells, scaled: squared LOT distance plus both residuals. Never less than
        the squared Wasserstein distance. Zero for a sample with itself.
    """

    first: str
    second: str
    masses: NDArray[np.float64]
    first_plan: csr_array
    second_plan: csr_array
    displacement: NDArray[np.float64]
    marker_displacement: NDArray[np.float64]
    cost: float

    @property
    def identity(self) -> bool:
        """Whether a sample is registered with itself."""
        return self.first == self.second

    @property
    def n_pairs(self) -> int:
        """How many pairs of cells are glued together."""
        if self.identity:
            return int(self.first_plan.nnz)
        return int(np.dot(*self._cells_per_point()))

    def pairs(self) -> GluedPairs:
        """Return all glued pairs with their exact mass: first plan times second plan, over the point's mass.

        Of a sample with itself every cell is its own partner, once through each point it gets mass from.

        Raises
        ------
        TransportMemoryError
            There are more pairs than fit into free memory.
        """
        require_memory(
            _BYTES_PER_PAIR * self.n_pairs,
            f"the {self.n_pairs} glued pairs of {self.first} and {self.second}",
            "Draw some with sample_pairs.",
        )
        first_count, second_count = self._cells_per_point()
        if self.identity:
            point = np.repeat(np.arange(len(self.masses)), first_count)
            cells = self.first_plan.indices.copy()  # whoever alters pairs leaves the plan as it is
            return GluedPairs(cells, cells.copy(), point, self.first_plan.data.copy())
        point = np.repeat(np.arange(len(self.masses)), first_count * second_count)
        # every stored entry of the first plan meets all entries of the second plan at the same point
        left = np.repeat(np.arange(self.first_plan.nnz), np.repeat(second_count, first_count))
        start = np.cumsum(first_count * second_count) - first_count * second_count
        within = np.arange(len(point)) - start[point]
        right = self.second_plan.indptr[point] + within % second_count[point]
        mass = self.first_plan.data[left] * self.second_plan.data[right] / self.masses[point]
        return GluedPairs(self.first_plan.indices[left], self.second_plan.indices[right], point, mass)

    def sample_pairs(self, n: int, seed: int = 0) -> GluedPairs:
        """Draw `n` glued pairs of equal mass: systematic over the first sample's cells, seeded over the second's.

        With `n` equal to the number of used cells of the first sample, each of them is drawn exactly once.

        Parameters
        ----------
        n
            How many pairs.
        seed
            Chooses the partners.

        Raises
        ------
        ValueError
            `n` is not positive, or the seed is none.
        """
        require_at_least(1, n=n)
        require_seed(seed)
        named = [(self.first, self.first_plan), (self.second, self.second_plan)]
        drawn = draw_glued(named[:1] if self.identity else named, n, seed=seed)
        return GluedPairs(drawn.cells[0], drawn.cells[-1], drawn.points, np.full(n, 1.0 / n))

    def _cells_per_point(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        first, second = np.diff(self.first_plan.indptr), np.diff(self.second_plan.indptr)
        return first.astype(np.intp), second.astype(np.intp)
