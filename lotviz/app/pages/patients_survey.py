"""What the Patients page follows from: distances, axes and order of the samples, for many beside the page."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np

from lotviz.analysis.composition import population_names
from lotviz.analysis.distances import cluster_order, outlying
from lotviz.analysis.modes import Modes, modes
from lotviz.analysis.reduction import Projection, cell_axes
from lotviz.analysis.sample_maps import Placed, judged
from lotviz.app.choices import PARTS
from lotviz.app.jobs import Progress
from lotviz.app.session import Session
from lotviz.transport.progress import report, stop_if

AT_ONCE = 100  # samples that are compared and placed while the page is drawn
STEPS = 5


@dataclass(frozen=True, eq=False)
class Survey:
    """N samples compared with each other, in one part of their differences.

    Attributes
    ----------
    distances
        Of every pair, (N, N), in units of LOT distance.
    modes
        The axes along which the samples differ most.
    placed
        The samples on the first two of them.
    order
        Of the samples, like beside like, (N,).
    unlike
        Rows of the samples that are unlike all others, the most unlike first.
    view, populations
        The principal axes of the cells, and the names of their populations or regions: of all parts alike.
    """

    distances: np.ndarray
    modes: Modes
    placed: Placed
    order: np.ndarray
    unlike: np.ndarray
    view: Projection
    populations: tuple[str, ...]


def surveyed(session: Session) -> Survey | None:
    """Return the samples compared with each other, in the chosen part; None until they are."""
    embedding, part = session.embedding, PARTS[session.choices.part]
    regions = session.population_regions

    def work(progress: Progress, cancel: threading.Event) -> Survey:
        def step(done: int) -> None:
            stop_if(cancel)
            report(progress, done, STEPS, "Comparing the samples with each other")

        step(0)
        distances = embedding.distances(part)
        step(1)
        axes = modes(embedding, part=part)
        places = np.zeros((len(distances), 2))
        places[:, : axes.coordinates.shape[1]] = axes.coordinates[:, :2]
        step(2)
        on_map = judged("pca", distances, places)
        step(3)
        order = cluster_order(distances)
        step(4)
        view, populations = cell_axes(embedding), population_names(embedding, regions=regions)
        return Survey(distances, axes, on_map, order, outlying(distances), view, populations)

    if len(embedding.samples) <= AT_ONCE:
        return session.derived("survey", lambda: work(lambda *_: None, threading.Event()), part)
    place = ("survey", session.comparison, part, () if regions is None else regions.names)
    found = session.aside.get("survey", place, f"Comparing {len(embedding.samples)} samples with each other", work)
    if found is not None:
        session.hold_view(found.view, found.populations)
    return found


def under_way(session: Session) -> str:
    """Say why nothing is there yet."""
    busy = session.aside.job is not None
    return "The samples are being compared." if busy else "Not compared: stopped, or see above."
