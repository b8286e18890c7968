"""Closed forms of optimal transport between Gaussians: what every approximation can be held against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, eq=False)
class Gaussian:
    """A normal distribution.

    Attributes
    ----------
    mean
        (d,).
    covariance
        (d, d), symmetric, no eigenvalue below zero.
    """

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]

    @classmethod
    def of(cls, cells: ArrayLike) -> Gaussian:
        """Return the Gaussian with the mean and the covariance of cells, (n, d)."""
        points = np.asarray(cells, dtype=np.float64)
        centred = points - points.mean(axis=0)
        return cls(points.mean(axis=0), centred.T @ centred / len(points))


def gaussian_map(first: Gaussian, second: Gaussian) -> NDArray[np.float64]:
    """Return the matrix M, (d, d), of the optimal map: x goes to ``mean_2 + M (x - mean_1)``.

    ``M = S1^(-1/2) (S1^(1/2) S2 S1^(1/2))^(1/2) S1^(-1/2)``, symmetric. Where the first covariance is singular its
    pseudo-inverse takes the place of the inverse.

    Notes
    -----
    Source: Gelbrich 1990; Peyre and Cuturi 2019, remark 2.31.
    """
    half = _root(first.covariance)
    inverse = np.linalg.pinv(half, hermitian=True)
    return np.asarray(inverse @ _root(half @ second.covariance @ half) @ inverse)


def gaussian_between(first: Gaussian, second: Gaussian, t: float) -> Gaussian:
    """Return the Bures-Wasserstein geodesic between two Gaussians at `t`, from 0 (first) to 1 (second).

    The mean is ``(1 - t) mean_1 + t mean_2``, the covariance ``N S1 N`` with ``N = (1 - t) I + t M``.

    Notes
    -----
    Source: McCann 1997, example 1.7.

    Examples
    --------
    >>> narrow, wide = Gaussian(np.zeros(1), np.eye(1)), Gaussian(np.ones(1), 9 * np.eye(1))
    >>> middle = gaussian_between(narrow, wide, 0.5)
    >>> middle.mean.tolist(), middle.covariance.tolist()
    ([0.5], [[4.0]])
    """
    moving = (1.0 - t) * np.eye(len(first.mean)) + t * gaussian_map(first, second)
    return Gaussian((1.0 - t) * first.mean + t * second.mean, moving @ first.covariance @ moving)


def gaussian_cost(first: Gaussian, second: Gaussian) -> float:
    """Return the squared Wasserstein distance of two Gaussians, never negative.

    ``|mean_1 - mean_2|^2 + tr(S1 + S2 - 2 (S1^(1/2) S2 S1^(1/2))^(1/2))``; Gelbrich 1990.
    """
    half = _root(first.covariance)
    crossed = np.trace(_root(half @ second.covariance @ half))
    spread = float(np.trace(first.covariance + second.covariance) - 2.0 * crossed)
    return float(np.sum((first.mean - second.mean) ** 2)) + max(spread, 0.0)


def _root(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the square root of a symmetric matrix whose eigenvalues are not below zero but for round-off."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2.0)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T)
