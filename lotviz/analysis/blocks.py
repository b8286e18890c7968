"""Shift, shape and smoothed shape: the blocks of a LOT vector, each a linear map of the reference points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Block = Literal["shift", "shape", "smooth"]
BLOCKS: tuple[Block, ...] = ("shift", "shape", "smooth")


def smoothing(points: NDArray[np.float64], masses: NDArray[np.float64], *, width: float = 2.0) -> NDArray[np.float64]:
    """Average over neighbouring reference points; what one point says alone is mostly noise.

    ``W_ij`` is proportional to ``a_j exp(-|x_i - x_j|^2 / (2 width^2 delta^2))`` where ``delta^2`` is the median
    squared distance of a point to its nearest neighbour.

    Parameters
    ----------
    points
        Reference points, shape (m, d), scaled marker space.
    masses
        Their masses, shape (m,).
    width
        Bandwidth in units of ``delta``.

    Returns
    -------
    W, shape (m, m); every row sums to 1.

    Examples
    --------
    >>> smoothing(np.array([[0.0], [0.0]]), np.array([0.25, 0.75]))
    array([[0.25, 0.75],
           [0.25, 0.75]])
    """
    norms = np.sum(points**2, axis=1)
    squared = np.maximum(norms[:, None] + norms[None, :] - 2.0 * points @ points.T, 0.0)
    nearest = (squared + np.diag(np.full(len(points), np.inf))).min(axis=1) if len(points) > 1 else np.ones(1)
    delta2 = max(float(np.median(nearest)), np.finfo(float).tiny)
    raw = masses[None, :] * np.exp(-squared / (2.0 * width**2 * delta2))
    return np.asarray(raw / raw.sum(axis=1, keepdims=True))


def operators(
    points: NDArray[np.float64], masses: NDArray[np.float64], *, blocks: Sequence[Block] = BLOCKS
) -> dict[Block, NDArray[np.float64]]:
    """Return matrices L with block = L @ T for maps T (m, d): a block acts on the points, not on the markers.

    Shift is the mean of the cells, ``a' T``; shape is ``sqrt(a_i) (T_i - a' T)``; smooth is the shape with ``T``
    averaged over neighbouring points. A weight on a block goes back to the raw map coordinates as ``L' weight``.

    Returns
    -------
    One (k, m) matrix a block: k = 1 for the shift, m for the other two.
    """
    centring = np.eye(len(masses)) - masses[None, :]  # (m, m): takes the mean of the cells out of every point
    root = np.sqrt(masses)[:, None]
    made: dict[Block, NDArray[np.float64]] = {}
    for block in blocks:
        if block == "shift":
            made[block] = masses[None, :].astype(np.float64)
        elif block == "shape":
            made[block] = root * centring
        else:
            made[block] = root * (smoothing(points, masses) @ centring)
    return made


def block_grams(
    maps: NDArray[np.float64], matrices: Mapping[Block, NDArray[np.float64]]
) -> dict[Block, NDArray[np.float64]]:
    """Inner products of all samples in each block.

    Parameters
    ----------
    maps
        Maps of the samples, shape (N, m, d).
    matrices
        The answer of `operators`.

    Returns
    -------
    One (N, N) matrix a block, centred on the mean of the given samples.
    """
    centred = maps - maps.mean(axis=0)
    grams: dict[Block, NDArray[np.float64]] = {}
    for block, matrix in matrices.items():
        vectors = np.matmul(matrix, centred).reshape(len(maps), -1)  # (N, m, d) -> (N, k * d)
        grams[block] = vectors @ vectors.T
    return grams


def centre(gram: NDArray[np.float64], training: NDArray[np.intp]) -> tuple[NDArray[np.float64], float]:
    """Centre a Gram matrix on the mean of the training samples and divide it by their mean diagonal.

    Returns
    -------
    The (N, N) kernel and the divisor (1 where the training samples do not differ at all).
    """
    columns = gram[:, training].mean(axis=1)
    centred = gram - columns[:, None] - columns[None, :] + columns[training].mean()
    scale = float(np.diag(centred)[training].mean())
    floor = 1e-12 * max(float(np.abs(gram).max()), np.finfo(float).tiny)
    divisor = scale if scale > floor else 1.0
    return centred / divisor, divisor
