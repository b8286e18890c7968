"""Samples from elsewhere, placed among those of a cohort: whom they are near to, and whether anyone is as far out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lotviz.analysis.patient_model import beyond
from lotviz.analysis.reduction import part_vectors

if TYPE_CHECKING:
    from lotviz.transport.embedding import LOTEmbedding, Part


def distances_to(embedding: LOTEmbedding, projected: LOTEmbedding, *, part: Part = "full") -> NDArray[np.float64]:
    """LOT distance of each of K projected samples from each of N, or its shift or shape part, (K, N)."""
    from scipy.spatial.distance import cdist

    old, new = (
        part_vectors(np.asarray(one.maps, dtype=np.float64), embedding.masses, part).reshape(len(one.maps), -1)
        for one in (embedding, projected)
    )
    return np.asarray(cdist(new, old))


def newcomers(embedding: LOTEmbedding, projected: LOTEmbedding, *, part: Part = "full") -> pd.DataFrame:
    """Say of samples that were projected how they stand to the cohort.

    Parameters
    ----------
    embedding
        The N samples of the cohort.
    projected
        Others, by `embedding.project`.
    part
        Of the distances.

    Returns
    -------
        One row a sample: the `nearest` sample of the cohort and its `distance`; the share `as_far` of the cohort's
        samples whose nearest other is at least as far; `residual_share`; `seen`, False where distance
        or residual share are beyond those of the cohort, see `beyond`.
    """
    away = distances_to(embedding, projected, part=part)
    own = embedding.distances(part)
    others = (own + np.diag(np.full(len(own), np.inf))).min(axis=1) if len(own) > 1 else np.zeros(1)
    nearest = away.argmin(axis=1)
    distance = away.min(axis=1)
    as_far = np.array([np.mean(others >= one * (1 - 1e-9)) for one in distance])
    residual = projected.residual_shares
    names = np.asarray([str(name) for name in embedding.samples.index], dtype=object)
    return pd.DataFrame(
        {
            "nearest": names[nearest],
            "distance": distance,
            "as_far": as_far,
            "residual_share": residual,
            "seen": ~(beyond(distance, others) | beyond(residual, embedding.residual_shares)),
        },
        index=projected.samples.index,
    )
