"""Regions: reference points that belong together, named by their markers as one would name a gate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from lotviz.analysis.abundance import nearest_points
from lotviz.analysis.model import LinearModel, Part
from lotviz.data.choices import require_at_least, require_seed
from lotviz.data.markers import short_names
from lotviz.data.problems import CohortError, Problem

if TYPE_CHECKING:
    from lotviz.transport.embedding import LOTEmbedding

MINUS = "−"


@dataclass(frozen=True, eq=False)
class Regions:
    """A partition of the reference points into k regions, the largest first.

    Attributes
    ----------
    labels
        Region of each reference point, shape (m,).
    names
        One name a region, such as "CD3+ CD8+", all different.
    profile
        Mean position of each region in scaled marker space, shape (k, d).
    masses
        Share of the reference in each region, shape (k,), sums to 1.
    markers
        Names of the d markers.
    points
        The reference points, scaled, shape (m, d).
    """

    labels: NDArray[np.intp]
    names: tuple[str, ...]
    profile: NDArray[np.float64]
    masses: NDArray[np.float64]
    markers: tuple[str, ...]
    points: NDArray[np.float64]

    @property
    def indicator(self) -> NDArray[np.float64]:
        """One where a point belongs to a region, shape (k, m)."""
        return (np.arange(len(self.names))[:, None] == self.labels[None, :]).astype(np.float64)


def regions(embedding: LOTEmbedding, k: int = 8, *, seed: int = 0) -> Regions:
    """Group the reference points by weighted k-means in scaled marker space and name the groups.

    Parameters
    ----------
    embedding
        Gives the reference points, their masses and the marker names.
    k
        Number of regions; fewer where there are fewer distinct points.
    seed
        Of the k-means starts.
    """
    require_at_least(1, k=k)
    require_seed(seed)
    from sklearn.cluster import KMeans  # costs 1 s to import

    points, masses = embedding.reference.points, np.asarray(embedding.masses, dtype=np.float64)
    wanted = min(k, len(np.unique(points, axis=0)))
    found = KMeans(wanted, n_init=10, random_state=seed).fit_predict(points, sample_weight=masses)
    share = np.bincount(found, weights=masses, minlength=wanted)
    rank = np.argsort(np.argsort(-share, kind="stable"), kind="stable")
    labels = rank[found].astype(np.intp)
    weights = (np.arange(wanted)[:, None] == labels[None, :]) * masses[None, :]  # (k, m)
    total = weights.sum(axis=1)
    profile = weights @ points / total[:, None]
    return Regions(
        labels=labels,
        names=region_names(profile, total, short_names(embedding.markers)),
        profile=profile,
        masses=total,
        markers=tuple(embedding.markers),
        points=np.asarray(points, dtype=np.float64),
    )


def region_names(
    profile: NDArray[np.float64], masses: NDArray[np.float64], markers: tuple[str, ...], *, length: int = 3
) -> tuple[str, ...]:
    """Name regions, in the field's style, by the markers that lie farthest from the mean of all regions.

    Markers that are high come first; a marker is named only if it lies half a standard deviation from the mean.
    Names that would be equal are made longer by the next marker, then numbered.

    Examples
    --------
    >>> region_names(np.array([[2.0, -1.0], [-2.0, 1.0]]), np.array([0.5, 0.5]), ("CD3", "CD19"))
    ('CD3+ CD19−', 'CD19+ CD3−')
    """
    centred = profile - np.average(profile, axis=0, weights=masses)
    names = [_name(row, markers, length) for row in centred]
    for extra in range(length + 1, min(len(markers), length + 3) + 1):
        names = [
            _name(row, markers, extra) if names.count(name) > 1 else name
            for row, name in zip(centred, names, strict=True)
        ]
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        unique.append(f"{name} ({seen[name]})" if names.count(name) > 1 else name)
    return tuple(unique)


def _name(row: NDArray[np.float64], markers: tuple[str, ...], length: int) -> str:
    order = [k for k in np.argsort(-np.abs(row), kind="stable")[:length] if abs(row[k]) >= 0.5]
    high = [f"{markers[k]}+" for k in order if row[k] > 0]
    low = [f"{markers[k]}{MINUS}" for k in order if row[k] < 0]
    return " ".join(high + low) if order else "average"


def require_own(embedding: LOTEmbedding, regions: Regions) -> None:
    """Refuse regions of another reference than that of the embedding.

    Raises
    ------
    CohortError
        Their points or markers are others.
    """
    points, found = embedding.reference.points, np.asarray(regions.points)
    if regions.markers == embedding.markers and found.shape == points.shape and np.allclose(found, points):
        return
    what = "Expected regions of this embedding's reference, found those of another."
    raise CohortError(Problem("regions", what, "Make them of this embedding: lotviz.analysis.regions(embedding)."))


def region_weights(model: LinearModel, regions: Regions, *, part: Part = "full") -> NDArray[np.float64]:
    """Weights of a model summed over the points of each region, shape (k, d).

    The sum is the change of the score when all points of the region move by one scaled unit of the marker.
    """
    return np.asarray(regions.indicator @ model.part(part))


def region_carried(model: LinearModel, regions: Regions, *, part: Part = "full") -> NDArray[np.float64]:
    """Part of the gap between the mean scores of the classes that each region and marker carries, shape (k, d).

    Weight times the difference of the mean maps, summed over the points of the region. Together with
    `region_abundance_carried` it sums to the whole gap, exactly. A weight that only cancels noise carries nothing, and
    neither does a difference the score does not use: read this before weights and pattern.
    """
    return np.asarray(regions.indicator @ (model.part(part) * model.difference))


def region_abundance_carried(model: LinearModel, regions: Regions) -> NDArray[np.float64]:
    """Part of the gap that is carried by how many cells lie in each region, shape (k,); zero without abundance."""
    if model.abundance is None:
        return np.zeros(len(regions.names))
    return np.asarray(regions.indicator @ model.abundance.carried(model.masses))


def region_abundance(model: LinearModel, regions: Regions) -> NDArray[np.float64]:
    """Change of the score when one cell in a hundred more lies in each region, shape (k,); zero without abundance.

    The mean over its points by mass, at the training mean. Other regions are taken to lose none: of two regions, the
    difference of their figures is what moving a hundredth of the cells from one to the other changes.
    """
    if model.abundance is None:
        return np.zeros(len(regions.names))
    weights = regions.indicator * model.masses[None, :]
    return np.asarray(0.01 * (weights @ model.abundance.at_the_mean) / weights.sum(axis=1))


def region_pattern(model: LinearModel, regions: Regions) -> NDArray[np.float64]:
    """Haufe pattern of a model averaged over the points of each region by mass, shape (k, d)."""
    weights = regions.indicator * model.masses[None, :]
    return np.asarray(weights @ model.pattern / weights.sum(axis=1, keepdims=True))


def nearest_regions(scaled_cells: ArrayLike, regions: Regions) -> NDArray[np.intp]:
    """Region of the reference point each cell lies nearest to, shape (n,), for cells (n, d) in scaled space.

    Unlike `cell_regions`, this says what a cell is, not where its mass comes from: a plan gives every region the
    same mass in every sample, so only here can a region grow or shrink.
    """
    return regions.labels[nearest_points(scaled_cells, regions.points)]


def cell_regions(plan: sparse.csr_matrix | sparse.csr_array, regions: Regions) -> NDArray[np.intp]:
    """Region each cell gives most of its mass to, shape (n,), for a plan of shape (m, n)."""
    mass = sparse.csr_array(plan).T @ regions.indicator.T  # (n, m) @ (m, k)
    return np.asarray(np.argmax(mass, axis=1), dtype=np.intp)


def region_table(model: LinearModel, regions: Regions) -> pd.DataFrame:
    """Return what every region and marker carries of the gap between the classes, weight and pattern; the most first.

    Columns region, marker, carried, weight, pattern.
    """
    weight, pattern = region_weights(model, regions), region_pattern(model, regions)
    table = pd.DataFrame(
        {
            "region": np.repeat(np.asarray(regions.names, dtype=object), len(regions.markers)),
            "marker": np.tile(np.asarray(regions.markers, dtype=object), len(regions.names)),
            "carried": region_carried(model, regions).ravel(),
            "weight": weight.ravel(),
            "pattern": pattern.ravel(),
        }
    )
    order = table["carried"].abs().sort_values(ascending=False, kind="stable").index
    return table.loc[order].reset_index(drop=True)
