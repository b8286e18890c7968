"""How well a continuous outcome of held-out samples is foretold, with intervals over groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lotviz.analysis.intervals import Interval, resampled_factor, shared_training, stretched
from lotviz.analysis.scoring import HeldOut

_Z = 1.959963984540054
FEWEST_RANKED = 4  # groups; the interval of a correlation needs more than three
_VALUES = 1.4  # on the variance beside `shared_training`; measured on simulated cohorts of 24 to 80 samples
_CHANCE = 0.8  # standard deviation of R² without a signal, times the root of the number of groups; measured likewise


@dataclass(frozen=True)
class ValueScore:
    """How well a model foretells a number of samples it has not seen.

    Attributes
    ----------
    r2
        1 minus the squared error over that of the training mean; 0 for the mean, below 0 for worse.
    correlation
        Spearman's, of samples in the same test fold.
    mae
        Mean absolute error, in the unit of the outcome.
    """

    r2: Interval
    correlation: Interval
    mae: Interval

    @property
    def headline(self) -> Interval:
        """The figure that models are compared by."""
        return self.r2

    def to_json(self) -> dict[str, dict[str, float]]:
        """Return all figures by name."""
        return {"r2": self.r2.to_json(), "correlation": self.correlation.to_json(), "mae": self.mae.to_json()}


def value_score(
    held_out: HeldOut, values: NDArray[np.float64], groups: NDArray[np.intp], *, resamples: NDArray[np.float64]
) -> ValueScore:
    """All figures with 95 % intervals for what to expect of other cohorts of the same size.

    Parameters
    ----------
    held_out
        Of one model; `scores` are the foretold values.
    values, groups
        Shape (N,).
    resamples
        The answer of `lotviz.analysis.scoring.group_resamples`.
    """
    n_groups, factor = int(groups.max()) + 1, _VALUES * resampled_factor(resamples)
    errors = np.square(held_out.scores[:, :, 0] - values)
    baseline = np.square(training_means(held_out, values) - values)
    off = np.abs(held_out.scores[:, :, 0] - values)
    drawn = (resamples @ off.T) / resamples.sum(axis=1, keepdims=True)
    mae = stretched(float(off.mean()), drawn, factor=factor)
    r2 = stretched(_explained(errors, baseline), _explained_by_repeat(errors, baseline, resamples), factor=factor)
    return ValueScore(
        _at_least(r2, n_groups),
        _correlation(held_out, values, n_groups=n_groups),
        Interval(mae.mean, max(mae.low, 0.0), mae.high),
    )


def value_difference(
    first: HeldOut, second: HeldOut, values: NDArray[np.float64], *, resamples: NDArray[np.float64]
) -> Interval:
    """R² of the first model minus that of the second, on the same folds and resamples of groups."""
    baseline = np.square(training_means(first, values) - values)
    one, other = (np.square(model.scores[:, :, 0] - values) for model in (first, second))
    drawn = _explained_by_repeat(one, baseline, resamples) - _explained_by_repeat(other, baseline, resamples)
    mean = _explained(one, baseline) - _explained(other, baseline)
    return stretched(mean, drawn, factor=_VALUES * resampled_factor(resamples))


def training_means(held_out: HeldOut, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of the values outside the fold of each sample, (repeats, N); of all others where folds are not known."""
    if held_out.folds is None:
        return np.broadcast_to((values.sum() - values) / (len(values) - 1), held_out.scores.shape[:2])
    apart = held_out.folds[:, :, None] != held_out.folds[:, None, :]
    return np.asarray((apart @ values) / apart.sum(axis=2))


def _explained(errors: NDArray[np.float64], baseline: NDArray[np.float64]) -> float:
    return float(1.0 - errors.sum() / baseline.sum())


def _explained_by_repeat(
    errors: NDArray[np.float64], baseline: NDArray[np.float64], resamples: NDArray[np.float64]
) -> NDArray[np.float64]:
    """R² of every resample and repeat, (B, repeats)."""
    return np.asarray(1.0 - (resamples @ errors.T) / np.maximum(resamples @ baseline.T, np.finfo(float).tiny))


def _at_least(r2: Interval, n_groups: int) -> Interval:
    """Widen the interval of a model that says the training mean of nearly all: a bootstrap holds that for certain."""
    least = _Z * _CHANCE / np.sqrt(n_groups) * (1.0 - max(r2.mean, 0.0))
    return Interval(r2.mean, min(r2.low, r2.mean - least), max(r2.high, min(r2.mean + least, 1.0)))


def _correlation(held_out: HeldOut, values: NDArray[np.float64], *, n_groups: int) -> Interval:
    """Spearman's correlation within folds, their mean by size, with Fisher's interval of as many pairs as groups.

    Notes
    -----
    Source: Fieller, Hartley and Pearson 1957 (variance 1.06 / (n - 3)). Within folds for the reason given in
    `lotviz.analysis.scoring.auc`.
    """
    mean = rank_correlation(held_out, values)
    if n_groups < FEWEST_RANKED:
        return Interval(mean, -1.0, 1.0)
    middle = np.arctanh(np.clip(mean, -1.0 + 1e-6, 1.0 - 1e-6))
    half = _Z * np.sqrt(1.06 * _VALUES * shared_training(n_groups) / (n_groups - 3.0))
    low, high = float(np.tanh(middle - half)), float(np.tanh(middle + half))
    return Interval(mean, min(low, mean), max(high, mean))


def rank_correlation(held_out: HeldOut, values: NDArray[np.float64]) -> float:
    """Spearman's correlation of foretold and true values within each test fold, averaged by its size less one."""
    weights, found = 0.0, 0.0
    for repeat, foretold in enumerate(held_out.scores[:, :, 0]):
        folds = np.zeros(len(values), dtype=np.intp) if held_out.folds is None else held_out.folds[repeat]
        for fold in np.unique(folds):
            inside = folds == fold
            if inside.sum() > 1:
                weights += inside.sum() - 1.0
                found += (inside.sum() - 1.0) * _spearman(foretold[inside], values[inside])
    return float(found / weights) if weights else 0.0


def _spearman(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Correlation of ranks; 0 where one does not vary."""
    from scipy.stats import rankdata  # costs half a second to import

    x, y = (rankdata(part) - (len(part) + 1) / 2.0 for part in (first, second))
    norm = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / norm if norm > 0.0 else 0.0
