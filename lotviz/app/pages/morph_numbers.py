"""Where a morph is and what is there: weights of the ends, shares of the populations, and the words for it."""

from __future__ import annotations

import threading
from functools import partial

import numpy as np

from lotviz.analysis.composition import cell_populations
from lotviz.app.jobs import Progress
from lotviz.app.pages.morph_class import class_scene, severe
from lotviz.app.pages.morph_kinds import by_kind, lead
from lotviz.app.pages.morph_scene import Scene, beside, glue
from lotviz.app.pages.morph_stops import CLASS, COLUMN, SEVERAL, Stop, stops_of, weights_of
from lotviz.app.pages.views_of_cells import frame_of, view_of
from lotviz.app.session import Session

# What the cells of a morph follow from, and what the place in it does.
CELLS = (
    "a",
    "b",
    "morph",
    "manner",
    "mixed",
    "corners",
    "along",
    "within",
    "level",
    "names",
    "scene",
    "severity",
    "fit",
    "view",
)
PLACE = ("t", "corners")
AT_ONCE = 6_000  # cells of all ends; more are glued beside the page
SKETCH = 200_000  # cells of all ends up to which a sketch is shown meanwhile
READ = 500_000  # cells that the files of all ends hold: more may take long to read
QUICK_VIEW = 600_000  # cells of the cohort; the view of more is looked for beside the page


def scene(session: Session) -> Scene | None:
    """Return the cells of the morph; None until they are there, or where there is nothing to go between."""
    if session.choices.morph == CLASS:
        return class_scene(session)
    ends = stops_of(session)
    if len(ends) < 2 or not _view_is_known(session):
        return None
    embedding = session.embedding
    named = partial(cell_populations, embedding, regions=session.population_regions)
    options = {"populations": session.populations, "naming": named, "seed": session.choices.seed}
    kinds = by_kind(session)

    def work(progress: Progress, cancel: threading.Event) -> Scene:
        return (lead if kinds else glue)(embedding, ends, **options, progress=progress, cancel=cancel)

    members = {name for stop in ends for name in stop.samples}
    cells = sum(int(embedding.n_cells_used[embedding.index(name)]) for name in members)
    parts = (ends, session.populations, session.choices.seed, kinds)
    title = "Moving cells with their kind" if kinds else "Gluing the cells"
    found = beside(session, "scene", parts, work, title=title, at_once=cells <= AT_ONCE)
    if kinds:
        return found
    stored = sum(int(embedding.n_cells[embedding.index(name)]) for name in members)
    if found is None and cells <= SKETCH and stored <= READ:
        return session.derived("sketch", partial(glue, embedding, ends, **options, sketch=True), *parts, latest=True)
    return found


def _view_is_known(session: Session) -> bool:
    """Whether the view of cells is there: of many cells it is looked for beside the page, once."""
    if session.embedding.n_cells_used.sum() <= QUICK_VIEW:
        return True

    def work(_progress: object, _cancel: object) -> bool:
        frame_of(session)
        return True

    place = ("view", session.comparison, *view_of(session), session.choices.a, session.choices.b)
    return bool(session.aside.get("view", place, "Looking for the view of all cells", work))


# ---- the place ---------------------------------------------------------------------------------------------------


def weights_now(session: Session, ends: tuple[Stop, ...]) -> np.ndarray:
    """Return how much of each end there is at this point, (K,), summing to one."""
    k, t = len(ends), session.choices.t
    if session.choices.morph == SEVERAL:
        found = weights_of(session)
        return np.array([found[stop.name] for stop in ends])
    if session.choices.morph == COLUMN:
        return np.maximum(0.0, 1 - np.abs(t * (k - 1) - np.arange(k)))
    found = severe(session) if session.choices.morph == CLASS else None
    share = t if found is None else found.share(t)
    return np.array([1 - share, share])


def measured_at(weights: np.ndarray) -> int | None:
    """Return the end this point is exactly at, if it is: there all cells were measured.

    Examples
    --------
    >>> measured_at(np.array([0.0, 1.0])), measured_at(np.array([0.01, 0.99]))
    (1, None)
    """
    return int(np.argmax(weights)) if weights.max() >= 1 - 1e-9 else None


def largest_changes(found: Scene, weights: np.ndarray, most: int = 2) -> list[tuple[str, float]]:
    """Return name and share at this point of the populations that differ most between the ends that are mixed."""
    mixed = found.shares[weights > 0]
    order = np.argsort(-np.ptp(mixed, axis=0), kind="stable")[:most]
    return [(found.populations[i], float(weights @ found.shares[:, i])) for i in order]
