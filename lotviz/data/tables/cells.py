"""Cells in parquet, text and Excel tables: one table a sample, or one long table with a column for the sample."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pandas.api.types import union_categoricals

from lotviz.data.marks import NOTHING_SAID, Said, said_in, said_in_remark
from lotviz.data.problems import CohortError, Problem, listed
from lotviz.data.sources import KEPT_BYTES
from lotviz.data.tables.columns import names_sample
from lotviz.data.tables.dialect import Dialect, find_dialect, first_remark, with_reading
from lotviz.data.tables.numerals import reading_of
from lotviz.data.tables.pieces import (
    POPULATION_KEYS,
    categorical,
    label_columns,
    only_text,
    require_distinct,
    spelled,
    text_in_marker,
    text_pieces,
    worksheet_pieces,
)

SAMPLE_KEYS = ("sample_id", "sample")


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
                column = file.read(columns=[name], use_threads=False).column(0).to_pandas()
            _require_all(len(column), self.n_cells, self.where)
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
                _require_all(first, self.ends[number], self.where)
        return taken


def _require_all(found: int, announced: int, where: str) -> None:
    """Refuse a table that ends before its own header says, or that has been cut short since it was opened."""
    if found != announced:
        what = f"Expected a whole table of {announced} rows, found values of {found}."
        raise CohortError(Problem(where, what, "Write or copy the file again."))


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
        said = said_in(schema.metadata or {})
    require_distinct(schema.names, where)
    _require_flat(schema, where)
    numeric = tuple(column.name for column in schema if _is_number(column.type))
    text = tuple(column.name for column in schema if _is_text(column.type))
    problems = [problem for name in text for problem in _number_among_text(path, where, name)]
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
    if name in POPULATION_KEYS or names_sample(name):
        return []
    first, numbers = 0, False
    problems: list[Problem] = []
    with _whole(where), pq.ParquetFile(path, read_dictionary=[name]) as file:
        for batch in file.iter_batches(65_536, columns=[name], use_threads=False):
            column = batch.column(0).to_pandas().astype(object)
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


@dataclass(frozen=True, eq=False)
class CsvTable:
    """A text table or a worksheet of cells, kept in memory while it is small and read again in pieces otherwise.

    Parameters
    ----------
    labels
        The columns of text that are kept: the sample's name and the population.
    values
        (n_cells, d), or None for a table too large to keep.
    pieces
        Reads the table from its start, some rows at a time.
    notes
        What was assumed about the way it is written, and what to do where that is wrong.
    said
        What the file says of itself.
    """

    path: Path
    where: str
    markers: tuple[str, ...]
    n_cells: int
    labels: dict[str, pd.Categorical]
    values: NDArray[np.float32] | None
    pieces: Callable[[], Iterator[pd.DataFrame]]
    notes: tuple[tuple[str, str], ...] = ()
    said: Said = NOTHING_SAID

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
        for chunk in self.pieces():
            low, high = np.searchsorted(rows, [first, first + len(chunk)])
            if high > low:
                taken[low:high] = _float32(chunk, markers)[rows[low:high] - first]
            first += len(chunk)
        _require_all(first, self.n_cells, self.where)
        return taken

    def populations(self, rows: NDArray[np.intp]) -> NDArray[Any] | None:
        """Return the population of each of these rows, where a column says so."""
        name = next((key for key in POPULATION_KEYS if key in self.labels), None)
        return None if name is None else spelled(self.labels[name], rows)

    def words(self, name: str) -> pd.Categorical:
        """Return a column of names, whole, (n_cells,); nameless cells have the code -1."""
        return self.labels[name]


def open_csv(path: Path, where: str, *, limit: int = KEPT_BYTES, sample_key: str | None = None) -> CsvTable:
    """Open a text table of cells, read through once to count and check it.

    Parameters
    ----------
    limit
        Bytes of values up to which the table is kept in memory.
    sample_key
        The column that names the sample of a cell; recognised by its name when not given.

    Raises
    ------
    CohortError
        When the file cannot be read, a marker column holds text (naming row and value), or its numbers can be read in
        two ways.
    """
    dialect = find_dialect(path, where)
    while True:
        _require_one_reading(dialect, where)
        pieces = partial(text_pieces, path, where, dialect, sample_key)
        try:
            table = _collected(path, where, pieces, limit=limit, notes=dialect.notes(), sample_key=sample_key)
            return replace(table, said=said_in_remark(first_remark(path, dialect.encoding)))
        except _UnreadWords as unread:
            # rows far down may show what the first rows could not: that commas are decimal commas
            joined = dialect.reading.joined(reading_of(unread.words))
            if dialect.numerals in joined.ways or joined.best_of(dialect.numerals) == dialect.numerals:
                raise CohortError(*unread.problems) from None
            dialect = with_reading(dialect, joined)


class _UnreadWords(Exception):  # noqa: N818  it never leaves this file
    """Words among the numbers, which another way of writing numbers may explain."""

    def __init__(self, problems: Sequence[Problem], words: Sequence[str]) -> None:
        super().__init__()
        self.problems, self.words = problems, words


def _require_one_reading(dialect: Dialect, where: str) -> None:
    """Refuse numbers such as 1,234 that have two values, and tables that write numbers in two ways."""
    word = dialect.reading.doubt
    if word is not None:
        values = " or ".join(f"{value:.10g}" for value in sorted({way.number(word) for way in dialect.reading.ways}))
        what = f"Expected numbers that can be read in one way, found {word}, which may be {values}."
        fix = "Export them with decimal points and nothing between thousands."
        raise CohortError(Problem(where, what, fix))
    if not dialect.reading.ways:
        words = dialect.reading.words
        what = f"Expected numbers written in one way, found {words[0]} and {words[-1]}."
        raise CohortError(Problem(where, what, "Export all with decimal points and nothing between thousands."))


def _collected(
    path: Path,
    where: str,
    pieces: Callable[[], Iterator[pd.DataFrame]],
    *,
    limit: int,
    notes: tuple[tuple[str, str], ...],
    sample_key: str | None,
) -> CsvTable:
    """Read a table piece by piece; every piece has a whole-numbered index, the row as its owner counts it less 1."""
    kept: list[NDArray[np.float32]] = []
    labels: dict[str, list[pd.Categorical]] = {}
    markers: tuple[str, ...] | None = None
    problems: dict[str, Problem] = {}
    unread: list[str] = []
    count, size = 0, 0
    for chunk in pieces():
        if markers is None:
            words = label_columns(chunk.columns, sample_key)
            markers = tuple(name for name in chunk.columns if name not in words and not only_text(chunk[name]))
        for name in words:
            labels.setdefault(name, []).append(categorical(chunk[name]))
        for name in markers:
            for problem in text_in_marker(chunk[name], where, name):
                problems.setdefault(name, problem)
                unread += chunk[name].dropna().astype(str).head(10_000).tolist()
        if not problems:
            part = _float32(chunk, markers)
            size += part.nbytes
            kept = [*kept, part] if size <= limit else []
        count += len(chunk)
    if problems:
        raise _UnreadWords(list(problems.values()), unread)
    joined = {name: union_categoricals(parts) for name, parts in labels.items()}
    whole = np.concatenate(kept) if kept else None
    return CsvTable(path, where, markers or (), count, joined, whole, pieces, notes)


def _float32(chunk: pd.DataFrame, markers: Sequence[str]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):  # a number beyond float32 becomes infinite, and is reported as such
        part = chunk[list(markers)]
        words = [str(name) for name in part if not pd.api.types.is_numeric_dtype(part[name])]
        # words that are no numbers were reported before; what is left are numbers and blanks
        plain = {name: pd.to_numeric(part[name], errors="coerce") for name in words}
        return (part.assign(**plain) if words else part).to_numpy(np.float32)


def open_table(path: Path, where: str, *, sample_key: str | None = None) -> ParquetTable | CsvTable:
    """Open a parquet, text or Excel table of cells by its suffix.

    Parameters
    ----------
    sample_key
        The column that names the sample of a cell; recognised by its name when not given.
    """
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return open_parquet(path, where)
    if suffix == ".xlsx":
        return open_worksheet(path, where, sample_key=sample_key)
    return open_csv(path, where, sample_key=sample_key)


def open_worksheet(path: Path, where: str, *, sample_key: str | None = None) -> CsvTable:
    """Open a worksheet of cells; rows in messages are those that Excel shows.

    Raises
    ------
    CohortError
        When the workbook cannot be read or is too large, or a marker column holds text.
    """
    from lotviz.data.tables.workbook import cell_pieces

    first = next(cell_pieces(path, where, rows=1000))
    # by row: a name may stand above many columns
    reading = reading_of(word for word in first.to_numpy(dtype=object).flat if isinstance(word, str))
    pieces = partial(worksheet_pieces, path, where, reading, sample_key)
    dialect = with_reading(Dialect("utf-8", ";", ()), reading)
    _require_one_reading(dialect, where)
    try:
        notes = dialect.notes()
        return _collected(path, where, pieces, limit=KEPT_BYTES, notes=notes, sample_key=sample_key)
    except _UnreadWords as unread:
        raise CohortError(*unread.problems) from None
