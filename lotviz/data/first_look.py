"""The first look at a file: its first rows as text, what each column may be, which matrices it holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from lotviz.data.annotated.obs_roles import propose_roles
from lotviz.data.annotated.reader import AnnotatedChoices, layers_of, open_annotated
from lotviz.data.problems import CohortError, Problem
from lotviz.data.tables.columns import find_columns
from lotviz.data.tables.sheet import SHEET_SUFFIXES, typed_sheet

FIRST = 8  # rows
WHOLE_TABLES = ("cells.parquet", "cells.csv")
_SHEET_ROLES = {"sample": "Column that names the sample", "file": "Column that names the file"}
_OBS_ROLES = {"sample_key": "sample", "population_key": "population"}


@dataclass(frozen=True, eq=False)
class FirstLook:
    """What is known of a file before it is opened as a cohort.

    Parameters
    ----------
    what
        What the file is, in words.
    columns
        Columns that may play a part.
    rows
        The first rows, as text.
    roles
        The parts that columns can play, by name of the part: what a page calls it.
    guesses
        The column that is taken for each part unless the user says otherwise.
    layers
        The matrices of an AnnData file.
    sheet
        The whole sample sheet as text, where the file is one.
    notes
        What was taken for granted in reading the sheet.
    """

    what: str
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    roles: Mapping[str, str] = field(default_factory=dict)
    guesses: Mapping[str, str] = field(default_factory=dict)
    layers: tuple[str, ...] = ()
    sheet: pd.DataFrame | None = None
    notes: tuple[Problem, ...] = ()


def first_look(path: Path) -> FirstLook:
    """Look at the first rows of a file.

    Raises
    ------
    CohortError
        When it cannot be read, or is no file that a cohort begins with.
    """
    suffix = path.suffix.lower()
    if suffix in (".h5ad", ".zarr"):
        return _annotated(path)
    if suffix in SHEET_SUFFIXES:
        return _sheet(path)
    what = "Expected a sample sheet or an AnnData file, found a file of cells."
    raise CohortError(Problem(path.name, what, "Choose the sheet that names it, or write a sheet for the files here."))


def _sheet(path: Path) -> FirstLook:
    """Look at a sample sheet; one beside a table with the cells of all samples names no files."""
    typed, notes = typed_sheet(path, path.name)
    whole = any((path.parent / name).is_file() for name in WHOLE_TABLES)
    count = f"{min(len(typed), FIRST)} of {len(typed)} samples"
    roles = {role: _SHEET_ROLES[role] for role in (("sample",) if whole else ("sample", "file"))}
    look = FirstLook(count, rows=_text_rows(typed), roles=roles, sheet=None if whole else typed, notes=notes)
    return with_columns(look, typed.columns)


def with_columns(look: FirstLook, names: Iterable[object]) -> FirstLook:
    """Return a look at a sheet whose columns have these names now, and which part each is taken for."""
    columns = tuple(dict.fromkeys(name for name in map(str, names) if name))
    found = find_columns(columns, "", file_column="file" in look.roles)
    guesses = {role: column for role, column in (("sample", found.sample), ("file", found.file)) if column}
    return replace(look, columns=columns, guesses=guesses)


def _annotated(path: Path) -> FirstLook:
    """Look at the columns of obs of an AnnData file, and which matrices it holds."""
    layers = layers_of(path, path.name)
    table = open_annotated(path, path.name, AnnotatedChoices(layer=layers[0]))
    proposed = {role.role: role.column for role in propose_roles(table.obs) if role.column}
    rows = table.obs.head(FIRST)
    count = f"{len(rows)} of {table.n_cells:,} cells"
    guesses = {key: proposed[role] for key, role in _OBS_ROLES.items() if role in proposed}
    roles = {"sample_key": _SHEET_ROLES["sample"], "population_key": "Column that names the cell type"}
    return FirstLook(count, table.obs.columns, _text_rows(rows), roles, guesses, layers)


def _text_rows(table: pd.DataFrame) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(str(value) for value in row) for row in table.head(FIRST).to_numpy().tolist())
