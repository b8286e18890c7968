"""Measured cells with the place of each in every other sample: of these, all mixtures kind by kind are made at once.

`interpolate_kinds` makes one sample. A picture that follows a hand needs them all: here the cells of each sample are
moved into each other sample once, and a mixture is a weighted mean of these places, in which the cells of a sample
count as much as the sample does.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lotviz.data.problems import listed
from lotviz.transport.blas import one_thread
from lotviz.transport.doors import require_memory
from lotviz.transport.draws import draw_glued
from lotviz.transport.interpolation import refusal
from lotviz.transport.kinds import Tuples, Work, detected, detection_limits, reach_within, steps_towards
from lotviz.transport.progress import Progress, report, stop_if

if TYPE_CHECKING:
    from lotviz.transport.embedding import LOTEmbedding


@dataclass(frozen=True, eq=False)
class KindPlaces:
    """N measured cells of K samples, and where each of them is in every one of the samples.

    With weights w, (K,), the mixture kind by kind is ``sum_k w[k] * places[k]``, and each cell has the mass
    ``masses * w[leads]``: at a weight of one these are that sample's own cells, and no others have any mass.

    Attributes
    ----------
    leads
        Which of the samples each cell is of, (N,).
    cells
        Which of the used cells of that sample it is, (N,).
    places
        Where it is in each sample, (K, N, d), marker units; in its own as it was measured.
    masses
        Its mass in its own sample, (N,): those of a sample sum to one.
    """

    leads: NDArray[np.intp]
    cells: NDArray[np.intp]
    places: NDArray[np.float32]
    masses: NDArray[np.float64]


def kind_places(
    embedding: LOTEmbedding,
    names: Sequence[str],
    *,
    most: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> KindPlaces:
    """Move the cells of each sample with their kind into each of the others.

    Parameters
    ----------
    embedding
        The embedding.
    names
        The K samples, two or more.
    most
        Largest number of cells of a sample; of more, so many evenly spaced ones. None for all.
    seed
        Chooses which cells are compared.
    progress
        Called with (done, total, message) after each sample.
    cancel
        Set it to stop.

    Raises
    ------
    CohortError
        There are fewer than two samples, or `most` is below one.
    TransportMemoryError
        The places do not fit into free memory.
    Cancelled
        `cancel` was set.

    Notes
    -----
    Kinds, reach and steps are those of `interpolate_kinds` with reach as at equal weights. Where a sample has none of
    a kind, cells of that kind stay where they are on the way to it, so that places are means with fixed weights; with
    two samples that is what `interpolate_kinds` does, with more it leaves such a sample out instead.
    """
    if len(names) < 2:
        raise refusal(f"Expected two samples or more, found {listed(list(names)) or 'none'}.", "Name another one.")
    if most is not None and most < 1:
        raise refusal(f"Expected most of at least 1, found {most}.", "Allow more cells.")
    rows = [embedding.index(name) for name in names]
    counts = [min(int(embedding.n_cells_used[row]), most or int(embedding.n_cells_used[row])) for row in rows]
    d = len(embedding.markers)
    require_memory(
        len(names) * d * (4 * sum(counts) + 40 * max(counts)),
        f"the places of {sum(counts)} cells in {len(names)} samples",
        "Show fewer samples, or use fewer cells per sample.",
    )
    measured = [embedding.cells(name) for name in names]
    reach = reach_within(embedding, rows, np.full(len(names), 1.0 / len(names)))
    chosen, places = [], []
    for own, count in enumerate(counts):
        stop_if(cancel)
        report(progress, own, len(names), f"Moving the cells of {names[own]} with their kind")
        tuples, cells = _led_by(embedding, names, own, count=count, seed=seed, measured=measured)
        chosen.append(cells)
        with one_thread():  # the same bits on every machine
            places.append(_places(embedding, tuples, own, reach, measured=measured, led=cells, cancel=cancel))
    report(progress, len(names), len(names), "Moved cells with their kind")
    return KindPlaces(
        leads=np.repeat(np.arange(len(names)), counts),
        cells=np.concatenate(chosen),
        places=np.concatenate(places, axis=1),
        masses=np.concatenate([np.full(count, 1.0 / count) for count in counts]),
    )


def _places(
    embedding: LOTEmbedding,
    tuples: Tuples,
    own: int,
    reach: float,
    *,
    measured: Sequence[NDArray[np.float32]],
    led: NDArray[np.intp],
    cancel: threading.Event | None,
) -> NDArray[np.float32]:
    """Where the leads, cells `led` of sample `own`, are in each sample, (K, N, d), marker units."""
    smallest = np.min([cells.min(axis=0) for cells in measured], axis=0)
    limits = detection_limits(embedding, measured)
    moves = detected(tuples.lead, limits)
    places = np.repeat(measured[own][led][None], len(measured), axis=0)
    others = [k for k in range(len(measured)) if k != own]
    each = steps_towards(tuples, others, reach, limits, work=Work(None, cancel))
    for k, steps in zip(others, each, strict=True):
        known = moves & np.isfinite(steps) & (steps != 0.0)
        moved = places[k] + np.where(known, steps, 0.0) * embedding.scaling.scale
        places[k] = np.where(known, np.maximum(moved, smallest), places[k])
    return places


def _led_by(
    embedding: LOTEmbedding,
    names: Sequence[str],
    own: int,
    *,
    count: int,
    seed: int,
    measured: Sequence[NDArray[np.float32]],
) -> tuple[Tuples, NDArray[np.intp]]:
    """Glue tuples that one sample leads, each of its cells once; return them and the cells that lead, (N,)."""
    order = [own, *(k for k in range(len(names)) if k != own)]
    drawn = draw_glued([(f"{k} {names[k]}", embedding.plan(names[k])) for k in order], count, seed=seed)
    found = dict(zip(order, drawn.cells, strict=True))
    clouds = tuple(embedding.scaling.apply(cells[found[k]]) for k, cells in enumerate(measured))
    return Tuples(drawn.points, clouds, np.full(count, own, dtype=np.intp)), found[own]
