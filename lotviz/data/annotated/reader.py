"""AnnData files (h5ad, zarr): what they hold, the sample of every cell, and the cells of a sample on demand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from lotviz.data.annotated.matrix import StoredMatrix, open_matrix
from lotviz.data.annotated.obs import Obs, first_rows, open_obs
from lotviz.data.annotated.obs_roles import GUESSES, population_column, spelling
from lotviz.data.annotated.stored import child, damaged, is_array, names_at, opened, require_own_files, spelled
from lotviz.data.genes.counts import looks_counted
from lotviz.data.marks import NOTHING_SAID, RECIPE_KEY, SYNTHETIC_KEY, Said, said_in
from lotviz.data.problems import CohortError, Problem, did_you_mean, listed

COUNT_LAYERS = ("layers/counts", "layers/raw_counts", "layers/count", "raw")
_WHOLE_FILE = 20


@dataclass(frozen=True)
class AnnotatedChoices:
    """What is read of an AnnData file.

    Parameters
    ----------
    sample_key, population_key
        The columns of obs that name the sample and the population of a cell; guessed by their names when not given.
    layer
        "X", "raw", "layers/NAME" or "obsm/NAME"; X when not given.
    counts
        Prefer counts: when no layer is named and X holds none, take a layer or raw that does.
    """

    sample_key: str | None = None
    population_key: str | None = None
    layer: str | None = None
    counts: bool = False

    @property
    def counts_wanted(self) -> bool:
        """Whether counts may be looked for elsewhere than in X."""
        return self.counts and self.layer is None


@dataclass(frozen=True, eq=False)
class AnnotatedTable:
    """The cells of an AnnData file.

    Parameters
    ----------
    where
        How the owner calls the file.
    markers
        var_names, or the columns of an obsm.
    obs
        The columns of the table of cells.
    matrix
        The values.
    population
        The column of obs that names the population of a cell, where one does.
    notes
        What was taken for granted.
    said
        What the file says of itself.
    """

    where: str
    markers: tuple[str, ...]
    obs: Obs
    matrix: StoredMatrix
    population: str | None = None
    notes: tuple[Problem, ...] = ()
    said: Said = NOTHING_SAID

    @property
    def n_cells(self) -> int:
        """The rows of obs."""
        return self.obs.n_cells

    def read(self, rows: NDArray[np.intp], markers: tuple[str, ...]) -> NDArray[np.float32]:
        """Read some rows (increasing), (n, d)."""
        return self.matrix.dense(rows, self._columns(markers))

    def read_sparse(self, rows: NDArray[np.intp]) -> sparse.csr_matrix:
        """Read some rows (increasing) of all markers, (n, markers) sparse."""
        return self.matrix.sparse(rows)

    def peek(self, markers: tuple[str, ...]) -> NDArray[np.float32]:
        """Read some values of these markers from a few places of the file, (n, d), fast whatever its order."""
        return self.matrix.peek(self._columns(markers))

    def populations(self, rows: NDArray[np.intp]) -> NDArray[Any] | None:
        """Return the population of each of these rows, where obs says so."""
        if self.population is None:
            return None
        words = self.obs.words(self.population)
        names = np.append(np.asarray(words.categories, dtype=str), "nan")  # the last serves the code -1
        return names[np.asarray(words.codes)[rows]]

    def _columns(self, markers: tuple[str, ...]) -> NDArray[np.intp]:
        place = {name: number for number, name in enumerate(self.markers)}
        return np.array([place[marker] for marker in markers], dtype=np.intp)


def open_annotated(path: Path, where: str, choices: AnnotatedChoices | None = None) -> AnnotatedTable:
    """Open an AnnData file: the columns of its cells and its markers; few of its values are read.

    Raises
    ------
    CohortError
        When the file is damaged or no AnnData file, or has no such layer or column.
    """
    choices = choices or AnnotatedChoices()
    require_own_files(path, where)
    with opened(path, where) as store:
        missing = [name for name in ("obs", "var") if name not in store]
        if missing:
            what = f"Expected an AnnData file with obs, var and X, found none of {listed(missing)}."
            raise CohortError(Problem(where, what, "Write it with AnnData.write_h5ad or write_zarr."))
        obs = open_obs(store, path, where)
        place = _named_place(store, where, choices.layer)
        table = _table(store, obs, where, place)
        said = said_in(_words_of(store, where))
        others = [name for name in COUNT_LAYERS if _stored(store, where, name)] if choices.counts_wanted else []
    if others and not looks_counted(table.peek(_few(table.markers))):
        table = _counted(table, others, path, where)
    _require_names(table.markers, where)
    population, note = population_column(obs, where, choices.population_key)
    notes = (*table.notes, *([note] if note else ()), *_by_column(table))
    return replace(table, population=population, notes=notes, said=said)


def _require_names(markers: tuple[str, ...], where: str) -> None:
    twice = sorted(name for name, count in Counter(markers).items() if count > 1)
    if twice:
        what = f"Expected every marker once in var_names, found {listed(twice)} more than once."
        raise CohortError(Problem(where, what, "Call AnnData.var_names_make_unique and write the file again."))
    nameless = [str(place) for place, name in enumerate(markers) if not name.strip()]
    if nameless:
        what = f"Expected a name for every marker in var_names, found none at {listed(nameless, 6)} (counted from 0)."
        raise CohortError(Problem(where, what, "Name them and write the file again."))


def _words_of(store: Any, where: str) -> dict[str, str]:
    """Return what uns says in a word at the keys that lotviz writes."""
    found = {}
    for key in (SYNTHETIC_KEY, RECIPE_KEY):
        node = child(store, f"uns/{key}", where)
        if node is not None and is_array(node) and node.shape == () and node.dtype.kind in "OSUT":
            found[key] = str(spelled(np.reshape(node[()], 1))[0] or "")
    return found


def _few(markers: tuple[str, ...]) -> tuple[str, ...]:
    unique = tuple(dict.fromkeys(markers))
    return unique[:: max(1, len(unique) // 2_000)]


def _counted(table: AnnotatedTable, others: Iterable[str], path: Path, where: str) -> AnnotatedTable:
    """Return the first of these places with whole numbers only; the table as it is where none has."""
    for name in others:
        with opened(path, where) as store:
            other = _table(store, table.obs, where, name)
        if looks_counted(other.peek(_few(other.markers))):
            what = f"X holds no counts; the counts in {name} are used."
            return replace(other, notes=(Problem(where, what, "Name the layer if it is another.", "warning"),))
    return table


def _by_column(table: AnnotatedTable) -> tuple[Problem, ...]:
    if table.matrix.layout != "csc":
        return ()
    what = f"{table.matrix.place} is stored gene by gene (CSC): every sample takes a pass over the whole file."
    fix = "It is read faster when written by cell: adata.X = adata.X.tocsr()."
    return (Problem(table.where, what, fix, "warning"),)


def _table(store: Any, obs: Obs, where: str, place: str) -> AnnotatedTable:
    """Open the matrix at a place with the names of its columns, and check that they belong together."""
    matrix = open_matrix(store, obs.path, where, "raw/X" if place == "raw" else place)
    if place.startswith("obsm/"):
        stem = place.removeprefix("obsm/")
        markers = tuple(f"{stem}{number}" for number in range(1, matrix.shape[1] + 1))
    else:
        markers = _var_names(store, "raw/var" if place == "raw" else "var", where)
    if matrix.shape != (obs.n_cells, len(markers)):
        found = f"{place} of shape {matrix.shape[0]} x {matrix.shape[1]}"
        raise damaged(where, f"{found} for {obs.n_cells} cells and {len(markers)} markers")
    return AnnotatedTable(where, markers, obs, matrix)


def _var_names(store: Any, place: str, where: str) -> tuple[str, ...]:
    var = child(store, place, where)
    if is_array(var):
        what = f"Expected {place} as a group of columns, found the layout of anndata 0.6 and before."
        fix = "Open it with anndata.read_h5ad and write it again with write_h5ad."
        raise CohortError(Problem(where, what, fix))
    names = None if var is None else child(var, str(var.attrs.get("_index", "_index")), where)
    if names is None:
        raise damaged(where, f"no names in {place}")
    return names_at(names, f"{where}, {place}")


def _stored(store: Any, where: str, place: str) -> bool:
    return child(store, "raw/X" if place == "raw" else place, where) is not None


def _named_place(store: Any, where: str, layer: str | None) -> str:
    """Return the place of the values asked for.

    Raises
    ------
    CohortError
        When there is no such place; the message lists those there are.
    """
    place = "raw" if layer == "raw/X" else layer or "X"
    # a name on its own may be meant as a layer
    for known in (place, f"layers/{place}") if place not in ("obs", "var", "uns", "layers", "obsm") else ():
        head = known.split("/")[0]
        if head in ("X", "raw", "layers", "obsm") and _stored(store, where, known):
            return known
    there = _places(store, where)
    if layer is None:
        if not there:
            what = "Expected an AnnData file with obs, var and X, found no X, no layers and no obsm: it has no values."
            raise CohortError(Problem(where, what, "Write it again with the values of its cells in X."))
        what = f"Expected an AnnData file with obs, var and X, found no X; it has values in {listed(there)}."
        raise CohortError(Problem(where, what, f"Name the layer to use: {there[0]}."))
    what = f"Expected the layer {layer}, found {listed(there)}."
    raise CohortError(Problem(where, what, did_you_mean(layer, there) or "Name one of these."))


def _places(store: Any, where: str) -> list[str]:
    found = [name for name in ("X", "raw") if _stored(store, where, name)]
    for group in ("layers", "obsm"):
        node = child(store, group, where)
        found += [] if node is None or is_array(node) else [f"{group}/{name}" for name in sorted(node.keys())]
    return found


def layers_of(path: Path, where: str) -> tuple[str, ...]:
    """Return the matrices of an AnnData file, as `layer` names them, X first.

    Raises
    ------
    CohortError
        When the file is damaged, or holds none.
    """
    require_own_files(path, where)
    with opened(path, where) as store:
        found = _places(store, where)
    if not found:
        raise damaged(where, "no values")
    return tuple(found)


def sample_column(columns: Iterable[str], where: str, wanted: str | None) -> tuple[str, tuple[Problem, ...]]:
    """Return the column of obs that names the sample of a cell, and what to say where it was guessed.

    Raises
    ------
    CohortError
        When the column is not there, or cannot be guessed; the message lists the columns.
    """
    columns = [str(name) for name in columns]
    if wanted is not None:
        if wanted in columns:
            return wanted, ()
        what = f"Expected a column {wanted} in obs, found {listed(columns, 40)}."
        raise CohortError(Problem(where, what, did_you_mean(wanted, columns) or "Name one of these as sample key."))
    by_spelling = {spelling(name): name for name in reversed(columns)}
    for tier in GUESSES:
        found = [by_spelling[name] for name in tier if name in by_spelling]
        if len(found) == 1:
            what = f"The column {found[0]} of obs is taken as the sample of a cell."
            return found[0], (Problem(where, what, "Give the sample key if it is another.", "warning"),)
        if found:
            what = f"Expected one column that names the sample of a cell, found {listed(found)}."
            raise CohortError(Problem(where, what, "Give the sample key: one of these."))
    what = f"Expected a column of obs that names the sample of a cell, found {listed(columns, 40)}."
    raise CohortError(Problem(where, what, "Give the sample key: one of these."))


def sample_table(obs: Obs, key: str) -> tuple[pd.DataFrame, NDArray[np.int32]]:
    """Return what obs says of samples, one row a sample, and the sample of every cell.

    Returns
    -------
    table
        The columns of obs with one value in every sample, index "sample" in the order of the first cells.
    codes
        Position in the table of the sample of every cell, (n_cells,).

    Raises
    ------
    CohortError
        Naming the first cell without a sample, or when a sample is a single cell throughout.
    """
    words = obs.words(key)
    codes = np.asarray(words.codes, dtype=np.int32)
    unnamed = codes < 0
    if unnamed.any():
        row = int(np.flatnonzero(unnamed)[0]) + 1
        what = f"Expected the sample of every cell in obs column {key}, found nothing in {int(unnamed.sum())} cells."
        raise CohortError(Problem(f"{obs.where}, row {row}", what, "Fill in the column, or remove these cells."))
    used = np.bincount(codes, minlength=len(words.categories)) > 0
    if used.sum() == obs.n_cells > _WHOLE_FILE:
        what = f"Expected several cells in a sample, found another value of {key} in each of {obs.n_cells:,} cells."
        raise CohortError(Problem(obs.where, what, f"Give the sample key: one of {listed(obs.columns, 40)}."))
    ranks = np.cumsum(used, dtype=np.int32) - 1
    order = np.argsort(first_rows(ranks[codes], int(used.sum())), kind="stable")
    position = np.empty(len(order), dtype=np.int32)
    position[order] = np.arange(len(order), dtype=np.int32)
    in_order = position[ranks[codes]]
    table = replace(obs, columns=tuple(name for name in obs.columns if name != key)).constant(in_order, len(order))
    names = np.asarray(words.categories, dtype=object)[used][order]
    return table.set_index(pd.Index(names, name="sample")), in_order
