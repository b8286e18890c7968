"""Modes: the axes along which samples differ most, each read back as what it does to the cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from lotviz.analysis.reduction import axis_signs, part_vectors
from lotviz.analysis.region_values import region_means
from lotviz.analysis.regions import Regions
from lotviz.data.choices import require_at_least, require_range
from lotviz.transport.coupling import solve

if TYPE_CHECKING:
    from lotviz.transport.embedding import LOTEmbedding, Part

MOST_AXES = 5


@dataclass(frozen=True, eq=False)
class Modes:
    """Principal axes of the vectors of N samples.

    Attributes
    ----------
    coordinates
        Samples on the q axes, (N, q), in units of LOT distance.
    deviations
        Standard deviation of the samples along each axis, (q,), divisor N.
    explained
        Share of the variance between samples on each axis, (q,).
    directions
        Unit vectors of the axes in vector space, (q, m, d).
    mean
        Mean maps, (m, d), scaled; of all parts, whichever part the axes are of.
    masses, points
        Masses of the reference points, (m,), and their places, (m, d), scaled.
    scale
        Of each marker, (d,): marker units in a scaled unit.
    part
        Which part of the vectors was used.
    """

    coordinates: NDArray[np.float64]
    deviations: NDArray[np.float64]
    explained: NDArray[np.float64]
    directions: NDArray[np.float64]
    mean: NDArray[np.float64]
    masses: NDArray[np.float64]
    points: NDArray[np.float64]
    scale: NDArray[np.float64]
    part: Part

    def displacement(self, axis: int, sd: float = 1.0) -> NDArray[np.float64]:
        """How `sd` standard deviations along an axis, counted from 0, move the reference points, (m, d), scaled."""
        require_range("axis", axis, 0, len(self.deviations) - 1)
        moved = sd * self.deviations[axis] * self.directions[axis]
        return np.asarray(moved / np.sqrt(self.masses)[:, None])

    def maps(self, axis: int, sd: float) -> NDArray[np.float64]:
        """Move the mean sample along an axis, in standard deviations, and return its maps, (m, d), scaled."""
        return self.mean + self.displacement(axis, sd)

    def project(self, maps: ArrayLike) -> NDArray[np.float64]:
        """Coordinates of maps (K, m, d) on the axes, (K, q); of `maps(axis, sd)`, sd deviations on that axis only."""
        moved = np.asarray(maps, dtype=np.float64) - self.mean
        return np.einsum("kmd,amd->ka", part_vectors(moved, self.masses, self.part), self.directions)

    def round_trip(self, axis: int, sd: float) -> float:
        """How far the moved mean is from being a map, as a share of the way it was moved; 0 is a valid sample.

        The moved points are transported to anew: where they still are the optimal map of what they make, they come back
        to themselves. Beyond the samples they need not.
        """
        aimed = self.maps(axis, sd)
        moved = float(abs(sd) * self.deviations[axis])
        if moved == 0.0:
            return 0.0
        back = solve(self.points, aimed, self.masses, self.masses).maps
        return float(np.sqrt(self.masses @ np.square(back - aimed).sum(axis=1))) / moved


def modes(embedding: LOTEmbedding, *, part: Part = "full", axes: int = MOST_AXES) -> Modes:
    """Find the axes along which the samples differ most.

    Parameters
    ----------
    embedding
        N samples.
    part
        "full", or only the "shift" (differences of the cells' mean) or the "shape" (the rest).
    axes
        How many, at most; no more than N - 1 and those along which samples do differ.

    Notes
    -----
    Source: tangent principal components, Wang et al. 2013, of vectors weighted by sqrt(a_i). The signs are those of
    `principal_axes`.
    """
    require_at_least(1, axes=axes)
    maps = np.asarray(embedding.maps, dtype=np.float64)
    masses = np.asarray(embedding.masses, dtype=np.float64)
    vectors = part_vectors(maps, masses, part)
    flat = (vectors - vectors.mean(axis=0)).reshape(len(maps), -1)
    _, values, right = np.linalg.svd(flat, full_matrices=False)
    count = min(axes, int(np.sum(values > 1e-9 * np.linalg.norm(vectors))))
    directions = right[:count] * axis_signs(right[:count])[:, None]
    return Modes(
        coordinates=flat @ directions.T,
        deviations=values[:count] / np.sqrt(len(maps)),
        explained=values[:count] ** 2 / max(float(np.sum(values**2)), np.finfo(float).tiny),
        directions=directions.reshape(count, *maps.shape[1:]),
        mean=maps.mean(axis=0),
        masses=masses,
        points=np.asarray(embedding.reference.points, dtype=np.float64),
        scale=np.asarray(embedding.scaling.scale, dtype=np.float64),
        part=part,
    )


def mode_values(found: Modes, regions: Regions, axis: int, *, sd: float = 1.0) -> NDArray[np.float64]:
    """Say what moving `sd` deviations along an axis does to each region and marker, (k, d), marker units."""
    return region_means(found.displacement(axis, sd), found.masses, regions) * found.scale


def mode_table(found: Modes, regions: Regions, axis: int, *, sd: float = 1.0) -> pd.DataFrame:
    """Return what moving along an axis means: columns region, marker, change (marker units), share; the largest first.

    Large are changes in units of the scaled space, so that markers of different ranges can be compared.

    `share` is the part of the squared length of the axis that the points of the region have in the marker; it sums
    to one.
    """
    change = mode_values(found, regions, axis, sd=sd)
    share = regions.indicator @ np.square(found.directions[axis])
    table = pd.DataFrame(
        {
            "region": np.repeat(np.asarray(regions.names, dtype=object), len(regions.markers)),
            "marker": np.tile(np.asarray(regions.markers, dtype=object), len(regions.names)),
            "change": change.ravel(),
            "share": share.ravel(),
        }
    )
    order = np.argsort(-np.abs(change / found.scale).ravel(), kind="stable")
    return table.iloc[order].reset_index(drop=True)
