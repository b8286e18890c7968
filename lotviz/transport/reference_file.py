"""Reference points that a user brings: a table of points, or the reference of an embedding saved before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from lotviz.data.problems import CohortError, Problem, did_you_mean, listed

TABLES = (".csv", ".tsv", ".parquet")
MASS = "mass"


@dataclass(frozen=True, eq=False)
class PointTable:
    """Reference points as a file holds them.

    Attributes
    ----------
    points
        Points, (m, d), transformed marker units, columns in the order of the markers.
    masses
        Masses, (m,), summing to one.
    """

    points: NDArray[np.float64]
    masses: NDArray[np.float64]


def read_points(path: Path, markers: Sequence[str]) -> PointTable:
    """Read a table of reference points: one column a marker, in any order, and, if masses differ, a column `mass`.

    Parameters
    ----------
    path
        A .csv, .tsv or .parquet.
    markers
        The markers of the cohort, d.

    Returns
    -------
        The points and their masses; masses are divided by their sum.

    Raises
    ------
    CohortError
        The file cannot be read, a column is missing, unknown or there twice, there is no point, a value is not a finite
        number, or a mass is not positive.
    """
    where = str(path)
    table = _read(path, where)
    _require_columns([str(name) for name in table.columns], markers, where)
    if table.empty:
        raise CohortError(
            Problem(where, "Expected at least one reference point, found none.", "Add a row for each point.")
        )
    problems: list[Problem] = []
    columns = [_numbers(table[marker], f"marker {marker}", where, problems) for marker in markers]
    given = MASS in table.columns and MASS not in markers
    masses = _masses(table[MASS], where, problems) if given else np.ones(len(table))
    if problems:
        raise CohortError(*problems)
    return PointTable(np.column_stack(columns), masses / masses.sum())


def no_such_file(path: Path) -> Problem:
    """Say that a reference is not where it was said to be."""
    beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    found = "a folder" if path.is_dir() else "nothing there"
    fix = did_you_mean(path.name, [name for name in beside if name != path.name]) or "Check the path."
    return Problem(str(path), f"Expected a file of reference points, found {found}.", fix)


def _read(path: Path, where: str) -> pd.DataFrame:
    if not path.is_file():
        raise CohortError(no_such_file(path))
    try:
        return pd.read_parquet(path) if path.suffix.lower() == ".parquet" else _read_text(path)
    except pd.errors.EmptyDataError:
        raise CohortError(Problem(where, "Expected reference points, found an empty file.", "Fill it in.")) from None
    except (ValueError, OSError, pa.ArrowException) as error:  # pandas' parser and Unicode errors are ValueErrors
        reason = str(error).splitlines()[0][:160]
        what = f"Expected a table of reference points, found a file that cannot be read ({reason})."
        raise CohortError(Problem(where, what, "Save it again, with as many fields in every row.")) from error


def _read_text(path: Path) -> pd.DataFrame:
    # the header read as a row: with a header, pandas takes a field too many in every row for an index, in silence
    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    rows = pd.read_csv(path, sep=separator, header=None, dtype=str, encoding="utf-8-sig", keep_default_na=False)
    header = [str(name).strip() for name in rows.iloc[0]]
    return rows.iloc[1:].set_axis(header, axis=1).reset_index(drop=True)


def _require_columns(found: Sequence[str], markers: Sequence[str], where: str) -> None:
    problems = []
    twice = sorted({name for name in found if found.count(name) > 1})
    if twice:
        what = f"Expected every column once, found {listed(twice)} more than once."
        problems.append(Problem(where, what, "Take the others out of the file."))
    problems += [
        Problem(
            where,
            f"Expected a column for marker {marker}, found none.",
            did_you_mean(marker, found) or "Add it, or choose the markers that the file has.",
        )
        for marker in markers
        if marker not in found
    ]
    unknown = [name for name in dict.fromkeys(found) if name not in markers and name != MASS]
    if unknown:
        what = f"Expected the {len(markers)} markers and, at most, {MASS}, found also {listed(unknown)}."
        fix = did_you_mean(unknown[0], [MASS, *markers]) or "Take these columns out of the file."
        problems.append(Problem(where, what, fix))
    if problems:
        raise CohortError(*problems)


def _numbers(column: pd.Series, name: str, where: str, problems: list[Problem]) -> NDArray[np.float64]:
    """Turn a column into numbers, (m,); what cannot be is told to `problems`."""
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(np.float64)
    wrong = np.flatnonzero(~np.isfinite(numbers))
    if wrong.size:
        found = f"found {str(column.iloc[wrong[0]])!r} ({wrong.size} of {len(column)} are not)"
        place = f"{where}, point {wrong[0] + 1}, {name}"
        problems.append(Problem(place, f"Expected a finite number, {found}.", "Fill it in, or remove the row."))
        return numbers
    return column.to_numpy().astype(np.float64)  # from text as Python reads it: every digit counts


def _masses(column: pd.Series, where: str, problems: list[Problem]) -> NDArray[np.float64]:
    masses = _numbers(column, MASS, where, problems)
    wrong = np.flatnonzero(masses <= 0)
    if wrong.size:
        what = f"Expected a positive mass, found {masses[wrong[0]]:g} ({wrong.size} such)."
        problems.append(Problem(f"{where}, point {wrong[0] + 1}", what, "Remove points without mass."))
    return masses
