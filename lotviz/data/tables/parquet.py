"""Cells in parquet tables, of which only what is asked for is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from lotviz.data.marks import NOTHING_SAID, Said, said_in
from lotviz.data.problems import CohortError, Problem, listed
from lotviz.data.sources import KEPT_BYTES
from lotviz.data.tables.numerals import fraction_in_words
from lotviz.data.tables.pieces import (
    POPULATION_KEYS,
    categorical,
    label_columns,
    only_text,
    require_all,
    require_distinct,
    spelled,
    text_in_marker,
)


@dataclass(frozen=True, eq=False)
class ParquetTable:
    """A parquet file of cells; `read` touches only the row groups and columns it needs.

    Parameters
    ----------
    markers
        The columns of numbers.
    text
        Columns that hold text (populations, annotations), and those that name sample or population, also by numbers.
    limit
        A table whose markers take fewer bytes is read once and kept.
    said
        What the file says of itself.
    """

    path: Path
    where: str
    markers: tuple[str, ...]
    n_cells: int
    text: tuple[str, ...] = ()
    ends: tuple[int, ...] = ()
    limit: int = KEPT_BYTES
    notes: tuple[tuple[str, str], ...] = ()
    said: Said = NOTHING_SAID
    whole: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    names: dict[str, pd.Categorical] = field(default_factory=dict)

    @property
    def annotations(self) -> tuple[str, ...]:
        """The columns of text that name neither sample nor population."""
        return tuple(name for name in self.text if name not in label_columns(self.text, None))

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
        return None if name is None else spelled(self.words(name), rows)

    def words(self, name: str) -> pd.Categorical:
        """Return a column of names, whole and kept, (n_cells,); nameless cells have the code -1."""
        if name not in self.names:
            with _whole(self.where), pq.ParquetFile(self.path, read_dictionary=[name]) as file:
                column = file.read(columns=[name], use_threads=False).column(0).to_pandas(integer_object_nulls=True)
            require_all(len(column), self.n_cells, self.where)
            self.names[name] = categorical(column)
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
                        values = _plain_values(batch.column(marker)).to_numpy(zero_copy_only=False)
                        taken[low:high, column] = values[rows[low:high] - first]
                    first += batch.num_rows
                require_all(first, self.ends[number], self.where)
        return taken


def _plain_values(column: pa.Array) -> pa.Array:
    """Return numbers of any kind as float32: repeated ones named once, decimals, truth values."""
    plain = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    if pa.types.is_decimal(plain.type) or pa.types.is_float16(plain.type):
        plain = plain.cast(pa.float64())
    return plain.cast(pa.float32(), safe=False)


@contextmanager
def _whole(where: str) -> Iterator[None]:
    """Turn what pyarrow raises on a damaged file into the problem of that file."""
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeError) as error:
        reason = str(error).splitlines()[0][:160]
        what = f"Expected a whole parquet file, found one that cannot be read ({reason})."
        raise CohortError(Problem(where, what, "Write or copy the file again.")) from error


def open_parquet(path: Path, where: str, *, sample_key: str | None = None) -> ParquetTable:
    """Open a parquet table of cells, its columns known but not read.

    Parameters
    ----------
    sample_key
        The column that names the sample of a cell; recognised by its name when not given.

    Raises
    ------
    CohortError
        When the file is damaged or cut short, or a marker column holds text (naming row and value).
    """
    with _whole(where), pq.ParquetFile(path) as file:
        schema = file.schema_arrow
        sizes = [file.metadata.row_group(number).num_rows for number in range(file.metadata.num_row_groups)]
        count = file.metadata.num_rows
        said = said_in(schema.metadata or {})
    require_distinct(schema.names, where)
    _require_flat(schema, where)
    names = label_columns(schema.names, sample_key)  # those of numbers are names as well, and no measurement
    numeric = tuple(column.name for column in schema if _is_number(column.type) and column.name not in names)
    named = {column.name for column in schema if _is_number(column.type) and column.name in names}
    text = tuple(column.name for column in schema if _is_text(column.type) or column.name in named)
    problems = [problem for name in text if name not in names for problem in _number_among_text(path, where, name)]
    if problems:
        raise CohortError(*problems)
    ends = tuple(int(end) for end in np.cumsum(sizes))
    return ParquetTable(path, where, numeric, count, text, ends, said=said)


def _require_flat(schema: pa.Schema, where: str) -> None:
    nested = [f"{column.name} ({column.type})"[:60] for column in schema if pa.types.is_nested(column.type)]
    if nested:
        what = f"Expected columns of numbers or text, found lists or structures in {listed(nested, 6)}."
        raise CohortError(Problem(where, what, "Write each value in a column of its own, or leave these columns out."))


def _number_among_text(path: Path, where: str, name: str) -> list[Problem]:
    """Return the problem of a column of text with numbers in it, read a piece at a time."""
    first, numbers = 0, False
    problems: list[Problem] = []
    with _whole(where), pq.ParquetFile(path, read_dictionary=[name]) as file:
        for batch in file.iter_batches(65_536, columns=[name], use_threads=False):
            column = batch.column(0).to_pandas().astype(object)
            if not first and (word := fraction_in_words(column)):
                what = f"Expected numbers in marker {name}, found them written as text, such as {word}."
                fix = "Write the column as numbers, or leave it out of the file."
                return [Problem(where, what, fix)]
            numbers = numbers or not only_text(column)
            problems = problems or text_in_marker(column, where, name, first=first)
            first += len(column)
            if numbers and problems:
                break
    return problems if numbers else []


def _is_number(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    tests = (pa.types.is_floating, pa.types.is_integer, pa.types.is_boolean, pa.types.is_decimal)
    return any(test(kind) for test in tests)


def _is_text(kind: pa.DataType) -> bool:
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(inner) or pa.types.is_large_string(inner))
