"""Excel workbooks read as text or cells, row by row; their sizes are looked at before anything is unpacked."""

from __future__ import annotations

import bisect
import datetime
import itertools
import re
import struct
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from lotviz.data.problems import CohortError, Problem
from lotviz.data.tables.numerals import Number

MAX_ROWS, MAX_COLUMNS = 1_048_576, 16_384  # what Excel itself can hold
_MAX_PARTS = 5000
_MAX_UNPACKED = 2**30
# these are held in memory whole
_MAX_WHOLE = 100 * 2**20
_MAX_RATIO, _RATIO_FROM = 200, 4 * 2**20  # the same row over and over: openpyxl takes seconds for 10 MB of it
_PIECE_VALUES = 1_000_000
_SPACES = "\u00a0\u2007\u202f\ufeff\u200b"
# what openpyxl raises on damaged files, each found by damaging some; errors of both XML parsers are SyntaxErrors
_DAMAGE = (
    OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, EOFError, RuntimeError,
    AssertionError, zipfile.BadZipFile, zlib.error, SyntaxError, struct.error, MemoryError,
)  # fmt: skip

NOT_COMPUTED = "#FORMULA!"  # stands where a program wrote a formula that no spreadsheet has computed yet
_MAX_SOURCE, _MAX_UNCOMPUTED, _MAX_JOINED, _MAX_SPANNED = 64 * 2**20, 100_000, 2_000, 1_000
# joined cells of several rows, and formulas without a value; one that came to an empty text has t="str"
_JOINED = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*?\bref="([A-Z]{1,3})(\d{1,7}):[A-Z]{1,3}(\d{1,7})"')
_UNCOMPUTED = re.compile(
    rb'<(?:\w+:)?c\s(?![^>]*\bt="str")[^>]*?\br="([A-Z]{1,3})(\d{1,7})"[^>]*>\s*<(?:\w+:)?f\b[^>]*'
    rb"(?:/>|>[^<]*</(?:\w+:)?f>)\s*(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v>\s*</(?:\w+:)?v>)?\s*</(?:\w+:)?c>"
)

Row = tuple[int, tuple[Any, ...]]


def require_modest(path: Path, where: str) -> None:
    """Refuse a workbook that unpacks to more than a table can need, judged by its directory.

    Raises
    ------
    CohortError
        When it is too large, or no workbook.
    """
    with _readable(where), zipfile.ZipFile(path) as archive:
        parts = archive.infolist()
    total = sum(part.file_size for part in parts)
    whole = sum(part.file_size for part in parts if not part.filename.startswith("xl/worksheets/sheet"))
    dense = any(part.file_size > max(_RATIO_FROM, _MAX_RATIO * part.compress_size) for part in parts)
    if len(parts) > _MAX_PARTS or total > _MAX_UNPACKED or whole > _MAX_WHOLE or dense:
        what = f"Expected a workbook of modest size, found one that unpacks to {total / 2**20:.0f} MB."
        raise CohortError(Problem(where, what, "Save the table alone in a new workbook, or as CSV."))


@contextmanager
def _readable(where: str) -> Iterator[None]:
    try:
        yield
    except CohortError:
        raise
    except _DAMAGE as error:
        reason = (str(error).strip("'\" ").splitlines() or [type(error).__name__])[0][:160]
        what = f"Expected a table of samples, found a file that cannot be read ({reason})."
        raise CohortError(Problem(where, what, "Save it again as CSV (UTF-8) or xlsx.")) from error


@contextmanager
def _worksheets(path: Path, where: str) -> Iterator[list[Any]]:
    import openpyxl

    require_modest(path, where)
    # openpyxl warns of styles and validations, which do not matter here
    # opened here: openpyxl leaves the file of a damaged workbook open
    with _readable(where), path.open("rb") as handle, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        book = openpyxl.load_workbook(handle, read_only=True, data_only=True, keep_links=False)
        with closing(book):
            shown = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
            yield shown or list(book.worksheets)


def _rows(sheet: Any, where: str) -> Iterator[Row]:
    """Rows with anything in them and their numbers in Excel; the size a worksheet claims is not believed."""
    sheet.reset_dimensions()
    for number, row in enumerate(sheet.iter_rows(values_only=True), start=1):
        if number > MAX_ROWS or len(row) > MAX_COLUMNS:
            what = f"Expected at most {MAX_ROWS} rows and {MAX_COLUMNS} columns, found more."
            raise CohortError(Problem(where, what, "Save the table alone in a new workbook."))
        end = next((place for place in range(len(row), 0, -1) if row[place - 1] not in (None, "")), 0)
        if end:
            yield number, row[:end]


def worksheet_texts(path: Path, where: str, *, limit: int) -> dict[str, list[tuple[int, list[str]]]]:
    """Return the rows of every worksheet as text, with their numbers in Excel.

    Parameters
    ----------
    limit
        Values of all worksheets together beyond which the workbook is refused.

    Raises
    ------
    CohortError
        When the workbook cannot be read or holds more.
    """
    found: dict[str, list[tuple[int, list[str]]]] = {}
    count = 0
    with _worksheets(path, where) as sheets:
        for sheet in sheets:
            rows = found.setdefault(str(sheet.title), [])
            for number, row in _rows(sheet, where):
                count += len(row)
                if count > limit:
                    what = f"Expected a table of samples, found more than {limit} values."
                    raise CohortError(Problem(where, what, "Save the sample table alone in a new workbook."))
                rows.append((number, [as_text(value) for value in row]))
            _complete(rows, _source(path, sheet, where))
    return found


def _source(path: Path, sheet: Any, where: str) -> bytes:
    """Return the XML of a worksheet, nothing of one too large to be a table of samples."""
    part = str(getattr(sheet, "_worksheet_path", ""))
    with _readable(where), zipfile.ZipFile(path) as archive:
        known = part in archive.namelist() and archive.getinfo(part).file_size <= _MAX_SOURCE
        return archive.read(part) if known else b""


def _complete(rows: list[tuple[int, list[str]]], source: bytes) -> None:
    """Write the value of joined cells into every row they span, as it is seen, and say where nothing was computed."""
    numbers = [number for number, _row in rows]
    widest = max((len(row) for _number, row in rows), default=0)

    def spanned(first: bytes, last: bytes) -> list[list[str]]:
        span = slice(bisect.bisect_left(numbers, int(first)), bisect.bisect_right(numbers, int(last)))
        return [row for _number, row in rows[span][:_MAX_SPANNED]]

    def write(row: list[str], column: int, word: str) -> None:
        if column <= widest:
            row += [""] * (column - len(row))
            row[column - 1] = row[column - 1] or word

    for letters, number in _UNCOMPUTED.findall(source)[:_MAX_UNCOMPUTED]:
        for row in spanned(number, number):
            write(row, _column_number(letters), NOT_COMPUTED)
    for letters, first, last in _JOINED.findall(source)[:_MAX_JOINED]:
        column, top = _column_number(letters), spanned(first, first)
        word = top[0][column - 1] if top and column <= len(top[0]) else ""
        for row in spanned(first, last) if word else ():
            write(row, column, word)


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = 26 * number + letter - ord("A") + 1
    return min(number, MAX_COLUMNS)


def as_text(value: object) -> str:
    """Return the value of a cell as Excel shows it, without the spaces around it.

    Examples
    --------
    >>> as_text(0.1 + 0.2), as_text(7.0), as_text(None)
    ('0.3', '7', '')
    """
    if value is None:
        return ""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return Number(value if isinstance(value, int) else f"{value:.15g}")  # the digits that Excel keeps
    if isinstance(value, datetime.datetime):
        return value.date().isoformat() if value.time() == datetime.time() else value.isoformat(" ")
    text = str(value)
    for space in _SPACES:
        text = text.replace(space, " ")
    return text.strip()


def _cell(value: object) -> object:
    """Return numbers as they are, all else as text, and nothing for an empty cell."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value if number else as_text(value) or None


def cell_pieces(path: Path, where: str, *, rows: int | None = None) -> Iterator[pd.DataFrame]:
    """Read the first worksheet with anything in it as cells, some rows at a time.

    Its header is the first row that is as long as the rows below. The index of a piece is the row in Excel less 1.

    Parameters
    ----------
    rows
        Of a piece at most; as many as hold a million values when not given.
    """
    with _worksheets(path, where) as sheets:
        for sheet in sheets:
            found = _rows(sheet, where)
            first = list(itertools.islice(found, 20))
            if first:
                yield from _pieces(first, found, rows)
                return
    raise CohortError(Problem(where, "Expected a table of cells, found an empty file.", "Export it again."))


def _pieces(first: list[Row], rest: Iterator[Row], rows: int | None) -> Iterator[pd.DataFrame]:
    widest = max(len(row) for _number, row in first)
    at = next(place for place, (_number, row) in enumerate(first) if len(row) == widest)
    names = [as_text(name) for name in first[at][1]]
    below = itertools.chain(first[at + 1 :], rest)
    size = rows or max(100, _PIECE_VALUES // widest)
    empty = True
    while piece := list(itertools.islice(below, size)):
        empty = False
        values = [[*map(_cell, row[:widest]), *[None] * (widest - len(row))] for _number, row in piece]
        index = pd.Index([number - 1 for number, _row in piece])
        yield pd.DataFrame(values, columns=names, index=index, dtype=object)
    if empty:
        yield pd.DataFrame(columns=names, index=pd.RangeIndex(0), dtype=object)
