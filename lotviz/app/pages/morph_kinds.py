"""Kind by kind: measured cells that move with their kind and count as much as the sample they are of."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np

from lotviz.app.choices import KINDS, LINES
from lotviz.app.jobs import Progress
from lotviz.app.pages.morph_scene import Naming, Scene
from lotviz.app.pages.morph_stops import CLASS, Stop, stops_of
from lotviz.app.session import Session
from lotviz.transport import LOTEmbedding
from lotviz.transport.kinds_places import kind_places

MOST_LED = 200_000  # cells of all ends together; of more, as many of each end, evenly spaced
LEVELS = np.linspace(0.02, 0.98, 49)  # of the quantiles that say how much a marker differs
THINNED = 4000  # cells of each end these are taken of

EXPLAINED = {
    LINES: "Glued cells are mixed in straight lines: some lie between two populations on the way.",
    KINDS: "Each cell is a measured one, moves as its kind does and counts as much as its sample: kinds grow and "
    "shrink, none becomes another.",
}


def refused(session: Session) -> str | None:
    """Say why cells cannot be moved kind by kind; None where they can."""
    if session.choices.morph == CLASS:
        return "Here every cell stays of its population anyway."
    if any(stop.pooled for stop in stops_of(session)):
        return "Kind by kind is offered between single samples; groups and steps of several samples mix in lines."
    return None


def by_kind(session: Session) -> bool:
    """Whether cells move kind by kind: it is chosen and can be done."""
    return session.choices.manner == KINDS and refused(session) is None


def lead(
    embedding: LOTEmbedding,
    stops: Sequence[Stop],
    *,
    populations: Sequence[str],
    naming: Naming,
    seed: int,
    progress: Progress = lambda *_told: None,
    cancel: threading.Event | None = None,
) -> Scene:
    """Move the cells of each end with their kind into all others.

    Each end is its sample, cell by cell. A cell keeps its population, and its place is linear in the weights; so is
    how much it counts, which is the weight of the end it was measured at. Arguments and Raises as of `glue`.
    """
    names = [stop.samples[0] for stop in stops]
    used = [int(embedding.n_cells_used[embedding.index(name)]) for name in names]
    found = kind_places(embedding, names, most=MOST_LED // len(names), seed=seed, progress=progress, cancel=cancel)
    code_of = {name: code for code, name in enumerate(populations)}
    known = [np.array([code_of[each] for each in naming(name)], np.uint16) for name in names]
    codes = np.empty(len(found.cells), np.uint16)
    for k, own in enumerate(known):
        codes[found.leads == k] = own[found.cells[found.leads == k]]
    quantiles = np.stack([_quantiles(embedding.cells(name)) for name in names]) / embedding.scaling.scale
    k, n = found.places.shape[:2]
    return Scene(
        tuple(stops),
        np.zeros((k, n), np.uint8),
        np.tile(found.cells, (k, 1)),
        found.masses / k,
        tuple(populations),
        np.tile(codes, (k, 1)),
        np.stack([np.bincount(own, minlength=len(populations)) / len(own) for own in known]),
        np.ptp(quantiles, axis=0).mean(axis=0),  # (K, levels, d) -> (d,)
        ends=tuple(found.places),
        lead=found.leads,
        total=sum(used) if n < sum(used) else 0,
    )


def _quantiles(cells: np.ndarray) -> np.ndarray:
    return np.quantile(cells[:: max(1, len(cells) // THINNED)], LEVELS, axis=0)
