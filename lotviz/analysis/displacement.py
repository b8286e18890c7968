"""How the markers differ between two samples: the shift all cells share, and the change of shape that is left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lotviz.analysis.regions import Regions, require_own

if TYPE_CHECKING:
    from lotviz.transport.embedding import LOTEmbedding


@dataclass(frozen=True, eq=False)
class MarkerChange:
    """Displacement of the reference points from sample A to sample B, marker by marker.

    Attributes
    ----------
    markers
        Names of the d markers.
    shift
        Mean of B minus mean of A in marker units, shape (d,).
    shape
        Root mean square of the rest of the displacement in marker units, shape (d,), never negative.
    shift_share
        Share of the squared LOT distance between A and B that is shift, between 0 and 1; the rest is shape.
    distance
        LOT distance between A and B, scaled space.
    residual_share
        Share of the variance of A and of B that the maps do not see.
    """

    markers: tuple[str, ...]
    shift: NDArray[np.float64]
    shape: NDArray[np.float64]
    shift_share: float
    distance: float
    residual_share: tuple[float, float]

    def table(self) -> pd.DataFrame:
        """Markers by the size of their change: columns marker, shift, shape."""
        frame = pd.DataFrame({"marker": self.markers, "shift": self.shift, "shape": self.shape})
        order = np.argsort(-np.hypot(self.shift, self.shape), kind="stable")
        return frame.iloc[order].reset_index(drop=True)


def marker_change(embedding: LOTEmbedding, a: str, b: str) -> MarkerChange:
    """Split what changes from A to B into a shift of the mean and a change of shape, marker by marker."""
    first, second = embedding.index(a), embedding.index(b)
    moved = np.asarray(embedding.maps[second] - embedding.maps[first], dtype=np.float64)  # (m, d)
    masses = np.asarray(embedding.masses, dtype=np.float64)
    shift = masses @ moved
    rest = masses @ (moved - shift) ** 2  # (d,)
    squared = float(shift @ shift + rest.sum())
    scale = np.asarray(embedding.scaling.scale, dtype=np.float64)
    lost = np.asarray(embedding.residuals) / np.maximum(embedding.variances, np.finfo(float).tiny)
    return MarkerChange(
        markers=tuple(embedding.markers),
        shift=shift * scale,
        shape=np.sqrt(rest) * scale,
        shift_share=float(shift @ shift) / squared if squared > 0.0 else 0.0,
        distance=float(np.sqrt(squared)),
        residual_share=(float(lost[first]), float(lost[second])),
    )


def region_change(embedding: LOTEmbedding, a: str, b: str, *, regions: Regions) -> NDArray[np.float64]:
    """Mean displacement of the points of each region from A to B in marker units, shape (k, d)."""
    require_own(embedding, regions)
    moved = np.asarray(embedding.maps[embedding.index(b)] - embedding.maps[embedding.index(a)], dtype=np.float64)
    weights = regions.indicator * np.asarray(embedding.masses)[None, :]
    scale = np.asarray(embedding.scaling.scale, dtype=np.float64)
    return np.asarray(weights @ moved / weights.sum(axis=1, keepdims=True) * scale)


def cell_displacement(embedding: LOTEmbedding, a: str, b: str) -> NDArray[np.float64]:
    """Move of every used cell of sample A on its way to B in marker units, shape (n, d).

    A cell moves as the reference points it gets its mass from, by mass. The mean over cells is the shift of the mean;
    a sample stays where it is on the way to itself.
    """
    moved = np.asarray(embedding.maps[embedding.index(b)] - embedding.maps[embedding.index(a)], dtype=np.float64)
    plan = embedding.plan(a)
    mass = np.asarray(plan.sum(axis=0), dtype=np.float64).ravel()  # (n,)
    scale = np.asarray(embedding.scaling.scale, dtype=np.float64)
    return np.asarray(plan.T @ moved) / mass[:, None] * scale
