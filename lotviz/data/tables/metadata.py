"""What a sheet says of its samples beside their names and files: numbers where all is numbers, else words."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from lotviz.data.problems import Problem, listed
from lotviz.data.tables.columns import Columns
from lotviz.data.tables.numerals import NOTHING, PLAIN, Number, Numerals, Reading, reading_of
from lotviz.data.tables.typed import Typed
from lotviz.data.tables.workbook import NOT_COMPUTED

EXCEL_ERRORS = ("#REF!", "#DIV/0!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!", "#SPILL!", "#CALC!", NOT_COMPUTED)


def metadata_of(typed: Typed, found: Columns, where: str) -> tuple[pd.DataFrame, list[Problem]]:
    """Return the columns that are not the sample or its file, typed, with a warning for each that was not plain."""
    columns: dict[str, pd.Series] = {}
    notes: list[Problem] = []
    commas = _has_decimal_commas(typed)
    for place, name in enumerate(typed.header):
        words = pd.Series([row[place] for _number, row in typed.rows], dtype=object)
        if name in (found.sample, found.file) and place == typed.header.index(name):
            continue
        if not name:
            if words.astype(bool).any():
                what = f"The column {place + 1} has no name and is left out."
                notes.append(Problem(where, what, "Name it in the header if it is needed.", "warning"))
            continue
        broken = [(number, row[place]) for number, row in typed.rows if row[place] in EXCEL_ERRORS]
        if broken:
            rows = listed((str(number) for number, _word in broken), 6)
            what = f"The column {name} holds {broken[0][1]} (rows {rows}), which is read as not known."
            fix = "Correct the formulas."
            if broken[0][1] == NOT_COMPUTED:
                what = f"The column {name} holds formulas that were never computed (rows {rows}), read as not known."
                fix = "Open the workbook in a spreadsheet and save it."
            notes.append(Problem(where, what, fix, "warning"))
        columns[name], note = _typed_column(words, f"{where}, column {name}", commas=commas)
        notes += note
    return pd.DataFrame(columns, index=range(len(typed.rows))), notes


def _has_decimal_commas(typed: Typed) -> bool:
    """Whether some column of a sheet can only be read with decimal commas."""
    for place in range(len(typed.header)):
        reading = reading_of(word for word in _known(row[place] for _number, row in typed.rows))
        if reading.words and reading.ways and all(way.decimal == "," for way in reading.ways):
            return True
    return False


def _known(words: Iterable[str]) -> list[str]:
    return [word for word in words if not isinstance(word, Number) and word.lower() not in NOTHING]


def _typed_column(text: pd.Series, where: str, *, commas: bool = False) -> tuple[pd.Series, list[Problem]]:
    """Numbers where all is numbers, in one way of writing them; identifiers such as 007 stay text.

    Parameters
    ----------
    commas
        Whether another column of the sheet has decimal commas.
    """
    known = text.where(~text.str.lower().isin(NOTHING) & ~text.isin(EXCEL_ERRORS))
    words = known.dropna()
    as_words = text.where((text != "") & ~text.isin(EXCEL_ERRORS) & (known.notna() | text.str.lower().eq("none")))
    if words.empty or words.str.match(r"^0\d").any():
        return as_words, _nones(as_words, known, where)
    reading = reading_of(word for word in words if not isinstance(word, Number))
    doubt = _doubt(reading, where) or _thousands_in_doubt(words, reading, where, commas=commas)
    numbers = pd.Series(reading.best.numbers(known), index=known.index) if reading.ways else known
    if doubt or not reading.ways or (numbers.isna() & known.notna()).any():
        return as_words, [*doubt, *_nones(as_words, known, where)]
    if _are_identifiers(words, numbers.dropna()):
        return known, []
    notes = []
    if reading.best.decimal != "." or reading.best.thousands:
        sample = reading.words[0]
        what = f"Numbers were read with {reading.best.describe()}: {sample} is {reading.best.number(sample):.10g}."
        notes.append(Problem(where, what, "Type them with decimal points if that is wrong.", "warning"))
    whole = numbers.notna().all() and (numbers == numbers.round()).all() and numbers.abs().max() < 2**53
    return (numbers.astype("int64") if whole and not words.str.contains(r"[.,eE]").any() else numbers), notes


def _nones(column: pd.Series, known: pd.Series, where: str) -> list[Problem]:
    """Say that none was taken for a word, as an untreated sample is called, where it stands among words."""
    count = int((column.notna() & known.isna()).sum())
    if not count:
        return []
    what = f"none is read as a value, as of samples that were not treated ({count} of {len(column)} rows)."
    return [Problem(where, what, "Leave the cell empty where nothing is known.", "warning")]


def _are_identifiers(words: pd.Series, numbers: pd.Series) -> bool:
    """Whether numbers would lose digits, or make one of two words: long numbers of patients, wells such as 1E5."""
    digits = words.str.fullmatch(r"[+-]?\d+") & (numbers.abs() >= 2**53)
    return bool(digits.any() or (words.str.contains("[eE]").any() and words.nunique() > numbers.nunique()))


def _thousands_in_doubt(words: pd.Series, reading: Reading, where: str, *, commas: bool) -> list[Problem]:
    """Return the warning of points that may stand between thousands: programs do not write 12.400 beside 950."""
    german = Numerals(",", ".")
    if not reading.words or reading.best != PLAIN or german not in reading.ways:
        return []
    beside = words.str.fullmatch(r"[+-]?[1-9]\d{2,}").any() and any(word.endswith("0") for word in reading.words)
    if not (commas or beside):
        return []
    word = reading.words[0]
    what = f"{word} may be {PLAIN.number(word):.10g} or {german.number(word):.10g}; the column stays text."
    return [Problem(where, what, "Write all with decimal points and nothing between thousands.", "warning")]


def _doubt(reading: Reading, where: str) -> list[Problem]:
    """Return the warning of a column whose numbers can be read in two ways, or were written in two; it stays text."""
    fix = "Write all with decimal points and nothing between thousands."
    if not reading.ways:
        words = f"{reading.words[0]} and {reading.words[-1]}"
        return [Problem(where, f"Numbers are written in two ways ({words}); the column stays text.", fix, "warning")]
    word = reading.doubt
    if word is None:
        return []
    values = " or ".join(f"{value:.10g}" for value in sorted({way.number(word) for way in reading.ways}))
    return [Problem(where, f"{word} may be {values}; the column stays text.", fix, "warning")]
