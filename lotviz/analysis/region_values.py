"""Samples as a table of regions and markers: where the points of each region lie, in marker units."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lotviz.analysis.regions import Regions, require_own

if TYPE_CHECKING:
    from lotviz.transport.embedding import LOTEmbedding, Part


def part_maps(maps: NDArray[np.float64], masses: NDArray[np.float64], part: Part = "full") -> NDArray[np.float64]:
    """Return maps (N, m, d), or their shift or shape part; the parts add up.

    Examples
    --------
    >>> maps, masses = np.array([[[1.0], [3.0]]]), np.array([0.5, 0.5])
    >>> part_maps(maps, masses, "shift").ravel().tolist(), part_maps(maps, masses, "shape").ravel().tolist()
    ([2.0, 2.0], [-1.0, 1.0])
    """
    if part == "full":
        return np.asarray(maps)
    mean = np.einsum("m,nmd->nd", masses, maps)[:, None, :]
    return np.asarray(np.broadcast_to(mean, maps.shape) if part == "shift" else maps - mean)


def region_means(moved: NDArray[np.float64], masses: NDArray[np.float64], regions: Regions) -> NDArray[np.float64]:
    """Mean over the points of each region, by mass, (..., m, d) -> (..., k, d)."""
    weights = regions.indicator * masses[None, :]
    return np.asarray((weights / weights.sum(axis=1, keepdims=True)) @ moved)


def region_values(embedding: LOTEmbedding, regions: Regions, *, part: Part = "full") -> NDArray[np.float64]:
    """Mean displacement of each region of each sample from the mean of all samples, (N, k, d), marker units."""
    require_own(embedding, regions)
    maps = part_maps(np.asarray(embedding.maps, dtype=np.float64), embedding.masses, part)
    centred = maps - maps.mean(axis=0)
    return region_means(centred, embedding.masses, regions) * np.asarray(embedding.scaling.scale, dtype=np.float64)
