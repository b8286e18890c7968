"""How well held-out samples are named: balanced accuracy, AUC, accuracy and log loss with intervals over groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
_Z = 1.959963984540054  # 97.5 % of the normal distribution
_TINY = 1e-12
_CANDIDATES = np.linspace(0.0, 1.0, 1001)  # values of an AUC that may lie within its interval


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % interval."""

    mean: float
    low: float
    high: float

    def to_json(self) -> dict[str, float]:
        """Return the three numbers by name."""
        return {"mean": self.mean, "low": self.low, "high": self.high}


@dataclass(frozen=True)
class Score:
    """How well a model names the class of samples it has not seen.

    Attributes
    ----------
    balanced_accuracy
        Mean over the classes of the share named right; a coin has 1 / number of classes.
    auc
        Chance that a sample of a class scores above one of the others in the same test fold; a coin has 0.5.
    accuracy
        Share of all samples named right.
    log_loss
        Mean of minus the logarithm of the probability that was given to the true class, in nats; None for a model
        that gives none.
    """

    balanced_accuracy: Interval
    auc: Interval
    accuracy: Interval
    log_loss: Interval | None = None

    @property
    def headline(self) -> Interval:
        """The figure that models are compared by."""
        return self.balanced_accuracy

    def to_json(self) -> dict[str, dict[str, float] | None]:
        """Return all figures by name."""
        return {
            "balanced_accuracy": self.balanced_accuracy.to_json(),
            "auc": self.auc.to_json(),
            "accuracy": self.accuracy.to_json(),
            "log_loss": None if self.log_loss is None else self.log_loss.to_json(),
        }


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Scores of samples by a model that did not see them.

    Attributes
    ----------
    scores
        Shape (repeats, N, k): one column a class, or one column in all for two classes (positive: the second class);
        for a continuous outcome the predicted value.
    predicted
        Predicted class, shape (repeats, N).
    probabilities
        Probability of each class, shape (repeats, N, K); None where a model gives none.
    folds
        Test fold of each sample, shape (repeats, N). Only scores of one fold come from one model; None compares all.
    """

    scores: NDArray[np.float64]
    predicted: NDArray[np.intp]
    probabilities: NDArray[np.float64] | None = None
    folds: NDArray[np.intp] | None = None

    def right(self, labels: NDArray[np.intp]) -> NDArray[np.float64]:
        """1 where a sample got its own class, else 0, shape (repeats, N)."""
        return np.asarray(self.predicted == labels[None, :], dtype=np.float64)

    def hits(self, labels: NDArray[np.intp]) -> NDArray[np.float64]:
        """Share of the repeats in which each sample got its own class, shape (N,)."""
        return np.asarray(self.right(labels).mean(axis=0))

    @property
    def constant(self) -> bool:
        """True for a model that says the same of every sample."""
        return bool(np.ptp(self.scores) == 0.0)


def predicted_classes(scores: NDArray[np.float64]) -> NDArray[np.intp]:
    """Class of scores (..., k): the sign of a single column, the largest of several."""
    single = scores.shape[-1] == 1
    return np.asarray((scores[..., 0] > 0.0) if single else np.argmax(scores, axis=-1), dtype=np.intp)


def group_resamples(
    labels: NDArray[np.intp], groups: NDArray[np.intp], *, resamples: int = RESAMPLES, seed: int = 0
) -> NDArray[np.float64]:
    """How often each sample is in each bootstrap resample of groups, shape (resamples, N).

    Groups are drawn with replacement within those that have the same set of classes, so that no class is ever empty.
    """
    rng = np.random.default_rng(seed)
    kinds: dict[tuple[int, ...], list[int]] = {}
    for group in range(int(groups.max()) + 1):
        kinds.setdefault(tuple(int(c) for c in np.unique(labels[groups == group])), []).append(group)
    times = np.zeros((resamples, int(groups.max()) + 1))
    for members in kinds.values():
        drawn = rng.multinomial(len(members), np.full(len(members), 1.0 / len(members)), size=resamples)
        times[:, members] = drawn
    return times[:, groups]


def balanced_accuracy(
    hits: NDArray[np.float64], labels: NDArray[np.intp], weights: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Mean over the classes of the share of their samples that were named right.

    Parameters
    ----------
    hits
        Share of right answers of each sample, shape (N,), or (N, r) for r figures at once.
    labels
        Its class, shape (N,).
    weights
        How often each sample counts, shape (B, N); default once.

    Returns
    -------
    Shape (B,), or (B, r).
    """
    counted = np.ones((1, len(labels))) if weights is None else weights
    shares = []
    for c in np.unique(labels):
        total = counted[:, labels == c].sum(axis=1)
        named = counted[:, labels == c] @ hits[labels == c]
        shares.append(named / (total if hits.ndim == 1 else total[:, None]))
    return np.asarray(np.mean(shares, axis=0))


def auc(
    scores: NDArray[np.float64],
    labels: NDArray[np.intp],
    weights: NDArray[np.float64] | None = None,
    *,
    folds: NDArray[np.intp] | None = None,
) -> NDArray[np.float64]:
    """Chance that a sample of a class scores above one of the others, averaged over repeats and classes.

    Parameters
    ----------
    scores
        Shape (repeats, N, k), as in `HeldOut`.
    labels, weights
        As in `balanced_accuracy`.
    folds
        Test fold of each sample, shape (repeats, N): only pairs of one fold are compared. Of a pair from two folds
        each sample was learnt from by the model that scores the other, which pushes the other to the far side:
        without a signal the AUC over all pairs is clearly below 0.5 (0.46 for 24 samples).

    Returns
    -------
    Shape (B,); a tie counts half.

    Notes
    -----
    The bias of pooled scores: Parker, Günter and Bedo 2007; the mean over folds: LeDell and others 2015.
    """
    counted = np.ones((1, len(labels))) if weights is None else weights
    found = []
    for positive, column in _columns(scores):
        inside, outside = labels == positive, labels != positive
        above = np.zeros((int(inside.sum()), int(outside.sum())))
        compared = np.zeros_like(above)
        for repeat, one in enumerate(column):
            step = np.sign(one[inside][:, None] - one[outside][None, :])
            same = 1.0 if folds is None else folds[repeat][inside][:, None] == folds[repeat][outside][None, :]
            above += same * (step + 1.0) / 2.0
            compared += same
        w, v = counted[:, inside], counted[:, outside]
        pairs = np.einsum("bi,bi->b", w @ compared, v)
        shares = np.einsum("bi,bi->b", w @ above, v) / np.maximum(pairs, _TINY)
        found.append(np.where(pairs > 0.0, shares, 0.5))  # folds without a pair say nothing
    return np.asarray(np.mean(found, axis=0))


def _columns(scores: NDArray[np.float64]) -> list[tuple[int, NDArray[np.float64]]]:
    """Class that a column speaks for, and the column (repeats, N)."""
    if scores.shape[2] == 1:
        return [(1, scores[:, :, 0])]
    return [(number, scores[:, :, number]) for number in range(scores.shape[2])]


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


def score(
    held_out: HeldOut,
    labels: NDArray[np.intp],
    groups: NDArray[np.intp],
    *,
    resamples: NDArray[np.float64],
    batches: NDArray[np.intp] | None = None,
) -> Score:
    """All figures with 95 % intervals for what to expect of other cohorts of the same size.

    An interval holds the values from which the figure is not too far, by the standard deviation it would have there:
    Wilson's for shares, Hanley and McNeil's for the AUC, for as many trials as the samples are worth (see
    `design_effect` and `shared_training`). They keep their width at a perfect score. The log loss has a bootstrap
    interval over groups.

    Parameters
    ----------
    held_out
        Of one model.
    labels, groups
        Shape (N,).
    resamples
        The answer of `group_resamples`.
    batches
        Batch of each sample, shape (N,), if any. Where batches differ much and there is no signal, a model calls all
        samples of a batch the same, and errors in one class are paid back in the other: near chance the variance is
        taken between folds.
    """
    right = held_out.right(labels)
    counts = np.bincount(labels).astype(np.float64)
    each = 1.0 / (np.count_nonzero(counts) * counts[labels])  # weight of a sample in the balanced accuracy
    alike = np.full(len(labels), 1.0 / len(labels))
    folds = held_out.folds if batches is not None and np.ptp(batches) > 0 else None
    if held_out.constant:
        named = float(balanced_accuracy(right.mean(axis=0), labels)[0])
        balanced, area = Interval(named, named, named), Interval(0.5, 0.5, 0.5)
    else:
        effect = _effect(right, each, labels, groups, folds=folds)
        balanced = _share(right, each, effect)
        found = float(auc(held_out.scores, labels, folds=held_out.folds)[0])
        area = _area(found, counts[counts > 0.0], effect)
    accuracy = _share(right, alike, _effect(right, alike, labels, groups, folds=folds))
    return Score(balanced, area, accuracy, _log_loss(held_out, labels, resamples=resamples))


@dataclass(frozen=True)
class _Effect:
    """How many samples count as one: at chance, and where there is a signal."""

    at_chance: float
    beyond: float
    chance: float

    def at(self, values: NDArray[np.float64], *, chance: float, more: float = 1.0) -> NDArray[np.float64]:
        """Pass from one to the other within `_NEAR` of chance; `more` multiplies the former, up to the latter."""
        near = min(more * self.at_chance, self.beyond)
        return near + (self.beyond - near) * np.minimum(np.abs(values - chance) / _NEAR, 1.0)


_NEAR = 0.1


def _effect(
    right: NDArray[np.float64],
    weights: NDArray[np.float64],
    labels: NDArray[np.intp],
    groups: NDArray[np.intp],
    *,
    folds: NDArray[np.intp] | None,
) -> _Effect:
    beyond = shared_training(int(groups.max()) + 1) * design_effect(right, weights, labels, groups)
    chance = 1.0 / len(np.unique(labels))
    if folds is None:
        return _Effect(beyond, beyond, chance)
    between = _SHARED * design_effect(right, weights, labels, groups, folds=folds)
    return _Effect(min(between, beyond), beyond, chance)


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


def _share(right: NDArray[np.float64], weights: NDArray[np.float64], effect: _Effect) -> Interval:
    """Weighted share of right answers and all shares that it is not too far from."""
    mean, trials = float(right.mean(axis=0) @ weights), 1.0 / float(np.square(weights).sum())
    if effect.at_chance == effect.beyond:
        low, high = wilson(mean, trials / effect.beyond)
        return Interval(mean, min(low, mean), max(high, mean))
    variance = effect.at(_CANDIDATES, chance=effect.chance) * _CANDIDATES * (1.0 - _CANDIDATES) / trials
    return _not_too_far(mean, np.sqrt(variance))


def _area(mean: float, counts: NDArray[np.float64], effect: _Effect) -> Interval:
    """AUC and all values that it is not too far from."""
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


def _log_loss(held_out: HeldOut, labels: NDArray[np.intp], *, resamples: NDArray[np.float64]) -> Interval | None:
    if held_out.probabilities is None:
        return None
    given = held_out.probabilities[:, np.arange(len(labels)), labels]  # (repeats, N)
    losses = -np.log(np.maximum(given, 1e-15))
    drawn = (resamples @ losses.T) / resamples.sum(axis=1, keepdims=True)  # (B, repeats)
    found = stretched(float(losses.mean()), drawn, factor=resampled_factor(resamples))
    return Interval(found.mean, max(found.low, 0.0), found.high)


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


def difference(
    first: HeldOut, second: HeldOut, labels: NDArray[np.intp], *, resamples: NDArray[np.float64]
) -> Interval:
    """Balanced accuracy of the first model minus that of the second, on the same folds and resamples of groups."""
    gains = (first.right(labels) - second.right(labels)).T  # (N, repeats)
    drawn = balanced_accuracy(gains, labels, resamples)
    found = stretched(
        float(balanced_accuracy(gains.mean(axis=1), labels)[0]), drawn, factor=resampled_factor(resamples)
    )
    return Interval(found.mean, max(found.low, -1.0), min(found.high, 1.0))
