"""Synthetic samples between measured ones, cell by cell."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lotviz.data.choices import require_seed
from lotviz.data.problems import CohortError, Problem, did_you_mean, listed
from lotviz.transport.doors import require_memory
from lotviz.transport.draws import draw_glued
from lotviz.transport.synthetic import SyntheticSample, origin_of

if TYPE_CHECKING:
    from lotviz.transport.embedding import LOTEmbedding

_SUM_TOLERANCE = 1e-9


def interpolate(
    embedding: LOTEmbedding,
    weights: Mapping[str, float],
    *,
    n_cells: int | None,
    seed: int,
    cancel: threading.Event | None = None,
) -> SyntheticSample:
    """Mix samples cell by cell over glued tuples of their cells.

    Raises
    ------
    CohortError
        The weights are not convex or name an unknown sample, `n_cells` is not positive, or it is missing for
        more than two samples.
    Cancelled
        `cancel` was set.
    """
    given = checked_weights(weights, list(embedding.samples.index))
    checked_draw(n_cells, seed)
    # the anchor comes first: the largest weight, and of equal ones the first in the embedding
    names = sorted(given, key=lambda name: (-given[name], embedding.index(name)))
    if len(names) > 2:  # of two, both stay: their pairs are those of any other weights
        names = [name for name in names if given[name] > 0]
    positions, masses = glued(embedding, names, n_cells, seed, cancel=cancel)
    return SyntheticSample(
        cells=mixed(embedding, given, positions),
        masses=masses,
        origins=positions,
        weights=given,
        seed=seed,
        populations=populations_of(embedding, names[0], positions[names[0]]),
        intended=np.asarray(sum(given[name] * embedding.maps[embedding.index(name)] for name in names)),
        **origin_of(embedding, names),
    )


def checked_weights(weights: Mapping[str, float], known: Sequence[str]) -> dict[str, float]:
    """Check that weights are convex and name known samples; extrapolation is refused.

    Raises
    ------
    CohortError
        No weights, an unknown sample, a weight outside [0, 1], or a sum other than one.
    """
    given = checked_sum(weights, known)
    for name, weight in given.items():
        if not 0 <= weight <= 1:
            raise refusal(
                f"Expected weights from 0 to 1, found {weight:g} for {name}.",
                "Stay between the samples: beyond them (extrapolation) the result need not be a valid sample. "
                "Use combine (--beyond in the shell) to go there all the same, and look at its validity.",
            )
    return given


def checked_sum(weights: Mapping[str, float], known: Sequence[str]) -> dict[str, float]:
    """Check that weights are finite, sum to one and name known samples; their sign is free.

    Raises
    ------
    CohortError
        No weights, an unknown sample, a weight that is not finite, or a sum other than one.
    """
    if not weights:
        raise refusal("Expected the weight of at least one sample, found none.", "Give weights such as A=0.5, B=0.5.")
    unknown = [str(name) for name in weights if name not in set(known)]
    if unknown:
        hint = did_you_mean(unknown[0], known) or f"The samples are {listed(known, 20)}."
        raise refusal(f"Expected weights of embedded samples, found {listed(unknown)}.", hint)
    for name, weight in weights.items():
        if not isfinite(weight):
            raise refusal(f"Expected weights from 0 to 1, found {weight:g} for {name}.", "Give a number.")
    given = {str(name): float(weight) for name, weight in weights.items()}
    _require_sum(given)
    return given


def _require_sum(weights: Mapping[str, float]) -> None:
    total = sum(weights.values())
    if abs(total - 1) > _SUM_TOLERANCE:
        raise refusal(f"Expected weights that sum to 1, found a sum of {total:.9g}.", "Divide them by their sum.")


def checked_draw(n_cells: int | None, seed: int) -> None:
    """Refuse a number of cells below one, where None is a choice of its own, and a seed that is none."""
    require_seed(seed)
    if n_cells is not None and n_cells < 1:
        raise refusal(f"Expected n_cells of at least 1, found {n_cells}.", "Ask for more cells.")


def refusal(what: str, fix: str) -> CohortError:
    """Return the error of a combination that cannot be made."""
    return CohortError(Problem("interpolation", what, fix))


def glued(
    embedding: LOTEmbedding,
    names: Sequence[str],
    n_cells: int | None,
    seed: int,
    *,
    cancel: threading.Event | None = None,
) -> tuple[dict[str, NDArray[np.intp]], NDArray[np.float64]]:
    """Positions of glued cells of each sample, (N,), the anchor first, and the mass of each tuple, (N,)."""
    if n_cells is not None:
        require_memory(
            24 * len(names) * n_cells * len(embedding.markers),
            f"{n_cells} tuples of the cells of {len(names)} samples",
            "Ask for fewer cells or fewer samples.",
        )
        plans = [(name, embedding.plan(name)) for name in names]
        clouds = [embedding.scaled_cells(name) for name in names] if len(names) > 1 else None
        drawn = draw_glued(plans, n_cells, seed=seed, clouds=clouds, cancel=cancel)
        return dict(zip(names, drawn.cells, strict=True)), np.full(n_cells, 1.0 / n_cells)
    if len(names) > 2:
        raise refusal(
            f"Expected a number of cells for {len(names)} samples, found none.",
            "Give n_cells (--cells in the shell): exact pairs exist for two samples only.",
        )
    if len(names) == 1:
        count = int(embedding.n_cells_used[embedding.index(names[0])])
        return {names[0]: np.arange(count)}, np.full(count, 1.0 / count)
    pairs = embedding.registration(names[0], names[1]).pairs()
    return {names[0]: pairs.first, names[1]: pairs.second}, pairs.mass


def mixed(
    embedding: LOTEmbedding, weights: Mapping[str, float], positions: Mapping[str, NDArray[np.intp]]
) -> NDArray[np.float32]:
    """Weighted sum of the cells at these positions, (N, d), transformed marker units."""
    # in marker units: scaling is affine, so mixing before or after it is the same
    count = len(next(iter(positions.values())))
    total = np.zeros((count, len(embedding.markers)))
    for name, chosen in positions.items():
        total += weights[name] * embedding.cells(name)[chosen].astype(np.float64)
    return total.astype(np.float32)


def populations_of(embedding: LOTEmbedding, anchor: str, positions: NDArray[np.intp]) -> NDArray[Any] | None:
    """Return the population of the anchor's cells at these positions, (N,), or None where unknown."""
    known = embedding.populations(anchor)
    return None if known is None else known[positions]
