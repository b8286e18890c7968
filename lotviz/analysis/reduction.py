"""Linear views: the map of the samples and 2-D projections of their cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lotviz.analysis.model import Part
from lotviz.data.choices import require_among

if TYPE_CHECKING:
    from lotviz.transport.embedding import LOTEmbedding

_ROUND_OFF = 1e-9


@dataclass(frozen=True, eq=False)
class SampleMap:
    """Samples on the principal axes of their vectors; distances on it are never longer than LOT distances.

    Attributes
    ----------
    coordinates
        Shape (N, 2), in units of LOT distance; the second is zero where the samples span one axis only.
    explained
        Share of the variance between samples on each axis, shape (2,).
    directions
        Unit vectors of the axes in vector space, shape (2, m, d).
    center
        Mean vector, shape (m, d).
    part
        Which part of the vectors was used.
    """

    coordinates: NDArray[np.float64]
    explained: NDArray[np.float64]
    directions: NDArray[np.float64]
    center: NDArray[np.float64]
    masses: NDArray[np.float64]
    part: Part

    def place(self, maps: ArrayLike) -> NDArray[np.float64]:
        """Coordinates (K, 2) of further samples from their maps (K, m, d): a new patient placed on the map."""
        vectors = part_vectors(np.asarray(maps, dtype=np.float64), self.masses, self.part)
        return np.einsum("kmd,amd->ka", vectors - self.center, self.directions)


def part_vectors(maps: NDArray[np.float64], masses: NDArray[np.float64], part: Part = "full") -> NDArray[np.float64]:
    """Vectors sqrt(a_i) T_i of maps (N, m, d), or their shift or shape part; the parts are orthogonal and add up."""
    require_among("part", part, ("full", "shift", "shape"))
    root = np.sqrt(masses)[None, :, None]
    if part == "full":
        return np.asarray(root * maps)
    mean = np.einsum("m,nmd->nd", masses, maps)[:, None, :]
    return np.asarray(root * mean + np.zeros_like(maps) if part == "shift" else root * (maps - mean))


def principal_axes(embedding: LOTEmbedding, *, part: Part = "full") -> SampleMap:
    """Draw the map of all samples: the two directions of LOT space along which they differ most.

    Parameters
    ----------
    embedding
        N samples.
    part
        "full", or only the "shift" (differences of the cells' mean) or the "shape" (the rest).
    """
    maps, masses = (
        np.asarray(embedding.maps, dtype=np.float64),
        np.asarray(embedding.masses, dtype=np.float64),
    )
    vectors = part_vectors(maps, masses, part)
    center = vectors.mean(axis=0)
    flat = (vectors - center).reshape(len(maps), -1)
    _, values, right = np.linalg.svd(flat, full_matrices=False)
    values[values <= _ROUND_OFF * np.linalg.norm(vectors)] = 0.0  # as between samples that are all the same
    axes = min(2, len(values))
    directions = np.zeros((2, flat.shape[1]))
    directions[:axes] = right[:axes] * axis_signs(right[:axes])[:, None]
    total = float(np.sum(values**2))
    explained = np.zeros(2)
    if total > 0.0:
        explained[:axes] = values[:axes] ** 2 / total
    return SampleMap(
        coordinates=flat @ directions.T,
        explained=explained,
        directions=directions.reshape(2, *center.shape),
        center=center,
        masses=masses,
        part=part,
    )


def axis_signs(axes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sign that makes the largest entry of each axis positive, so that a picture does not flip between runs."""
    largest = axes[np.arange(len(axes)), np.argmax(np.abs(axes), axis=1)]
    return np.where(largest < 0.0, -1.0, 1.0)


@dataclass(frozen=True, eq=False)
class Projection:
    """A linear 2-D view of cells in marker units: ``(cells - center) @ matrix``.

    Attributes
    ----------
    matrix
        Shape (d, 2).
    center
        Shape (d,), marker units.
    labels
        What the two axes are.
    explained
        Share of the cells' variance in scaled space on each axis, or None for a pair of markers.
    """

    matrix: NDArray[np.float64]
    center: NDArray[np.float64]
    labels: tuple[str, str]
    explained: tuple[float, float] | None = None

    def apply(self, cells: ArrayLike) -> NDArray[np.float64]:
        """Positions (n, 2) of cells (n, d); the view of an interpolation is the interpolation of the views."""
        return np.asarray((np.asarray(cells, dtype=np.float64) - self.center) @ self.matrix)


def cell_axes(embedding: LOTEmbedding) -> Projection:
    """Principal axes of all cells used, every sample with the same weight, in scaled marker space."""
    d = len(embedding.markers)
    scaling = embedding.scaling
    means, seconds = np.zeros(d), np.zeros((d, d))
    names = list(embedding.samples.index)
    for name in names:
        cells = scaling.apply(np.asarray(embedding.cells(name), dtype=np.float64))
        means += cells.mean(axis=0) / len(names)
        seconds += cells.T @ cells / (len(cells) * len(names))
    values, vectors = np.linalg.eigh(seconds - np.outer(means, means))
    axes = np.zeros((2, d))
    axes[: min(2, d)] = vectors[:, ::-1].T[:2]
    axes *= axis_signs(axes)[:, None]
    share = np.maximum(values[::-1], 0.0) / max(float(np.maximum(values, 0.0).sum()), np.finfo(float).tiny)
    scale = np.asarray(scaling.scale, dtype=np.float64)
    return Projection(
        matrix=(axes / scale[None, :]).T,
        center=np.asarray(scaling.undo(means[None, :]), dtype=np.float64)[0],
        labels=("Principal axis 1", "Principal axis 2"),
        explained=(float(share[0]), float(share[1]) if d > 1 else 0.0),
    )


def marker_axes(markers: tuple[str, ...], x: str, y: str) -> Projection:
    """View on two markers, in marker units.

    Examples
    --------
    >>> marker_axes(("CD3", "CD4", "CD8"), "CD8", "CD3").apply([[1.0, 2.0, 3.0]]).tolist()
    [[3.0, 1.0]]
    """
    require_among("x", x, markers)
    require_among("y", y, markers)
    matrix = np.zeros((len(markers), 2))
    matrix[markers.index(x), 0] = 1.0
    matrix[markers.index(y), 1] = 1.0
    return Projection(matrix=matrix, center=np.zeros(len(markers)), labels=(x, y))
