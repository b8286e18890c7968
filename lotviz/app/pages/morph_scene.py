"""The cells of a morph: tuples of glued cells, one at every end, from which each place between is a weighted mean."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from lotviz.analysis.reduction import Projection
from lotviz.app.pages.morph_stops import Stop
from lotviz.app.session import Session
from lotviz.transport import LOTEmbedding
from lotviz.transport.engine import solver_within
from lotviz.transport.pairing import paired_cells
from lotviz.transport.pooling import draw_tuples
from lotviz.transport.progress import stop_if

SKETCHED = (2_000, 50_000)  # pairs that are drawn to begin with: as many as the larger sample has cells, within limits
TUPLES = (8_000, 30_000)  # tuples of several samples, or of groups: as many as the largest has cells, within limits
THINNED = 4000  # cells of each end that say which markers differ most

Reading = Callable[[str], np.ndarray]
Naming = Callable[[str], np.ndarray]


@dataclass(frozen=True, eq=False)
class Scene:
    """N tuples of cells, a cell of each tuple at each of the K ends.

    Attributes
    ----------
    stops
        The ends.
    sample
        Which of the samples of its end a cell is of, (K, N).
    cell
        Position of the cell among the used cells of that sample, (K, N).
    mass
        Mass of each tuple, (N,), summing to one.
    populations
        Names of the P populations, or regions.
    codes
        Population of each cell, a position in `populations`, (K, N).
    shares
        Share of each population among all used cells of an end, (K, P); the members of a group count alike.
    spread
        How much each marker differs between the ends: mean range of its quantiles, (d,), scaled units.
    ends
        Where no end was measured: the cells at each of them, (N, d), marker units.
    lead
        Where cells are moved kind by kind: the end whose measured cell each is, (N,); it counts as much as that end.
    total
        How many cells the ends have, where not all of them are among the N; 0 otherwise.
    sketch
        Whether cells are paired at random: shown until they are paired well.
    """

    stops: tuple[Stop, ...]
    sample: np.ndarray
    cell: np.ndarray
    mass: np.ndarray
    populations: tuple[str, ...]
    codes: np.ndarray
    shares: np.ndarray
    spread: np.ndarray
    ends: tuple[np.ndarray, ...] = ()
    lead: np.ndarray | None = None
    total: int = 0
    sketch: bool = False

    @property
    def n(self) -> int:
        """Number of tuples."""
        return len(self.mass)

    @property
    def equal(self) -> bool:
        """Whether all tuples weigh the same."""
        return bool(np.ptp(self.mass) <= 1e-12 * self.mass.max())

    def some(self, rows: np.ndarray) -> Scene:
        """Return some of the tuples; their masses are no longer those of all."""
        parts = {name: getattr(self, name)[:, rows] for name in ("sample", "cell", "codes")}
        lead = None if self.lead is None else self.lead[rows]
        return replace(self, **parts, mass=self.mass[rows], ends=tuple(end[rows] for end in self.ends), lead=lead)

    def mass_at(self, weights: np.ndarray) -> np.ndarray:
        """Return the mass of each tuple between the ends, (N,), summing to one; by weight where cells are led."""
        return self.mass if self.lead is None else len(weights) * np.asarray(weights)[self.lead] * self.mass

    def at(self, stop: int, read: Reading) -> np.ndarray:
        """Return what `read` says of the cells at one end, (N, ...)."""
        return _gathered(self.stops[stop], self.sample[stop], self.cell[stop], read)

    def column(self, stop: int, embedding: LOTEmbedding, marker: int) -> np.ndarray:
        """Return a marker of the cells at one end, (N,), marker units."""
        if self.ends:
            return self.ends[stop][:, marker]
        return self.at(stop, lambda name: embedding.cells(name)[:, marker])

    def seen(self, stop: int, embedding: LOTEmbedding, projection: Projection) -> np.ndarray:
        """Return the cells at one end in a view, (N, 2)."""
        if self.ends:
            return projection.apply(self.ends[stop])
        return self.at(stop, lambda name: projection.apply(embedding.cells(name)).astype(np.float32))

    def mixed(self, weights: np.ndarray, embedding: LOTEmbedding, marker: int) -> np.ndarray:
        """Return a marker of the cells between the ends, (N,), marker units."""
        found = np.zeros(self.n)
        for stop in np.flatnonzero(weights):
            found += weights[stop] * self.column(int(stop), embedding, marker)
        return found

    def on_the_way(self, weights: np.ndarray) -> float:
        """Return the share of mass whose cells are of different populations at the ends that are mixed."""
        codes = self.codes[np.flatnonzero(weights > 0)]
        return float(self.mass[(codes != codes[0]).any(axis=0)].sum())


def _gathered(stop: Stop, sample: np.ndarray, cell: np.ndarray, read: Reading) -> np.ndarray:
    if not stop.pooled:
        return read(stop.samples[0])[cell]
    found: np.ndarray | None = None
    for position, name in enumerate(stop.samples):
        rows = np.flatnonzero(sample == position)
        values = read(name)[cell[rows]]
        if found is None:
            found = np.empty((len(sample), *values.shape[1:]), values.dtype)
        found[rows] = values
    assert found is not None
    return found


def glue(
    embedding: LOTEmbedding,
    stops: Sequence[Stop],
    *,
    populations: Sequence[str],
    naming: Naming,
    seed: int,
    sketch: bool = False,
    progress: Callable[[int, int, str], None] = lambda *_told: None,
    cancel: threading.Event | None = None,
) -> Scene:
    """Glue the cells of the ends together through the reference.

    Two samples: pairs with exact masses, so that each end is its sample, cell by cell. Otherwise tuples of equal mass:
    at the reference point of a tuple each end gives one cell, a group one of a member taken at random, each member as
    often. Cells that deviate alike from the mean of their point go together, so that the spread is kept on the way.

    Parameters
    ----------
    embedding
        Holds the samples of all ends.
    stops
        The K ends.
    populations, naming
        Names of all populations; `naming` gives that of each used cell of a sample, (n,).
    seed
        Chooses the tuples.
    sketch
        Draw tuples at random at each point: at once, but half-way the spread within a point is too small.
    progress, cancel
        As for a job.

    Raises
    ------
    Cancelled
        `cancel` was set.
    """
    sample, cell, mass = _tuples(embedding, stops, seed, sketch=sketch, progress=progress, cancel=cancel)
    code_of = {name: code for code, name in enumerate(populations)}
    codes = np.empty(cell.shape, np.uint16)
    shares = np.zeros((len(stops), len(populations)))
    for k, stop in enumerate(stops):
        stop_if(cancel)
        known = {name: np.array([code_of[each] for each in naming(name)], np.uint16) for name in stop.samples}
        codes[k] = _gathered(stop, sample[k], cell[k], known.__getitem__)
        counts = [np.bincount(found, minlength=len(populations)) / len(found) for found in known.values()]
        shares[k] = np.mean(counts, axis=0)
    spread, names = _spread(embedding, stops), tuple(populations)
    return Scene(tuple(stops), sample, cell, mass, names, codes, shares, spread, sketch=sketch)


def _tuples(
    embedding: LOTEmbedding,
    stops: Sequence[Stop],
    seed: int,
    *,
    sketch: bool,
    progress: Callable[[int, int, str], None],
    cancel: threading.Event | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return sample and cell of each tuple at each end, (K, N) each, and its mass, (N,)."""
    largest = max(sum(int(embedding.n_cells_used[embedding.index(n)]) for n in stop.samples) for stop in stops)
    if len(stops) == 2 and not any(stop.pooled for stop in stops):
        names = [stop.samples[0] for stop in stops]
        if sketch:
            pairs = embedding.registration(*names).sample_pairs(int(np.clip(largest, *SKETCHED)), seed)
        else:
            # once after an installation the simplex is compiled for some seconds: no page waits for that
            solver = solver_within(0.0)
            pairs = paired_cells(embedding, *names, solver=solver, progress=progress, cancel=cancel)
        cell = np.stack([pairs.first, pairs.second])
        return np.zeros(cell.shape, np.uint8), cell, pairs.mass
    count = int(np.clip(largest, *TUPLES))
    found = draw_tuples(embedding, [stop.samples for stop in stops], count, seed=seed, alike=not sketch)
    sample, cell = (np.stack(parts) for parts in zip(*found, strict=True))
    return sample, cell, np.full(count, 1 / count)


def _spread(embedding: LOTEmbedding, stops: Sequence[Stop]) -> np.ndarray:
    levels = np.linspace(0.02, 0.98, 49)
    found = []
    for stop in stops:
        share = max(THINNED // len(stop.samples), 100)
        clouds = [embedding.cells(name) for name in stop.samples]
        cells = np.concatenate([cloud[:: max(1, len(cloud) // share)] for cloud in clouds])
        found.append(np.quantile(cells, levels, axis=0) / embedding.scaling.scale)
    return np.ptp(np.stack(found), axis=0).mean(axis=0)  # (K, levels, d) -> (d,)


def travel(scene: Scene, embedding: LOTEmbedding) -> np.ndarray:
    """Return how far the cells of each tuple lie apart in all markers, (N,), scaled units.

    The root of the mean squared distance between two of its cells, as `lotviz.app.morph_message.travelled`; a marker
    at a time, so that of many tuples little room is needed.
    """
    k = len(scene.stops)
    squared = np.zeros(scene.n)
    for marker, scale in enumerate(embedding.scaling.scale):
        values = np.stack([scene.column(stop, embedding, marker) for stop in range(k)]) / scale
        squared += np.square(values - values.mean(axis=0)).sum(axis=0)
    return np.sqrt(squared * (2 / (k - 1)))


def beside(
    session: Session, name: str, parts: Sequence[Hashable], work: Callable[..., Any], *, title: str, at_once: bool
) -> Any:
    """Return an answer that is kept until another of its name is asked for: made at once, or beside the page.

    Parameters
    ----------
    name
        What waits for it is told by this name.
    parts
        What it follows from, beside the embedding.
    work
        Called as ``work(progress, cancel)``.
    title
        What is being done, in words.
    at_once
        Whether it is quick enough to be made while the page waits.
    """
    if at_once:
        return session.derived(name, partial(work, lambda *_told: None, threading.Event()), *parts, latest=True)
    return session.aside.get(name, (name, session.comparison, *parts), title, work, latest=True)
