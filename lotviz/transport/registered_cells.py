"""Cells of an average patient: those of all its members, each moved from its own map to the average one."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lotviz.data.choices import require_at_least, require_seed
from lotviz.transport.arithmetic import require_displacement
from lotviz.transport.barycenter import barycenter
from lotviz.transport.progress import Progress, report, stop_if

if TYPE_CHECKING:
    from lotviz.transport.embedding import LOTEmbedding


@dataclass(frozen=True, eq=False)
class RegisteredCells:
    """Synthetic cells: measured ones, each moved by what its reference point is moved by.

    Attributes
    ----------
    cells
        Cells, (n, d), transformed marker units; all of the same mass.
    points
        The reference point each was moved with, (n,).
    samples
        The sample each is of, (n,).
    populations
        The population each was measured in, (n,), or None where unknown.
    weights
        Weight of each sample, summing to one.
    seed
        Chose the cells.
    """

    cells: NDArray[np.float32]
    points: NDArray[np.intp]
    samples: NDArray[Any]
    populations: NDArray[Any] | None
    weights: Mapping[str, float]
    seed: int


def registered_cells(
    embedding: LOTEmbedding,
    weights: Mapping[str, float] | None = None,
    *,
    n_cells: int,
    displacement: NDArray[np.float64] | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> RegisteredCells:
    """Draw synthetic cells of the average of samples, with the spread within reference points that samples have.

    A cell y of sample k, glued to reference point i, becomes y + (mean map of i) - (map of i in k). The mean over the
    cells of a point is then its mean map, and their spread the mean residual of the samples: mixing a cell of every
    sample, as `LOTEmbedding.interpolate` does, has the same mean, but of many samples next to no spread.

    Parameters
    ----------
    embedding
        Holds the samples, with their cells.
    weights
        Weight of each sample, as in `LOTEmbedding.barycenter`; a sample gives cells in proportion to it.
    n_cells
        How many cells, about: every sample of positive weight gives at least one.
    displacement
        Moves every reference point further, (m, d), scaled.
    seed
        Chooses the cells.
    progress
        Called with (done, total, message) after each sample.
    cancel
        Set it to stop.

    Raises
    ------
    CohortError
        The weights are not convex, or name an unknown sample.
    ValueError
        `n_cells` is not positive, the seed is none, or the displacement has another shape or is not finite.
    """
    require_at_least(1, n_cells=n_cells)
    require_seed(seed)
    if displacement is not None:
        require_displacement(embedding, displacement)
    center = barycenter(embedding, weights)
    target = center.maps if displacement is None else center.maps + displacement
    found, drawn = [], [name for name, weight in center.weights.items() if weight > 0]
    for done, name in enumerate(drawn, start=1):
        stop_if(cancel)
        count = max(1, round(center.weights[name] * n_cells))
        found.append(_of_one(embedding, name, target, count=count, seed=seed))
        report(progress, done, len(drawn), "Averaging the samples")
    cells, points, populations = zip(*found, strict=True)
    known = all(each is not None for each in populations)
    return RegisteredCells(
        cells=embedding.scaling.undo(np.concatenate(cells)).astype(np.float32),
        points=np.concatenate(points),
        samples=np.repeat(np.array(drawn, dtype=object), [len(each) for each in points]),
        populations=np.concatenate(populations) if known else None,
        weights=center.weights,
        seed=seed,
    )


def moved_cells(embedding: LOTEmbedding, sample: str, displacement: NDArray[np.float64]) -> NDArray[np.float32]:
    """Move the used cells of a sample as reference points are moved, (n, d), transformed marker units.

    Parameters
    ----------
    embedding
        Holds the sample, with its cells.
    sample
        Its name.
    displacement
        Of the reference points, (m, d), scaled. A cell that is split between points moves by their mean, by mass.
    """
    plan = embedding.plan(sample)
    mass = np.asarray(plan.sum(axis=0)).ravel()  # (n,)
    shift = (plan.T @ displacement) / mass[:, None]  # (n, m) @ (m, d)
    return np.asarray(embedding.scaling.undo(embedding.scaled_cells(sample) + shift), dtype=np.float32)


def _of_one(
    embedding: LOTEmbedding, sample: str, target: NDArray[np.float64], *, count: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.intp], NDArray[Any] | None]:
    points, rows = _drawn(embedding, sample, count, seed)
    moved = target[points] - embedding.maps[embedding.index(sample)][points]
    known = embedding.populations(sample)
    return embedding.scaled_cells(sample)[rows] + moved, points, None if known is None else known[rows]


def _drawn(embedding: LOTEmbedding, sample: str, count: int, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Draw reference points and cells of a sample by the mass between them: equally spaced, in seeded order."""
    rng = np.random.default_rng([seed, zlib.crc32(sample.encode())])
    glued = embedding.plan(sample).tocoo()
    order = rng.permutation(len(glued.data))
    cumulative = np.cumsum(glued.data[order])
    positions = (np.arange(count) + rng.random()) / count * cumulative[-1]
    entries = order[np.minimum(np.searchsorted(cumulative, positions, side="right"), len(order) - 1)]
    points, rows = glued.coords
    return points[entries].astype(np.intp), rows[entries].astype(np.intp)
