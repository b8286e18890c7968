"""The barycenter of samples: the weighted mean of their maps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lotviz.transport.interpolation import checked_weights

if TYPE_CHECKING:
    from lotviz.transport.embedding import LOTEmbedding


@dataclass(frozen=True, eq=False)
class Barycenter:
    """The weighted mean of samples in the embedding.

    Attributes
    ----------
    maps
        Weighted mean of the maps, (m, d), scaled.
    vector
        The same as a vector, (m * d,).
    masses
        Masses of the reference points, (m,).
    weights
        Weight of each sample, summing to one.
    objective
        Weighted mean of squared distance plus residual: an upper bound on the weighted mean of squared
        Wasserstein distances from the barycenter to the samples, and so on the best possible one.
    """

    maps: NDArray[np.float64]
    vector: NDArray[np.float64]
    masses: NDArray[np.float64]
    weights: Mapping[str, float]
    objective: float


def barycenter(embedding: LOTEmbedding, weights: Mapping[str, float] | None = None) -> Barycenter:
    """Average samples in the embedding; all with the same weight when `weights` is None.

    Raises
    ------
    CohortError
        The weights are not convex, or name an unknown sample.
    """
    names = list(embedding.samples.index)
    given = checked_weights(dict.fromkeys(names, 1 / len(names)) if weights is None else weights, names)
    rows = [embedding.index(name) for name in given]
    share = np.array(list(given.values()))
    maps = np.tensordot(share, embedding.maps[rows], axes=1)  # (k) x (k, m, d) -> (m, d)
    squared = np.einsum("i,kij->k", embedding.masses, np.square(embedding.maps[rows] - maps))
    objective = float(share @ (squared + embedding.residuals[rows]))
    vector = (np.sqrt(embedding.masses)[:, None] * maps).ravel()
    return Barycenter(maps, vector, embedding.masses, given, objective)
