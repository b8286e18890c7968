"""Labels as text, and the order of classes: those that name a control come first."""

from __future__ import annotations

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

    Examples
    --------
    >>> ordered_classes(["case", "control", "case"])
    ('control', 'case')
    """
    return tuple(sorted({str(label) for label in labels}, key=lambda name: (name.lower() not in CONTROL_WORDS, name)))


def label_texts(labels: Sequence[Hashable] | pd.Series | NDArray[np.object_]) -> NDArray[np.object_]:
    """Labels as text, the empty text where one is missing; shape (N,)."""
    series = pd.Series(list(labels), dtype=object)
    missing = series.isna() | (series.astype(str).str.strip() == "")
    return np.asarray(series.map(_plain).where(~missing, ""), dtype=object)


def _plain(value: object) -> str:
    """Text of a label: 1.0 read from a column with gaps is the class 1."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
