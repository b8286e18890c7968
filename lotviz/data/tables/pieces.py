"""Text tables and worksheets of cells, read some rows at a time; the index is the row as its owner counts it less 1."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lotviz.data.problems import CohortError, Problem, listed
from lotviz.data.tables.columns import names_sample
from lotviz.data.tables.dialect import Dialect, above_header, opened
from lotviz.data.tables.numerals import Numerals, Reading
from lotviz.data.tables.workbook import cell_pieces

POPULATION_KEYS = ("cell_type", "population")
_EMPTY = ("", "NA", "N/A", "NaN", "nan", "NULL", "null", "None")
_CHUNK = 100_000
_VALUES = 20_000_000  # of one piece, whatever its columns


def label_columns(names: Iterable[str], sample_key: str | None) -> list[str]:
    """Return the columns kept as text: the population, and whatever may name the sample."""
    known = [str(name) for name in names]
    return [name for name in known if name == sample_key or name in POPULATION_KEYS or names_sample(name)]


def require_all(found: int, announced: int, where: str) -> None:
    """Refuse a table that ends before its own header says, or that has been cut short since it was opened."""
    if found != announced:
        what = f"Expected a whole table of {announced} rows, found values of {found}."
        raise CohortError(Problem(where, what, "Write or copy the file again."))


def require_distinct(names: Sequence[str], where: str) -> None:
    """Refuse a table that names a column twice."""
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    if repeated:
        what = f"Expected every column once, found {listed(repeated)} more than once."
        raise CohortError(Problem(where, what, "Rename or remove the others."))


def text_pieces(path: Path, where: str, dialect: Dialect, sample_key: str | None = None) -> Iterator[pd.DataFrame]:
    """Read a text table, numbers as numbers; columns that may name the sample, and populations, as text.

    Raises
    ------
    CohortError
        When the table cannot be read, or its header and rows do not fit.
    """
    names = [name for name in dialect.header if name]
    require_distinct(names, where)
    _require_names(dialect, where)
    places = {name: place for place, name in enumerate(dialect.header) if name}
    words = {places[name] for name in label_columns(names, sample_key)}
    # the fast parser reads decimal commas, but would take 1,5 for 15 where commas stand between thousands
    above = 0  # lines above the first row of cells
    slow = bool(dialect.numerals.thousands) or dialect.numerals.decimal == dialect.separator
    try:
        with (
            opened(path, dialect.encoding) as handle,
            _after_header(handle, dialect, where) as above,
            pd.read_csv(
                handle,
                sep=r"\s+" if dialect.separator == " " else dialect.separator,
                header=None,
                names=list(range(dialect.width)),
                chunksize=max(1000, min(_CHUNK, _VALUES // max(1, dialect.width))) if _CHUNK >= 1000 else _CHUNK,
                index_col=False,
                decimal="." if slow else dialect.numerals.decimal,
                dtype=str if slow else dict.fromkeys(words, str),
                low_memory=False,
            ) as reader,
        ):
            for chunk in reader:
                chunk.index += above
                _require_nameless_empty(chunk, dialect, where)
                part = chunk[list(places.values())].set_axis(pd.Index(list(places)), axis=1)
                yield _converted(part, dialect.numerals, sample_key)
    except pd.errors.EmptyDataError:
        yield pd.DataFrame(columns=names, index=pd.RangeIndex(0), dtype=np.float64)
    except (pd.errors.ParserError, UnicodeError, OSError, csv.Error, ValueError, OverflowError) as error:
        if isinstance(error, CohortError):
            raise
        raise CohortError(_unreadable(error, where, above)) from error


def _unreadable(error: Exception, where: str, above: int) -> Problem:
    """Return the problem of a table that pandas cannot read; it counts lines below the header, and says "saw"."""
    fields = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", str(error))
    if fields:
        wanted, line, found = map(int, fields.groups())
        what = f"Expected {wanted} fields as in the header, found {found}."
        return Problem(f"{where}, row {line + above}", what, "Correct this row, or export the table again.")
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
    what = f"Expected a table of cells, found a file that cannot be read ({reason})."
    return Problem(where, what, "Export it again as CSV (UTF-8).")


@contextmanager
def _after_header(handle: TextIO, dialect: Dialect, where: str) -> Iterator[int]:
    """Leave the handle at the first row of cells, and say how many lines stand above it."""
    above, _separator, _position = above_header(handle, where)
    lines = csv.reader(iter(handle.readline, ""), delimiter=dialect.separator)
    next(lines)
    yield above + lines.line_num


def _converted(chunk: pd.DataFrame, numerals: Numerals, sample_key: str | None) -> pd.DataFrame:
    """Return columns of text as numbers; a word among them that is none stays as it was typed, for messages."""
    words = label_columns(chunk.columns, sample_key)
    columns = {}
    for name in chunk.columns:
        text = chunk[name]
        if name in words or pd.api.types.is_numeric_dtype(text):
            columns[name] = text
            continue
        numbers = numerals.numbers(text)
        unread = text.notna().to_numpy() & np.isnan(numbers)
        read = pd.Series(numbers, index=text.index)
        columns[name] = read.where(~unread, text) if unread.any() else read
    return pd.DataFrame(columns, index=chunk.index)


def _require_names(dialect: Dialect, where: str) -> None:
    """Refuse a table that begins with cells where the names of the markers belong, or has too few names."""
    if dialect.first > dialect.width:  # pandas says so of all rows but the first
        what = f"Expected {len(dialect.header)} fields as in the header, found {dialect.first}."
        raise CohortError(Problem(f"{where}, row {dialect.skipped + 2}", what, "Name every column."))
    names = [name for name in dialect.header if name]
    numbers = [name for name in names if dialect.numerals.reads(name)]
    if numbers and len(numbers) == len(names) and any(not name.isdigit() for name in numbers):
        what = f"Expected a header with the names of the markers, found the numbers {listed(numbers, 4)}."
        raise CohortError(Problem(where, what, "Put the names in the first row, without # before them."))


def _require_nameless_empty(chunk: pd.DataFrame, dialect: Dialect, where: str) -> None:
    """Refuse values in a column without a name, which a separator at the end of every row leaves empty."""
    for place in range(dialect.width):
        if (place >= len(dialect.header) or not dialect.header[place]) and place > 0 and chunk[place].notna().any():
            row = int(chunk.index[np.flatnonzero(chunk[place].notna())[0]]) + 1
            what = f"Expected a name for every column, found values in column {place + 1} without one."
            raise CohortError(Problem(f"{where}, row {row}", what, "Name the column in the header."))


def worksheet_pieces(path: Path, where: str, reading: Reading, sample_key: str | None) -> Iterator[pd.DataFrame]:
    """Read a worksheet in the same way; numbers that are stored as text are read as `reading` says."""
    for piece in cell_pieces(path, where):
        names = [str(name) for name in piece.columns]
        require_distinct([name for name in names if name], where)
        dialect = Dialect("utf-8", ";", tuple(names), width=len(names))
        _require_names(dialect, where)
        _require_nameless_empty(piece.set_axis(pd.RangeIndex(len(names)), axis=1), dialect, where)
        yield _converted(piece[[name for name in names if name]], reading.best, sample_key)


def text_in_marker(column: pd.Series, where: str, name: str, *, first: int = 0) -> list[Problem]:
    """Return the problem of a marker with text among its values, naming the first, or nothing.

    Parameters
    ----------
    first
        What to add to the index of the column for the position in the file, from 0.
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
            f"{where}, row {first + int(column.index[wrong[0]]) + 1}, marker {name}",
            f"Expected a number, {found}.",
            "Correct these values, or take the column out of the file.",
        )
    ]


def only_text(column: pd.Series) -> bool:
    """Whether a column holds text and no number: an annotation of the cells, not a marker."""
    if pd.api.types.is_numeric_dtype(column):
        return False
    return not pd.to_numeric(column, errors="coerce").notna().any()


def categorical(column: pd.Series) -> pd.Categorical:
    """Return names as categories of str, an empty name as none."""
    half = column.dtype == np.float16  # which pandas has no categories of
    found = pd.Categorical(column.astype(np.float64) if half else column)
    spelled = pd.Index([str(name) for name in found.categories], dtype=object)
    codes = np.asarray(found.codes).copy()
    codes[np.isin(codes, np.flatnonzero(spelled == ""))] = -1
    return pd.Categorical.from_codes(cast(Sequence[int], codes), categories=spelled)  # the stubs know no arrays here


def spelled(names: pd.Categorical, rows: NDArray[np.intp]) -> NDArray[Any]:
    """Return names in full of some rows, (n,) of str, an empty one for the code -1."""
    spelling = np.append(np.asarray(names.categories, dtype=str), "")  # the last serves the code -1
    return spelling[np.asarray(names.codes)[rows]]
