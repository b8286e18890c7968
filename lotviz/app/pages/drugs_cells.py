"""The cells of the Drugs page: under each condition, as additivity predicts them, and coloured by their departure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from html import escape

import numpy as np

from lotviz.analysis.interaction_cells import departures
from lotviz.analysis.regions import nearest_regions
from lotviz.analysis.selection import evenly_spaced
from lotviz.app.choices import VIEW
from lotviz.app.frame import Page, badge, cells_badge, headline, picture, ramp, row_of
from lotviz.app.pages.drugs_predicted import additive, additive_place, predicted_foot
from lotviz.app.pages.drugs_study import (
    CONDITIONS,
    Pooled,
    answered,
    by_line,
    line_name,
    marker_name,
    named_regions,
    place,
    region_name,
    seen,
    wells,
)
from lotviz.app.pages.views_of_cells import axes_note, frame_of, points_of, population_keys, populations_of
from lotviz.app.session import Session
from lotviz.views.clouds import SHAPE, values_cloud
from lotviz.views.interaction import highlighted_cloud
from lotviz.views.style import nothing, signed
from lotviz.views.theme import diverging

MOST_CELLS = 40_000  # cells of one condition that are drawn
MOST_LINES = 3  # whose cells are drawn beside each other
SCALE = 98  # percentile of the departures of all shown cells that gets the last colour
STANDING_OUT = ("region", "population", "names")
SHOWN = (*VIEW, *STANDING_OUT)


# ---- cells of a condition ------------------------------------------------------------------------------------------


def pooled(session: Session, condition: str) -> Pooled:
    """Return cells of the wells of a condition, thinned evenly."""
    names = wells(session, condition)
    return session.derived("pooled under", partial(_pool, session, names), names, *named_regions(session))


def _pool(session: Session, names: tuple[str, ...]) -> Pooled:
    embedding, parts = session.embedding, session.derived_regions
    used = {name: int(embedding.n_cells_used[embedding.index(name)]) for name in names}
    all_used = sum(used.values())
    rows = {n: evenly_spaced(used[n], min(used[n], MOST_CELLS * used[n] // all_used)) for n in names}
    return Pooled(
        np.concatenate([embedding.cells(name)[rows[name]] for name in names]),
        np.concatenate([populations_of(session, name)[rows[name]] for name in names]),
        np.concatenate([nearest_regions(embedding.scaled_cells(name)[rows[name]], parts) for name in names]),
        sum(int(embedding.n_cells[embedding.index(name)]) for name in names),
    )


def inside_of(session: Session, kinds: np.ndarray, regions: np.ndarray) -> np.ndarray | None:
    """Return which cells stand out, (n,); None where all do."""
    chosen = session.choices.chosen("population")
    inside = np.ones(len(kinds), dtype=bool)
    if chosen in session.populations:
        inside &= kinds == chosen
    if session.region is not None:
        inside &= regions == session.region
    return None if inside.all() else inside


# ---- the first row -------------------------------------------------------------------------------------------------


def condition_pictures(session: Session, page: Page) -> object:
    """Return the cells under control, A, B and A+B, and those that additivity predicts."""
    tiles = []
    for condition in (*CONDITIONS, "additive"):
        depends = (*SHOWN, "additive") if condition == "additive" else SHOWN
        head = page.html(partial(_tile_head, session, condition), *depends)
        tiles.append(picture(head, page.shaped(partial(_tile, session, condition), *depends, shape=SHAPE, late=True)))
    said = partial(predicted_foot, session)
    foot = page.html(lambda: f'<div class="said" role="status">{escape(said())}</div>', "additive", "trusted")
    return picture(page.html(lambda: _head(session), *SHOWN), row_of(tiles, gap="0 16px"), foot)


def _head(session: Session) -> str:
    whose = line_name(session)
    title = "Cells of all lines" if whose is None else f"Cells of {escape(whose)}"
    if len(answered(session).found.study.lines) == 1:
        title = "Cells"
    four = [pooled(session, condition) for condition in CONDITIONS]
    count = cells_badge(sum(len(one.cells) for one in four), sum(one.total for one in four))
    return headline(title, axes_note(session), f"{population_keys(session)}{count}", wraps=True)


def _tile_head(session: Session, condition: str) -> str:
    found = answered(session).found
    if condition == "additive":
        return headline("<b>Predicted</b>", "", badge("synthetic"), small=True)
    name = getattr(found, condition)
    return headline(f"<b>{escape(name)}</b>", f"{len(wells(session, condition))} samples", small=True)


def _tile(session: Session, condition: str) -> object:
    theme, bounds = session.choices.theme, frame_of(session)
    if condition == "additive":
        found = additive(session)
        if found is None:
            stopped = session.aside.stopped(additive_place(session))
            return nothing("stopped" if stopped else "being predicted …", theme, width=20)
        one = found.pooled
    else:
        one = pooled(session, condition)
    points = session.projection.apply(one.cells)
    inside = inside_of(session, one.kinds, one.regions)
    return highlighted_cloud(points, one.kinds, session.population_colours(), inside=inside, bounds=bounds)


# ---- cells by their departure --------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Departing:
    """Cells of A+B of a line in the chosen view, (n, 2), their departures, (n,), what they are; that of the line."""

    line: str
    departure: float
    points: np.ndarray
    values: np.ndarray
    kinds: np.ndarray
    regions: np.ndarray
    total: int


def drawn_lines(session: Session) -> tuple[str, ...]:
    """Name the lines whose A+B cells are drawn: the chosen one, or the least, a middle and the most departing one."""
    lines = answered(session).found.study.lines
    if line_name(session) is not None:
        return (line_name(session),)
    if len(lines) <= MOST_LINES:
        return lines
    rows = by_line(session)[0]
    ordered = [str(rows["line"].iloc[i]) for i in np.argsort(np.abs(rows["departure"].to_numpy()), kind="stable")]
    return (ordered[0], ordered[len(ordered) // 2], ordered[-1])


def departing(session: Session, line: str) -> Departing:
    """Return the cells of A+B of a line with the departure of each."""
    make = partial(_departing, session, line)
    marker, views = marker_name(session), tuple(str(getattr(session.choices, name)) for name in (*VIEW, "a", "b"))
    return session.derived("departing", make, place(session), line, marker, *views, *named_regions(session))


def _departing(session: Session, line: str) -> Departing:
    from lotviz.analysis.drug_views import departures_by_line, wells_under

    embedding, found, marker = seen(session), answered(session).found, marker_name(session)
    names = wells_under(found, "both", line=line)
    values = [departures(embedding, found, name, marker=marker) for name in names]
    members = [nearest_regions(embedding.scaled_cells(name), session.derived_regions) for name in names]
    lines = departures_by_line(embedding, found, marker=marker)[0].set_index("line")
    return Departing(
        line,
        float(lines.loc[line, "departure"]),
        np.concatenate([points_of(session, name) for name in names]),
        np.concatenate(values),
        np.concatenate([populations_of(session, name) for name in names]),
        np.concatenate(members),
        sum(int(embedding.n_cells[embedding.index(name)]) for name in names),
    )


def departure_pictures(session: Session, page: Page) -> object:
    """Return the cells of A+B, coloured by how far each departs from what additivity predicts."""
    depends = (*SHOWN, "marker")
    tiles = []
    several = len(answered(session).found.study.lines)
    for number in range(1 if line_name(session) is not None else min(several, MOST_LINES)):
        head = page.html(partial(_line_head, session, number), *depends)
        tiles.append(picture(head, page.shaped(partial(_line_tile, session, number), *depends, shape=SHAPE, late=True)))
    foot = page.html(lambda: f'<div class="said">{escape(_departing_said(session))}</div>', *depends)
    return picture(page.html(lambda: _departing_head(session), *depends), row_of(tiles, gap="0 16px"), foot)


def _departing_head(session: Session) -> str:
    found, marker = answered(session).found, marker_name(session)
    shown = [departing(session, line) for line in drawn_lines(session)]
    ends = ("lower", "higher") if marker else ("against", "with")
    count = cells_badge(sum(len(one.points) for one in shown), sum(one.total for one in shown))
    of = f": {escape(session.word(marker))}" if marker else ""
    title = f"Cells of {escape(found.both)}{of}"
    return headline(title, "", f"{ramp(diverging(session.choices.theme), *ends)}{count}", wraps=True)


def _line_head(session: Session, number: int) -> str:
    found = answered(session).found
    one = departing(session, drawn_lines(session)[number])
    title = escape(one.line) if len(found.study.lines) > 1 else "all samples"
    return headline(f"<b>{title}</b>", "", f"mean <b>{signed(one.departure)}</b>", small=True)


def _line_tile(session: Session, number: int) -> object:
    shown = [departing(session, line) for line in drawn_lines(session)]
    limit = float(np.percentile(np.abs(np.concatenate([one.values for one in shown])), SCALE)) or 1.0
    one = shown[number]
    return values_cloud(
        one.points,
        one.values,
        limit=limit,
        bounds=frame_of(session),
        theme=session.choices.theme,
        inside=inside_of(session, one.kinds, one.regions),
    )


def _departing_said(session: Session) -> str:
    """Say where the cells depart most, as a share of the whole, or how far those that stand out do."""
    shown = [departing(session, line) for line in drawn_lines(session)]
    values = np.concatenate([one.values for one in shown])
    members = np.concatenate([one.regions for one in shown])
    kinds = np.concatenate([one.kinds for one in shown])
    lines = len(answered(session).found.study.lines)
    several = "other lines share" if lines > 1 else "other replicates share"
    few = (
        "" if marker_name(session) else f"Colour: departure with or against what the {several}; grey is as predicted. "
    )
    if len(shown) < lines and line_name(session) is None:
        few += f"{len(shown)} of {lines} lines: the least, a middle and the most departing. "
    inside = inside_of(session, kinds, members)
    if inside is not None and inside.any():
        share, mean = 100 * float(inside.mean()), float(values[inside].mean())
        return f"{few}The cells that stand out ({share:.0f} %) depart by {signed(mean)} on average."
    names = session.regions.names
    means = {k: float(values[members == k].mean()) for k in np.unique(members)}
    top = max(means, key=lambda k: abs(means[k]))
    rest = region_name(session) or names[top]
    return f"{few}The cells of {rest} depart most, by {signed(means[top])} on average; all together by {signed(float(values.mean()))}."  # noqa: E501
