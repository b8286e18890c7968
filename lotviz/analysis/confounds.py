"""What a sample is known by apart from its markers: batch, adjusted columns and number of cells, as a baseline."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lotviz.analysis.labels import words
from lotviz.data.cohort import Cohort


def confound_features(
    cohort: Cohort, columns: Sequence[str], training: NDArray[np.intp], *, counts: bool = True
) -> NDArray[np.float64]:
    """Features of every sample: columns of words one-hot, columns of numbers and the log number of cells standardised.

    A missing word is a word of its own; a missing number is the mean of the training samples, and a column says so.

    Parameters
    ----------
    cohort
        N samples.
    columns
        Names of metadata columns.
    training
        Samples that means and standard deviations are taken from.
    counts
        Whether the number of cells is among them.

    Returns
    -------
    Shape (N, features).
    """
    numbers = cohort.cell_counts.reindex(cohort.samples.index).to_numpy(dtype=np.float64)
    parts = [_standardised(np.log1p(numbers), training)[:, None]] if counts else []
    for name in dict.fromkeys(columns):
        column = cohort.column(name)
        numeric = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
        if numeric and column.nunique() > 2:
            values = column.to_numpy(dtype=np.float64, na_value=np.nan)
            parts += [_standardised(values, training)[:, None], np.isnan(values)[:, None].astype(np.float64)]
        else:
            parts.append(pd.get_dummies(words(column)).to_numpy(np.float64))
    return np.concatenate(parts, axis=1)


def explained(features: NDArray[np.float64], targets: NDArray[np.float64]) -> bool:
    """Whether features (N, f) say targets (N, t) of every sample, by a linear function.

    Examples
    --------
    >>> explained(np.array([[0.0], [1.0], [2.0]]), np.array([[5.0], [7.0], [9.0]]))
    True
    """
    design = np.concatenate([np.ones((len(features), 1)), features], axis=1)
    rest = targets - design @ np.linalg.lstsq(design, targets, rcond=None)[0]
    return bool(np.square(rest).sum() <= 1e-9 * np.square(targets - targets.mean(axis=0)).sum())


def _standardised(values: NDArray[np.float64], training: NDArray[np.intp]) -> NDArray[np.float64]:
    seen = values[training]
    known = seen[np.isfinite(seen)]
    if not len(known):
        return np.zeros_like(values)
    spread = float(known.std())
    return (np.where(np.isfinite(values), values, known.mean()) - known.mean()) / (spread if spread > 0.0 else 1.0)
