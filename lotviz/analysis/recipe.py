"""What each model is made of: blocks and their weights, an estimator, and what is taken out of the samples first."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from lotviz.analysis.adjustment import covariate_removal, pair_centring
from lotviz.analysis.confounds import confound_features
from lotviz.analysis.design import Design
from lotviz.analysis.discriminant import fit_discriminant
from lotviz.analysis.margins import fit_machine
from lotviz.analysis.ridge import fit_ridge, fit_ridge_values
from lotviz.data.choices import require_among
from lotviz.data.cohort import Cohort

Estimator = Literal["auto", "ridge", "lda", "logistic", "svm"]
ESTIMATORS: tuple[Estimator, ...] = ("auto", "ridge", "lda", "logistic", "svm")
THIRD = 1.0 / 3.0
TRANSPORT = {"shift": THIRD, "shape": THIRD, "smooth": THIRD}
# Half and half is the mean of two kernels; of the real cohorts in the notes none asked for another mixture.
LOT = {**{block: weight / 2.0 for block, weight in TRANSPORT.items()}, "abundance": 0.5}
BASELINES: dict[str, dict[str, float]] = {
    "lot_alone": TRANSPORT,
    "lot_shape": {"shape": 0.5, "smooth": 0.5},
    "abundances": {"abundance": 1.0},
    "quantiles": {"quantiles": 1.0},
    "marker_means": {"shift": 1.0},
    "confounds": {"confounds": 1.0},
}


class Fitted(Protocol):
    """A fitted linear score by samples."""

    @property
    def alpha(self) -> NDArray[np.float64]:
        """Dual weights, shape (n, k)."""

    @property
    def intercept(self) -> NDArray[np.float64]:
        """Score where the kernel is zero, shape (k,)."""

    @property
    def penalty(self) -> float:
        """The chosen penalty."""

    @property
    def left_out(self) -> NDArray[np.float64]:
        """Scores of the training samples by fits without their group, shape (n, k)."""

    def predict(self, kernel: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scores (q, k) from the kernel (q, n) between new samples and the training samples."""


Fit = Callable[[NDArray[np.float64], NDArray[np.intp], NDArray[np.intp]], Fitted]


def lot_blocks(*, abundance: bool) -> dict[str, float]:
    """Blocks of the model called LOT and their weights, with or without the abundance of clusters."""
    return dict(LOT if abundance else TRANSPORT)


def estimator_of(estimator: Estimator, n_classes: int) -> Estimator:
    """Name the estimator that "auto" stands for: ridge, and discriminant analysis for three classes or more.

    With many classes one-against-the-rest hides those that lie between others.

    Raises
    ------
    ValueError
        There is no such estimator.
    """
    require_among("estimator", estimator, ESTIMATORS)
    if estimator != "auto":
        return estimator
    return "lda" if n_classes > 2 else "ridge"


def fit_of(
    estimator: Estimator, n_classes: int, values: NDArray[np.float64] | None = None, *, steady: bool = False
) -> Fit:
    """Return the fit ``(kernel, labels, groups) -> Fitted``.

    Parameters
    ----------
    values
        Continuous outcome: `labels` are then positions in it, and the ridge is fitted.
    steady
        Take the largest penalty that is not measurably worse, see `lotviz.analysis.steady`.
    """
    if values is not None:
        return lambda kernel, rows, groups: fit_ridge_values(kernel, values[rows], groups, steady=steady)
    if estimator == "ridge":
        return partial(fit_ridge, n_classes=n_classes, steady=steady)
    if estimator == "lda":
        return partial(fit_discriminant, n_classes=n_classes, steady=steady)
    return partial(fit_machine, "svm" if estimator == "svm" else "logistic", n_classes=n_classes, steady=steady)


def adjustment_of(cohort: Cohort, design: Design, training: NDArray[np.intp]) -> NDArray[np.float64] | None:
    """Matrix (N, N) that takes pairs and covariates out of every sample, fitted on the training; None where nothing is.

    See `lotviz.analysis.adjustment`.
    """
    pairs = pair_centring(design.groups) if design.within else None
    if not design.adjust:
        return pairs
    features = confound_features(cohort, design.adjust, training, counts=False)
    if pairs is not None:
        features = pairs @ features
    removal = covariate_removal(features, training)
    return removal if pairs is None else removal @ pairs
