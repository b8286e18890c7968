"""Kernel ridge in closed form, class-balanced or for a continuous outcome; its penalty leaves one group out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lotviz.analysis.steady import scale_free, steadiest

PENALTIES: NDArray[np.float64] = np.logspace(-3, 2, 11)


@dataclass(frozen=True, eq=False)
class Ridge:
    """A fitted ridge: ``score(x) = sum_n (kernel(x, x_n) + 1) alpha_n + offset``.

    Attributes
    ----------
    alpha
        Dual weights, shape (n, k): one column a code.
    penalty
        The chosen penalty.
    errors
        Loss of the left-out groups at every penalty.
    left_out
        Score of each training sample by the fit without its group, shape (n, k).
    offset
        Mean of a continuous outcome; 0 for classes.
    """

    alpha: NDArray[np.float64]
    penalty: float
    errors: NDArray[np.float64]
    left_out: NDArray[np.float64]
    offset: float = 0.0

    @property
    def intercept(self) -> NDArray[np.float64]:
        """Score where the kernel is zero: of the mean of the training samples, if it is centred on them; (k,)."""
        return np.asarray(self.alpha.sum(axis=0) + self.offset)

    def predict(self, kernel: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scores (q, k) from the kernel (q, n) between new samples and the training samples."""
        return np.asarray((kernel + 1.0) @ self.alpha + self.offset)


def codes(labels: NDArray[np.intp], n_classes: int) -> NDArray[np.float64]:
    """+1 for the own class and -1 for the others, shape (n, k); two classes need one column only (k = 1).

    Examples
    --------
    >>> codes(np.array([0, 1]), 2).ravel().tolist()
    [-1.0, 1.0]
    """
    full = np.where(labels[:, None] == np.arange(n_classes)[None, :], 1.0, -1.0)
    return full[:, 1:] if n_classes == 2 else full


def balanced_weights(labels: NDArray[np.intp], n_classes: int) -> NDArray[np.float64]:
    """Weights n / (k n_c), so that every class counts the same; shape (n,)."""
    counts = np.bincount(labels, minlength=n_classes)
    present = np.count_nonzero(counts)
    return np.asarray(len(labels) / (present * counts[labels].astype(np.float64)))


def fit_ridge(
    kernel: NDArray[np.float64],
    labels: NDArray[np.intp],
    groups: NDArray[np.intp],
    *,
    n_classes: int,
    penalties: NDArray[np.float64] = PENALTIES,
    steady: bool = False,
) -> Ridge:
    """Fit the ridge at the penalty that names left-out groups best.

    With ``C = (K + 1 + penalty / weights)^-1`` the dual weights are ``C y`` and the residuals of a left-out group g are
    ``C_gg^-1 (C y)_g``: no second fit is needed. They are judged by their class-balanced logistic loss
    ``log(1 + exp(-2 y score))``, as a score beyond its code is no mistake.

    Parameters
    ----------
    kernel
        Centred kernel of the training samples, shape (n, n).
    labels
        Class of each sample as an integer, shape (n,).
    groups
        Group of each sample as an integer from 0, shape (n,).
    steady
        Take the largest penalty that is not measurably worse, see `lotviz.analysis.steady`: weights to be looked at.
    """
    target = codes(labels, n_classes)
    weights = balanced_weights(labels, n_classes)

    def choose(residuals: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
        margins = target * (target - residuals)  # code times score, 1 is on the spot
        if steady:
            losses = scale_free(margins, weights)
            return losses.mean(axis=1), steadiest(losses, groups)
        errors = np.asarray(np.logaddexp(0.0, -2.0 * margins).sum(axis=2) @ weights / target.size)
        return errors, int(np.argmin(errors))

    return _ridge(kernel, target, groups, weights=weights, choose=choose, penalties=penalties)


def fit_ridge_values(
    kernel: NDArray[np.float64],
    values: NDArray[np.float64],
    groups: NDArray[np.intp],
    *,
    penalties: NDArray[np.float64] = PENALTIES,
    steady: bool = False,
) -> Ridge:
    """Fit a continuous outcome (n,) at the penalty with the least squared error of left-out groups.

    The outcome is centred and divided by its spread for the fit, and scores come back in its own unit.
    """
    centre, spread = float(values.mean()), float(values.std()) or 1.0
    target = ((values - centre) / spread)[:, None]

    def choose(residuals: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
        losses = np.square(residuals[:, :, 0])
        errors = losses.mean(axis=1)
        return errors, steadiest(losses, groups) if steady else int(np.argmin(errors))

    fitted = _ridge(kernel, target, groups, weights=np.ones(len(values)), choose=choose, penalties=penalties)
    return replace(fitted, alpha=fitted.alpha * spread, offset=centre, left_out=fitted.left_out * spread + centre)


def _ridge(
    kernel: NDArray[np.float64],
    target: NDArray[np.float64],
    groups: NDArray[np.intp],
    *,
    weights: NDArray[np.float64],
    choose: Callable[[NDArray[np.float64]], tuple[NDArray[np.float64], int]],
    penalties: NDArray[np.float64],
) -> Ridge:
    root = np.sqrt(weights)
    values, vectors = np.linalg.eigh(root[:, None] * (kernel + 1.0) * root[None, :])
    vectors = root[:, None] * vectors  # so that C = vectors diag(1 / (values + penalty)) vectors'
    inverse = 1.0 / (np.maximum(values, 0.0)[None, :] + penalties[:, None])  # (p, n)
    dual = vectors @ (inverse[:, :, None] * (vectors.T @ target))  # (p, n, k)
    residuals = _left_out(dual, vectors, inverse, groups)
    errors, best = choose(residuals)
    return Ridge(alpha=dual[best], penalty=float(penalties[best]), errors=errors, left_out=target - residuals[best])


def _left_out(
    dual: NDArray[np.float64],
    vectors: NDArray[np.float64],
    inverse: NDArray[np.float64],
    groups: NDArray[np.intp],
) -> NDArray[np.float64]:
    """Residuals of every sample when its whole group is left out, shape (p, n, k)."""
    residuals = np.empty_like(dual)
    sizes = np.bincount(groups)
    single = np.flatnonzero(sizes[groups] == 1)
    diagonal = inverse @ (vectors[single] ** 2).T  # (p, singles)
    residuals[:, single] = dual[:, single] / diagonal[:, :, None]
    order, ends = np.argsort(groups, kind="stable"), np.cumsum(sizes)
    for size in np.unique(sizes[sizes > 1]):  # all groups of a size at once
        members = order[(ends[sizes == size] - size)[:, None] + np.arange(size)]  # (g, size)
        part = vectors[members]  # (g, size, n)
        # C_gg at every penalty, (g, p, size, size)
        within = (part[:, None] * inverse[None, :, None, :]) @ part.transpose(0, 2, 1)[:, None]
        known = dual[:, members].transpose(1, 0, 2, 3)  # (g, p, size, k)
        residuals[:, members] = np.linalg.solve(within, known).transpose(1, 0, 2, 3)
    return residuals
