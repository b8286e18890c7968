"""The table of the cells of an AnnData file (obs): its columns are read when they are asked for, in pieces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lotviz.data.annotated.stored import (
    MOST_CELLS,
    MOST_NAMES,
    child,
    damaged,
    is_array,
    names_at,
    opened,
    require_array,
    spelled,
)
from lotviz.data.problems import CohortError, Problem, listed

_PIECE = 2**18
# as anndata names them; columns of the last ones are known, but no columns of one value a cell
_ENCODINGS = (
    *("array", "string-array", "categorical", "nullable-integer", "nullable-boolean", "nullable-string-array"),
    *(
        "dataframe",
        "dict",
        "rec-array",
        "awkward-array",
        "csr_matrix",
        "csc_matrix",
        "string",
        "numeric-scalar",
        "null",
    ),
)
_NAMELESS = ("", "nan", "NaN", "None", "<NA>")


@dataclass(frozen=True, eq=False)
class Obs:
    """The columns of obs.

    Parameters
    ----------
    n_cells
        The number of cells.
    columns
        Names of the columns in the order of the file; those of a kind that is not known are not among them.
    """

    path: Path
    where: str
    n_cells: int
    columns: tuple[str, ...]
    kept: dict[str, pd.Categorical] = field(default_factory=dict)

    def words(self, name: str) -> pd.Categorical:
        """Return a column as names, whole and kept, (n_cells,); cells without a name have the code -1."""
        if name not in self.kept:
            with opened(self.path, self.where) as store:
                column = _column(store["obs"], name, f"{self.where}, obs column {name}", self.n_cells)
                self.kept[name] = column.words()
        return self.kept[name]

    def head(self, count: int) -> pd.DataFrame:
        """Return the first rows of all columns."""
        table = {}
        with opened(self.path, self.where) as store:
            for name in self.columns:
                column = _column(store["obs"], name, f"{self.where}, obs column {name}", self.n_cells)
                first = next(column.pieces(count), (0, np.array([])))[1]
                table[name] = list(column.as_values(first))
        return pd.DataFrame(table)

    def constant(self, codes: NDArray[np.int32], count: int) -> pd.DataFrame:
        """Return the columns with one value in every sample, one row a sample.

        A column is read only as far as the first cell that differs from the first of its sample.

        Parameters
        ----------
        codes
            The sample of every cell, 0 to count - 1, (n_cells,).
        count
            The number of samples, each with a cell.
        """
        first = first_rows(codes, count)
        table = {}
        with opened(self.path, self.where) as store:
            for name in self.columns:
                column = _column(store["obs"], name, f"{self.where}, obs column {name}", self.n_cells)
                values = _one_value_each(column, codes, first)
                if values is not None:
                    table[name] = column.as_values(values)
        return pd.DataFrame(table, index=pd.RangeIndex(count))


def first_rows(codes: NDArray[np.int32], count: int) -> NDArray[np.intp]:
    """Return the first row of each sample, (count,)."""
    first = np.zeros(count, dtype=np.intp)
    # of repeated positions numpy keeps the value assigned last
    first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)
    return first


@dataclass(frozen=True, eq=False)
class _Column:
    """A column: the array that is compared (codes, numbers, text), what spells its codes, and what is missing."""

    values: Any
    categories: Any = None
    mask: Any = None

    def pieces(self, size: int = _PIECE) -> Iterator[tuple[int, NDArray[Any]]]:
        """Read the column piece by piece: where each begins, and its values, None where there is none."""
        for start in range(0, self.values.shape[0], size):
            piece = np.asarray(self.values[start : start + size])
            if self.categories is None and piece.dtype.kind not in "biuf":
                piece = spelled(piece)
            if self.mask is not None:
                piece = piece.astype(np.float64 if piece.dtype.kind == "f" else object)  # whole numbers stay whole
                piece[np.asarray(self.mask[start : start + size], dtype=bool)] = None
            yield start, piece

    def words(self) -> pd.Categorical:
        """Return the whole column as names."""
        codes = np.empty(self.values.shape[0], dtype=np.int32)
        known: dict[Any, int] = {}
        for start, piece in self.pieces():
            found, values = (piece, None) if self.categories is not None else pd.factorize(piece)
            if values is not None:
                of_value = [known.setdefault(value, len(known)) for value in values.tolist()]
                found = np.append(np.array(of_value, dtype=np.int32), np.int32(-1))[found]
            codes[start : start + len(piece)] = found
        names = self.categories if self.categories is not None else spelled(np.array(list(known), dtype=object))
        if self.categories is None and len(names) and self.values.dtype.kind in "biuf":
            names = np.array([str(value) for value in known], dtype=object)
        return _distinct(codes, names)

    def as_values(self, values: NDArray[Any]) -> Any:
        if self.categories is not None:
            names = np.array([*self.categories, None], dtype=object)
            return names[np.where((values >= 0) & (values < len(self.categories)), values, -1)]
        if self.mask is None or self.values.dtype.kind not in "iu":
            return values
        if any(value is None for value in values):
            return np.array([np.nan if value is None else float(value) for value in values])
        return values.astype(self.values.dtype)


def _distinct(codes: NDArray[np.int32], names: NDArray[Any]) -> pd.Categorical:
    """Categories of which no two are spelled alike and none is empty."""
    places: dict[str, int] = {}
    of_name = [-1 if name is None or name in _NAMELESS else places.setdefault(str(name), len(places)) for name in names]
    table = np.append(np.array(of_name, dtype=np.int32), np.int32(-1))
    inside = (codes >= 0) & (codes < len(names))
    merged = table[np.where(inside, codes, len(names))]
    return pd.Categorical.from_codes(cast(Any, merged), categories=pd.Index(list(places), dtype=object))


def _one_value_each(column: _Column, codes: NDArray[np.int32], first: NDArray[np.intp]) -> NDArray[Any] | None:
    seen: NDArray[Any] | None = None
    for start, piece in column.pieces():
        if seen is None:
            seen = np.zeros(len(first), dtype=piece.dtype)
        here = (first >= start) & (first < start + len(piece))
        seen[here] = piece[first[here] - start]
        expected = seen[codes[start : start + len(piece)]]
        same = piece == expected
        if piece.dtype.kind == "f":
            same |= np.isnan(piece) & np.isnan(expected)
        if not same.all():
            return None
    return seen


def open_obs(store: Any, path: Path, where: str) -> Obs:
    """Open obs of a store: its size and the names of its columns.

    Raises
    ------
    CohortError
        When it is missing, of a layout that is no longer written, or its columns are not of one length.
    """
    obs = child(store, "obs", where)
    if obs is None:
        raise damaged(where, "no obs")
    if is_array(obs):
        what = "Expected obs as a group of columns, found the layout of anndata 0.6 and before."
        fix = "Open it with anndata.read_h5ad and write it again with write_h5ad."
        raise CohortError(Problem(where, what, fix))
    index = str(obs.attrs.get("_index", "_index"))
    order = obs.attrs.get("column-order")
    names = [str(name) for name in (order if order is not None else sorted(obs.keys()))]
    names = [name for name in names if name not in (index, "__categories")]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        what = f"Expected every column of obs once, found {listed(twice)} more than once."
        raise CohortError(Problem(where, what, "Rename or remove the others, and write the file again."))
    count = _length(child(obs, index, where), where)
    known = tuple(name for name in names if _kind_known(child(obs, name, where), f"{where}, obs column {name}"))
    lost = [name for name in names if child(obs, name, where) is None and "/" not in name]
    if lost:
        raise damaged(where, f"no values of the obs columns {listed(lost)}")
    return Obs(path, where, count, known)


def _length(index: Any, where: str) -> int:
    for part in ("codes", "values"):
        if index is not None and not is_array(index):
            index = child(index, part, where) or index
    if index is None or not is_array(index) or len(index.shape) != 1:
        raise damaged(where, "no obs_names")
    count = int(index.shape[0])
    if count > MOST_CELLS:
        what = f"Expected at most {MOST_CELLS:,} cells in a file, found {count:,}."
        raise CohortError(Problem(where, what, "Check that the file is whole, or write one file a sample."))
    return count


def _kind_known(node: Any, where: str) -> bool:
    if node is None:
        return False
    encoding = str(node.attrs.get("encoding-type", "array"))
    if encoding not in _ENCODINGS:
        raise damaged(where.split(",")[0], f"one that cannot be read ({where} has the unknown encoding {encoding})")
    if is_array(node):
        return len(node.shape) == 1 and getattr(node.dtype, "names", None) is None
    parts = set(node.keys())
    return {"codes", "categories"} <= parts or {"values", "mask"} <= parts


def _column(obs: Any, name: str, where: str, n_cells: int) -> _Column:
    node = child(obs, name, where)
    if node is None or is_array(node):
        column = _Column(_sized(node, where, n_cells), _old_categories(obs, node, name, where))
    elif child(node, "codes", where) is not None:
        codes = require_array(_sized(child(node, "codes", where), where, n_cells), where)
        column = _Column(codes, _categories(child(node, "categories", where), where))
    else:
        mask = require_array(_sized(child(node, "mask", where), where, n_cells), where)
        column = _Column(_sized(child(node, "values", where), where, n_cells), None, mask)
    return column


def _sized(node: Any, where: str, n_cells: int) -> Any:
    require_array(node, where, numbers=False)
    if node.shape[0] != n_cells:
        raise damaged(where, f"{node.shape[0]:,} values for {n_cells:,} cells")
    return node


def _categories(node: Any, where: str) -> NDArray[Any]:
    if node is None:
        raise damaged(where, "codes without their categories")
    if is_array(node) and node.shape and node.shape[0] > MOST_NAMES:
        raise damaged(where, f"{node.shape[0]:,} categories")
    if not is_array(node):
        return np.array(names_at(node, where), dtype=object)
    values = np.asarray(require_array(node, where, numbers=False)[:])
    # categories may be numbers or truth; a sample table shows them as such
    return values.astype(object) if values.dtype.kind in "biuf" else spelled(values)


def _old_categories(obs: Any, node: Any, name: str, where: str) -> NDArray[Any] | None:
    """Categories as anndata 0.7 wrote them, beside the columns."""
    if "categories" not in node.attrs:
        return None
    found = child(obs, f"__categories/{name}", where)
    if found is None:
        raise damaged(where, "codes without their categories")
    return _categories(found, where)
