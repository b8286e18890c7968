"""Signed combinations of samples, and the cells of one sample moved as its reference points are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from lotviz.transport.draws import visited_cells
from lotviz.transport.interpolation import checked_draw, checked_sum, glued, mixed, populations_of, refusal
from lotviz.transport.synthetic import SyntheticSample, origin_of

if TYPE_CHECKING:
    from lotviz.transport.embedding import LOTEmbedding

Level = Literal["maps", "cells"]
_LARGEST = 100.0


def combine(
    embedding: LOTEmbedding,
    weights: Mapping[str, float],
    *,
    n_cells: int | None,
    seed: int,
    level: Level = "maps",
) -> SyntheticSample:
    """Combine samples with weights of any sign; see `LOTEmbedding.combine`.

    Raises
    ------
    CohortError
        The weights do not sum to one, are not finite or larger than 100, or name an unknown sample; `n_cells` is not
        positive, or missing where it is needed.
    ValueError
        There is no such level.
    """
    if level not in ("maps", "cells"):
        raise ValueError(f'Expected level "maps" or "cells", found {level!r}. Choose one of them.')
    given = signed_weights(embedding, weights)
    checked_draw(n_cells, seed)
    anchor = min(given, key=lambda name: (-given[name], embedding.index(name)))
    intended = sum(weight * embedding.maps[embedding.index(name)] for name, weight in given.items())
    if level == "maps":
        return moved(
            embedding,
            anchor,
            np.asarray(intended - embedding.maps[embedding.index(anchor)]),
            n_cells=n_cells,
            seed=seed,
            weights=given,
            method=f"cells of {anchor} moved as the maps are combined",
        )
    names = sorted(given, key=lambda name: (-given[name], embedding.index(name)))
    positions, masses = glued(embedding, names, n_cells, seed)
    return SyntheticSample(
        cells=mixed(embedding, given, positions),
        masses=masses,
        origins=positions,
        weights=given,
        seed=seed,
        populations=populations_of(embedding, anchor, positions[anchor]),
        method="glued cells combined",
        intended=np.asarray(intended),
        **origin_of(embedding, given),
    )


def moved(
    embedding: LOTEmbedding,
    sample: str,
    displacement: NDArray[np.float64],
    *,
    n_cells: int | None = None,
    seed: int = 0,
    weights: Mapping[str, float] | None = None,
    method: str = "cells moved as their reference points are",
    details: Mapping[str, Any] | None = None,
) -> SyntheticSample:
    """Move the cells of one sample as its reference points are moved; what the maps cannot see stays as it is.

    Parameters
    ----------
    embedding
        The embedding the sample is of.
    sample
        The sample whose cells are moved.
    displacement
        How far each reference point is moved, (m, d), scaled. Cell j moves by ``sum_i G_ij / b_j displacement_i``.
    n_cells
        How many cells, drawn at equal steps of their order; None moves every used cell once.
    seed
        Written into the recipe: the draw itself needs none.
    weights, method, details
        Written into the recipe; the sample alone with weight one when no weights are given.

    Returns
    -------
        The synthetic sample; its intended maps are those of the sample plus the displacement.

    Raises
    ------
    CohortError
        There is no such sample, or `n_cells` is not positive.
    ValueError
        The displacement has another shape, or is not finite.
    """
    row = embedding.index(sample)
    require_displacement(embedding, displacement)
    checked_draw(n_cells, seed)
    plan = embedding.plan(sample)
    cells = embedding.cells(sample)
    chosen = np.arange(len(cells)) if n_cells is None else visited_cells(plan, n_cells)
    steps = cell_displacement(plan, displacement)[chosen] * embedding.scaling.scale
    given = {sample: 1.0} if weights is None else dict(weights)
    return SyntheticSample(
        cells=(cells[chosen].astype(np.float64) + steps).astype(np.float32),
        masses=np.full(len(chosen), 1.0 / len(chosen)),
        origins={sample: chosen},
        weights=given,
        seed=seed,
        populations=populations_of(embedding, sample, chosen),
        method=method,
        details={} if details is None else dict(details),
        intended=embedding.maps[row] + displacement,
        **origin_of(embedding, given),
    )


def require_displacement(embedding: LOTEmbedding, displacement: NDArray[np.float64]) -> None:
    """Refuse a displacement of the reference points that is not finite or of another shape than (m, d)."""
    wanted, fix = embedding.maps.shape[1:], "Give one row for each reference point."
    if np.shape(displacement) != wanted:
        raise ValueError(f"Expected a displacement of shape {wanted}, found {np.shape(displacement)}. {fix}")
    if not np.isfinite(displacement).all():
        raise ValueError("Expected a finite displacement, found values that are not. Give a number for each.")


def cell_displacement(plan: Any, displacement: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far each cell moves when the reference points do: (m, n) x (m, d) -> (n, d)."""
    received = np.asarray(plan.sum(axis=0)).ravel()
    return np.asarray(plan.T @ displacement) / received[:, None]


def signed_weights(embedding: LOTEmbedding, weights: Mapping[str, float]) -> dict[str, float]:
    """Check weights of any sign; those of zero are left out.

    Raises
    ------
    CohortError
        No weights, an unknown sample, a weight that is not finite or beyond 100, or a sum other than one.
    """
    given = checked_sum(weights, list(embedding.samples.index))
    for name, weight in given.items():
        if abs(weight) > _LARGEST:
            raise refusal(
                f"Expected weights from {-_LARGEST:g} to {_LARGEST:g}, found {weight:g} for {name}.",
                "Stay near the samples: nothing is known so far from them.",
            )
    return {name: weight for name, weight in given.items() if weight != 0}
