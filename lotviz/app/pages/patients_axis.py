"""Below the map: what moving along one of its axes does to the cells of the average patient, or of one."""

from __future__ import annotations

import threading
from functools import partial
from html import escape

import numpy as np

from lotviz.analysis.modes import mode_table, mode_values
from lotviz.app.choices import AVERAGE, VIEW
from lotviz.app.frame import Page, badge, grid, headline, picture, section, segments
from lotviz.app.jobs import Progress
from lotviz.app.pages.patients_survey import surveyed, under_way
from lotviz.app.pages.views_of_cells import axes_note, frame_of, points_of, population_keys, populations_of
from lotviz.app.session import Session
from lotviz.transport.registered_cells import RegisteredCells, moved_cells, registered_cells
from lotviz.views.biclusters import change_table
from lotviz.views.clouds import SHAPE, populations_cloud
from lotviz.views.said_of_patients import axis_said, changes_said
from lotviz.views.style import nothing
from lotviz.views.theme import carrying

ENDS = (-2.0, 0.0, 2.0)  # standard deviations
CELLS = 6_000  # of the average patient
MOST_MARKERS = 6  # columns of a table beside three clouds
LETTERS = 56  # of the legend: the title needs its room
DEPENDS = ("part", "mode", "moved", "a", "averages", "names", "survey")


def axis_of(session: Session) -> int | None:
    """Return the position of the chosen axis; None where the samples do not differ."""
    found = surveyed(session)
    count = 0 if found is None else len(found.modes.deviations)
    return min(int(session.choices.mode), count) - 1 if count else None


def _no_axis(session: Session) -> str:
    """Say why there is no axis, or none yet."""
    return under_way(session) if surveyed(session) is None else "The samples do not differ."


def average_cells(session: Session) -> RegisteredCells | None:
    """Return synthetic cells of the average of all samples; None until they are there."""
    embedding, seed = session.embedding, session.choices.seed

    def work(progress: Progress, cancel: threading.Event) -> RegisteredCells:
        return registered_cells(embedding, n_cells=CELLS, seed=seed, progress=progress, cancel=cancel)

    place = ("average cells", session.comparison)
    return session.aside.get("averages", place, f"Averaging {len(embedding.samples)} samples", work)


def populations_in(session: Session, found: RegisteredCells) -> np.ndarray:
    """Return the population, or the region, of synthetic cells, (n,): that of the cell each was."""
    regions = session.population_regions
    if regions is None and found.populations is not None:
        return found.populations
    return np.asarray(session.regions.names, dtype=object)[session.regions.labels[found.points]]


def leading(values: np.ndarray, most: int = MOST_MARKERS) -> np.ndarray:
    """Return the positions of the markers that change most, in their own order, for changes (k, d)."""
    return np.sort(np.argsort(-np.abs(values).max(axis=0), kind="stable")[:most])


def unit_of(session: Session) -> str:
    """Return the unit of the markers, in few words."""
    unit = session.embedding.transform.of(session.embedding.markers[0]).describe().partition(",")[0]
    return "marker units" if unit == "none" else unit


# ---- pictures ----------------------------------------------------------------------------------------------------


def axis_picture(session: Session, page: Page) -> object:
    """Return the cells at both ends of an axis and between, beside the table of what changes."""
    depends = (*DEPENDS, *VIEW)
    tiles = []
    for place in range(len(ENDS)):
        head = page.html(partial(_tile_head, session, place), *depends)
        cells = page.shaped(partial(_tile, session, place), *depends, shape=SHAPE, late=True)
        tiles.append(picture(head, cells))
    table = picture(page.html(lambda: _table_head(session), *depends), page.plot(lambda: _table(session), *depends))
    columns = ["1 / span 3", "4 / span 3", "7 / span 3", "10 / span 5"]
    cells = [(piece, column, "1") for piece, column in zip([*tiles, table], columns, strict=True)]
    whole = grid(*cells, columns="repeat(14, minmax(0, 1fr))", rows="minmax(0, 1fr)", gap="0 18px", padding="0")
    foot = page.html(lambda: f'<div class="said" role="status">{escape(_said(session))}</div>', *depends, "gaps")
    return picture(page.html(lambda: _head(session), *depends), whole, foot)


def _head(session: Session) -> str:
    """Say what is drawn."""
    axis = axis_of(session)
    there = surveyed(session) is not None
    note, known = (axes_note(session), population_keys(session, LETTERS)) if there else ("", "")
    right = f"{known}{badge('synthetic')}"
    return headline(f"Synthetic cells along axis {(axis or 0) + 1}", note, right)


def _tile_head(session: Session, place: int) -> str:
    sd = ENDS[place]
    whose = "average patient" if session.choices.moved == AVERAGE else session.choices.a
    if sd:
        return headline(f"{'−' if sd < 0 else '+'}{abs(sd):g} sd", small=True)
    return headline(escape(whose), "" if session.choices.moved == AVERAGE else "measured", small=True)


def _tile(session: Session, place: int) -> object:
    """Return the cells at one place of the axis."""
    axis, choices = axis_of(session), session.choices
    if axis is None:
        return nothing(_no_axis(session), choices.theme)
    moved = surveyed(session).modes.displacement(axis, ENDS[place])
    if choices.moved == AVERAGE:
        found = average_cells(session)
        if found is None:
            return nothing(waiting(session), choices.theme)
        cells = found.cells + moved[found.points] * session.embedding.scaling.scale
        points, kinds = session.projection.apply(cells), populations_in(session, found)
    elif ENDS[place] == 0:
        points, kinds = points_of(session, choices.a), populations_of(session, choices.a)
    else:
        points = session.projection.apply(moved_cells(session.embedding, choices.a, moved))
        kinds = populations_of(session, choices.a)
    colours = session.population_colours()
    return populations_cloud(points, kinds, colours, bounds=frame_of(session), theme=choices.theme, shares=False)


def waiting(session: Session) -> str:
    """Say why nothing is there yet."""
    return "The samples are being averaged." if session.aside.job is not None else "Not there: stopped, or see above."


def _table_head(session: Session) -> str:
    total = len(session.embedding.markers)
    shown = badge(f"{MOST_MARKERS} of {total} markers") if total > MOST_MARKERS else ""
    return headline("One sd up", escape(unit_of(session)), shown, small=True)


def _table(session: Session) -> object:
    """Return what one standard deviation up does to regions and markers."""
    axis, theme = axis_of(session), session.choices.theme
    if axis is None:
        return nothing(_no_axis(session), theme)
    regions = session.regions
    values = mode_values(surveyed(session).modes, regions, axis)
    columns = leading(values)
    names = [session.word(session.embedding.markers[column]) for column in columns]
    return change_table(names, regions.names, values[:, columns], palette=carrying(theme), theme=theme)


def _said(session: Session) -> str:
    """Say what the axis means, and whether its ends still are samples."""
    axis = axis_of(session)
    if axis is None:
        return ""
    found, part = surveyed(session).modes, session.choices.part
    table = mode_table(found, session.regions, axis)
    rows = [(row.region, session.word(row.marker), row.change) for row in table.head(3).itertuples()]

    def work(_progress: Progress, _cancel: threading.Event) -> tuple[float, ...]:
        return tuple(found.round_trip(axis, sd) for sd in (ENDS[0], ENDS[-1]))

    gaps = session.aside.get("gaps", ("gaps", session.comparison, part, axis), "Mapping the ends of the axis", work)
    if gaps is None:
        return ""
    share = float(found.explained[axis])
    return axis_said(axis + 1, changes_said(rows), share=share, unit=unit_of(session), gaps=gaps)


def axis_controls(session: Session) -> list[object]:
    """Return the choice of the axis, and of whose cells are moved."""
    choices = session.choices
    return [section("Move along"), segments(choices, "mode", "Axis"), segments(choices, "moved", "Whose cells")]
