"""Tables of samples as people type them: csv, tsv or xlsx, every row checked and every problem reported at once."""

from __future__ import annotations

import csv
import difflib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from lotviz.data.problems import CohortError, Problem, did_you_mean, listed

SHEET_SUFFIXES = (".csv", ".tsv", ".txt", ".xlsx")
_NOTHING = {"", "na", "n/a", "nan", "null", "none", "#n/a"}
_KEYS = ("sample", "sample_id")


@dataclass(frozen=True, eq=False)
class Sheet:
    """A sample table as typed: `table` has index "sample", `rows` the number a spreadsheet shows for each sample."""

    table: pd.DataFrame
    rows: tuple[int, ...]


def read_sheet(path: Path, where: str, *, file_column: bool) -> Sheet:
    """Read a sample table; numbers as numbers, all else as text, empty cells as NaN.

    Parameters
    ----------
    where
        How the owner calls the file, for messages.
    file_column
        True when each sample must name its file of cells.

    Raises
    ------
    CohortError
        With every problem of the table: unreadable, missing columns, nameless or repeated samples, no file named.
    """
    table = _read_text(path, where)
    table.columns = pd.Index([str(name).strip() for name in table.columns])
    key = next((name for name in _KEYS if name in table.columns), None)
    problems = _column_problems(table, where, key=key, file_column=file_column)
    if key is None or problems:
        raise CohortError(*problems)
    table[key] = table[key].str.strip()
    problems = [*_row_problems(table[key], where), *(_file_problems(table["file"], where) if file_column else ())]
    rows = tuple(_row_number(position) for position in table.index)
    if not len(table):
        problems.append(Problem(where, "Expected at least one sample, found no rows.", "Add a row for each sample."))
    if problems:
        raise CohortError(*problems)
    metadata = table.drop(columns=[key]).apply(_typed)
    return Sheet(metadata.set_index(pd.Index(table[key], name="sample")), rows)


def _row_number(position: int) -> int:
    return position + 2  # the header is row 1


def has_column(path: Path, name: str) -> bool:
    """Whether a readable table has this column."""
    try:
        table = _read_text(path, path.name)
    except CohortError:
        return False
    return name in {str(column).strip() for column in table.columns}


def find_file(folder: Path, name: str) -> tuple[Path, str]:
    """Return the path of a file named in a sheet, and, where it does not exist, the sentence that helps to find it."""
    path = folder / name.strip()
    if not path.exists():
        path = folder / name.strip().replace("\\", "/")  # a sheet typed on Windows
    if path.exists():
        return path, ""
    if not path.parent.is_dir():
        return path, f"There is no folder {Path(name).parent} beside the sheet."
    beside = sorted(entry.name for entry in path.parent.iterdir())
    same = [entry for entry in beside if entry.lower() == path.name.lower()]
    close = same or difflib.get_close_matches(path.name, beside, n=2, cutoff=0.75)
    if close:
        return path, f"Did you mean {' or '.join(str(Path(name).parent / entry) for entry in close)}?"
    return path, "Correct the name, or put the file there; names are relative to the sheet."


def _read_text(path: Path, where: str) -> pd.DataFrame:
    try:
        if path.suffix.lower() == ".xlsx":
            table = pd.read_excel(path, dtype=str, keep_default_na=False, engine="openpyxl").fillna("")
            return table[(table != "").any(axis=1)]
        with path.open(encoding="utf-8-sig", newline="") as handle:
            rows = list(csv.reader(handle, delimiter=delimiter(path), strict=True))
    except UnicodeDecodeError as error:
        what = f"Expected text in UTF-8, found byte {error.object[error.start]:#04x} at position {error.start}."
        raise CohortError(Problem(where, what, "Save the table as CSV UTF-8.")) from error
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, csv.Error) as error:
        what = f"Expected a table of samples, found a file that cannot be read ({error})."
        raise CohortError(Problem(where, what, "Save it again as CSV (UTF-8) or xlsx.")) from error
    return _rectangle(rows, where)


def delimiter(path: Path) -> str:
    """Return the character that separates the columns of a text table, judged by its header."""
    with path.open(encoding="utf-8-sig") as handle:
        header = handle.readline()
    return max("\t,;", key=header.count) if path.suffix.lower() != ".tsv" else "\t"


def _rectangle(rows: list[list[str]], where: str) -> pd.DataFrame:
    if not rows or not any(rows[0]):
        raise CohortError(Problem(where, "Expected a table of samples, found an empty file.", "Fill in the table."))
    header = rows[0]
    body = {position: row for position, row in enumerate(rows[1:]) if any(field.strip() for field in row)}
    uneven = [
        Problem(
            f"{where}, row {_row_number(position)}",
            f"Expected {len(header)} fields as in the header, found {len(row)}.",
            "Put quotes around text that holds the separator, or complete the row.",
        )
        for position, row in body.items()
        if len(row) != len(header)
    ]
    if uneven:
        raise CohortError(*uneven)
    return pd.DataFrame(list(body.values()), columns=header, index=list(body), dtype=str)


def _column_problems(table: pd.DataFrame, where: str, *, key: str | None, file_column: bool) -> list[Problem]:
    names = [str(name) for name in table.columns]
    problems = []
    for missing in [*([] if key else ["sample"]), *(["file"] if file_column and "file" not in names else [])]:
        fix = did_you_mean(missing, names) or f"Name a column {missing}."
        problems.append(Problem(where, f"Expected a column {missing}, found {listed(names, 30)}.", fix))
    for name in sorted({name for name in names if names.count(name) > 1}):
        what = f"Expected every column once, found {name or 'a column without a name'} {names.count(name)} times."
        problems.append(Problem(where, what, "Rename or remove the others."))
    return problems


def _row_problems(names: pd.Series, where: str) -> list[Problem]:
    problems = []
    first: dict[str, Any] = {}
    for position, name in zip(names.index.tolist(), names, strict=True):
        row = f"{where}, row {_row_number(position)}"
        if name.lower() in _NOTHING:
            problems.append(Problem(row, "Expected the name of a sample, found nothing.", "Name it."))
        elif name in first:
            what = f"Expected a sample once, found {name} again (first in row {_row_number(first[name])})."
            problems.append(Problem(row, what, "Give every sample a name of its own."))
        first.setdefault(name, position)
    return problems


def _file_problems(files: pd.Series, where: str) -> list[Problem]:
    return [
        Problem(
            f"{where}, row {_row_number(position)}",
            "Expected the file of the sample, found nothing.",
            "Fill in the column file.",
        )
        for position, name in zip(files.index.tolist(), files, strict=True)
        if name.strip().lower() in _NOTHING
    ]


def _typed(column: pd.Series) -> pd.Series:
    """Numbers where all is numbers; identifiers such as 007 stay text."""
    text = column.str.strip()
    known = text.where(~text.str.lower().isin(_NOTHING))
    if known.isna().all() or known.dropna().str.match(r"^0\d").any():
        return known
    numbers = pd.to_numeric(known, errors="coerce")
    if (numbers.isna() & known.notna()).any():
        return known
    whole = numbers.notna().all() and (numbers == numbers.round()).all() and numbers.abs().max() < 2**53
    return numbers.astype("int64") if whole and not known.str.contains(r"[.eE]").any() else numbers
