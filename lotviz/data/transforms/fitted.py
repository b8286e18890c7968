"""Transforms fitted to the cells: the cofactor of arcsinh and the parameters of logicle, marker by marker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lotviz.data.transforms.logicle import Logicle, width_of

if TYPE_CHECKING:
    from lotviz.data.cohort import CellSource

FITTED_SAMPLES, FITTED_CELLS = 64, 2_000
DECADES = 4.5
# With fewer cells below zero there is no negative population to measure.
LEAST_NEGATIVE, LEAST_SHARE = 20, 0.005
_LOW = 0.05


@dataclass(frozen=True, eq=False)
class Pool:
    """Raw cells of many samples, (n, d), and a weight for each, (n,), so that every sample counts the same."""

    values: NDArray[np.float32]
    weights: NDArray[np.float64]

    def marker(self, column: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the finite values of a marker and their weights, both (k,)."""
        values = self.values[:, column].astype(np.float64)
        finite = np.isfinite(values)
        return values[finite], self.weights[finite]


def pool(
    source: CellSource,
    samples: Sequence[str],
    *,
    most_samples: int = FITTED_SAMPLES,
    cells_per_sample: int = FITTED_CELLS,
    seed: int = 0,
) -> Pool:
    """Draw raw cells of samples spread over the cohort, each sample with the same weight in all.

    Parameters
    ----------
    most_samples
        At most so many samples are read.
    cells_per_sample
        At most so many cells of each, drawn without replacement with `seed`.
    """
    positions = np.unique(np.linspace(0, len(samples) - 1, min(most_samples, len(samples))).astype(int))
    drawn, weights = [], []
    for position in positions.tolist():
        cells = source.read(samples[position])
        if len(cells) > cells_per_sample:
            rng = np.random.default_rng((seed, position))
            cells = cells[np.sort(rng.choice(len(cells), size=cells_per_sample, replace=False))]
        drawn.append(cells)
        weights.append(np.full(len(cells), 1 / max(len(cells), 1)))
    return Pool(np.concatenate(drawn), np.concatenate(weights))


def fit_cofactor(values: NDArray[Any], weights: NDArray[np.float64]) -> float | None:
    """Return the cofactor of arcsinh that suits the negative population of a marker, or None where there is none.

    Notes
    -----
    The noise of a cytometer is a constant s around zero and in proportion k x to bright values x. arcsinh(x k / s)
    makes such noise the same everywhere, so the cofactor is s / k. The spread s is measured on the values below zero,
    by their 5 % quantile, which lies at 1.96 s in a Gaussian around zero; with k = 1 / 1.96, about one half, the
    cofactor is that quantile's absolute value. The same quantile sets the linear part of logicle (Parks 2006).

    Examples
    --------
    >>> normal = np.random.default_rng(0).normal(0, 100, 100_000)
    >>> round(fit_cofactor(normal, np.ones(100_000)) / 196, 1)
    1.0
    """
    low = negative_quantile(values, weights)
    return float(f"{-low:.3g}") if low < 0 else None  # three digits, so that what is shown is what is used


def fit_logicle(values: NDArray[Any], weights: NDArray[np.float64], top: float) -> Logicle:
    """Return the logicle scale that suits a marker: W from its negative values, T as given, M = 4.5, A = 0."""
    width = width_of(negative_quantile(values, weights), top, DECADES)
    return Logicle(T=top, W=round(width, 3), M=DECADES, A=0.0)


def fit_top(values: NDArray[Any]) -> float:
    """Return the top of the scale of an instrument: the next power of two above its largest value, 1024 at least."""
    finite = values[np.isfinite(values)]
    largest = float(finite.max()) if finite.size else 0.0
    return float(2.0 ** np.ceil(np.log2(max(largest, 1024.0))))


def negative_quantile(values: NDArray[Any], weights: NDArray[np.float64]) -> float:
    """Return the 5 % quantile of the values below zero, or 0 when they are too few to tell."""
    below = values < 0
    if below.sum() < LEAST_NEGATIVE or weights[below].sum() < LEAST_SHARE * weights.sum():
        return 0.0
    return weighted_quantile(values[below], weights[below], _LOW)


def weighted_quantile(values: NDArray[Any], weights: NDArray[np.float64], share: float) -> float:
    """Return the smallest value with at least this share of the weight at or below it.

    Examples
    --------
    >>> weighted_quantile(np.array([3.0, 1.0, 2.0]), np.array([1.0, 1.0, 2.0]), 0.75)
    2.0
    """
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    position = int(np.searchsorted(reached, share * reached[-1] * (1 - 1e-12)))
    return float(values[order[min(position, len(order) - 1)]])
