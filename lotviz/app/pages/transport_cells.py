"""The cells of the two samples of the Transport page, and where they go."""

from __future__ import annotations

from html import escape

import numpy as np

from lotviz.analysis.displacement import cell_displacement
from lotviz.analysis.displacement_field import DisplacementField, displacement_field
from lotviz.app.choices import GRID, OVERLAID, VIEW
from lotviz.app.frame import Page, badge, headline, key, legend, picture
from lotviz.app.pages.views_of_cells import frame_of, points_of, populations_of, sample_cloud, used_badge, view_of
from lotviz.app.session import Session
from lotviz.views.arrows import arrows_cloud
from lotviz.views.clouds import SHAPE, moves_cloud, populations_cloud
from lotviz.views.style import nothing

PAIR = ("a", "b")
SHOWN = (*PAIR, *VIEW, "population")
MOST_ARROWS = 160  # reference points drawn; more become a hairball


def chosen_population(session: Session) -> str | None:
    """Return the population that stands out, if one does."""
    chosen = session.choices.chosen("population")
    return chosen if chosen in session.populations else None


def cells_pictures(session: Session, page: Page) -> list[tuple[object, str, str]]:
    """Return the first row of the page: before, what moves, after; or both samples in one picture, and what moves."""
    head = page.html(lambda: _moves_head(session), *SHOWN, "arrows")
    moves = picture(head, page.shaped(lambda: moves_picture(session), *SHOWN, "arrows", shape=SHAPE, late=True))
    if session.choices.pairing == OVERLAID:
        both = page.shaped(lambda: _both(session), *SHOWN, shape=SHAPE, late=True)
        return [
            (picture(page.html(lambda: _both_head(session), *PAIR), both), "1 / span 6", "1"),
            (moves, "7 / span 6", "1"),
        ]
    ends = [
        picture(
            page.html(lambda end=end: _end_head(session, end), *PAIR),
            page.shaped(lambda end=end: _end(session, end), *SHOWN, shape=SHAPE, late=True),
        )
        for end in PAIR
    ]
    return [(ends[0], "1 / span 4", "1"), (moves, "5 / span 4", "1"), (ends[1], "9 / span 4", "1")]


# ---- one sample, and both -----------------------------------------------------------------------------------------


def _end_head(session: Session, end: str) -> str:
    """Return the head line of one sample's cells."""
    name, colours = getattr(session.choices, end), session.end_colours()
    mark = key("", colours[0], "ring") if end == "a" else key("", colours[1])
    return headline(f"{escape(name)} {mark}", "from" if end == "a" else "to", used_badge(session, name))


def _end(session: Session, end: str) -> object:
    """Return the cells of one sample; those of the population that stands out, before the others."""
    return sample_cloud(session, getattr(session.choices, end), chosen=chosen_population(session))


def _both_head(session: Session) -> str:
    """Return the head line of the cells of both samples."""
    (first, second), choices = session.end_colours(), session.choices
    names = dict.fromkeys((choices.a, choices.b))
    return headline("Both", legend(key(choices.a, first, "ring"), key(choices.b, second)), used_badge(session, *names))


def _both(session: Session) -> object:
    """Return the cells of both samples in the colours of the two, mixed where both have cells."""
    chosen = chosen_population(session)
    clouds, ends = [], []
    for end in PAIR:
        name = getattr(session.choices, end)
        points = points_of(session, name)
        points = points if chosen is None else points[populations_of(session, name) == chosen]
        clouds.append(points)
        ends.append(np.full(len(points), end, dtype=object))
    colours = dict(zip(PAIR, session.end_colours(), strict=True))
    points, theme = np.concatenate(clouds), session.choices.theme
    if not len(points):
        return nothing("neither sample has such cells", theme)
    bounds = frame_of(session)
    return populations_cloud(points, np.concatenate(ends), colours, bounds=bounds, theme=theme, shares=False)


# ---- what moves ---------------------------------------------------------------------------------------------------


def cell_moves(session: Session) -> np.ndarray:
    """Return how far every used cell of the first sample goes, (n, d), marker units."""
    a, b = session.choices.a, session.choices.b
    return session.derived("cell moves", lambda: cell_displacement(session.embedding, a, b), a, b)


def field_of(session: Session) -> DisplacementField:
    """Return the mean moves on a grid, of the population that stands out if one does."""
    a, b, chosen = session.choices.a, session.choices.b, chosen_population(session)

    def make() -> DisplacementField:
        labels = populations_of(session, a)
        inside = np.ones(len(labels), dtype=bool) if chosen is None else labels == chosen
        moves = cell_moves(session)[inside] @ session.projection.matrix
        points = points_of(session, a)[inside]
        return displacement_field(points, moves, labels[inside], bounds=frame_of(session))

    names = () if session.population_regions is None else session.population_regions.names
    return session.derived("field", make, a, b, chosen, *view_of(session), *names)


def moves_picture(session: Session) -> object:
    """Return where cells go: mean moves on a grid, or reference points."""
    return _grid(session) if session.choices.arrows == GRID else _points(session)


def _moves_head(session: Session) -> str:
    """Return the head line of what moves."""
    chosen = chosen_population(session)
    of = "" if chosen is None else f"of {escape(chosen)}, "
    if session.choices.arrows == GRID:
        return headline("What moves", f"{of}to scale", badge(f"{100 * field_of(session).seen:.0f} % of cells"))
    drawn = badge(f"{len(_drawn(session)[0])} of {len(session.embedding.masses)} points")
    return headline("What moves", f"{of}dots: ends", drawn)


def _grid(session: Session) -> object:
    """Return the mean moves on a grid, over the cells of the first sample."""
    field, colours = field_of(session), session.population_colours()
    return arrows_cloud(
        points_of(session, session.choices.a),
        field.starts,
        field.moves,
        share=field.share,
        names=list(field.labels),
        colours=[colours[name] for name in field.labels],
        bounds=frame_of(session),
        theme=session.choices.theme,
    )


def _points(session: Session) -> object:
    """Return where reference points go, each in the colour of the population it ends in."""
    embedding, (drawn, largest) = session.embedding, _drawn(session)
    maps = [embedding.maps[embedding.index(name)][drawn] for name in (session.choices.a, session.choices.b)]
    starts, ends = (session.projection.apply(embedding.scaling.undo(places)) for places in maps)
    colours = session.population_colours()
    return moves_cloud(
        points_of(session, session.choices.a),
        starts,
        ends,
        [colours[name] for name in largest],
        bounds=frame_of(session),
        theme=session.choices.theme,
    )


def _drawn(session: Session) -> tuple[np.ndarray, list[str]]:
    """Return the reference points that are drawn, and the population each ends in.

    A seeded draw by mass where there are too many; of a population that stands out, those that end in it.
    """
    masses, b = session.embedding.masses, session.choices.b
    points = np.arange(len(masses))
    if len(masses) > MOST_ARROWS:
        rng = np.random.default_rng(session.choices.seed)
        points = np.sort(rng.choice(len(masses), MOST_ARROWS, replace=False, p=masses / masses.sum()))
    plan, labels = session.embedding.plan(b), populations_of(session, b)
    ends = [_largest_population(plan, labels, point) for point in points]
    chosen = chosen_population(session)
    kept = [place for place, end in enumerate(ends) if chosen in (None, end)]
    return points[kept], [ends[place] for place in kept]


def _largest_population(plan: object, labels: np.ndarray, point: int) -> str:
    """Return the population that gets most of the mass of one reference point."""
    cells = plan.indices[plan.indptr[point] : plan.indptr[point + 1]]
    masses = plan.data[plan.indptr[point] : plan.indptr[point + 1]]
    names, inverse = np.unique(labels[cells], return_inverse=True)
    return str(names[np.argmax(np.bincount(inverse, weights=masses))])
