"""Balanced accuracy and AUC of held-out scores, with intervals over groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
_Z = 1.959963984540054  # 97.5 % of the normal distribution


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
    """How well a model names the class of samples it has not seen."""

    balanced_accuracy: Interval
    auc: Interval

    @property
    def headline(self) -> Interval:
        """The figure that models are compared by."""
        return self.balanced_accuracy

    def to_json(self) -> dict[str, dict[str, float]]:
        """Both figures by name."""
        return {"balanced_accuracy": self.balanced_accuracy.to_json(), "auc": self.auc.to_json()}


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Scores of samples by a model that did not see them.

    Attributes
    ----------
    scores
        Shape (repeats, N, k): one column a class, or one column in all for two classes (positive: the second class).
    predicted
        Predicted class, shape (repeats, N).
    probabilities
        Probability of each class, shape (repeats, N, K); None where a model gives none.
    """

    scores: NDArray[np.float64]
    predicted: NDArray[np.intp]
    probabilities: NDArray[np.float64] | None = None

    def hits(self, labels: NDArray[np.intp]) -> NDArray[np.float64]:
        """Share of the repeats in which each sample got its own class, shape (N,)."""
        return np.asarray((self.predicted == labels[None, :]).mean(axis=0))

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
        Share of right answers of each sample, shape (N,).
    labels
        Its class, shape (N,).
    weights
        How often each sample counts, shape (B, N); default once.

    Returns
    -------
    Shape (B,).
    """
    counted = np.ones((1, len(labels))) if weights is None else weights
    classes = np.unique(labels)
    shares = [counted[:, labels == c] @ hits[labels == c] / counted[:, labels == c].sum(axis=1) for c in classes]
    return np.asarray(np.mean(shares, axis=0))


def auc(
    scores: NDArray[np.float64], labels: NDArray[np.intp], weights: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Chance that a sample of a class scores above one of the others, averaged over repeats and classes.

    Parameters
    ----------
    scores
        Shape (repeats, N, k), as in `HeldOut`.
    labels, weights
        As in `balanced_accuracy`.

    Returns
    -------
    Shape (B,); a tie counts half.
    """
    counted = np.ones((1, len(labels))) if weights is None else weights
    positives = [1] if scores.shape[2] == 1 else list(range(scores.shape[2]))
    found = []
    for column, positive in enumerate(positives):
        inside, outside = labels == positive, labels != positive
        above = np.zeros((int(inside.sum()), int(outside.sum())))
        for repeat in scores[:, :, column]:
            step = repeat[inside][:, None] - repeat[outside][None, :]
            above += (np.sign(step) + 1.0) / (2.0 * len(scores))
        w, v = counted[:, inside], counted[:, outside]
        found.append(np.einsum("bi,bi->b", w @ above, v) / (w.sum(axis=1) * v.sum(axis=1)))
    return np.asarray(np.mean(found, axis=0))


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


def score(
    held_out: HeldOut, labels: NDArray[np.intp], groups: NDArray[np.intp], *, resamples: NDArray[np.float64]
) -> Score:
    """Balanced accuracy and AUC with 95 % intervals.

    The interval covers the bootstrap over groups and, since a bootstrap of a perfect score has no width, the Wilson
    interval of as many independent trials as the classes have groups. Neither knows how the model would vary with
    other training samples: read the interval as the least doubt there is.
    """
    hits = held_out.hits(labels)
    per_class = np.array([len(np.unique(groups[labels == c])) for c in np.unique(labels)], dtype=np.float64)
    equal = len(per_class) ** 2 / float(np.sum(1.0 / per_class))  # trials with the variance of a mean of class shares
    return Score(
        _interval(
            float(balanced_accuracy(hits, labels)[0]),
            balanced_accuracy(hits, labels, resamples),
            trials=None if held_out.constant else equal,
        ),
        _interval(
            float(auc(held_out.scores, labels)[0]),
            auc(held_out.scores, labels, resamples),
            trials=None if held_out.constant else float(per_class.min()),
        ),
    )


def _interval(mean: float, drawn: NDArray[np.float64], *, trials: float | None) -> Interval:
    low, high = (float(edge) for edge in np.quantile(drawn, [0.025, 0.975]))
    if trials is not None:
        floor, ceiling = wilson(mean, trials)
        low, high = min(low, floor), max(high, ceiling)
    return Interval(mean, min(low, mean), max(high, mean))


def difference(
    first: HeldOut, second: HeldOut, labels: NDArray[np.intp], *, resamples: NDArray[np.float64]
) -> Interval:
    """Balanced accuracy of the first model minus that of the second, on the same resamples of groups."""
    gain = first.hits(labels) - second.hits(labels)
    drawn = balanced_accuracy(gain, labels, resamples)
    return _interval(float(balanced_accuracy(gain, labels)[0]), drawn, trials=None)
