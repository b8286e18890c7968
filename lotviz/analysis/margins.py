"""Logistic regression and the linear support vector machine on a kernel, for those who want to compare."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lotviz.analysis.discriminant import INNER_FOLDS, Linear
from lotviz.analysis.folds import grouped_folds, training_and_test
from lotviz.analysis.ridge import balanced_weights, codes
from lotviz.analysis.steady import scale_free, steadiest

STRENGTHS = (100.0, 10.0, 1.0, 0.1, 0.01)  # inverse penalties, the loosest fit first
Machine = Literal["logistic", "svm"]


def fit_machine(
    machine: Machine,
    kernel: NDArray[np.float64],
    labels: NDArray[np.intp],
    groups: NDArray[np.intp],
    *,
    n_classes: int,
    steady: bool = False,
) -> Linear:
    """Class-balanced machine, one class against the rest, its penalty chosen on inner folds that split no group.

    Parameters
    ----------
    machine
        "logistic" or "svm" (linear).
    kernel
        Centred kernel of the training samples, shape (n, n).
    labels, groups
        Class and group of each sample as integers from 0, shape (n,).
    steady
        Take the largest penalty that is not measurably worse, see `lotviz.analysis.steady`.
    """
    target, weights = codes(labels, n_classes), balanced_weights(labels, n_classes)
    features, back = _features(kernel)
    folds = grouped_folds(labels, groups, min(INNER_FOLDS, len(np.unique(groups))), rng=np.random.default_rng(0))
    held_out = np.zeros((len(STRENGTHS), *target.shape))
    for inside, outside in training_and_test(folds):
        for place, strength in enumerate(STRENGTHS):
            slopes, intercept = _machines(machine, features[inside], target[inside], strength)
            held_out[place, outside] = features[outside] @ slopes + intercept
    losses = scale_free(target * held_out, weights)
    best = steadiest(losses, groups) if steady else int(np.argmin(losses.sum(axis=1)))
    slopes, intercept = _machines(machine, features, target, STRENGTHS[best])
    return Linear(back @ slopes, intercept, 1.0 / STRENGTHS[best], held_out[best])


def _features(kernel: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coordinates (n, r) whose inner products are the kernel, and the matrix (n, r) from slopes to dual weights."""
    values, vectors = np.linalg.eigh(kernel)
    kept = values > 1e-10 * max(float(values[-1]), np.finfo(float).tiny)
    root = np.sqrt(values[kept])
    return vectors[:, kept] * root, vectors[:, kept] / root


def _machines(
    machine: Machine, features: NDArray[np.float64], target: NDArray[np.float64], strength: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Slopes (r, k) and intercepts (k,), a column for each code."""
    slopes = np.zeros((features.shape[1], target.shape[1]))
    intercepts = np.zeros(target.shape[1])
    make = _MACHINES[machine]
    for column, code in enumerate(target.T):
        if features.shape[1] and len(np.unique(code)) == 2:
            fitted = make(strength).fit(features, code)
            slopes[:, column], intercepts[column] = fitted.coef_[0], fitted.intercept_[0]
        else:
            intercepts[column] = code.mean()
    return slopes, intercepts


def _logistic(strength: float) -> Any:
    from sklearn.linear_model import LogisticRegression  # costs 1 s to import

    return LogisticRegression(C=strength, class_weight="balanced", max_iter=2000)


def _svm(strength: float) -> Any:
    from sklearn.svm import SVC

    return SVC(C=strength, kernel="linear", class_weight="balanced")


_MACHINES: dict[str, Callable[[float], Any]] = {"logistic": _logistic, "svm": _svm}
