"""Intervals of figures that were measured by cross-validation: as many trials as the samples are worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_Z = 1.959963984540054  # 97.5 % of the normal distribution
_CANDIDATES = np.linspace(0.0, 1.0, 1001)  # values that may lie within an interval


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % interval."""

    mean: float
    low: float
    high: float

    def to_json(self) -> dict[str, float]:
        """Return the three numbers by name."""
        return {"mean": self.mean, "low": self.low, "high": self.high}


def wilson(share: float, count: float) -> tuple[float, float]:
    """Wilson interval of a share of `count` independent trials.

    Examples
    --------
    >>> [round(x, 3) for x in wilson(0.9, 20)]
    [0.699, 0.972]
    """
    z2 = _Z**2
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = _Z / (1 + z2 / count) * np.sqrt(max(share * (1 - share), 0.0) / count + z2 / (4 * count**2))
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def shared_training(n_groups: int) -> float:
    """Factor on the variance of a cross-validated share, as the models of all folds learn from the same few groups.

    Were the answers independent, a share of n groups would have the variance p (1 - p) / n. They lean the same way,
    most where few groups leave it to chance whether the signal is found.

    Notes
    -----
    That folds are no independent samples: Bengio and Grandvalet 2004; Bates, Hastie and Tibshirani 2023, who estimate
    the factor in every cohort by nesting the cross-validation once more. For a few dozen patients that estimate is
    noisy itself; we take one that was measured on simulated cohorts (16 to 100 samples; few and many directions; no,
    some and strong signal; one to four samples a patient; batches; pairs). There the intervals of balanced accuracy
    hold what is expected in 91 to 100 of 100 cohorts, 96 on average.

    Examples
    --------
    >>> round(shared_training(24), 2), round(shared_training(100), 2)
    (1.4, 1.21)
    """
    return _SHARED + 6.0 / n_groups


_SHARED = 1.15  # the factor for many groups


@dataclass(frozen=True)
class Effect:
    """How many samples count as one: at chance, and where there is a signal."""

    at_chance: float
    beyond: float
    chance: float

    def at(self, values: NDArray[np.float64], *, chance: float, more: float = 1.0) -> NDArray[np.float64]:
        """Pass from one to the other within `_NEAR` of chance; `more` multiplies the former, up to the latter."""
        near = min(more * self.at_chance, self.beyond)
        return near + (self.beyond - near) * np.minimum(np.abs(values - chance) / _NEAR, 1.0)


_NEAR = 0.1


def effect_of(
    right: NDArray[np.float64],
    weights: NDArray[np.float64],
    labels: NDArray[np.intp],
    groups: NDArray[np.intp],
    *,
    folds: NDArray[np.intp] | None,
) -> Effect:
    """Return the worth of the samples in a weighted share; between folds near chance, where folds are given.

    Parameters
    ----------
    right, weights, labels, groups, folds
        As in `design_effect`.
    """
    beyond = shared_training(int(groups.max()) + 1) * design_effect(right, weights, labels, groups)
    chance = 1.0 / len(np.unique(labels))
    if folds is None:
        return Effect(beyond, beyond, chance)
    between = _SHARED * design_effect(right, weights, labels, groups, folds=folds)
    return Effect(min(between, beyond), beyond, chance)


def design_effect(
    right: NDArray[np.float64],
    weights: NDArray[np.float64],
    labels: NDArray[np.intp],
    groups: NDArray[np.intp],
    *,
    folds: NDArray[np.intp] | None = None,
) -> float:
    """How many samples count as one, since samples of a group are named right or wrong together.

    The variance of the weighted share, groups drawn, over that of samples drawn: 1 where each sample is its own group,
    the size of the groups where their samples always agree, below 1 where one is right because another is wrong
    (pairs). A small prior of complete agreement decides where nothing was named wrong.

    Parameters
    ----------
    right
        1 or 0 for each repeat and sample, shape (repeats, N).
    weights
        Weight of each sample in the share, shape (N,), sum 1.
    labels, groups
        Shape (N,).
    folds
        Shape (repeats, N): take whole folds for the groups.
    """
    seen = alone = 0.0
    for repeat, named in enumerate(right):
        cluster = groups if folds is None else folds[repeat]
        count = len(np.unique(cluster))
        apart = (named - _class_means(named, labels)) * weights
        seen += float(np.square(np.bincount(cluster, weights=apart)).sum()) * count / (count - 1) / len(right)
        alone += float(np.square(apart).sum()) * len(apart) / (len(apart) - 1) / len(right)
    prior = 0.25 * _AGREEMENT
    agreed = float(np.square(np.bincount(groups, weights=weights)).sum())
    return (seen + prior * agreed) / (alone + prior * float(np.square(weights).sum()))


_AGREEMENT = 0.03  # weight of the prior against what was seen


def _class_means(values: NDArray[np.float64], labels: NDArray[np.intp]) -> NDArray[np.float64]:
    """Mean of its class for each sample, shape (N,)."""
    counts = np.maximum(np.bincount(labels), 1)
    return np.asarray((np.bincount(labels, weights=values) / counts)[labels])


def share_interval(right: NDArray[np.float64], weights: NDArray[np.float64], effect: Effect) -> Interval:
    """Weighted share of right answers and all shares that it is not too far from.

    Parameters
    ----------
    right, weights
        As in `design_effect`.
    """
    mean, trials = float(right.mean(axis=0) @ weights), 1.0 / float(np.square(weights).sum())
    if effect.at_chance == effect.beyond:
        low, high = wilson(mean, trials / effect.beyond)
        return Interval(mean, min(low, mean), max(high, mean))
    variance = effect.at(_CANDIDATES, chance=effect.chance) * _CANDIDATES * (1.0 - _CANDIDATES) / trials
    return _not_too_far(mean, np.sqrt(variance))


def area_interval(mean: float, counts: NDArray[np.float64], effect: Effect) -> Interval:
    """AUC and all values that it is not too far from.

    Parameters
    ----------
    mean
        The AUC.
    counts
        Number of samples of each class.
    """
    positives = counts[1:] if len(counts) == 2 else counts
    deviations = [auc_deviation(_CANDIDATES, count, counts.sum() - count) for count in positives]
    worth = _WITHIN_FOLDS * effect.at(_CANDIDATES, chance=0.5, more=_ORDER)
    return _not_too_far(mean, np.sqrt(worth) * np.mean(deviations, axis=0))


def _not_too_far(mean: float, deviations: NDArray[np.float64]) -> Interval:
    """Candidates around the figure that lie within 1.96 of their own standard deviations, without a gap."""
    too_far = np.abs(_CANDIDATES - mean) > _Z * deviations + 0.5 * _CANDIDATES[1]
    excluded = _CANDIDATES[too_far]
    low = float(excluded[excluded < mean].max(initial=0.0))
    high = float(excluded[excluded > mean].min(initial=1.0))
    return Interval(mean, min(low, mean), max(high, mean))


_ORDER = 1.6  # an order of scores knows no threshold, so that batches hold it together less than the named classes
_WITHIN_FOLDS = 1.2  # on the variance, as only pairs of the same fold are compared; measured as `shared_training`


def auc_deviation(area: NDArray[np.float64], positives: float, negatives: float) -> NDArray[np.float64]:
    """Return the standard deviation of an AUC of independent samples.

    Notes
    -----
    Source: Hanley and McNeil 1982. At 0.5 it is that of the rank sum, ``sqrt((p + n + 1) / (12 p n))``.

    Examples
    --------
    >>> bool(np.isclose(auc_deviation(np.array(0.5), 8, 16), np.sqrt(25 / (12 * 8 * 16))))
    True
    """
    p, n = max(positives, 1.0), max(negatives, 1.0)
    both, one = area / (2.0 - area), 2.0 * area**2 / (1.0 + area)
    variance = area * (1.0 - area) + (p - 1.0) * (both - area**2) + (n - 1.0) * (one - area**2)
    return np.asarray(np.sqrt(np.maximum(variance, 0.0) / (p * n)))


def resampled_factor(resamples: NDArray[np.float64]) -> float:
    """`shared_training` for a bootstrap of groups, whose variance is a little small for two classes of few groups."""
    n_groups = len(np.unique(resamples[:200], axis=1).T)  # samples of a group are always drawn together
    return shared_training(n_groups) * n_groups / max(n_groups - 2.0, 1.0)


def stretched(mean: float, drawn: NDArray[np.float64], *, factor: float) -> Interval:
    """Interval from bootstrap values of every repeat, (B, repeats), drawn out by the root of a variance factor.

    Each repeat is read by itself: their mean is calmer than what one cohort is worth.
    """
    low, high = (float(edge) for edge in np.quantile(drawn - drawn.mean(axis=0), [0.025, 0.975]))
    reach = float(np.sqrt(factor))
    return Interval(mean, mean + min(reach * low, 0.0), mean + max(reach * high, 0.0))
