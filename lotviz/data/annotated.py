"""AnnData files (h5ad, zarr): obs read once, the cells of a sample on demand."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lotviz.data.problems import CohortError, Problem, did_you_mean, listed
from lotviz.data.tables import POPULATION_KEYS

# Tried in this order: a name of the first tier wins over all of the second.
GUESSES = (
    ("sample", "sample_id", "sample_name", "sampleid"),
    ("donor", "donor_id", "patient", "patient_id", "subject", "orig.ident", "individual"),
)
_SPAN = 65_536


@dataclass(frozen=True, eq=False)
class AnnotatedTable:
    """The cells of an AnnData file.

    Parameters
    ----------
    where
        How the owner calls the file.
    markers
        var_names.
    obs
        The table of cells.
    """

    path: Path
    where: str
    markers: tuple[str, ...]
    obs: pd.DataFrame

    @property
    def n_cells(self) -> int:
        """The rows of obs."""
        return len(self.obs)

    def read(self, rows: NDArray[np.intp], markers: tuple[str, ...]) -> NDArray[np.float32]:
        """Read X in some rows (increasing), (n, d)."""
        columns = [self.markers.index(marker) for marker in markers]
        with _opened(self.path, self.where) as store:
            return _rows(store["X"], rows)[:, columns]

    def populations(self, rows: NDArray[np.intp]) -> NDArray[Any] | None:
        """Return the population of each of these rows, where obs says so."""
        name = next((key for key in POPULATION_KEYS if key in self.obs), None)
        return None if name is None else self.obs[name].iloc[rows].astype(str).to_numpy(dtype=str)


def open_annotated(path: Path, where: str) -> AnnotatedTable:
    """Open an AnnData file: the table of its cells and its markers.

    Raises
    ------
    CohortError
        When the file is damaged or no AnnData file.
    """
    from anndata.io import read_elem

    with _opened(path, where) as store:
        missing = [name for name in ("obs", "var", "X") if name not in store]
        if missing:
            what = f"Expected an AnnData file with obs, var and X, found none of {listed(missing)}."
            raise CohortError(Problem(where, what, "Write it with AnnData.write_h5ad or write_zarr."))
        obs, var = read_elem(store["obs"]), read_elem(store["var"])
    return AnnotatedTable(path, where, tuple(map(str, var.index)), obs)


def sample_column(obs: pd.DataFrame, where: str, wanted: str | None) -> tuple[str, tuple[Problem, ...]]:
    """Return the column of obs that names the sample of a cell, and what to say where it was guessed.

    Raises
    ------
    CohortError
        When the column is not there, or cannot be guessed; the message lists the columns.
    """
    columns = [str(name) for name in obs.columns]
    if wanted is not None:
        if wanted in columns:
            return wanted, ()
        what = f"Expected a column {wanted} in obs, found {listed(columns, 40)}."
        raise CohortError(Problem(where, what, did_you_mean(wanted, columns) or "Name one of these as sample key."))
    by_lower = {name.lower(): name for name in reversed(columns)}
    for tier in GUESSES:
        found = [by_lower[name] for name in tier if name in by_lower]
        if len(found) == 1:
            what = f"The column {found[0]} of obs is taken as the sample of a cell."
            return found[0], (Problem(where, what, "Give the sample key if it is another.", "warning"),)
        if found:
            what = f"Expected one column that names the sample of a cell, found {listed(found)}."
            raise CohortError(Problem(where, what, "Give the sample key: one of these."))
    what = f"Expected a column of obs that names the sample of a cell, found {listed(columns, 40)}."
    raise CohortError(Problem(where, what, "Give the sample key: one of these."))


def sample_table(obs: pd.DataFrame, key: str) -> pd.DataFrame:
    """Return the columns of obs that have one value in every sample, one row a sample, index "sample"."""
    names = obs[key].astype(str)
    others = obs.drop(columns=[key])
    groups = others.astype(object).groupby(names.to_numpy(), sort=False)
    constant = [name for name in others.columns if groups[name].nunique(dropna=False).max() == 1]
    first = ~names.duplicated().to_numpy()
    table = others.loc[first, constant].copy()
    for name in constant:
        if isinstance(table[name].dtype, pd.CategoricalDtype):
            table[name] = table[name].astype(object)
    table.columns = pd.Index([str(name) for name in table.columns])
    return table.set_index(pd.Index(names[first].to_numpy(dtype=object), name="sample"))


@contextmanager
def _opened(path: Path, where: str) -> Iterator[Any]:
    # imported here: half a second, only for those who have such files
    import h5py
    import zarr

    try:
        if path.is_dir():
            yield zarr.open_group(path, mode="r")
        else:
            with h5py.File(path, "r") as store:
                yield store
    except CohortError:
        raise
    except _damage() as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
        what = f"Expected a whole AnnData file, found one that cannot be read ({reason})."
        raise CohortError(Problem(where, what, "Write or copy the file again.")) from error


def _damage() -> tuple[type[Exception], ...]:
    """Return what h5py, zarr and anndata raise on a damaged file, depending on what is damaged."""
    # the one anndata raises on an unknown encoding (a newer or a damaged file) has no public name
    from anndata._io.specs.registry import IORegistryError

    known = (OSError, KeyError, ValueError, TypeError, IndexError, RuntimeError, AttributeError, AssertionError)
    return (*known, EOFError, zipfile.BadZipFile, zlib.error, IORegistryError)


def _rows(values: Any, rows: NDArray[np.intp]) -> NDArray[np.float32]:
    """Rows of a stored matrix, dense or sparse, (n, d)."""
    if not hasattr(values, "shape") or not hasattr(values, "dtype"):
        from anndata.io import sparse_dataset

        return np.asarray(sparse_dataset(values)[rows].toarray(), dtype=np.float32)
    taken = np.empty((len(rows), values.shape[1]), dtype=np.float32)
    if not len(rows):
        return taken
    for first in range(int(rows[0]), int(rows[-1]) + 1, _SPAN):
        low, high = np.searchsorted(rows, [first, first + _SPAN])
        if high > low:
            block = values[first : int(rows[high - 1]) + 1]
            taken[low:high] = np.asarray(block, dtype=np.float32)[rows[low:high] - first]
    return taken
