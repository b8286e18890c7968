"""Recognises a table of cells that was given as a sheet of samples: one mistake, not one in every row."""

from __future__ import annotations

import re

from lotviz.data.problems import Problem
from lotviz.data.tables.columns import Columns
from lotviz.data.tables.numerals import Number
from lotviz.data.tables.typed import Typed

_MANY = 20  # rows: in fewer, samples that come twice are slips of the hand
_NUMBER = re.compile(r"[-+]?[\d.,]*\d[\d.,]*([eE][-+]?\d+)?")


def cells_instead(typed: Typed, found: Columns, where: str) -> Problem | None:
    """Return the problem of a table of cells: no files, mostly numbers, and more than two rows a sample on average."""
    others = [place for place, name in enumerate(typed.header) if name != found.sample]
    if found.file is not None or len(typed.rows) < _MANY or not others:
        return None
    samples = set()
    if found.sample is not None:
        place = typed.header.index(found.sample)
        samples = {row[place].strip() for _number, row in typed.rows}
    first = [row for _number, row in typed.rows[:_MANY]]
    numbers = [place for place in others if all(_is_number(row[place]) for row in first)]
    if 2 * len(samples) >= len(typed.rows) or 3 * len(numbers) < 2 * len(others):
        return None
    of = f" of {len(samples):,} samples" if samples else ""
    what = f"Expected a sheet with a row for each sample, found a table of cells ({len(typed.rows):,} rows{of})."
    fix = "Choose the sheet that names it, or put a sheet samples.csv beside it and name it cells.csv."
    return Problem(where, what, fix)


def _is_number(word: str) -> bool:
    return isinstance(word, Number) or _NUMBER.fullmatch(word) is not None
