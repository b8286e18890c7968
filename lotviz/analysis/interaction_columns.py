"""Which columns of a sample table say condition, line, replicate and plate of a drug study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from lotviz.analysis.labels import label_texts
from lotviz.data.problems import CohortError, Problem, did_you_mean, listed
from lotviz.data.roles import role_candidates
from lotviz.data.tables.columns import squeezed

_REPLICATE = ("replicate", "rep", "repl", "replica", "biologicalreplicate", "wellpair", "replikat", "wiederholung")


@dataclass(frozen=True)
class Columns:
    """The columns of a drug study, and the four values of the first.

    Attributes
    ----------
    condition
        The column that holds the four conditions.
    conditions
        Control, A, B and A+B, as texts.
    by, replicate, plate
        Columns of line, replicate and plate; None where there is none.
    notes
        What was found rather than named, as sentences.
    """

    condition: str
    conditions: tuple[str, str, str, str]
    by: str | None
    replicate: str | None
    plate: str | None
    notes: tuple[str, ...] = ()


def columns_of(
    samples: pd.DataFrame,
    values: Sequence[object],
    *,
    column: str | None,
    by: str | None,
    replicate: str | None,
    plate: str | None,
) -> Columns:
    """Find the columns that were not named, and check those that were.

    Parameters
    ----------
    samples
        The sample table.
    values
        Control, A, B and A+B.
    column, by, replicate, plate
        As in `lotviz.interaction`.

    Raises
    ------
    CohortError
        A value stands for two conditions or is nowhere, or a column is not there or holds less than all four.
    """
    four = _four(values)
    names = [str(name) for name in samples.columns]
    for given in (column, by, replicate, plate):
        _require(names, given)
    condition = _condition_column(samples, four) if column is None else column
    _require_values(samples, condition, four)
    notes = [] if column is not None else [f"The column {condition} holds the conditions."]
    taken = {condition, by, replicate, plate}
    free = [name for name in names if name not in taken]
    wells = samples[label_texts(samples[condition]) != ""]
    inside = wells[pd.Series(label_texts(wells[condition]), index=wells.index).isin(four)]
    found_by = by or _crossed(inside, role_candidates("group", free), condition, four)
    found_replicate = replicate or _pairing(inside, free, condition, by=found_by, four=four)
    found_plate = plate or _only([name for name in role_candidates("batch", free) if _varies(inside, name)])
    for role, found, given in (
        ("line", found_by, by),
        ("replicate", found_replicate, replicate),
        ("plate", found_plate, plate),
    ):
        if found and not given:
            notes.append(f"The column {found} is used as {role}.")
    twice = [name for name in (condition, by, replicate, plate) if name]
    if len(set(twice)) < len(twice):
        what = f"Expected four different columns, found {listed(twice)}."
        raise CohortError(Problem("interaction", what, "Name each column once."))
    return Columns(condition, four, found_by, found_replicate, found_plate, tuple(notes))


def _four(values: Sequence[object]) -> tuple[str, str, str, str]:
    control, a, b, both = label_texts(list(values)).tolist()
    empty = [
        name for name, value in zip(("control", "a", "b", "both"), (control, a, b, both), strict=True) if not value
    ]
    if empty:
        what = f"Expected a value for control, a, b and both, found none for {listed(empty)}."
        raise CohortError(Problem("interaction", what, "Name the condition of each."))
    if len({control, a, b, both}) < 4:
        what = f"Expected four different conditions, found {control}, {a}, {b} and {both}."
        raise CohortError(Problem("interaction", what, "Name control, A, B and A+B, each by its own value."))
    return control, a, b, both


def _require(names: Sequence[str], column: str | None) -> None:
    if column is not None and column not in names:
        what = f"Expected a column {column}, found {listed(names, 30)}."
        raise CohortError(Problem("samples", what, did_you_mean(column, names) or "Name one of these."))


def _condition_column(samples: pd.DataFrame, four: Sequence[str]) -> str:
    held = {str(name): set(four) & set(label_texts(samples[name])) for name in samples.columns}
    whole = [name for name, values in held.items() if len(values) == len(four)]
    if len(whole) == 1:
        return whole[0]
    if whole:
        what = f"Expected one column with {listed(four)}, found {listed(whole)}."
        raise CohortError(Problem("samples", what, "Name the one that is meant as column."))
    best = max(held, key=lambda name: len(held[name]), default="")
    if not best or not held[best]:
        what = f"Expected a column with the values {listed(four)}, found none of them in {listed(held, 30)}."
        raise CohortError(Problem("samples", what, "Name the values as they stand in the sample table."))
    _require_values(samples, best, four)
    raise AssertionError("a column with all four was found after all")


def _require_values(samples: pd.DataFrame, column: str, four: Sequence[str]) -> None:
    there = [text for text in dict.fromkeys(label_texts(samples[column])) if text]
    missing = [value for value in four if value not in there]
    if missing:
        what = f"Expected {listed(missing)} among the values, found {listed(there, 20)}."
        fix = did_you_mean(missing[0], there) or "Name one of these."
        raise CohortError(Problem(f"column {column}", what, fix))


def _crossed(wells: pd.DataFrame, candidates: Sequence[str], condition: str, four: Sequence[str]) -> str | None:
    """Return the one column of which at least one value has all four conditions, and that has several values."""
    found = [name for name in candidates if _varies(wells, name) and _with_all_four(wells, [name], condition, four) > 0]
    return found[0] if len(found) == 1 else None


def _pairing(
    wells: pd.DataFrame, names: Sequence[str], condition: str, *, by: str | None, four: Sequence[str]
) -> str | None:
    """Return the replicate column, where each of its values within a line has all four conditions."""
    candidates = [name for name in names if squeezed(name) in _REPLICATE and _varies(wells, name)]
    if len(candidates) != 1:
        return None
    keys = [*([by] if by else []), candidates[0]]
    groups = wells.groupby(keys, sort=False).ngroups
    return candidates[0] if _with_all_four(wells, keys, condition, four) == groups else None


def _with_all_four(wells: pd.DataFrame, keys: Sequence[str], condition: str, four: Sequence[str]) -> int:
    labels = pd.Series(label_texts(wells[condition]), index=wells.index)
    counts = labels.groupby([label_texts(wells[key]) for key in keys]).nunique()
    return int((counts == len(four)).sum())


def _varies(wells: pd.DataFrame, name: str) -> bool:
    return len(set(label_texts(wells[name]))) > 1


def _only(names: Sequence[str]) -> str | None:
    named = [name for name in names if squeezed(name) in ("plate", "plateid", "platte")]
    return named[0] if len(named) == 1 else names[0] if len(names) == 1 else None
