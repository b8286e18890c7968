"""Cells in parquet and csv tables: one table a sample, or one long table with a column that names the sample."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pandas.api.types import union_categoricals

from lotviz.data.problems import CohortError, Problem, listed
from lotviz.data.sheet import delimiter
from lotviz.data.sources import KEPT_BYTES

SAMPLE_KEYS = ("sample_id", "sample")
POPULATION_KEYS = ("cell_type", "population")
_WORDS = (*SAMPLE_KEYS, *POPULATION_KEYS)
_CHUNK = 100_000
_EMPTY = ("", "NA", "N/A", "NaN", "nan", "NULL", "null", "None")


@dataclass(frozen=True, eq=False)
class ParquetTable:
    """A parquet file of cells; `read` touches only the row groups and columns it needs.

    Parameters
    ----------
    markers
        The columns of numbers.
    text
        Columns that hold text (populations, annotations), the sample's name among them.
    limit
        A table whose markers take fewer bytes is read once and kept.
    """

    path: Path
    where: str
    markers: tuple[str, ...]
    n_cells: int
    text: tuple[str, ...] = ()
    ends: tuple[int, ...] = ()
    limit: int = KEPT_BYTES
    whole: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    names: dict[str, pd.Categorical] = field(default_factory=dict)

    def read(self, rows: NDArray[np.intp], markers: tuple[str, ...]) -> NDArray[np.float32]:
        """Read some rows (increasing), (n, d)."""
        if self.n_cells * len(self.markers) * 4 <= self.limit:
            if "cells" not in self.whole:
                self.whole["cells"] = self._take(np.arange(self.n_cells), self.markers)
            columns = [self.markers.index(marker) for marker in markers]
            return self.whole["cells"][rows][:, columns]
        return self._take(rows, markers)

    def populations(self, rows: NDArray[np.intp]) -> NDArray[Any] | None:
        """Return the population of each of these rows, where a column says so."""
        name = next((key for key in POPULATION_KEYS if key in self.text), None)
        return None if name is None else _spelled(self.words(name), rows)

    def words(self, name: str) -> pd.Categorical:
        """Return a column of names, whole and kept, (n_cells,); nameless cells have the code -1."""
        if name not in self.names:
            with _whole(self.where), pq.ParquetFile(self.path, read_dictionary=[name]) as file:
                column = file.read(columns=[name], use_threads=False).column(0).to_pandas()
            self.names[name] = _categorical(column)
        return self.names[name]

    def _take(self, rows: NDArray[np.intp], markers: Sequence[str]) -> NDArray[np.float32]:
        starts = (0, *self.ends[:-1])
        groups = [
            number
            for number, (start, end) in enumerate(zip(starts, self.ends, strict=True))
            if np.searchsorted(rows, end) > np.searchsorted(rows, start)
        ]
        taken = np.empty((len(rows), len(markers)), dtype=np.float32)
        with _whole(self.where), pq.ParquetFile(self.path) as file:
            for number in groups:
                first = starts[number]
                for batch in file.iter_batches(65_536, row_groups=[number], columns=list(markers), use_threads=False):
                    low, high = np.searchsorted(rows, [first, first + batch.num_rows])
                    for column, marker in enumerate(markers if high > low else ()):
                        values = batch.column(marker).cast(pa.float32(), safe=False).to_numpy(zero_copy_only=False)
                        taken[low:high, column] = values[rows[low:high] - first]
                    first += batch.num_rows
        return taken


@contextmanager
def _whole(where: str) -> Iterator[None]:
    """Turn what pyarrow raises on a damaged file into the problem of that file."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0][:160]
        what = f"Expected a whole parquet file, found one that cannot be read ({reason})."
        raise CohortError(Problem(where, what, "Write or copy the file again.")) from error


def open_parquet(path: Path, where: str) -> ParquetTable:
    """Open a parquet table of cells, its columns known but not read.

    Raises
    ------
    CohortError
        When the file is damaged or cut short, or a marker column holds text (naming row and value).
    """
    with _whole(where), pq.ParquetFile(path) as file:
        schema = file.schema_arrow
        sizes = [file.metadata.row_group(number).num_rows for number in range(file.metadata.num_row_groups)]
        count = file.metadata.num_rows
    _require_distinct(schema.names, where)
    numeric = tuple(column.name for column in schema if _is_number(column.type))
    text = tuple(column.name for column in schema if _is_text(column.type))
    table = ParquetTable(path, where, numeric, count, text, tuple(int(end) for end in np.cumsum(sizes)))
    problems = []
    for name in text:
        column = pd.Series([] if name in _WORDS else np.asarray(table.words(name)), dtype=object)
        problems += [] if _only_text(column) else text_in_marker(column, where, name)
    if problems:
        raise CohortError(*problems)
    return table


def _is_number(kind: pa.DataType) -> bool:
    tests = (pa.types.is_floating, pa.types.is_integer, pa.types.is_boolean, pa.types.is_decimal)
    return any(test(kind) for test in tests)


def _is_text(kind: pa.DataType) -> bool:
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(inner) or pa.types.is_large_string(inner))


def text_in_marker(column: pd.Series, where: str, name: str, *, first: int = 0) -> list[Problem]:
    """Return the problem of a marker with text among its values, naming the first, or nothing.

    Parameters
    ----------
    first
        Position of the column's first row in the file, from 0.
    """
    if pd.api.types.is_numeric_dtype(column):
        return []
    words = column.astype(str).str.strip().to_numpy()
    known = column.notna().to_numpy() & ~np.isin(words.astype(str), _EMPTY)
    wrong = np.flatnonzero(known & pd.to_numeric(column, errors="coerce").isna().to_numpy())
    if not len(wrong):
        return []
    found = f"found the text {words[wrong[0]]!r} (in {len(wrong)} of {len(column)} rows)"
    return [
        Problem(
            f"{where}, row {first + int(wrong[0]) + 1}, marker {name}",
            f"Expected a number, {found}.",
            "Correct these values, or take the column out of the file.",
        )
    ]


@dataclass(frozen=True, eq=False)
class CsvTable:
    """A csv file of cells, kept in memory while it is small and read again in pieces otherwise."""

    path: Path
    where: str
    markers: tuple[str, ...]
    n_cells: int
    labels: dict[str, pd.Categorical]
    values: NDArray[np.float32] | None

    @property
    def text(self) -> tuple[str, ...]:
        """The columns of text that are kept: the sample's name and the population."""
        return tuple(self.labels)

    def read(self, rows: NDArray[np.intp], markers: tuple[str, ...]) -> NDArray[np.float32]:
        """Read some rows (increasing), (n, d)."""
        columns = [self.markers.index(marker) for marker in markers]
        if self.values is not None:
            return self.values[rows][:, columns]
        taken = np.empty((len(rows), len(markers)), dtype=np.float32)
        first = 0
        for chunk in _chunks(self.path, self.where):
            low, high = np.searchsorted(rows, [first, first + len(chunk)])
            if high > low:
                taken[low:high] = chunk[list(markers)].to_numpy(np.float32)[rows[low:high] - first]
            first += len(chunk)
        return taken

    def populations(self, rows: NDArray[np.intp]) -> NDArray[Any] | None:
        """Return the population of each of these rows, where a column says so."""
        name = next((key for key in POPULATION_KEYS if key in self.labels), None)
        return None if name is None else _spelled(self.labels[name], rows)

    def words(self, name: str) -> pd.Categorical:
        """Return a column of names, whole, (n_cells,); nameless cells have the code -1."""
        return self.labels[name]


def _categorical(column: pd.Series) -> pd.Categorical:
    """Return names as categories of str, an empty name as none."""
    found = pd.Categorical(column)
    spelled = pd.Index([str(name) for name in found.categories], dtype=object)
    codes = np.asarray(found.codes).copy()
    codes[np.isin(codes, np.flatnonzero(spelled == ""))] = -1
    return pd.Categorical.from_codes(cast(Sequence[int], codes), categories=spelled)  # the stubs know no arrays here


def _spelled(names: pd.Categorical, rows: NDArray[np.intp]) -> NDArray[Any]:
    spelling = np.append(np.asarray(names.categories, dtype=str), "")  # the last serves the code -1
    return spelling[np.asarray(names.codes)[rows]]


def open_csv(path: Path, where: str, *, limit: int = KEPT_BYTES) -> CsvTable:
    """Open a csv table of cells, read through once to count and check it.

    Parameters
    ----------
    limit
        Bytes of values up to which the table is kept in memory.

    Raises
    ------
    CohortError
        When the file cannot be read, or a marker column holds text (naming row and value).
    """
    kept: list[NDArray[np.float32]] = []
    labels: dict[str, list[pd.Categorical]] = {}
    markers: tuple[str, ...] | None = None
    problems: list[Problem] = []
    count, size = 0, 0
    for chunk in _chunks(path, where):
        if markers is None:
            markers = tuple(name for name in chunk.columns if name not in _WORDS and not _only_text(chunk[name]))
        for name in (word for word in _WORDS if word in chunk):
            labels.setdefault(name, []).append(_categorical(chunk[name]))
        wrong = [problem for name in markers for problem in text_in_marker(chunk[name], where, name, first=count)]
        problems += wrong
        if not problems:
            part = chunk[list(markers)].to_numpy(np.float32)
            size += part.nbytes
            kept = [*kept, part] if size <= limit else []
        count += len(chunk)
    if problems:
        raise CohortError(*problems)
    joined = {name: union_categoricals(parts) for name, parts in labels.items()}
    return CsvTable(path, where, markers or (), count, joined, np.concatenate(kept) if kept else None)


def _require_distinct(names: Sequence[str], where: str) -> None:
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    if repeated:
        what = f"Expected every column once, found {listed(repeated)} more than once."
        raise CohortError(Problem(where, what, "Rename or remove the others."))


def _only_text(column: pd.Series) -> bool:
    """Whether a column holds text and no number: an annotation of the cells, not a marker."""
    if pd.api.types.is_numeric_dtype(column):
        return False
    return not pd.to_numeric(column, errors="coerce").notna().any()


def _chunks(path: Path, where: str) -> Iterator[pd.DataFrame]:
    try:
        separator = delimiter(path)
        # pandas renames a repeated column without a word
        header = pd.read_csv(path, sep=separator, header=None, nrows=1, dtype=str, encoding="utf-8-sig")
        _require_distinct([str(name).strip() for name in header.iloc[0].dropna()], where)
        with pd.read_csv(
            path,
            sep=separator,
            chunksize=_CHUNK,
            index_col=False,
            encoding="utf-8-sig",
            dtype=dict.fromkeys((*SAMPLE_KEYS, *POPULATION_KEYS), str),
            low_memory=False,
        ) as reader:
            for chunk in reader:
                chunk.columns = pd.Index([str(name).strip() for name in chunk.columns])
                yield chunk.reset_index(drop=True)
    except pd.errors.EmptyDataError as error:
        raise CohortError(
            Problem(where, "Expected a table of cells, found an empty file.", "Export it again.")
        ) from error
    except (pd.errors.ParserError, UnicodeDecodeError, OSError) as error:
        reason = str(error).strip().splitlines()[0][:160]
        what = f"Expected a table of cells, found a file that cannot be read ({reason})."
        raise CohortError(Problem(where, what, "Export it again as CSV (UTF-8).")) from error


def open_table(path: Path, where: str) -> ParquetTable | CsvTable:
    """Open a parquet or csv table of cells by its suffix."""
    return open_parquet(path, where) if path.suffix.lower() == ".parquet" else open_csv(path, where)
