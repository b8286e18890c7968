"""How a marker would look under several transforms, as numbers that a page can draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lotviz.data.cohort import Cohort
from lotviz.data.problems import CohortError, Problem
from lotviz.data.transforms.fitted import pool, weighted_quantile
from lotviz.data.transforms.transform import Transform


@dataclass(frozen=True, eq=False)
class MarkerDensity:
    """The density of a marker over the cohort, every sample with the same weight.

    Parameters
    ----------
    marker
        The marker.
    transform
        What its raw values went through.
    edges
        Edges of the bins, (bins + 1,), in units of the transform.
    density
        Share of the cells in each bin divided by its width, (bins,); what lies outside of the edges is not shown.
    """

    marker: str
    transform: Transform
    edges: NDArray[np.float64]
    density: NDArray[np.float64]


def preview_marker(
    cohort: Cohort,
    marker: str,
    transforms: Sequence[Transform],
    *,
    bins: int = 100,
    cells_per_sample: int = 1_000,
    seed: int = 0,
) -> tuple[MarkerDensity, ...]:
    """Return the density of a marker as measured, and under each transform.

    Parameters
    ----------
    marker
        One of the cohort.
    transforms
        What to try; the transform of the cohort plays no part.
    bins
        Bins from the 0.1 % to the 99.9 % quantile.
    cells_per_sample
        At most so many cells of each sample, drawn with `seed`.

    Returns
    -------
    tuple of MarkerDensity
        The raw values first, then one for each transform, in their order.

    Raises
    ------
    CohortError
        For an unknown marker, or one without a finite value.
    """
    chosen = cohort.select(markers=[marker])
    drawn = pool(chosen.source, list(chosen.samples.index), cells_per_sample=cells_per_sample, seed=seed)
    values, weights = drawn.marker(0)
    if not len(values):
        what = f"Expected finite values of marker {marker}, found none."
        raise CohortError(Problem(cohort.origin or cohort.name, what, "Leave the marker out."))
    tried = (Transform("none"), *transforms)
    return tuple(_density(marker, one, values, weights=weights, bins=bins) for one in tried)


def _density(
    marker: str, transform: Transform, values: NDArray[np.float64], *, weights: NDArray[np.float64], bins: int
) -> MarkerDensity:
    changed = transform(values).astype(np.float64)
    low, high = (weighted_quantile(changed, weights, share) for share in (0.001, 0.999))
    if high <= low:
        low, high = low - 0.5, high + 0.5
    counts, edges = np.histogram(changed, bins=bins, range=(low, high), weights=weights)
    return MarkerDensity(marker, transform, edges, counts / (weights.sum() * np.diff(edges)))
