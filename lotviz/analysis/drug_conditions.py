"""Which samples of a cohort are control, A, B and A+B: guessed by their names, for a person to confirm."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import pandas as pd

from lotviz.analysis.labels import label_texts
from lotviz.data.tables.columns import squeezed

MOST_CONDITIONS = 40  # a column with more different values names samples, not conditions
_CONTROL = {
    "control", "controls", "ctrl", "ctl", "con", "vehicle", "veh", "dmso", "untreated", "unstimulated", "unstim",
    "mock", "placebo", "pbs", "medium", "media", "solvent", "baseline", "nodrug", "notreatment", "none", "nt", "ut",
    "kontrolle", "unbehandelt",
}  # fmt: skip
_TOGETHER = {"both", "combo", "combination", "combined", "kombination", "beide"}
_CALLED = ("condition", "treatment", "drug", "compound", "perturbation", "stimulation", "therapy", "arm")
_JOINTS = re.compile(r"[^\w]|_|\b(?:and|plus|und|with)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Conditions:
    """The column of the conditions and its four values; None where nothing is called so.

    Attributes
    ----------
    column
        The column.
    control, a, b, both
        Values of it.
    """

    column: str | None = None
    control: str | None = None
    a: str | None = None
    b: str | None = None
    both: str | None = None

    @property
    def complete(self) -> bool:
        """Whether all four were found."""
        return None not in (self.control, self.a, self.b, self.both)


def find_conditions(samples: pd.DataFrame) -> Conditions:
    """Find the column whose values are called control, A, B and A+B; columns called condition or drug come first.

    Examples
    --------
    >>> table = pd.DataFrame({"line": list("1111"), "drug": ["DMSO", "5-FU", "SN-38", "5-FU + SN-38"]})
    >>> found = find_conditions(table)
    >>> found.column, found.control, found.a, found.b, found.both
    ('drug', 'DMSO', '5-FU', 'SN-38', '5-FU + SN-38')
    >>> find_conditions(table[["line"]]).complete
    False
    """
    names = condition_columns(samples)
    for name in sorted(names, key=lambda name: not any(word in squeezed(name) for word in _CALLED)):
        found = guess_conditions(condition_values(samples, name))
        if found.complete:
            return Conditions(name, found.control, found.a, found.b, found.both)
    return Conditions()


def condition_columns(samples: pd.DataFrame) -> tuple[str, ...]:
    """Name the columns that may hold four conditions or more."""
    return tuple(
        str(name) for name in samples.columns if 4 <= len(condition_values(samples, str(name))) <= MOST_CONDITIONS
    )


def condition_values(samples: pd.DataFrame, column: str) -> tuple[str, ...]:
    """Return the different values of a column in the order of the samples, without missing ones."""
    return tuple(text for text in dict.fromkeys(label_texts(samples[column]).tolist()) if text)


def guess_conditions(values: Sequence[str]) -> Conditions:
    """Guess which values are control, A, B and A+B.

    The control is what is called so (control, vehicle, DMSO, untreated, ...); A+B is the value whose name is made of
    the names of two others, or, of four values, the one called a combination.

    Examples
    --------
    >>> found = guess_conditions(["A", "A+B", "B", "vehicle"])
    >>> found.control, found.a, found.b, found.both
    ('vehicle', 'A', 'B', 'A+B')
    >>> guess_conditions(["low", "middle", "high", "highest"]).complete
    False
    """
    control = _control(values)
    drugs = [value for value in values if value != control]
    a, b, both = _pair(drugs)
    if both is None and control is not None and len(drugs) == 3:
        named = [value for value in drugs if _words(value) & _TOGETHER]
        if len(named) == 1:
            both = named[0]
            a, b = (value for value in drugs if value != both)
    return Conditions(None, control, a, b, both)


def _control(values: Sequence[str]) -> str | None:
    """Return the value that is called control as a whole, or else the only one with such a word in it."""
    whole = [value for value in values if squeezed(value) in _CONTROL]
    if whole:
        return whole[0]
    partly = [value for value in values if _words(value) & _CONTROL]
    return partly[0] if len(partly) == 1 else None


def _pair(drugs: Sequence[str]) -> tuple[str | None, str | None, str | None]:
    """Return A, B and the value whose name holds both names and the least besides."""
    best: tuple[int, str, str, str] | None = None
    for a, b in combinations(drugs, 2):
        for both in drugs:
            rest = _rest(both, a, b)
            if both not in (a, b) and rest is not None and (best is None or rest < best[0]):
                best = (rest, a, b, both)
    return (None, None, None) if best is None else best[1:]


def _rest(both: str, a: str, b: str) -> int | None:
    """Letters of a name that belong to neither of two others it is made of; None where it is not made of them."""
    words, first, second = _words(both), _words(a), _words(b)
    if first and second and first | second <= words and first != second and words not in (first, second):
        return sum(map(len, words - first - second))
    whole, parts = squeezed(both), sorted((squeezed(a), squeezed(b)), key=len, reverse=True)
    if not all(parts) or parts[0] not in whole or parts[1] not in whole.replace(parts[0], "", 1):
        return None
    return len(whole) - len(parts[0]) - len(parts[1])


def _words(value: str) -> set[str]:
    return {squeezed(word) for word in _JOINTS.split(value) if squeezed(word)}
