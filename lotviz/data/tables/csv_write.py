"""Csv tables of cells in which every float32 comes back as it was."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from typing import IO, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from lotviz.data.marks import RECIPE_KEY, SYNTHETIC_KEY

_ROWS = 65_536


def write_csv_mark(file: IO[str], metadata: Mapping[str, str]) -> None:
    """Write the line that says cells are synthetic and how they were made; a table of measured cells has none."""
    if SYNTHETIC_KEY in metadata:
        file.write(f"# {metadata[SYNTHETIC_KEY]} {metadata[RECIPE_KEY]}\n")


def write_csv_header(file: IO[str], names: Sequence[str]) -> None:
    """Write the names of the columns, the first of which must not begin with #: the line would be a remark."""
    csv.writer(file, lineterminator="\n").writerow(names)


def write_csv_rows(file: IO[str], table: pd.DataFrame, values: NDArray[np.float32]) -> None:
    """Write the rows of a table; `values` (n, d) are the numbers in it that must come back bit for bit."""
    for first in range(0, len(table), _ROWS):
        rows, part = table.iloc[first : first + _ROWS], values[first : first + _ROWS]
        if _short_is_enough(part):
            sink = pa.BufferOutputStream()
            arrow = pa.Table.from_pandas(rows, preserve_index=False)
            pyarrow.csv.write_csv(arrow, sink, pyarrow.csv.WriteOptions(include_header=False))
            file.write(sink.getvalue().to_pybytes().decode("utf-8"))
        else:
            rows.to_csv(file, index=False, header=False, float_format=_nine_digits, lineterminator="\n")


def _short_is_enough(values: NDArray[np.float32]) -> bool:
    """Whether the shortest digits of every value, which Arrow writes ten times faster, are safe.

    They name the nearest float32, but are read as float64 first: a number next to the middle between two float32
    could then be rounded twice, to the wrong one. And "-0" is read as a whole number, which has no sign of zero.
    """
    if ((values == 0) & np.signbit(values)).any() or not np.isfinite(values).all():
        return False
    for column in values.T:
        read = pa.array(np.ascontiguousarray(column)).cast(pa.string()).cast(pa.float64()).to_numpy()
        with np.errstate(over="ignore"):
            around = [(read * factor).astype(np.float32) for factor in (1 - 1e-15, 1 + 1e-15)]
        if any((found != column).any() for found in around):
            return False
    return True


def _nine_digits(value: Any) -> str:
    """Return the nine digits that tell every float32 from its neighbours."""
    text = f"{value:.9g}"
    return "-0.0" if text == "-0" else text
