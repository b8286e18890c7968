"""Cells in text and Excel tables: one table a sample, or one long table with a column for the sample."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import union_categoricals

from lotviz.data.marks import NOTHING_SAID, Said, said_in_remark
from lotviz.data.problems import CohortError, Problem
from lotviz.data.sources import KEPT_BYTES
from lotviz.data.tables.dialect import Dialect, find_dialect, first_remark, with_reading
from lotviz.data.tables.numerals import reading_of
from lotviz.data.tables.parquet import ParquetTable, open_parquet
from lotviz.data.tables.pieces import (
    POPULATION_KEYS,
    categorical,
    label_columns,
    only_text,
    require_all,
    spelled,
    text_in_marker,
    text_pieces,
    worksheet_pieces,
)

SAMPLE_KEYS = ("sample_id", "sample")


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
    annotations
        The columns of text that are not kept.
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
    annotations: tuple[str, ...] = ()

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
        require_all(first, self.n_cells, self.where)
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
    dialect = find_dialect(path, where, spaces=True)
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
    annotations: tuple[str, ...] = ()
    problems: dict[str, Problem] = {}
    unread: list[str] = []
    count, size = 0, 0
    for chunk in pieces():
        if markers is None:
            words = label_columns(chunk.columns, sample_key)
            others = [name for name in chunk.columns if name not in words]
            annotations = tuple(name for name in others if only_text(chunk[name]))
            markers = tuple(name for name in others if name not in annotations)
        for name in words:
            labels.setdefault(name, []).append(categorical(chunk[name]))
        for name in markers:
            for problem in text_in_marker(chunk[name], where, name):
                problems.setdefault(name, problem)
                unread += [word for word in chunk[name].dropna().head(10_000) if isinstance(word, str)]
        if not problems:
            part = _float32(chunk, markers)
            size += part.nbytes
            kept = [*kept, part] if size <= limit else []
        count += len(chunk)
    if problems:
        raise _UnreadWords(list(problems.values()), unread)
    joined = {name: union_categoricals(parts) for name, parts in labels.items()}
    whole = np.concatenate(kept) if kept else None
    return CsvTable(path, where, markers or (), count, joined, whole, pieces, notes, annotations=annotations)


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
        return open_parquet(path, where, sample_key=sample_key)
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
