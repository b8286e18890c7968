"""Synthetic samples made without transport of cells: what a mixture of maps has to be better than."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lotviz.data.choices import require_at_least, require_seed

Array = NDArray[np.float64]
Copula = Literal["independent", "first"]

POOLED = "cells of all pooled"
INDEPENDENT = "marginals averaged, independent"
RANKED = "marginals averaged, ranks of the first"
GAUSSIAN = "Gaussian between"
MOVED = "first, moved as the Gaussians"

_STEPS = 100
_CONVERGED = 1e-10
_RIDGE = 1e-9


def naive_samples(clouds: Sequence[Array], weights: Sequence[float], *, n: int, seed: int = 0) -> dict[str, Array]:
    """Make every naive mixture of clouds.

    Parameters
    ----------
    clouds
        Cells of each sample, (n_k, d), scaled.
    weights
        Convex weights, summing to one.
    n
        How many cells each mixture gets.
    seed
        Chooses cells.

    Returns
    -------
        Cells (n, d) by the name of what was done: pooled; marginals averaged with independent markers, and with the
        ranks of the first cloud; drawn from the Gaussian between the Gaussians; and the first cloud's cells, moved as
        its Gaussian is.

    Raises
    ------
    ValueError
        `n` is not positive, the seed is none, weights are not convex or not one for each cloud, or a cloud has fewer
        than two cells.
    """
    require_at_least(1, n=n)
    require_seed(seed)
    if len(weights) != len(clouds) or min(weights, default=-1) < 0 or not np.isclose(sum(weights), 1.0):
        what = f"Expected a weight of 0 or more for each of {len(clouds)} clouds, summing to 1, found {list(weights)}."
        raise ValueError(f"{what} Give such weights.")
    if any(np.ndim(cloud) != 2 or len(cloud) < 2 for cloud in clouds):
        shapes = ", ".join(str(np.shape(cloud)) for cloud in clouds)
        raise ValueError(f"Expected clouds of two cells or more, found shapes {shapes}. Leave the others out.")
    return {
        POOLED: pooled(clouds, weights, n=n, seed=seed),
        INDEPENDENT: marginals_averaged(clouds, weights, n=n, seed=seed, copula="independent"),
        RANKED: marginals_averaged(clouds, weights, n=n, seed=seed, copula="first"),
        GAUSSIAN: gaussian_between(clouds, weights, n=n, seed=seed),
        MOVED: gaussian_moved(clouds, weights, n=n, seed=seed),
    }


def pooled(clouds: Sequence[Array], weights: Sequence[float], *, n: int, seed: int = 0) -> Array:
    """Draw cells of each cloud in proportion to its weight, (n, d): without replacement while there are enough.

    Examples
    --------
    >>> pooled([np.zeros((4, 1)), np.ones((4, 1))], [0.25, 0.75], n=4).sum()
    np.float64(3.0)
    """
    rng = np.random.default_rng(seed)
    ends = np.round(np.cumsum(weights) * n).astype(int)
    counts = np.diff(ends, prepend=0)
    return np.concatenate([_drawn(cloud, count, rng) for cloud, count in zip(clouds, counts, strict=True)])


def marginals_averaged(
    clouds: Sequence[Array], weights: Sequence[float], *, n: int, seed: int = 0, copula: Copula = "independent"
) -> Array:
    """Average the quantile function of every marker, (n, d).

    Parameters
    ----------
    clouds, weights, n, seed
        As in `naive_samples`.
    copula
        How markers hang together: "independent", not at all; "first", by the ranks of cells of the first cloud.
    """
    rng = np.random.default_rng(seed)
    levels = (np.arange(n) + 0.5) / n
    quantiles = sum(
        weight * np.quantile(cloud, levels, axis=0) for cloud, weight in zip(clouds, weights, strict=True)
    )  # (n, d)
    if copula == "independent":
        return rng.permuted(np.asarray(quantiles), axis=0)
    first = _drawn(clouds[0], n, rng)
    ranks = np.argsort(np.argsort(first, axis=0, kind="stable"), axis=0, kind="stable")
    return np.take_along_axis(np.asarray(quantiles), ranks, axis=0)


def gaussian_between(clouds: Sequence[Array], weights: Sequence[float], *, n: int, seed: int = 0) -> Array:
    """Draw from the Gaussian that is the Wasserstein barycenter of those of the clouds, (n, d)."""
    mean, covariance = gaussian_barycenter(*_gaussians(clouds), weights)
    rng = np.random.default_rng(seed)
    return mean + rng.standard_normal((n, len(mean))) @ _root(covariance)


def gaussian_moved(clouds: Sequence[Array], weights: Sequence[float], *, n: int, seed: int = 0) -> Array:
    """Move cells of the first cloud by the affine map from its Gaussian to the barycenter, (n, d)."""
    means, covariances = _gaussians(clouds)
    mean, covariance = gaussian_barycenter(means, covariances, weights)
    root = _root(covariances[0])
    inverse = np.linalg.inv(root)
    matrix = inverse @ _root(root @ covariance @ root) @ inverse
    return mean + (_drawn(clouds[0], n, np.random.default_rng(seed)) - means[0]) @ matrix


def gaussian_barycenter(means: Array, covariances: Array, weights: Sequence[float]) -> tuple[Array, Array]:
    """Mean (d,) and covariance (d, d) of the Wasserstein barycenter of Gaussians, from (k, d) and (k, d, d).

    Notes
    -----
    Source: Alvarez-Esteban et al. 2016, eq. 8; of two Gaussians it is the closed form of Bures.

    Examples
    --------
    >>> gaussian_barycenter(np.array([[0.0], [2.0]]), np.array([[[1.0]], [[9.0]]]), [0.5, 0.5])[1].round(6)
    array([[4.]])
    """
    share = np.asarray(weights, dtype=np.float64)
    mean = share @ means
    found = np.einsum("k,kij->ij", share, covariances)
    for _ in range(_STEPS):
        root = _root(found)
        inverse = np.linalg.inv(root)
        middle = sum(weight * _root(root @ one @ root) for weight, one in zip(share, covariances, strict=True))
        step = inverse @ np.asarray(middle) @ np.asarray(middle) @ inverse
        if np.abs(step - found).max() <= _CONVERGED * max(1.0, np.abs(found).max()):
            return mean, step
        found = step
    return mean, found


def _gaussians(clouds: Sequence[Array]) -> tuple[Array, Array]:
    width = clouds[0].shape[1]
    covariances = [np.cov(cloud.T).reshape(width, width) + _RIDGE * np.eye(width) for cloud in clouds]
    return np.stack([cloud.mean(axis=0) for cloud in clouds]), np.stack(covariances)


def _root(matrix: Array) -> Array:
    """Symmetric root of a positive matrix."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T)


def _drawn(cloud: Array, count: int, rng: np.random.Generator) -> Array:
    """Draw cells, each at most once more than any other."""
    whole, rest = divmod(count, len(cloud))
    chosen = np.concatenate([*([np.arange(len(cloud))] * whole), rng.permutation(len(cloud))[:rest]])
    return np.asarray(cloud, dtype=np.float64)[chosen]
