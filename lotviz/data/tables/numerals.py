"""How numbers are written: decimal point or comma, and what separates thousands; read in one way or not at all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

NOTHING = ("", "na", "n/a", "nan", "null", "none", "#n/a", "<na>", "-nan", "#na")
_SIGNS = {"": "", ".": r"\.", ",": ",", " ": "[ \u00a0\u2009\u202f]", "'": "['\u2019]"}
_WHOLE = re.compile(r"[+-]?\d+(?:[eE][+-]?\d+)?|[+-]?inf(?:inity)?", re.ASCII | re.IGNORECASE)


class Number(str):
    """The text of what a spreadsheet holds as a number: it has one value, whatever is typed around it."""


@dataclass(frozen=True)
class Numerals:
    """A way of writing numbers.

    Parameters
    ----------
    decimal
        "." or ",".
    thousands
        What stands between groups of three digits: nothing, ".", ",", a space or an apostrophe. Groups must be whole,
        so that 1,5 is never read as 15.

    Examples
    --------
    >>> Numerals(",", ".").number("1.234,5")
    1234.5
    """

    decimal: str = "."
    thousands: str = ""

    @cached_property
    def pattern(self) -> str:
        """The regular expression of a whole number in this way of writing."""
        decimal, between = _SIGNS[self.decimal], _SIGNS[self.thousands]
        digits = r"[0-9]+" + (rf"|[1-9][0-9]{{0,2}}(?:{between}[0-9]{{3}})+" if between else "")
        # the sign and the exponent are the same everywhere
        return rf"^[+-]?(?:(?:{digits})(?:{decimal}[0-9]*)?|{decimal}[0-9]+)(?:[eE][+-]?[0-9]+)?$"

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self.pattern)

    def reads(self, word: str) -> bool:
        """Whether a word is a number in this way of writing."""
        return self._compiled.match(word) is not None

    def number(self, word: str) -> float:
        """Return the number that a word stands for."""
        plain = re.sub(_SIGNS[self.thousands], "", word) if self.thousands else word
        return float(plain.replace(self.decimal, "."))

    def numbers(self, words: pd.Series) -> NDArray[np.float64]:
        """Return the number each word stands for, (n,); NaN where it is none, and real numbers as they are."""
        if (
            pd.api.types.infer_dtype(words, skipna=True) not in ("string", "empty")
            or words.map(lambda word: isinstance(word, Number)).any()
        ):
            return self._mixed(words)
        text = pc.utf8_trim_whitespace(pa.array(words.to_numpy(dtype=object), pa.string(), from_pandas=True))
        known = pc.fill_null(pc.match_substring_regex(text, self.pattern), fill_value=False)
        plain = pc.if_else(known, text, pa.scalar(None, pa.string()))
        if self.thousands:
            plain = pc.replace_substring_regex(plain, _SIGNS[self.thousands], "")
        plain = pc.replace_substring(plain, self.decimal, ".").to_numpy(zero_copy_only=False)
        return pd.to_numeric(pd.Series(plain, dtype=object), errors="coerce").to_numpy(np.float64)

    def _mixed(self, words: pd.Series) -> NDArray[np.float64]:
        real = words.map(lambda word: isinstance(word, (int, float, Number))).to_numpy(bool)
        found = np.empty(len(words))
        found[real] = [float(word) for word in words[real]]
        found[~real] = self.numbers(words[~real].astype(object)) if (~real).any() else 0
        return found

    def describe(self) -> str:
        """Say how numbers are written, for messages.

        Examples
        --------
        >>> Numerals(",", ".").describe()
        'decimal commas and points between thousands'
        """
        decimal = {".": "decimal points", ",": "decimal commas"}[self.decimal]
        between = {"": "", ".": "points", ",": "commas", " ": "spaces", "'": "apostrophes"}[self.thousands]
        return f"{decimal} and {between} between thousands" if between else decimal


PLAIN = Numerals()
# in the order in which they are preferred where both read every number alike
_WAYS = (
    PLAIN,
    Numerals(","),
    *(Numerals(decimal, between) for between in ",. '" for decimal in ".," if decimal != between),
)


@dataclass(frozen=True)
class Reading:
    """The ways in which all words of some columns can be read as numbers.

    Parameters
    ----------
    ways
        Each reads every word that any way reads.
    words
        Words that the ways read differently from each other, one that tells the most first.
    """

    ways: tuple[Numerals, ...] = _WAYS
    words: tuple[str, ...] = ()

    @property
    def best(self) -> Numerals:
        """The way to take; the decimal point of programs where nothing speaks against it."""
        return self.ways[0]

    @property
    def doubt(self) -> str | None:
        """A word that has two values, such as 1,234; a single point is the decimal point, as programs write it."""
        if not self.ways or self.best == PLAIN:
            return None
        values = {word: {way.number(word) for way in self.ways} for word in self.words}
        return next((word for word, found in values.items() if len(found) > 1), None)

    def best_of(self, present: Numerals) -> Numerals:
        """Return the way to take, or the present one where none is left."""
        return self.ways[0] if self.ways else present

    def joined(self, other: Reading) -> Reading:
        """Return the ways that read the words of both."""
        return Reading(
            tuple(way for way in self.ways if way in other.ways), tuple(dict.fromkeys((*self.words, *other.words)))
        )


ANYHOW = Reading()


def reading_of(words: Iterable[str]) -> Reading:
    """Return the ways of reading some words; words that are no numbers in any way are passed over.

    Examples
    --------
    >>> reading_of(["1,5", "1,234"]).best
    Numerals(decimal=',', thousands='')
    >>> reading_of(["1,234", "12"]).doubt
    '1,234'
    """
    ways: Sequence[Numerals] = _WAYS
    telling: list[str] = []
    for word in dict.fromkeys(word.strip() for word in words):
        if _WHOLE.fullmatch(word):
            continue
        own = [way for way in _WAYS if way.reads(word)]
        if not own:
            continue
        if len(telling) < 50:
            telling.append(word)
        ways = [way for way in ways if way in own]
        if not ways:
            break
    return Reading(tuple(ways), tuple(telling))


def fraction_in_words(column: pd.Series) -> str | None:
    """Return a number with a fraction where all that a column of text holds are numbers, in any way of writing them.

    Examples
    --------
    >>> fraction_in_words(pd.Series(["1", "2,5", None])), fraction_in_words(pd.Series(["1", "2"]))
    ('2,5', None)
    """
    words = list(dict.fromkeys(word.strip() for word in column.dropna().head(10_000) if isinstance(word, str)))
    words = [word for word in words if word.lower() not in NOTHING]
    fractions = [word for word in words if not _WHOLE.fullmatch(word)]
    if not fractions or not all(any(way.reads(word) for way in _WAYS) for word in fractions):
        return None
    return fractions[0]
