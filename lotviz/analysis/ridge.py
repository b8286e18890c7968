"""Class-balanced kernel ridge in closed form, its penalty chosen by leaving one group out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PENALTIES: NDArray[np.float64] = np.logspace(-3, 2, 11)


@dataclass(frozen=True, eq=False)
class Ridge:
    """A fitted ridge: ``score(x) = sum_n (kernel(x, x_n) + 1) alpha_n``.

    Attributes
    ----------
    alpha
        Dual weights, shape (n, k): one column a code.
    penalty
        The chosen penalty.
    errors
        Class-balanced logistic loss of the left-out groups at every penalty.
    """

    alpha: NDArray[np.float64]
    penalty: float
    errors: NDArray[np.float64]

    def predict(self, kernel: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scores (q, k) from the kernel (q, n) between new samples and the training samples."""
        return np.asarray((kernel + 1.0) @ self.alpha)


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
    """
    target = codes(labels, n_classes)
    weights = balanced_weights(labels, n_classes)
    root = np.sqrt(weights)
    values, vectors = np.linalg.eigh(root[:, None] * (kernel + 1.0) * root[None, :])
    vectors = root[:, None] * vectors  # so that C = vectors diag(1 / (values + penalty)) vectors'
    inverse = 1.0 / (np.maximum(values, 0.0)[None, :] + penalties[:, None])  # (p, n)
    dual = np.einsum("in,pn,nk->pik", vectors, inverse, vectors.T @ target, optimize=True)
    margins = target * (target - _left_out(dual, vectors, inverse, groups))  # code times score, 1 is on the spot
    errors = np.einsum("i,pik->p", weights, np.logaddexp(0.0, -2.0 * margins)) / target.size
    best = int(np.argmin(errors))
    return Ridge(alpha=dual[best], penalty=float(penalties[best]), errors=errors)


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
    for group in np.flatnonzero(sizes > 1):
        members = np.flatnonzero(groups == group)
        part = vectors[members]
        within = np.einsum("in,pn,jn->pij", part, inverse, part, optimize=True)  # C_gg at every penalty
        residuals[:, members] = np.linalg.solve(within, dual[:, members])
    return residuals
