"""What the pages share when they show cells: the clouds of a sample in the chosen view, their frame, their legends."""

from __future__ import annotations

from html import escape

import numpy as np
import panel as pn

from lotviz.analysis.composition import cell_populations
from lotviz.app.choices import DISPLACED, MARKERS, VIEW
from lotviz.app.frame import badge, cells_badge, keys, segments, select
from lotviz.app.session import Session
from lotviz.views.clouds import Bounds, bounds_of, populations_cloud
from lotviz.views.style import clipped

LEGEND_LETTERS = 84  # what the head line of a picture over the whole width has room for
THINNED = 2000  # cells of each sample that decide the frame of all pictures


def points_of(session: Session, sample: str) -> np.ndarray:
    """Return the used cells of a sample in the chosen view, (n, 2)."""
    return session.derived(
        "points", lambda: session.projection.apply(session.embedding.cells(sample)), sample, *view_of(session)
    )


def populations_of(session: Session, sample: str) -> np.ndarray:
    """Return the population, or the region, of each used cell of a sample, (n,)."""
    regions = session.population_regions
    return session.derived(
        "populations of",
        lambda: cell_populations(session.embedding, sample, regions=regions),
        sample,
        *(() if regions is None else regions.names),
    )


def view_of(session: Session) -> tuple[str, ...]:
    """Return the choices that make the view of cells."""
    pair = ("a", "b") if session.choices.axes == DISPLACED else ()
    return tuple(str(getattr(session.choices, name)) for name in (*VIEW, *pair))


def frame_of(session: Session) -> Bounds:
    """Return one frame for all samples in the chosen view, so that pictures can be compared."""

    def bounds() -> Bounds:
        view, clouds = session.projection, []
        for name in session.embedding.samples.index:
            cells = session.embedding.cells(str(name))
            clouds.append(view.apply(cells[:: max(1, len(cells) // THINNED)]))
        return bounds_of(clouds)

    return session.derived("frame", bounds, *view_of(session))


def sample_cloud(session: Session, sample: str, *, shares: bool = True, chosen: str | None = None) -> object:
    """Return the picture of a sample's cells, coloured by population; one that is chosen stands out."""
    return populations_cloud(
        points_of(session, sample),
        populations_of(session, sample),
        session.population_colours(),
        bounds=frame_of(session),
        theme=session.choices.theme,
        shares=shares,
        chosen=chosen,
    )


def short_name(name: str, most: int) -> str:
    """Return a name as markup, shortened where it would push aside what stands beside it; whole under the mouse."""
    return f'<span title="{escape(name)}">{escape(clipped(name, max(8, most)))}</span>'


def used_badge(session: Session, *samples: str) -> str:
    """Say how many of the cells of some samples are shown."""
    embedding = session.embedding
    rows = [embedding.index(sample) for sample in samples]
    return cells_badge(int(embedding.n_cells_used[rows].sum()), int(embedding.n_cells[rows].sum()))


def axes_note(session: Session) -> str:
    """Say what the view of cells shows."""
    labels = session.projection.labels
    if session.choices.axes == DISPLACED:
        return escape(f"across: {labels[0].lower()}; upwards: {labels[1].lower()}")
    return escape(" and ".join(labels)) if session.choices.axes == MARKERS else "principal axes 1 and 2"


def view_controls(session: Session) -> list[object]:
    """Return the controls of the view of cells."""
    choices = session.choices
    markers = [select(choices, "x", "Marker to the right"), select(choices, "y", "Marker upwards")]
    for control in markers:
        control.visible = pn.bind(lambda axes: axes == MARKERS, choices.param.axes)
    return [segments(choices, "axes", "Axes"), *markers]


def population_keys(session: Session, most: int = LEGEND_LETTERS) -> str:
    """Return the legend of the populations, or of the regions, in at most so many letters."""
    letters, shown = 0, {}
    for name, colour in session.population_colours().items():
        letters += len(name) + 4
        if letters <= most:
            shown[name] = colour
    more = len(session.populations) - len(shown)
    return keys(shown) + (badge(f"and {more} more") if more > 0 else "")
