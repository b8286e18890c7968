"""Cells in one file: parquet, csv, h5ad or FCS 3.1, which says in its own metadata whether they were ever measured."""

from __future__ import annotations

import hashlib
import io
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lotviz.data.fcs.write import write_fcs
from lotviz.data.files import replace_file
from lotviz.data.marks import BESIDE_KEY, SYNTHETIC_KEY, marks, one_line, written_names
from lotviz.data.problems import CohortError, Problem
from lotviz.data.tables.cells import POPULATION_KEYS, SAMPLE_KEYS
from lotviz.data.tables.csv_write import write_csv_header, write_csv_mark, write_csv_rows

POPULATION = POPULATION_KEYS[0]
# A marker of one of these names would be read back as the sample or the population of the cells.
TABLE_WORDS = (*SAMPLE_KEYS, *POPULATION_KEYS)


@dataclass(frozen=True, eq=False)
class Cells:
    """What goes into a file.

    Parameters
    ----------
    name
        What to call the sample.
    stored
        Marker values, (n, d).
    markers
        Names of the d columns as they are written.
    populations
        Population of each cell, (n,) of str, or None.
    beside
        Further numbers of each cell by name, (n,) each: no markers.
    metadata
        What the file says of itself.
    """

    name: str
    stored: NDArray[np.float32]
    markers: tuple[str, ...]
    populations: NDArray[Any] | None = None
    beside: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)


def write_cells(
    path: str | os.PathLike[str],
    values: NDArray[Any],
    markers: Sequence[str],
    *,
    synthetic: bool,
    about: Mapping[str, Any],
    populations: NDArray[Any] | None = None,
    beside: Mapping[str, NDArray[Any]] | None = None,
) -> Path:
    """Write synthetic or selected cells to a file that `read_cohort` can name in a sheet.

    Parameters
    ----------
    path
        A file ending in .parquet, .csv, .h5ad or .fcs; replaced as a whole, or left as it was.
    values
        Cells, (n, d), stored as float32.
    markers
        Names of the d columns. An empty name is written as its number, a repeated one with a number behind it.
    synthetic
        Whether the cells were never measured, which the file then says of itself: FCS keyword SYNTHETIC and $COM,
        parquet schema metadata, h5ad uns, the first line of a csv.
    about
        How the cells were chosen or made; written as JSON beside the mark, with the version of lotviz and the SHA-256
        of the values (float32, little-endian, cell by cell). A csv of measured cells has no place for it.
    populations
        Population of each cell, (n,); FCS has no place for it.
    beside
        Further numbers of each cell, such as its mass, (n,) each; in h5ad columns of obs, else columns of their own.

    Returns
    -------
        The path.

    Raises
    ------
    CohortError
        There are no cells or no markers, or a value is NaN or infinite.
    ValueError
        The file's ending is not known, or names and populations do not fit the values.
    OSError
        The file cannot be written.
    """
    target = Path(path)
    writer = _WRITERS.get(target.suffix.lower())
    if writer is None:
        raise ValueError(f"Expected a file ending in {', '.join(_WRITERS)}, found {target.name}. Change the ending.")
    stored = _checked(values, markers, target.name)
    named = written_names(markers, taken=TABLE_WORDS)
    extra = dict(zip(_beside_markers(beside or {}, named), (beside or {}).values(), strict=True))
    for name, column in {"populations": populations, **extra}.items():
        if column is not None and len(column) != len(stored):
            raise ValueError(f"Expected {len(stored)} {name}, found {len(column)}. Give one for each cell.")
    digest = hashlib.sha256(np.ascontiguousarray(stored, dtype="<f4").data).hexdigest()
    no_markers = {BESIDE_KEY: list(extra)} if extra else {}
    metadata = marks({**about, **no_markers, "sha256": digest}, synthetic=synthetic)
    cells = Cells(target.stem, stored, named, populations, extra, metadata)
    replace_file(target, lambda draft: writer(draft, cells))
    return target


def _checked(values: NDArray[Any], markers: Sequence[str], where: str) -> NDArray[np.float32]:
    if np.ndim(values) != 2 or np.shape(values)[1] != len(markers):
        raise ValueError(f"Expected values of {len(markers)} markers, found shape {np.shape(values)}. Match them.")
    if 0 in np.shape(values):
        missing = "cells" if markers else "markers"
        what = f"Expected at least one of the {missing} to write, found none."
        raise CohortError(Problem(where, what, f"Choose some {missing} first."))
    with np.errstate(over="ignore"):  # becomes infinite, and is refused
        stored = np.asarray(values, dtype=np.float32)
    wrong = ~np.isfinite(stored)
    if wrong.any():
        column = int(np.flatnonzero(wrong.any(axis=0))[0])
        count = int(wrong[:, column].sum())
        what = f"Expected finite numbers, found NaN or infinity in {count} of {len(stored)} cells."
        fix = "Leave out these cells or this marker."
        raise CohortError(Problem(f"{where}, marker {one_line(str(markers[column]))}", what, fix))
    return stored


def _beside_markers(names: Mapping[str, Any], markers: tuple[str, ...]) -> tuple[str, ...]:
    taken = {*markers, *TABLE_WORDS}
    chosen = []
    for name in names:
        while name in taken:
            name = f"{name}_synthetic"
        taken.add(name)
        chosen.append(name)
    return tuple(chosen)


def _write_parquet(path: Path, cells: Cells) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {name: pa.array(cells.stored[:, number]) for number, name in enumerate(cells.markers)}
    columns |= {name: pa.array(column) for name, column in cells.beside.items()}
    if cells.populations is not None:
        columns[POPULATION] = pa.array(_words(cells.populations)).dictionary_encode()
    pq.write_table(pa.table(columns).replace_schema_metadata(dict(cells.metadata)), path, compression="zstd")


def _words(labels: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(labels, dtype=object).astype(str)


def _write_csv(path: Path, cells: Cells) -> None:
    table = pd.DataFrame(cells.stored, columns=list(cells.markers))
    table = table.assign(**cells.beside)
    if cells.populations is not None:
        table[POPULATION] = _words(cells.populations)
    if table.columns[0].startswith("#"):
        table.insert(0, SAMPLE_KEYS[0], cells.name)  # a header that begins with # would be read as a remark
    with path.open("w", encoding="utf-8", newline="") as file:
        write_csv_mark(file, cells.metadata)
        write_csv_header(file, list(table.columns))
        write_csv_rows(file, table, cells.stored)


def _write_h5ad(path: Path, cells: Cells) -> None:
    obs = pd.DataFrame({"sample": pd.Categorical([cells.name]).repeat(len(cells.stored)), **cells.beside})
    obs.index = pd.Index([f"cell{number}" for number in range(1, len(obs) + 1)])
    if cells.populations is not None:
        obs[POPULATION] = pd.Categorical(_words(cells.populations))
    save_annotated(path, cells.stored, obs, markers=cells.markers, uns=cells.metadata)


def save_annotated(
    path: Path, values: NDArray[np.float32], obs: pd.DataFrame, *, markers: Sequence[str], uns: Mapping[str, str]
) -> None:
    """Write an h5ad file; columns of obs are made such as h5ad can hold, their names as they are."""
    import anndata as ad
    import h5py
    from anndata.io import write_elem

    table = ad.AnnData(values, obs=obs.apply(_storable), var=pd.DataFrame(index=pd.Index(list(markers))), uns=dict(uns))
    with warnings.catch_warnings(), ad.settings.override(disallow_forward_slash_in_h5ad=False):
        warnings.filterwarnings("ignore", "Forward slashes", FutureWarning)  # a column HLA/DR keeps its name
        # in memory first: HDF5 ends the whole process when the disk fills up under a file it has open
        image = io.BytesIO()
        with h5py.File(image, "w") as store:
            write_elem(store, "/", table, dataset_kwargs={"compression": "gzip", "compression_opts": 1})
    path.write_bytes(image.getbuffer())


def _storable(column: pd.Series) -> pd.Series:
    """Return numbers and categories as they are, all else as text, missing where it was missing."""
    if isinstance(column.dtype, pd.CategoricalDtype) and all(isinstance(word, str) for word in column.cat.categories):
        return column
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "biuf":
        return column
    text = column.astype(object).map(str, na_action="ignore")
    return pd.Series(pd.Categorical(text.where(text.notna())), index=column.index)


def _write_fcs(path: Path, cells: Cells) -> None:
    values = np.column_stack([cells.stored, *cells.beside.values()]) if cells.beside else cells.stored
    names = (*cells.markers, *cells.beside)
    write_fcs(path, values.astype(np.float32, copy=False), names, keywords=fcs_marks(cells.metadata))


def fcs_marks(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return the keywords of marked cells, among them the two that every FCS program shows."""
    if SYNTHETIC_KEY not in metadata:
        return dict(metadata)
    return {"$COM": metadata[SYNTHETIC_KEY], "$ORIGINALITY": "DataModified", **metadata}


_WRITERS: dict[str, Callable[[Path, Cells], None]] = {
    ".parquet": _write_parquet,
    ".csv": _write_csv,
    ".h5ad": _write_h5ad,
    ".fcs": _write_fcs,
}
