"""ROC and calibration of held-out scores, as numbers for a picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lotviz.analysis.intervals import Interval
from lotviz.analysis.scoring import HeldOut

CALIBRATED = 100  # samples; below, a calibration curve shows chance


@dataclass(frozen=True, eq=False)
class Roc:
    """Share of the class that is found against the share of the others that is taken for it, from (0, 0) to (1, 1).

    Attributes
    ----------
    false_positive, true_positive
        Corners of a staircase, rising, shape (p,) each.
    """

    false_positive: NDArray[np.float64]
    true_positive: NDArray[np.float64]

    @property
    def area(self) -> float:
        """The area below: the AUC."""
        return float(np.trapezoid(self.true_positive, self.false_positive))


def roc(held_out: HeldOut, labels: NDArray[np.intp], *, positive: int = 1) -> Roc:
    """ROC over all folds and repeats; its area is the AUC of `lotviz.analysis.scoring.auc`.

    The place of a sample of the class is the share of the others in its test fold that score above it. The curve is the
    distribution of these places, so that scores of different models are never compared.

    Parameters
    ----------
    labels
        Class of each sample, shape (N,).
    positive
        The class that is looked for.

    Notes
    -----
    Source: Pepe and Cai 2004 (placement values). A fold counts by its pairs.
    """
    column = held_out.scores[:, :, 0 if held_out.scores.shape[2] == 1 else positive]
    sign = -1.0 if held_out.scores.shape[2] == 1 and positive == 0 else 1.0
    places, weights = [], []
    for repeat, scores in enumerate(sign * column):
        folds = np.zeros(len(labels), dtype=np.intp) if held_out.folds is None else held_out.folds[repeat]
        for fold in np.unique(folds):
            inside = scores[(folds == fold) & (labels == positive)]
            others = scores[(folds == fold) & (labels != positive)]
            if len(inside) and len(others):
                above = (np.sign(others[None, :] - inside[:, None]) + 1.0) / 2.0  # (inside, others), a tie is half
                places.append(above.mean(axis=1))
                weights.append(np.full(len(inside), float(len(others))))
    if not places:
        return Roc(np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    place, inverse = np.unique(np.concatenate(places), return_inverse=True)
    found = np.cumsum(np.bincount(inverse, weights=np.concatenate(weights)))
    share = found / found[-1]
    before = np.concatenate([[0.0], share[:-1]])
    corners_x, corners_y = np.repeat(place, 2), np.stack([before, share], axis=1).ravel()
    return Roc(np.concatenate([[0.0], corners_x, [1.0]]), np.concatenate([[0.0], corners_y, [1.0]]))


@dataclass(frozen=True)
class CalibrationBin:
    """Samples whose predicted probability is alike.

    Attributes
    ----------
    predicted
        Mean predicted probability.
    observed
        Share that is of the class, with its exact binomial interval.
    samples
        How many they are.
    """

    predicted: float
    observed: Interval
    samples: int


def calibration(
    held_out: HeldOut, labels: NDArray[np.intp], *, positive: int = 1, bins: int = 5
) -> tuple[CalibrationBin, ...] | None:
    """Predicted probability against observed share, in bins of as many samples each.

    Parameters
    ----------
    labels
        Class of each sample, shape (N,).
    positive
        The class that the probability is of.
    bins
        Number of bins.

    Returns
    -------
    The bins, rising; None where the model gives no probabilities or for fewer than 100 samples, of which a curve would
    show chance.
    """
    if held_out.probabilities is None or len(labels) < CALIBRATED:
        return None
    predicted = held_out.probabilities[:, :, positive].mean(axis=0)
    parts = np.array_split(np.argsort(predicted, kind="stable"), bins)
    return tuple(_bin(predicted[part], labels[part] == positive) for part in parts)


def _bin(predicted: NDArray[np.float64], own: NDArray[np.bool_]) -> CalibrationBin:
    low, high = clopper_pearson(int(own.sum()), len(own))
    return CalibrationBin(float(predicted.mean()), Interval(float(own.mean()), low, high), len(own))


def clopper_pearson(successes: int, trials: int) -> tuple[float, float]:
    """Exact 95 % interval of a share.

    Examples
    --------
    >>> [round(x, 3) for x in clopper_pearson(18, 20)]
    [0.683, 0.988]
    """
    from scipy.special import betaincinv

    low = betaincinv(successes, trials - successes + 1, 0.025) if successes > 0 else 0.0
    high = betaincinv(successes + 1, trials - successes, 0.975) if successes < trials else 1.0
    return float(low), float(high)


def brier(held_out: HeldOut, labels: NDArray[np.intp]) -> float | None:
    """Half the mean squared distance between the probabilities and the true class; 0 is perfect, 0.25 a coin.

    None where the model gives no probabilities.
    """
    if held_out.probabilities is None:
        return None
    truth = labels[:, None] == np.arange(held_out.probabilities.shape[2])
    return float(0.5 * np.square(held_out.probabilities - truth).sum(axis=2).mean())


def calibration_slope(held_out: HeldOut, labels: NDArray[np.intp], *, positive: int = 1) -> float | None:
    """Slope of the true class on the predicted log odds, by logistic regression: below 1, the model is too sure.

    None where the model gives no probabilities, they do not vary, or they separate the classes, so that no slope is
    steep enough.

    Notes
    -----
    Source: Cox 1958; Van Calster et al. 2019.
    """
    if held_out.probabilities is None:
        return None
    given = np.clip(held_out.probabilities[:, :, positive].mean(axis=0), 1e-9, 1.0 - 1e-9)
    odds, own = np.log(given / (1.0 - given)), (labels == positive).astype(np.float64)
    if np.ptp(odds) < 1e-9 or _apart(odds, own > 0.5):
        return None
    design = np.stack([np.ones_like(odds), odds], axis=1)
    beta = np.array([0.0, 0.0])
    for _ in range(50):  # Newton; steps are halved until the likelihood does not fall
        fitted = 1.0 / (1.0 + np.exp(-design @ beta))
        curvature = (design * (fitted * (1.0 - fitted))[:, None]).T @ design
        step = np.linalg.solve(curvature, design.T @ (own - fitted))
        while _likelihood(design @ (beta + step), own) < _likelihood(design @ beta, own) - 1e-12:
            step = step / 2.0
        beta = beta + step
        if np.abs(step).max() < 1e-10:
            break
    return float(beta[1])


def _apart(odds: NDArray[np.float64], own: NDArray[np.bool_]) -> bool:
    inside, outside = odds[own], odds[~own]
    return bool(inside.min() >= outside.max() or inside.max() <= outside.min())


def _likelihood(logits: NDArray[np.float64], own: NDArray[np.float64]) -> float:
    return float(np.sum(own * logits - np.logaddexp(0.0, logits)))
