"""Tables of samples as people type them: csv, tsv or xlsx, every row checked and every problem reported at once."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from lotviz.data.files import replace_file
from lotviz.data.named import named_file
from lotviz.data.problems import CohortError, Problem, listed
from lotviz.data.tables.cells_instead import cells_instead
from lotviz.data.tables.columns import candidates, find_columns
from lotviz.data.tables.metadata import EXCEL_ERRORS, metadata_of
from lotviz.data.tables.typed import Typed, is_nothing, read_typed

SHEET_SUFFIXES = (".csv", ".tsv", ".txt", ".xlsx")
ROW = "row"  # name of an index that holds the numbers of rows


@dataclass(frozen=True, eq=False)
class Sheet:
    """A sample table as read.

    Parameters
    ----------
    table
        What is known of the samples, index "sample"; numbers as numbers, all else as text, empty cells as NaN.
    rows
        The number that a spreadsheet shows for the row of each sample.
    files
        The file of each sample, as typed; nothing where files were not asked for.
    problems
        Warnings (what was guessed) and errors.
    """

    table: pd.DataFrame
    rows: tuple[int, ...]
    files: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


def read_sheet(path: Path, where: str, *, file_column: bool, columns: Mapping[str, str] | None = None) -> Sheet:
    """Read a sample table; numbers as numbers, all else as text, empty cells as NaN.

    Parameters
    ----------
    where
        How the owner calls the file, for messages.
    file_column
        True when each sample must name its file of cells.
    columns
        Role ("sample", "file") -> column, where the names are not recognised.

    Raises
    ------
    CohortError
        With every problem of the table: unreadable, missing columns, nameless or repeated samples, no file named.
    """
    sheet = survey_sheet(path, where, file_column=file_column, columns=columns)
    errors = [problem for problem in sheet.problems if problem.severity == "error"]
    if errors:
        raise CohortError(*errors)
    return sheet


def survey_sheet(path: Path, where: str, *, file_column: bool, columns: Mapping[str, str] | None = None) -> Sheet:
    """Read as much of a sample table as can be read; `problems` of the result holds its errors too.

    Raises
    ------
    CohortError
        When the file as a whole cannot be read.
    """
    typed = read_typed(path, where, file_column=file_column, columns=columns)
    return _judged(typed, where, file_column=file_column, columns=columns)


def typed_sheet(path: Path, where: str) -> tuple[pd.DataFrame, tuple[Problem, ...]]:
    """Read a sample table as it was typed, all as text, for somebody to go on typing.

    Returns
    -------
    table
        The rows, their index (named "row") the numbers that a spreadsheet shows.
    notes
        What was taken for granted: which worksheet, which row as the header.

    Raises
    ------
    CohortError
        When the file as a whole cannot be read.
    """
    typed = read_typed(path, where, file_column=True, columns=None)
    numbers = pd.Index([number for number, _row in typed.rows], name=ROW, dtype=int)
    table = pd.DataFrame([row for _number, row in typed.rows], columns=typed.header, index=numbers, dtype=object)
    return table, tuple(problem for problem in typed.problems if problem.severity != "error")


def row_numbers(table: pd.DataFrame) -> list[int]:
    """Return the numbers that a spreadsheet shows for the rows: as they were read, else from 2 on.

    Examples
    --------
    >>> row_numbers(pd.DataFrame({"sample": ["A", "B"]}))
    [2, 3]
    """
    return [int(number) for number in table.index] if table.index.name == ROW else list(range(2, len(table) + 2))


def check_sheet(
    table: pd.DataFrame,
    folder: Path,
    where: str,
    *,
    within: Path | None = None,
    columns: Mapping[str, str] | None = None,
) -> tuple[Problem, ...]:
    """Return every problem of a sheet that is being typed: columns, samples, missing files, doubtful numbers.

    Files are looked for but not opened, so that this can run at every key that is pressed.

    Parameters
    ----------
    table
        Text as typed, one row a sample; a cell may be empty or NaN. Numbered as by `row_numbers`.
    folder
        Where the sheet is, or will be; files are named relative to it.
    where
        How its owner calls the sheet.
    within
        A folder that no file named may lie outside of.
    columns
        Role ("sample", "file") -> column, where the user chose.

    Returns
    -------
    tuple of Problem
        Errors and warnings, those of the whole sheet first, then by row; nothing for a sheet in order.

    Examples
    --------
    >>> table = pd.DataFrame({"sample": ["A", "A"], "file": ["", ""]})
    >>> [problem.where for problem in check_sheet(table, Path(), "sheet.csv")]
    ['sheet.csv, row 2', 'sheet.csv, row 3', 'sheet.csv, row 3']
    """
    texts = [[_text(value) for value in row] for row in table.itertuples(index=False, name=None)]
    header = [_text(name) for name in table.columns]
    rows = [(number, row) for number, row in zip(row_numbers(table), texts, strict=True) if any(row)]
    typed = Typed(header, rows, (), ())
    sheet = _judged(typed, where, file_column=True, columns=columns)
    missing: list[Problem] = []
    for number, name in zip(sheet.rows, sheet.files, strict=True):
        if not is_nothing(name):
            try:
                named_file(folder, name, f"{where}, row {number}", within=within)
            except CohortError as error:
                missing += error.problems
    return by_row((*sheet.problems, *missing))


def by_row(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """Return problems in the order of the rows they are about, those of the whole sheet first."""

    def row(problem: Problem) -> int:
        found = re.search(r", row (\d+)$", problem.where)
        return int(found.group(1)) if found else 0

    return tuple(sorted(problems, key=row))


def write_sheet(table: pd.DataFrame, path: str | Path) -> Path:
    """Write a sheet as typed, text as text; the old file stays whole until the new one is.

    Parameters
    ----------
    table
        Columns sample, file and what else is known; NaN is written as an empty cell.
    path
        csv (with a byte order mark, for Excel), tsv or xlsx.

    Raises
    ------
    CohortError
        When the place cannot be written to, or the suffix is none of these.
    """
    target = Path(path)
    suffix = target.suffix.lower()
    if suffix not in SHEET_SUFFIXES:
        what = f"Expected a sheet to be csv, tsv or xlsx, found {suffix or 'no suffix'}."
        raise CohortError(Problem(target.name, what, "Name it sheet.csv or sheet.xlsx."))
    texts = [[_text(name) for name in table.columns]]
    texts += [[_text(value) for value in row] for row in table.itertuples(index=False, name=None)]
    write = _write_workbook if suffix == ".xlsx" else _write_text
    try:
        replace_file(target, partial(write, texts))
    except (OSError, ValueError) as error:
        what = f"Expected a place to write the sheet to, found that it cannot be ({error})."
        raise CohortError(Problem(target.name, what, "Choose another folder, or close the file in Excel.")) from error
    return target


def _write_text(texts: list[list[str]], path: Path) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as handle:
        csv.writer(handle, delimiter="\t" if path.suffix.lower() == ".tsv" else ",").writerows(texts)


def _write_workbook(texts: list[list[str]], path: Path) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    for row, values in enumerate(texts, start=1):
        for column, value in enumerate(values, start=1):
            cell = book.active.cell(row, column, value or None)
            if value:
                cell.data_type = "s"  # text that begins with = is no formula
    book.save(path)


def has_column(path: Path, role: str, columns: Mapping[str, str] | None = None) -> bool:
    """Whether a readable sample table has a column for this role, "sample" or "file"."""
    try:
        typed = read_typed(path, path.name, file_column=False, columns=columns)
    except CohortError:
        return False
    if columns and role in columns:
        return columns[role].strip() in typed.header
    return bool(candidates(role, typed.header))


def header_has(path: Path, name: str) -> bool:
    """Whether a readable sample table has a column of exactly this name."""
    try:
        return name in read_typed(path, path.name, file_column=False, columns=None).header
    except CohortError:
        return False


def _text(value: object) -> str:
    return "" if value is None or value is pd.NA or value is pd.NaT or value != value else str(value).strip()


def _judged(typed: Typed, where: str, *, file_column: bool, columns: Mapping[str, str] | None) -> Sheet:
    """Find the columns by role, and every problem of columns and rows."""
    found = find_columns(typed.header, where, file_column=file_column, chosen=columns)
    cells = cells_instead(typed, found, where)
    if cells is not None:
        nameless = pd.DataFrame(index=pd.Index([""] * len(typed.rows), name="sample"))
        return Sheet(nameless, tuple(number for number, _row in typed.rows), ("",) * len(typed.rows), (cells,))
    whole = [*typed.problems, *found.errors, *found.notes, *_repeated_columns(typed.header, where)]
    if not typed.rows:
        whole.append(Problem(where, "Expected at least one sample, found no rows.", "Add a row for each sample."))
    samples, files = _column(typed, found.sample), _column(typed, found.file)
    if found.sample is not None:
        whole += _sample_problems(samples, where, typed.uneven)
    if found.file is not None:
        whole += _file_problems(files, where, typed.uneven)
    table, notes = metadata_of(typed, found, where)
    index = pd.Index([name for _number, name in samples] or [""] * len(typed.rows), name="sample")
    return Sheet(
        table.set_index(index),
        tuple(number for number, _row in typed.rows),
        # an uneven row may have another field where the file should be
        tuple("" if number in typed.uneven else name for number, name in files),
        by_row([*whole, *notes]),
    )


def _column(typed: Typed, name: str | None) -> list[tuple[int, str]]:
    if name is None:
        return [(number, "") for number, _row in typed.rows]
    place = typed.header.index(name)
    return [(number, row[place].strip()) for number, row in typed.rows]


def _repeated_columns(names: Sequence[str], where: str) -> list[Problem]:
    return [
        Problem(
            where,
            f"Expected every column once, found {name} {names.count(name)} times.",
            "Rename or remove the others.",
        )
        for name in sorted({name for name in names if name and names.count(name) > 1})
    ]


def _sample_problems(samples: Sequence[tuple[int, str]], where: str, uneven: Sequence[int]) -> list[Problem]:
    problems = []
    first: dict[str, Any] = {}
    for number, name in samples:
        row = f"{where}, row {number}"
        if number in uneven:
            continue
        if is_nothing(name):
            problems.append(Problem(row, "Expected the name of a sample, found nothing.", "Name it."))
        elif name in EXCEL_ERRORS:
            what = f"Expected the name of a sample, found {name}."
            problems.append(Problem(row, what, "Correct the formula, or type the name."))
        elif name in first:
            what = f"Expected a sample once, found {name} again (first in row {first[name]})."
            problems.append(Problem(row, what, "Give every sample a name of its own."))
        first.setdefault(name, number)
    return problems


def _file_problems(files: Sequence[tuple[int, str]], where: str, uneven: Sequence[int]) -> list[Problem]:
    problems = []
    rows: dict[str, list[int]] = {}
    for number, name in files:
        if number in uneven:
            continue
        if is_nothing(name):
            what, fix = "Expected the file of the sample, found nothing.", "Fill in the column file."
            problems.append(Problem(f"{where}, row {number}", what, fix))
        else:
            rows.setdefault(name, []).append(number)
    for name, numbers in rows.items():
        if len(numbers) > 1:
            what = f"The file {name} is given {len(numbers)} times (rows {listed(map(str, numbers))})."
            problems.append(Problem(where, what, "Give every sample a file of its own.", "warning"))
    return problems
