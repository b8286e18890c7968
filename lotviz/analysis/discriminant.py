"""Shrinkage discriminant analysis on a kernel: for many classes, where one-against-the-rest hides the middle ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lotviz.analysis.folds import grouped_folds, training_and_test
from lotviz.analysis.ridge import balanced_weights
from lotviz.analysis.steady import steadiest

SHRINKAGES: NDArray[np.float64] = np.logspace(-4.5, -0.5, 9)
INNER_FOLDS = 5
MANY = 200  # samples; above, three inner folds choose as well as five and cost half as much
FLATTENINGS: NDArray[np.float64] = np.logspace(-2.0, 1.0, 25)


@dataclass(frozen=True, eq=False)
class Linear:
    """A linear score by samples: ``score(x) = sum_n kernel(x, x_n) alpha_n + intercept``.

    Attributes
    ----------
    alpha
        Dual weights, shape (n, k).
    intercept
        Shape (k,).
    penalty
        The chosen penalty.
    left_out
        Score of each training sample by a fit without its group, shape (n, k).
    """

    alpha: NDArray[np.float64]
    intercept: NDArray[np.float64]
    penalty: float
    left_out: NDArray[np.float64]

    def predict(self, kernel: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scores (q, k) from the kernel (q, n) between new samples and the training samples."""
        return np.asarray(kernel @ self.alpha + self.intercept)


def fit_discriminant(
    kernel: NDArray[np.float64],
    labels: NDArray[np.intp],
    groups: NDArray[np.intp],
    *,
    n_classes: int,
    steady: bool = False,
) -> Linear:
    """Discriminant functions ``<x, P mu_c> - <mu_c, P mu_c> / 2`` with ``P = (S_w + shrinkage)^-1``, all classes alike.

    The shrinkage is the one with the least class-balanced log loss over inner folds that split no group. Two classes
    have one column, the difference of their functions.

    Parameters
    ----------
    kernel
        Centred kernel of the training samples, shape (n, n).
    labels, groups
        Class and group of each sample as integers from 0, shape (n,).
    steady
        Take the largest shrinkage that is not measurably worse, see `lotviz.analysis.steady`.

    Notes
    -----
    Source: Hastie, Buja and Tibshirani 1995, in dual form.
    """
    folds = grouped_folds(labels, groups, _inner_folds(groups), rng=np.random.default_rng(0))
    held_out = np.zeros((len(SHRINKAGES), len(labels), n_classes))
    for inside, outside in training_and_test(folds):
        alphas, intercepts = _functions(kernel[np.ix_(inside, inside)], labels[inside], n_classes)
        held_out[:, outside] = kernel[np.ix_(outside, inside)] @ alphas + intercepts[:, None, :]
    weights = balanced_weights(labels, n_classes)
    losses = np.stack([_losses(scores, labels, weights)[0] for scores in held_out])
    best = steadiest(losses, groups) if steady else int(np.argmin(losses.sum(axis=1)))
    alphas, intercepts = _functions(kernel, labels, n_classes, SHRINKAGES[best : best + 1])
    alpha, intercept, left = alphas[0], intercepts[0], held_out[best]
    if n_classes == 2:
        alpha, intercept, left = (part[..., 1:] - part[..., :1] for part in (alpha, intercept, left))
    return Linear(alpha, intercept, float(SHRINKAGES[best]), left)


def _inner_folds(groups: NDArray[np.intp]) -> int:
    return min(INNER_FOLDS if len(groups) <= MANY else 3, len(np.unique(groups)))


def _functions(
    kernel: NDArray[np.float64],
    labels: NDArray[np.intp],
    n_classes: int,
    shrinkages: NDArray[np.float64] = SHRINKAGES,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Dual weights (p, n, k) and intercepts (p, k) at every shrinkage, by one eigendecomposition."""
    weights = balanced_weights(labels, n_classes) / len(labels)
    member = (labels[:, None] == np.arange(n_classes)[None, :]).astype(np.float64)
    size = np.maximum((member * weights[:, None]).sum(axis=0), np.finfo(float).tiny)
    means = member * weights[:, None] / size  # (n, k): column c averages the samples of class c
    residual = np.eye(len(labels)) - member @ means.T  # takes the class mean out of every sample
    root = np.sqrt(weights)[:, None]
    within = root * (residual @ kernel @ residual.T) * root.T
    values, vectors = np.linalg.eigh(within)
    steps = means - weights[:, None]  # (n, k): class mean minus mean of the classes
    seen = vectors.T @ (root * (residual @ (kernel @ steps)))
    back = residual.T @ (root * vectors)  # (n, n)
    # (S_w + s)^-1 = (1 - R' (s + R K R')^-1 R) / s with R the weighted residuals
    damped = seen[None] / (np.maximum(values, 0.0)[None, :, None] + shrinkages[:, None, None])
    alphas = (steps[None] - back @ damped) / shrinkages[:, None, None]
    heights = kernel @ alphas  # (p, n, k)
    overall = np.einsum("n,pnk->pk", weights, heights)
    intercepts = -overall - 0.5 * np.einsum("nk,pnk->pk", steps, heights)
    # what all classes of a sample share decides nothing between them, and would blur one class over the samples
    return alphas - alphas.mean(axis=2, keepdims=True), intercepts - intercepts.mean(axis=1, keepdims=True)


def _losses(
    scores: NDArray[np.float64], labels: NDArray[np.intp], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Class-balanced log loss (n,) of scores (n, k), flattened by the factor that suits them best, and that factor."""
    own = np.arange(len(labels))
    logits = FLATTENINGS[:, None, None] * scores
    top = logits.max(axis=2)
    total = top + np.log(np.exp(logits - top[:, :, None]).sum(axis=2))
    losses = weights * (total - logits[:, own, labels])  # (factors, n)
    best = int(np.argmin(losses.sum(axis=1)))
    return losses[best], float(FLATTENINGS[best])


def class_probabilities(scores: NDArray[np.float64], steepness: float) -> NDArray[np.float64]:
    """Probability of each class (..., K) from scores (..., k): logistic for one column, softmax for several."""
    both = np.concatenate([np.zeros_like(scores), scores], axis=-1) if scores.shape[-1] == 1 else scores
    logits = steepness * both
    risen = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(risen / risen.sum(axis=-1, keepdims=True))


def steepness_of(left_out: NDArray[np.float64], labels: NDArray[np.intp], *, n_classes: int) -> float:
    """Factor between scores and log odds that makes left-out scores (n, k) the likeliest; it changes no decision."""
    both = np.concatenate([np.zeros_like(left_out), left_out], axis=1) if left_out.shape[1] == 1 else left_out
    return _losses(both, labels, balanced_weights(labels, n_classes))[1]
