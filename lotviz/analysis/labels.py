"""Labels as text, and the order of classes: those that name a control come first."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

CONTROL_WORDS = frozenset(
    {
        "control",
        "controls",
        "ctrl",
        "ctr",
        "healthy",
        "hc",
        "hd",
        "normal",
        "negative",
        "neg",
        "reference",
        "ref",
    }
    | {"untreated", "vehicle", "dmso", "wt", "wildtype", "mock", "baseline", "unstim", "unstimulated"}
    | {"none", "no", "false", "0"}
)


def ordered_classes(labels: Sequence[str] | NDArray[np.object_]) -> tuple[str, ...]:
    """Sort the classes, those that name a control first, so that a high score speaks for the condition.

    Numbers are sorted by size, so that of two doses a high score speaks for the larger one; so are ranges and doses
    with their unit.

    Examples
    --------
    >>> ordered_classes(["case", "control", "case"]), ordered_classes(["10", "2"])
    (('control', 'case'), ('2', '10'))
    >>> ordered_classes([">60", "30-60", "<30"])
    ('<30', '30-60', '>60')
    """
    names = {str(label) for label in labels}
    return tuple(sorted(names, key=lambda name: (name.lower() not in CONTROL_WORDS, _by_size(name), name)))


def _by_size(name: str) -> list[str | tuple[float, int]]:
    """Sort key, words and numbers by turns: numbers by size, before words; "<30" before "30-60" before ">60"."""
    if re.fullmatch(r"[+-]?\d+(\.\d+)?", name):
        return ["", (float(name), 0), ""]
    if beyond := re.fullmatch(r"([<≤>≥])=?\s*(\d+(?:\.\d+)?)(.*)", name, re.DOTALL):
        sign, bound, unit = beyond.groups()
        return ["", (float(bound), -1 if sign in "<≤" else 1), unit]
    parts = re.split(r"(\d+(?:\.\d+)?)", name)
    return [(float(part), 0) if place % 2 else part for place, part in enumerate(parts)]


def words(column: pd.Series) -> NDArray[np.object_]:
    """Values of a column as text, the word "missing" where there is none; shape (N,)."""
    texts = label_texts(column)
    return np.where(texts == "", "missing", texts)


def label_texts(labels: Sequence[Hashable] | pd.Series | NDArray[np.object_]) -> NDArray[np.object_]:
    """Labels as text without blanks around it, the empty text where one is missing; shape (N,).

    Examples
    --------
    >>> label_texts(["P1", "P1 ", 2.0, None]).tolist()
    ['P1', 'P1', '2', '']
    """
    series = pd.Series(list(labels), dtype=object)
    missing = series.isna() | (series.astype(str).str.strip() == "")
    return np.asarray(series.map(_plain).where(~missing, ""), dtype=object)


def _plain(value: object) -> str:
    """Text of a label: 1.0 read from a column with gaps is the class 1."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()


def thirds(values: pd.Series) -> pd.Series:
    """Numbers as text of the range they fall in: the lowest third of them, the middle and the highest; shape (N,).

    Equal numbers stay together, so there may be fewer ranges. The text is empty where a number is missing.

    Examples
    --------
    >>> thirds(pd.Series([1, 2, None, 30.25, 4, 4, 5000])).tolist()
    ['1 to 2', '1 to 2', '', '30.25 to 5000', '4', '4', '30.25 to 5000']
    """
    numbers = pd.to_numeric(values).astype(float)
    third = (3 * numbers.rank(pct=True) - 1e-9).map(np.ceil)  # equal numbers share a rank
    ranges = numbers.groupby(third).agg(["min", "max"])
    names = {number: " to ".join(dict.fromkeys(map(_short, ends))) for number, *ends in ranges.itertuples()}
    return third.map(names).fillna("")


def _short(number: float) -> str:
    return f"{number:.0f}" if float(number).is_integer() or abs(number) >= 1000 else f"{number:.4g}"
