"""A sheet as it was typed: its worksheet, its header, and rows with the numbers that a spreadsheet shows."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from lotviz.data.problems import CohortError, Problem, listed
from lotviz.data.tables.columns import SHEET_ROLES, candidates
from lotviz.data.tables.dialect import find_dialect, opened, readable
from lotviz.data.tables.numerals import NOTHING
from lotviz.data.tables.workbook import worksheet_texts

MAX_BYTES, MAX_VALUES = 100 * 2**20, 5_000_000
_KIND = "a table of samples"
_ABOVE = 20  # rows above the header that may be titles

Row = tuple[int, list[str]]


@dataclass(frozen=True)
class Typed:
    """A table as typed: the header, rows with the numbers a spreadsheet shows, problems, and rows that are uneven."""

    header: list[str]
    rows: list[Row]
    problems: tuple[Problem, ...]
    uneven: tuple[int, ...]


def is_nothing(word: str) -> bool:
    """Whether a cell says that nothing is known."""
    return word.strip().lower() in NOTHING


def read_typed(path: Path, where: str, *, file_column: bool, columns: Mapping[str, str] | None) -> Typed:
    """Read a sheet as text: the worksheet and the header that name the wanted columns, and every row below.

    Raises
    ------
    CohortError
        When it cannot be read, is empty, too large, or has two worksheets that fit.
    """
    with readable(where, _KIND):
        size = path.stat().st_size
    if size > MAX_BYTES:
        what = f"Expected {_KIND}, found a file of {size / 2**20:.0f} MB."
        raise CohortError(Problem(where, what, "Give the sheet of samples; cells are read from the files it names."))
    wanted = SHEET_ROLES if file_column else SHEET_ROLES[:1]
    if path.suffix.lower() == ".xlsx":
        return _from_workbook(path, where, wanted, columns or {})
    rows, notes = _from_text(path, where)
    return _framed(rows, where, wanted, chosen=columns or {}, notes=notes)


def _from_text(path: Path, where: str) -> tuple[list[Row], list[Problem]]:
    dialect = find_dialect(path, where, _KIND)
    first = dialect.skipped - dialect.hidden + 1
    with readable(where, _KIND), opened(path, dialect.encoding) as handle:
        for _line in range(dialect.skipped):
            handle.readline()
        body = csv.reader(handle, delimiter=dialect.separator, strict=True)
        rows = [(number, [_clean(word) for word in row]) for number, row in enumerate(body, start=first)]
    if rows:
        rows[0] = (rows[0][0], [name.strip("\ufeff") for name in rows[0][1]])
    encoded = [note for note in dialect.notes() if "text" in note[0]]
    return rows, [Problem(where, f"The sheet {what}.", fix, "warning") for what, fix in encoded]


def _clean(word: str) -> str:
    return word.replace("\u00a0", " ").replace("\u202f", " ").replace("\u200b", "").strip()


def _from_workbook(path: Path, where: str, wanted: Sequence[str], chosen: Mapping[str, str]) -> Typed:
    """Take the one worksheet that has the wanted columns."""
    texts = {title: rows for title, rows in worksheet_texts(path, where, limit=MAX_VALUES).items() if rows}
    if not texts:
        raise CohortError(Problem(where, f"Expected {_KIND}, found an empty file.", "Fill in the table."))
    fitting = [title for title, rows in texts.items() if _header_place(rows, wanted, chosen) is not None]
    if len(fitting) > 1:
        what = f"Expected one worksheet with the columns {', '.join(wanted)}, found {listed(fitting)}."
        raise CohortError(Problem(where, what, "Keep one of them, or save it alone in a new workbook."))
    title = fitting[0] if fitting else next(iter(texts))
    notes = []
    if len(texts) > 1:
        alone = ", which alone names samples and files." if len(wanted) > 1 else ", which alone names samples."
        what = f"The worksheet {title} of {listed(texts)} was read{alone if fitting else '.'}"
        notes.append(Problem(where, what, "Save another alone in a new workbook if that is wrong.", "warning"))
    return _framed(texts[title], where, wanted, chosen=chosen, notes=notes)


def _header_place(rows: Sequence[Row], wanted: Sequence[str], chosen: Mapping[str, str]) -> int | None:
    """Return which of the first rows names all wanted columns and is wider than all rows above it."""
    widest = 0
    for place, (_number, row) in enumerate(rows[:_ABOVE]):
        filled = sum(map(bool, row))
        if filled > widest and all(
            chosen[role].strip() in row if role in chosen else candidates(role, row) for role in wanted
        ):
            return place
        widest = max(widest, filled)
    return None


def _framed(
    rows: list[Row], where: str, wanted: Sequence[str], *, chosen: Mapping[str, str], notes: Sequence[Problem]
) -> Typed:
    """Find the header, leave out empty rows and columns, and make every row as long as the header."""
    rows = [(number, row) for number, row in rows if any(row)]
    if not rows:
        raise CohortError(Problem(where, f"Expected {_KIND}, found an empty file.", "Fill in the table."))
    place = _header_place(rows, wanted, chosen) or 0
    problems = list(notes)
    if place:
        above = " / ".join(" ".join(filter(None, row)) for _number, row in rows[:place])[:80]
        what = f"The header was found in row {rows[place][0]}; what stands above was left out ({above})."
        problems.append(Problem(where, what, "Remove it if the header is another row.", "warning"))
    header, body = rows[place][1], rows[place + 1 :]
    while header and not header[-1]:
        header = header[:-1]
    # spreadsheets and separators at the end of a line add empty fields; fields that are filled are no accident
    trimmed = [(number, _trimmed(row, len(header))) for number, row in body]
    sparse = where.lower().endswith(".xlsx")  # a workbook has no fields for empty cells at the end
    uneven = [
        (number, row) for number, row in trimmed if len(row) > len(header) or (len(row) < len(header) and not sparse)
    ]
    problems += [_uneven(where, number, row, header) for number, row in uneven]
    even = [(number, (row + [""] * len(header))[: len(header)]) for number, row in trimmed]
    return Typed(header, even, tuple(problems), tuple(number for number, _row in uneven))


def _trimmed(row: list[str], width: int) -> list[str]:
    while len(row) > width and not row[-1]:
        row = row[:-1]
    return row


def _uneven(where: str, number: int, row: list[str], header: list[str]) -> Problem:
    what = f"Expected {len(header)} fields as in the header, found {len(row)}."
    fix = "Put quotes around text that holds the separator, or complete the row."
    if len(row) > len(header) and any(a.isdigit() and b.isdigit() for a, b in pairwise(row)):
        fix = "Save the sheet as xlsx, or write decimal points: a decimal comma looks like a separator here."
    return Problem(f"{where}, row {number}", what, fix)
