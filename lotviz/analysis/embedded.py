"""An embedding seen as the cohort of its used cells, for whatever asks questions of cohorts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lotviz.data.cohort import Cohort
from lotviz.data.transforms.transform import Transform

if TYPE_CHECKING:
    from lotviz.transport.cells import CellStore
    from lotviz.transport.embedding import LOTEmbedding


def as_cohort(source: Cohort | LOTEmbedding) -> Cohort:
    """Return a cohort as it is, and an embedding as the cohort of its used cells."""
    if isinstance(source, Cohort):
        return source
    counts = pd.Series(source.n_cells, index=source.samples.index, name="cells")
    return Cohort(
        name=source.name,
        samples=source.samples,
        markers=source.markers,
        cell_counts=counts,
        source=EmbeddedCells(source.cell_store),
        transform=Transform("none"),
        origin=source.origin or source.name or "embedding",
        synthetic=source.synthetic,
    )


@dataclass(frozen=True, eq=False)
class EmbeddedCells:
    """The used cells of an embedding as the source of a cohort."""

    store: CellStore

    def read(self, sample: str) -> NDArray[np.float32]:
        """Read the used cells of a sample, (n, d), transformed."""
        return self.store.read(sample)

    def populations(self, sample: str) -> NDArray[Any] | None:
        """Return the population of every used cell, where it is known."""
        return self.store.populations(sample)

    def where(self, sample: str, cell: int | None = None) -> str:
        """Name the place of a sample or of one of its cells."""
        return f"sample {sample}" if cell is None else f"sample {sample}, cell {cell + 1}"
