"""Cells that a hand went round with a line: remembered as cells of the cohort, so that any picture can show them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Selected:
    """Cells of some samples.

    Parameters
    ----------
    cells
        True for the chosen ones among the used cells of a sample, (n,), by its name.
    line
        The line that was drawn, (k, 2), in the units of the view.
    view
        The view it was drawn in: elsewhere the cells are shown without it.
    place
        The picture it was drawn on.
    """

    cells: Mapping[str, np.ndarray]
    line: np.ndarray
    view: tuple[str, ...]
    place: str

    @property
    def count(self) -> int:
        """Number of chosen cells."""
        return int(sum(mask.sum() for mask in self.cells.values()))
