"""The cells that additivity predicts under A+B, and whether they can be trusted: looked at in every replicate."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np

from lotviz.analysis.composition import population_names
from lotviz.analysis.interaction_cells import predicted_cells
from lotviz.analysis.regions import nearest_regions
from lotviz.analysis.selection import evenly_spaced
from lotviz.app.jobs import Progress
from lotviz.app.pages.drugs_study import Pooled, answered, line_name, named_regions, place, seen
from lotviz.app.session import Session
from lotviz.transport import SyntheticSample
from lotviz.transport.checking import check_all
from lotviz.transport.progress import report, stop_if
from lotviz.transport.validity import Validity
from lotviz.views.said_of_predicted import predicted_said

MOST_PREDICTED = 10_000  # cells of all replicates together
MOST_CHECKED = 24  # replicates that are looked at; of more, so many evenly spaced ones


@dataclass(frozen=True, eq=False)
class Additive:
    """Synthetic cells that additivity predicts under A+B, and of each replicate its name and its cells."""

    pooled: Pooled
    names: tuple[str, ...]
    samples: tuple[SyntheticSample, ...]


def additive(session: Session) -> Additive | None:
    """Return the predicted cells of the chosen line, or of all; None until they are there."""
    embedding, found, parts = seen(session), answered(session).found, session.derived_regions
    chosen, seed = line_name(session), session.choices.seed
    study, names = found.study, population_names(session.embedding, regions=session.population_regions)
    blocks = [b for b in range(len(study.names)) if chosen is None or study.lines[study.line_of[b]] == chosen]

    def work(progress: Progress, cancel: threading.Event) -> Additive:
        made, kinds = [], []
        for number, block in enumerate(blocks):
            stop_if(cancel)
            report(progress, number, len(blocks), study.names[block])
            wanted = max(1, MOST_PREDICTED // len(blocks))
            sample = predicted_cells(embedding, found, block, n_cells=wanted, seed=seed)
            made.append(sample)
            kinds.append(sample.populations)
        cells = np.concatenate([sample.cells for sample in made])
        inside = nearest_regions(embedding.scaling.apply(cells), parts)
        labels = (
            np.asarray(names, dtype=object)[inside]
            if any(kind is None for kind in kinds)
            else np.concatenate(kinds).astype(object)
        )
        pooled = Pooled(cells, labels, inside, len(cells))
        return Additive(pooled, tuple(study.names[block] for block in blocks), tuple(made))

    return session.aside.get("additive", additive_place(session), "Predicting cells by additivity", work)


def additive_place(session: Session) -> Hashable:
    """Return all that the predicted cells follow from."""
    return ("additive", place(session), line_name(session), *named_regions(session))


def trusted(session: Session, found: Additive) -> dict[str, Validity] | None:
    """Return the figures of the predicted cells by replicate; None until they are there."""
    embedding, seed = seen(session), session.choices.seed
    rows = evenly_spaced(len(found.samples), min(len(found.samples), MOST_CHECKED))

    def work(progress: Progress, cancel: threading.Event) -> dict[str, Validity]:
        samples = [found.samples[row] for row in rows]
        checked = check_all(embedding, samples, seed=seed, progress=progress, cancel=cancel)
        return dict(zip((found.names[row] for row in rows), checked, strict=True))

    title = "Looking whether the predicted cells can be believed"
    return session.aside.get("trusted", ("trusted", additive_place(session)), title, work)


def predicted_foot(session: Session) -> str:
    """Say what the predicted cells are, and once it is known, how far they can be believed."""
    found = additive(session)
    if found is None:
        return ""
    names = answered(session).found
    how = f"Predicted: cells of one drug, moved as the maps of {names.a} + {names.b} − {names.control} say."
    checked = trusted(session, found)
    if checked is None:
        stopped = session.aside.stopped(("trusted", additive_place(session)))
        return f"{how} {'It was not looked' if stopped else 'It is being looked'} whether they can be believed."
    return f"{how} {predicted_said(checked, of=len(found.samples))}".replace(" %", "\u00a0%")
