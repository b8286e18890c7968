"""Cells of the samples of any source as sparse rows, some at a time, for what is fitted on genes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from lotviz.data.annotated.reader import AnnotatedTable
from lotviz.data.cohort import CellSource
from lotviz.data.problems import CohortError, Problem
from lotviz.data.sources import FileSource, LongSource, TableFile

BLOCK = 10_000


def pooled_cells(source: CellSource, draws: Mapping[str, NDArray[np.intp]]) -> sparse.csr_matrix:
    """Read some cells of some samples, sample after sample, (n, genes)."""
    table = _annotated(source)
    if table is not None and isinstance(source, LongSource):
        rows = np.concatenate([source.rows(name)[chosen] for name, chosen in draws.items()])
        order = np.argsort(rows, kind="stable")
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        pooled = table.read_sparse(rows[order])[back]
    else:
        pooled = sparse.vstack([_cells(source, name, chosen) for name, chosen in draws.items()], format="csr")
    if not np.isfinite(pooled.data).all():
        name = next(iter(draws))
        what = "Expected finite numbers, found NaN or infinity among the values of genes."
        raise CohortError(Problem(source.where(name).split(", sample ")[0], what, "Fill in or remove these cells."))
    return pooled


def _annotated(source: CellSource) -> AnnotatedTable | None:
    """Return the table of a source that reads all its genes from one AnnData file."""
    table = source.table if isinstance(source, LongSource) else None
    return table if isinstance(table, AnnotatedTable) and table.markers == source.markers else None  # type: ignore[attr-defined]


def _cells(source: CellSource, sample: str, rows: NDArray[np.intp]) -> sparse.csr_matrix:
    """Read some cells of a sample, (n, genes) sparse."""
    file = source.files[sample] if isinstance(source, FileSource) else None
    if isinstance(source, FileSource) and isinstance(file, TableFile) and isinstance(file.table, AnnotatedTable):
        values = file.table.read_sparse(rows)
        if file.table.markers == source.markers:
            return values
        place = {name: number for number, name in enumerate(file.table.markers)}
        return values[:, [place[name] for name in source.markers]]
    return sparse.csr_matrix(source.read(sample)[rows])


def blocks_of(source: CellSource, sample: str) -> Iterator[sparse.csr_matrix]:
    """Yield all cells of a sample, some at a time; a table stored by column is passed over once."""
    table = _annotated(source)
    if table is None or not isinstance(source, LongSource):
        file = source.files[sample] if isinstance(source, FileSource) else None
        count = file.n_cells if file is not None else len(source.read(sample))
        yield _cells(source, sample, np.arange(count))
        return
    rows = source.rows(sample)
    step = len(rows) if table.matrix.layout == "csc" else BLOCK
    for start in range(0, len(rows), max(1, step)):
        yield table.read_sparse(rows[start : start + step])
