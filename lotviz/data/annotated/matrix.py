"""The values of an AnnData file: dense, by row (CSR) or by column (CSC), some rows read without the rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from lotviz.data.annotated.stored import MOST_NAMES, child, damaged, is_array, opened, require_array
from lotviz.data.memory import require_memory
from lotviz.data.problems import CohortError, Problem

Layout = Literal["dense", "csr", "csc"]
_BLOCK_BYTES = 2**26
_GAP_BYTES = 2**18
_ENTRIES = 2**23
_PEEKED_PLACES, _PEEKED_BYTES, _PEEKED_ROWS = 8, 2**22, 1_000
_PEEKED_COLUMNS = 64
_PARTS = ("data", "indices", "indptr")


@dataclass(frozen=True, eq=False)
class StoredMatrix:
    """A matrix of cells x markers in a file.

    Parameters
    ----------
    place
        Where it lies: "X", "raw/X", "layers/counts", "obsm/X_pca".
    shape
        Cells and markers.
    layout
        How it is stored.
    """

    path: Path
    where: str
    place: str
    shape: tuple[int, int]
    layout: Layout
    kept: dict[str, NDArray[np.int64]] = field(default_factory=dict)

    def dense(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.float32]:
        """Read some rows (increasing) of some columns, (n, d)."""
        require_memory(len(rows) * len(columns) * 4, self.where)
        taken = np.zeros((len(rows), len(columns)), dtype=np.float32)
        with opened(self.path, self.where) as store:
            node = self._node(store)
            if self.layout == "csc":
                for at, column, data in self._entries(node, rows, columns):
                    np.add.at(taken, (at, column), data)
                return taken
            for low, high, block in self._blocks(node, rows):
                part = block[:, columns]
                taken[low:high] = part.toarray() if sparse.issparse(part) else part
        return taken

    def sparse(self, rows: NDArray[np.intp]) -> sparse.csr_matrix:
        """Read some rows (increasing) of all columns, (n, d) sparse, what is stored and no more."""
        with opened(self.path, self.where) as store:
            node = self._node(store)
            if self.layout == "csc":
                parts = list(self._entries(node, rows, np.arange(self.shape[1])))
                at, column, data = (np.concatenate(part) for part in zip(*parts, strict=True)) if parts else _NOTHING
                return sparse.coo_matrix((data, (at, column)), shape=(len(rows), self.shape[1])).tocsr()
            blocks = [sparse.csr_matrix(block) for _, _, block in self._blocks(node, rows)]
        if not blocks:
            return sparse.csr_matrix((0, self.shape[1]), dtype=np.float32)
        return sparse.vstack(blocks, format="csr")

    def peek(self, columns: NDArray[np.intp]) -> NDArray[np.float32]:
        """Read some values of these columns from a few places of the file, (n, d)."""
        if self.layout == "csc":
            return self._peek_columns(columns)
        height = max(1, min(_PEEKED_ROWS, _PEEKED_BYTES // max(1, self.shape[1] * 4), self.shape[0]))
        starts = np.linspace(0, self.shape[0] - height, _PEEKED_PLACES).astype(np.intp)
        rows = np.unique((starts[:, None] + np.arange(height)).ravel())
        return self.dense(rows, columns)

    def _peek_columns(self, columns: NDArray[np.intp]) -> NDArray[np.float32]:
        """Read stored values of up to 64 columns, each standing for its neighbours: rows would take a whole pass."""
        places = np.unique(np.linspace(0, len(columns) - 1, min(_PEEKED_COLUMNS, len(columns))).astype(int))
        chosen = columns[places]
        height = max(1, min(_PEEKED_ROWS, _PEEKED_BYTES // max(1, len(columns))))
        values = np.zeros((height, len(chosen)), dtype=np.float32)
        with opened(self.path, self.where) as store:
            node = self._node(store)
            ends = self._ends(node)
            for position, column in enumerate(chosen):
                start, stop = int(ends[column]), int(min(ends[column + 1], ends[column] + height))
                values[: stop - start, position] = node["data"][start:stop]
        return values[:, np.searchsorted(places, np.arange(len(columns)), side="right") - 1]

    def _node(self, store: Any) -> Any:
        node = child(store, self.place, self.where)
        if node is None:
            raise damaged(self.where, f"no {self.place} any more")
        return node

    def _blocks(self, node: Any, rows: NDArray[np.intp]) -> Iterator[tuple[int, int, Any]]:
        """Blocks of the rows asked for, each read as one contiguous span of bounded size."""
        ends = None if self.layout == "dense" else self._ends(node)
        if ends is None:
            width = max(1, self.shape[1] * node.dtype.itemsize)
            most, gap = max(1, _BLOCK_BYTES // width), max(_chunk_rows(node), _GAP_BYTES // width)
        else:
            widest = max(1, int(np.diff(ends).max(initial=1)))
            most, gap = max(1, 2 * _ENTRIES // widest), max(1, _GAP_BYTES // (8 * widest))
        for low, high in spans(rows, most=most, gap=gap):
            first, last = int(rows[low]), int(rows[high - 1]) + 1
            block = self._span(node, ends, first, last)
            whole = last - first == high - low
            yield low, high, block if whole else block[rows[low:high] - first]

    def _span(self, node: Any, ends: NDArray[np.int64] | None, first: int, last: int) -> Any:
        if ends is None:
            return np.asarray(node[first:last], dtype=np.float32)
        start, stop = int(ends[first]), int(ends[last])
        indices = np.asarray(node["indices"][start:stop])
        self._require_inside(indices, self.shape[1])
        data = np.asarray(node["data"][start:stop], dtype=np.float32)
        return sparse.csr_matrix((data, indices, ends[first : last + 1] - start), shape=(last - first, self.shape[1]))

    def _entries(
        self, node: Any, rows: NDArray[np.intp], columns: NDArray[np.intp]
    ) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]]:
        """Yield the entries of the rows asked for, as row, column and value: one pass over these columns, in pieces."""
        ends = self._ends(node)
        place = np.full(self.shape[0], -1, dtype=np.int32)
        place[rows] = np.arange(len(rows), dtype=np.int32)
        for low, high in _runs(columns):
            edges = ends[columns[low] : columns[high - 1] + 2]
            for start in range(int(edges[0]), int(edges[-1]), _ENTRIES):
                stop = min(start + _ENTRIES, int(edges[-1]))
                indices = np.asarray(node["indices"][start:stop])
                self._require_inside(indices, self.shape[0])
                at = place[indices]
                wanted = np.flatnonzero(at >= 0)
                column = low + np.searchsorted(edges, start + wanted, side="right") - 1
                yield at[wanted].astype(np.intp), column, np.asarray(node["data"][start:stop], dtype=np.float32)[wanted]

    def _ends(self, node: Any) -> NDArray[np.int64]:
        if "ends" not in self.kept:
            ends = np.asarray(node["indptr"][:], dtype=np.int64)
            stored = int(node["data"].shape[0])
            whole = ends[0] == 0 and ends[-1] == stored and (np.diff(ends) >= 0).all()
            widest = int(np.diff(ends).max(initial=0)) if whole else 0
            if not whole or widest > self.shape[1 if self.layout == "csr" else 0]:
                raise damaged(self.where, f"{self.place} whose parts do not fit together")
            self.kept["ends"] = ends
        return self.kept["ends"]

    def _require_inside(self, indices: NDArray[Any], limit: int) -> None:
        if len(indices) and (indices.min() < 0 or indices.max() >= limit):
            raise damaged(self.where, f"positions in {self.place} outside its shape")


_NOTHING = (np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0, np.float32))


def spans(rows: NDArray[np.intp], *, most: int, gap: int) -> Iterator[tuple[int, int]]:
    """Cut increasing rows into stretches worth reading at once.

    Parameters
    ----------
    most
        No stretch spans more rows of the file.
    gap
        Rows further apart are not read together.

    Examples
    --------
    >>> list(spans(np.array([0, 1, 2, 3, 50, 51]), most=3, gap=10))
    [(0, 3), (3, 4), (4, 6)]
    """
    if not len(rows):
        return
    breaks = np.flatnonzero(np.diff(rows) > gap) + 1
    for start, stop in zip((0, *breaks.tolist()), (*breaks.tolist(), len(rows)), strict=True):
        low = start
        while low < stop:
            high = min(stop, int(np.searchsorted(rows, rows[low] + most)))
            yield low, high
            low = high


def _runs(columns: NDArray[np.intp]) -> Iterator[tuple[int, int]]:
    """Stretches of columns that follow each other."""
    breaks = (np.flatnonzero(np.diff(columns) != 1) + 1).tolist()
    if len(columns):
        yield from zip((0, *breaks), (*breaks, len(columns)), strict=True)


def _chunk_rows(node: Any) -> int:
    chunks = getattr(node, "chunks", None)
    return int(chunks[0]) if chunks else 1


def open_matrix(store: Any, path: Path, where: str, place: str) -> StoredMatrix:
    """Open the matrix at a place of a store; nothing of it is read.

    Raises
    ------
    CohortError
        When it is no matrix of numbers.
    """
    node, here = child(store, place, where), f"{where}, {place}"
    if node is not None and is_array(node):
        require_array(node, here, dimensions=2)
        return _bounded(StoredMatrix(path, here, place, (int(node.shape[0]), int(node.shape[1])), "dense"))
    if node is None or not all(part in node for part in _PARTS):
        what = "Expected a matrix, dense, CSR or CSC, found something else."
        raise CohortError(Problem(here, what, "Name another layer, or write the file again as one of these."))
    kind = str(node.attrs.get("encoding-type", node.attrs.get("h5sparse_format", "")))[:3]
    shape = node.attrs.get("shape", node.attrs.get("h5sparse_shape"))
    if kind not in ("csr", "csc") or shape is None or len(shape) != 2:
        raise damaged(here, "a sparse matrix without its shape or format")
    layout: Layout = "csr" if kind == "csr" else "csc"
    matrix = _bounded(StoredMatrix(path, here, place, (int(shape[0]), int(shape[1])), layout))
    sizes = {
        part: int(require_array(node[part], here).shape[0]) for part in _PARTS if child(node, part, here) is not None
    }
    major = matrix.shape[0 if layout == "csr" else 1]
    if sizes["indptr"] != major + 1 or sizes["data"] != sizes["indices"]:
        raise damaged(here, "a sparse matrix whose parts differ in length")
    return matrix


def _bounded(matrix: StoredMatrix) -> StoredMatrix:
    if min(matrix.shape) < 0 or matrix.shape[1] > MOST_NAMES:
        raise damaged(matrix.where, f"the shape {matrix.shape[0]} x {matrix.shape[1]}")
    return matrix
