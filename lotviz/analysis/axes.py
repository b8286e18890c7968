"""The view of cells along which two samples differ most."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lotviz.analysis.reduction import Projection, cell_axes

if TYPE_CHECKING:
    from lotviz.transport.embedding import LOTEmbedding


def displacement_axes(embedding: LOTEmbedding, a: str, b: str) -> Projection:
    """View in which sample A moves most on its way to B: the axis of largest displacement, and of most spread beside.

    The first axis is the leading eigenvector of ``sum_i a_i D_i D_i^T``, D the displacement of the reference points
    from A to B in scaled space: no other axis carries more of the squared distance. It points the way the cells go on
    average. The second is the direction of largest spread of the cells of A and B, every sample with the same weight,
    at right angles to the first.

    Parameters
    ----------
    embedding
        Holds both samples.
    a, b
        Names of the two samples; a sample does not move to itself, so there the view is that of `cell_axes`.

    Returns
    -------
    The view; the label of the first axis says which share of the squared distance it carries.
    """
    moved = np.asarray(embedding.maps[embedding.index(b)] - embedding.maps[embedding.index(a)], dtype=np.float64)
    masses = np.asarray(embedding.masses, dtype=np.float64)
    seconds = moved.T @ (masses[:, None] * moved)  # (d, d)
    squared = float(np.trace(seconds))
    if squared <= 0.0:
        return cell_axes(embedding)
    values, vectors = np.linalg.eigh(seconds)
    first = _pointing(vectors[:, -1], masses @ moved)
    means, spread = _pooled(embedding, (a, b))
    beside = np.eye(len(first)) - np.outer(first, first)
    second = np.zeros_like(first)
    if len(first) > 1:
        second = _pointing(np.linalg.eigh(beside @ spread @ beside)[1][:, -1], None)
    axes = np.column_stack([first, second])
    total = max(float(np.trace(spread)), np.finfo(float).tiny)
    seen = np.einsum("da,de,ea->a", axes, spread, axes) / total
    return Projection(
        matrix=axes / np.asarray(embedding.scaling.scale, dtype=np.float64)[:, None],
        center=np.asarray(embedding.scaling.undo(means[None, :]), dtype=np.float64)[0],
        labels=(f"Largest displacement ({100 * values[-1] / squared:.0f} %)", "Largest spread beside it"),
        explained=(float(seen[0]), float(seen[1])),
    )


def _pointing(axis: NDArray[np.float64], way: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Turn an axis the way the cells go; where they go neither way, so that its largest entry is positive."""
    along = 0.0 if way is None else float(axis @ way)
    if way is None or abs(along) <= 1e-9 * float(np.linalg.norm(way)):
        along = float(axis[np.argmax(np.abs(axis))])
    return axis if along >= 0.0 else -axis


def _pooled(embedding: LOTEmbedding, samples: tuple[str, str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean (d,) and covariance (d, d) of the cells of two samples of the same weight, scaled space."""
    clouds = [embedding.scaled_cells(name) for name in samples]
    means = [cells.mean(axis=0) for cells in clouds]
    middle = np.mean(means, axis=0)
    centred = [cells - middle for cells in clouds]
    return middle, np.mean([cells.T @ cells / len(cells) for cells in centred], axis=0)
