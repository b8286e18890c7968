"""Whether a cohort holds what components of another one were fitted on: its genes, its kind of values, its totals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lotviz.data.cohort import CellSource
from lotviz.data.genes.counts import TAKEN_FOR, scale_of
from lotviz.data.genes.pooled import pooled_cells
from lotviz.data.problems import CohortError, Problem, listed
from lotviz.data.sources import Found

if TYPE_CHECKING:
    from lotviz.data.genes.components import Components

_COUNTED = ("counts", "unlogged")
_SAMPLES, _CELLS = 8, 100
_FEWER = 0.9  # of the genes: totals of cells that miss more are not comparable


def require_fit(components: Components, found: Found, source: CellSource, *, where: str) -> tuple[Problem, ...]:
    """Refuse values that these components cannot score; return what makes scores doubtful.

    Raises
    ------
    CohortError
        When a gene is not there, or the values are of another kind, such as logarithmic ones for those of counts.
    """
    missing = sorted(set(components.genes) - set(found.markers))
    if missing:
        what = f"Expected the {len(components.genes):,} genes of the components, found none of {listed(missing)}."
        raise CohortError(Problem(where, what, "Name the genes as in the cohort the components were fitted on."))
    values = _some_values(source, found.counts)
    if not _same_kind(components, values):
        expected, there = (TAKEN_FOR[scale].split(":")[0] for scale in (components.scale, scale_of(values)))
        what = f"Expected values as the components were fitted on, {expected}, found values taken for {there}."
        raise CohortError(Problem(where, what, "Name the layer that holds such values."))
    return _other_totals(components, len(found.markers), where)


def _same_kind(components: Components, values: NDArray[np.float32]) -> bool:
    if not values.size:
        return True
    found = scale_of(values)
    if components.scale not in _COUNTED:
        return found == components.scale
    # so few molecules that no gene has two in any of these cells are still counts
    return found in _COUNTED or bool(values.min() >= 0 and (values == np.round(values)).all())


def _some_values(source: CellSource, counts: Mapping[str, int]) -> NDArray[np.float32]:
    """Values that are not 0 of the first cells of some samples spread over the cohort."""
    names = [name for name, count in counts.items() if count]
    if not names:
        return np.empty(0, dtype=np.float32)
    places = np.unique(np.linspace(0, len(names) - 1, min(_SAMPLES, len(names))).astype(int))
    draws = {names[place]: np.arange(min(_CELLS, counts[names[place]])) for place in places}
    return pooled_cells(source, draws).data


def _other_totals(components: Components, n_genes: int, where: str) -> tuple[Problem, ...]:
    before = components.n_genes
    if components.scale not in _COUNTED or not before or _FEWER * before <= n_genes <= before / _FEWER:
        return ()
    what = (
        f"Every cell is normalised to its total over {n_genes:,} genes, where the components were fitted over "
        f"{before:,}: scores may be shifted for that alone."
    )
    return (Problem(where, what, "Give the counts of the same genes, not only of a choice of them.", "warning"),)
