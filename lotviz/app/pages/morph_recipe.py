"""The synthetic sample at the place where the morph is: what is checked, saved and printed as a script."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lotviz.app.pages.morph_class import class_sample
from lotviz.app.pages.morph_numbers import measured_at, weights_now
from lotviz.app.pages.morph_scene import draw_tuples
from lotviz.app.pages.morph_stops import CLASS, Stop, stops_of
from lotviz.app.session import Session
from lotviz.transport import LOTEmbedding, SyntheticSample


def weights_by_sample(ends: Sequence[Stop], weights: np.ndarray) -> dict[str, float]:
    """Return the weight of each sample: that of its end, in a group shared out over its members; none of zero."""
    found: dict[str, float] = {}
    for stop, weight in zip(ends, weights, strict=True):
        for name in stop.samples if weight > 0 else ():
            found[name] = found.get(name, 0.0) + float(weight) / len(stop.samples)
    return found


def recipe(session: Session) -> Callable[[int], SyntheticSample] | None:
    """Return what makes the sample at this point, given a number of cells; None where there is nothing to make.

    It is called in a thread and reads no choices.
    """
    choices = session.choices
    if choices.morph == CLASS:
        return class_sample(session)
    ends = stops_of(session)
    if len(ends) < 2:
        return None
    embedding, seed, weights = session.embedding, choices.seed, np.round(weights_now(session, ends), 6)
    weights = weights / weights.sum()
    if any(stop.pooled for stop, weight in zip(ends, weights, strict=True) if weight > 0):
        return lambda count: mix_groups(embedding, ends, weights, count, seed=seed)
    by_sample = weights_by_sample(ends, weights)
    return lambda count: embedding.interpolate(by_sample, n_cells=count, seed=seed)


def mix_groups(
    embedding: LOTEmbedding, ends: Sequence[Stop], weights: np.ndarray, count: int, *, seed: int
) -> SyntheticSample:
    """Mix groups cell by cell: each synthetic cell is made of one cell of each group, of a member taken at random.

    Parameters
    ----------
    embedding
        Holds the samples of all groups.
    ends, weights
        The K groups, and the weight of each, (K,), summing to one.
    count
        How many cells.
    seed
        Chooses the members and their cells.

    Returns
    -------
        The synthetic sample. Its weights are those of the members; its details name the groups.
    """
    mixed = sorted((i for i in range(len(ends)) if weights[i] > 0), key=lambda i: -weights[i])
    drawn = draw_tuples(embedding, [ends[i] for i in mixed], count, seed=seed)
    cells = np.zeros((count, len(embedding.markers)))
    origins, populations = {}, None
    for i, (sample, cell) in zip(mixed, drawn, strict=True):
        for position, name in enumerate(ends[i].samples):
            rows = np.flatnonzero(sample == position)
            cells[rows] += weights[i] * embedding.cells(name)[cell[rows]]
            if i == mixed[0]:
                populations = _named(populations, embedding, name, rows=rows, cell=cell[rows], count=count)
            origins[name] = cell[rows]
    by_sample = weights_by_sample(ends, weights)
    maps = sum(weight * embedding.maps[embedding.index(name)] for name, weight in by_sample.items())
    return SyntheticSample(
        cells=cells.astype(np.float32),
        masses=np.full(count, 1 / count),
        origins=origins,
        weights=by_sample,
        seed=seed,
        markers=embedding.markers,
        transform=embedding.transform,
        populations=populations,
        cohort=embedding.name,
        method="glued cells of groups mixed in straight lines; of a group, each cell is of a member taken at random",
        details={
            "groups": {ends[i].name: list(ends[i].samples) for i in mixed},
            "group_weights": {ends[i].name: float(weights[i]) for i in mixed},
        },
        inputs={name: embedding.sample_hashes[name] for name in by_sample},
        versions=dict(embedding.versions),
        intended=np.asarray(maps),
    )


def _named(
    populations: np.ndarray | None,
    embedding: LOTEmbedding,
    name: str,
    *,
    rows: np.ndarray,
    cell: np.ndarray,
    count: int,
) -> np.ndarray | None:
    """Put the populations of the cells of one member in their places."""
    known = embedding.populations(name)
    if known is None:
        return None
    found = np.empty(count, dtype=object) if populations is None else populations
    found[rows] = known[cell]
    return found


def is_measured(session: Session) -> bool:
    """Whether this point is exactly at an end where all cells were measured."""
    if session.choices.morph == CLASS:
        return session.choices.t == 0.5
    ends = stops_of(session)
    return len(ends) > 1 and measured_at(weights_now(session, ends)) is not None


def place_of(session: Session) -> tuple[object, ...]:
    """Return all that the synthetic sample at this point follows from, beside the embedding."""
    choices = session.choices
    if choices.morph == CLASS:
        return (choices.morph, choices.a, choices.t, choices.seed, *session.asking)
    ends = stops_of(session)
    weights = tuple(np.round(weights_now(session, ends), 6).tolist()) if len(ends) > 1 else ()
    return (ends, weights, choices.seed)
