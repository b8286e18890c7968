"""What can be wrong with a cohort, in sentences: where, what was found, and how to put it right."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a cohort.

    Parameters
    ----------
    where
        The place, as its owner knows it: a file, a row of it, a sample, a marker.
    what
        What was expected and what was found, as a sentence.
    fix
        How to put it right, as a sentence.
    severity
        An error stops every computation; a warning is shown beside its results.
    samples
        The samples it is about, where it is about some of them.

    Examples
    --------
    >>> print(Problem("sheet.csv, row 3", "Expected a file name, found nothing.", "Fill in the cell."))
    sheet.csv, row 3: Expected a file name, found nothing. Fill in the cell.
    """

    where: str
    what: str
    fix: str
    severity: Literal["error", "warning"] = "error"
    samples: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.where}: {self.what} {self.fix}".strip()


class CohortError(ValueError):
    """A cohort that cannot be used as it is, with every problem that was found, one a line."""

    def __init__(self, *problems: Problem) -> None:
        self.problems: tuple[Problem, ...] = problems
        super().__init__("\n".join(str(problem) for problem in problems))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the sentence that offers the closest known names, or an empty string.

    Examples
    --------
    >>> did_you_mean("lable", ["label", "batch"])
    'Did you mean label?'
    >>> did_you_mean("P1", ["P01", "P21", "P10"])
    'Did you mean P01?'
    """
    by_lower, word = {name.lower(): name for name in known}, str(word)  # None and numbers come from scripts
    alike = [name for lower, name in by_lower.items() if _plain_numbers(lower) == _plain_numbers(word.lower())]
    if len(alike) == 1:
        return f"Did you mean {alike[0]}?"
    close = difflib.get_close_matches(word.lower(), list(by_lower), n=3, cutoff=0.6)
    return f"Did you mean {' or '.join(by_lower[name] for name in close)}?" if close else ""


def _plain_numbers(word: str) -> str:
    """Take the zeros before numbers away."""
    return re.sub(r"(?<!\d)0+(?=\d)", "", word)


def listed(names: Iterable[str], limit: int = 12) -> str:
    """Names in one line, the first `limit` of them and how many more there are.

    Examples
    --------
    >>> listed(["a", "b", "c"], limit=2)
    'a, b and 1 more'
    """
    found = [str(name) for name in names]
    shown = ", ".join(found[:limit]) or "none"
    return shown if len(found) <= limit else f"{shown} and {len(found) - limit} more"
