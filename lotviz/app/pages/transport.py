"""Transport: what changes from one sample to another? Cells before and after, what moves, and the same by numbers."""

from __future__ import annotations

from functools import partial
from html import escape

import numpy as np

from lotviz.analysis.composition import Composition, composition
from lotviz.analysis.displacement import MarkerChange, marker_change
from lotviz.app.choices import VIEW
from lotviz.app.frame import (
    Page,
    badge,
    button,
    grid,
    headline,
    key,
    legend,
    picture,
    problems,
    question,
    remark,
    section,
    select,
)
from lotviz.app.pages.views_of_cells import (
    frame_of,
    points_of,
    populations_of,
    sample_cloud,
    used_badge,
    view_controls,
)
from lotviz.app.session import Session
from lotviz.data import Problem
from lotviz.views.charts import dumbbells, mass_table, shift_and_shape
from lotviz.views.clouds import SHAPE, moves_cloud

PAIR = ("a", "b")
MOST_ARROWS = 160  # reference points drawn; more become a hairball
MOST_MARKERS = 12
MOST_POPULATIONS = 10
LOSSY = 2.0  # times the cohort's median: above it the map misses too much of a sample to read arrows


def transport(session: Session) -> Page:
    """Lay out the Transport page."""
    page = Page()
    choices = session.choices
    page.head = page.html(lambda: question(f"What changes from {choices.a} to {choices.b}?", _answer(session)), *PAIR)
    first, second = page.html(lambda: _end_head(session, "a"), *PAIR), page.html(lambda: _end_head(session, "b"), *PAIR)
    moves = page.html(lambda: _moves_head(session), *PAIR, *VIEW)
    shares = page.html(lambda: _shares_head(session), *PAIR)
    shift = legend(key("shift", "var(--lv-ink2)", "square"), key("shape", "var(--lv-accent)", "square"))
    becomes = headline("Who becomes whom", "% of mass, row → column")
    a_cells = page.shaped(lambda: sample_cloud(session, choices.a), "a", *VIEW, shape=SHAPE, late=True)
    b_cells = page.shaped(lambda: sample_cloud(session, choices.b), "b", *VIEW, shape=SHAPE, late=True)
    moving = page.shaped(lambda: _moves(session), *PAIR, *VIEW, shape=SHAPE, late=True)
    page.body = grid(
        (picture(first, a_cells), "1 / span 4", "1"),
        (picture(moves, moving), "5 / span 4", "1"),
        (picture(second, b_cells), "9 / span 4", "1"),
        (picture(shares, page.plot(lambda: _populations(session), *PAIR)), "1 / span 4", "2"),
        (picture(headline("Markers", "", shift), page.plot(lambda: _markers(session), *PAIR)), "5 / span 4", "2"),
        (picture(becomes, page.plot(lambda: _masses(session), *PAIR)), "9 / span 4", "2"),
        rows="minmax(235px, 1fr) minmax(270px, 1.22fr)",
    )
    page.drawer = _drawer(session, page)
    return page


def _end_head(session: Session, end: str) -> str:
    """Return the head line of one sample's cells."""
    name, colours = getattr(session.choices, end), session.end_colours()
    mark = key("", colours[0], "ring") if end == "a" else key("", colours[1])
    return headline(f"{escape(name)} {mark}", "from" if end == "a" else "to", used_badge(session, name))


def _moves_head(session: Session) -> str:
    """Return the head line of what moves."""
    return headline("What moves", "dots: ends", _arrows_badge(session))


def _shares_head(session: Session) -> str:
    """Return the head line of the populations."""
    (first, second), choices = session.end_colours(), session.choices
    return headline(
        session.population_word.capitalize(), "", legend(key(choices.a, first, "ring"), key(choices.b, second))
    )


def _composition(session: Session) -> Composition:
    """Return the populations of the two samples and the mass between them."""
    a, b = session.choices.a, session.choices.b
    make = partial(composition, session.embedding, a, b, regions=session.population_regions)
    return session.derived("composition", make, a, b)


def _change(session: Session) -> MarkerChange:
    """Return how the markers differ between the two samples."""
    a, b = session.choices.a, session.choices.b
    return session.derived("change", lambda: marker_change(session.embedding, a, b), a, b)


def _answer(session: Session) -> str:
    """Say what shrinks, what grows, which marker moves, and how much of it is a plain shift."""
    if session.choices.a == session.choices.b:
        return "The same sample twice: nothing changes. Choose two samples on the right."
    parts, change = _composition(session), _change(session)
    table = change.table()
    down, up = (list(parts.names).index(name) for name in (parts.shrinking, parts.growing))
    top = table.iloc[0]
    way = "rises" if top["shift"] > 0 else "falls"
    shares = [100 * share[i] for i in (down, up) for share in (parts.share_a, parts.share_b)]
    return (
        f"<b>{escape(parts.names[down])} go from {shares[0]:.0f} % to {shares[1]:.0f} % of cells and "
        f"{escape(parts.names[up])} from {shares[2]:.0f} % to {shares[3]:.0f} %</b>; "
        f"{escape(session.word(top['marker']))} {way} most. "
        f"{100 * change.shift_share:.0f} % of the squared distance is a shift all cells share, "
        f"{100 * (1 - change.shift_share):.0f} % is a change of shape."
    )


def _drawn_points(session: Session) -> np.ndarray:
    """Return the reference points that are drawn: a seeded draw by mass where there are too many."""
    masses = session.embedding.masses
    if len(masses) <= MOST_ARROWS:
        return np.arange(len(masses))
    rng = np.random.default_rng(session.choices.seed)
    return np.sort(rng.choice(len(masses), MOST_ARROWS, replace=False, p=masses / masses.sum()))


def _arrows_badge(session: Session) -> str:
    """Say how many of the reference points are drawn."""
    return badge(f"{len(_drawn_points(session))} of {len(session.embedding.masses)} points")


def _moves(session: Session) -> object:
    """Return the picture of where reference points go."""
    embedding = session.embedding
    chosen = _drawn_points(session)
    maps = [embedding.maps[embedding.index(name)][chosen] for name in (session.choices.a, session.choices.b)]
    starts, ends = (session.projection.apply(embedding.scaling.undo(places)) for places in maps)
    colours = session.population_colours()
    plan = embedding.plan(session.choices.b)
    labels = populations_of(session, session.choices.b)
    largest = [_largest_population(plan, labels, point) for point in chosen]
    return moves_cloud(
        points_of(session, session.choices.a),
        starts,
        ends,
        [colours[name] for name in largest],
        bounds=frame_of(session),
        theme=session.choices.theme,
    )


def _largest_population(plan: object, labels: np.ndarray, point: int) -> str:
    """Return the population that gets most of the mass of one reference point."""
    cells = plan.indices[plan.indptr[point] : plan.indptr[point + 1]]
    masses = plan.data[plan.indptr[point] : plan.indptr[point + 1]]
    names, inverse = np.unique(labels[cells], return_inverse=True)
    return str(names[np.argmax(np.bincount(inverse, weights=masses))])


def _populations(session: Session) -> object:
    """Return the shares of the populations before and after, the largest change first."""
    parts = _composition(session)
    order = np.argsort(-np.abs(parts.change), kind="stable")[:MOST_POPULATIONS]
    return dumbbells(
        [parts.names[i] for i in order],
        100 * parts.share_a[order],
        100 * parts.share_b[order],
        colours=session.end_colours(),
        theme=session.choices.theme,
        unit="share of cells, %",
    )


def _markers(session: Session) -> object:
    """Return shift and shape of the markers that change most."""
    table = _change(session).table().head(MOST_MARKERS)
    return shift_and_shape(
        [session.word(marker) for marker in table["marker"]],
        table["shift"].to_numpy(),
        table["shape"].to_numpy(),
        theme=session.choices.theme,
        unit=session.embedding.transform.describe(),
    )


def _masses(session: Session) -> object:
    """Return who becomes whom, in percent of all mass."""
    parts = _composition(session)
    order = np.argsort(-(parts.share_a + parts.share_b), kind="stable")[:MOST_POPULATIONS]
    names = [parts.names[i] for i in order]
    return mass_table(names, 100 * parts.table[np.ix_(order, order)], theme=session.choices.theme)


def _drawer(session: Session, page: Page) -> list[object]:
    """Return the choices of the page."""
    choices = session.choices

    def swap() -> None:
        choices.param.update(a=choices.b, b=choices.a)

    quality = page.html(lambda: _quality(session), *PAIR)
    return [
        section("Samples"),
        select(choices, "a", "From"),
        select(choices, "b", "To"),
        button("Swap", swap),
        section("Show"),
        *view_controls(session),
        section("How good is the map?"),
        quality,
        button("Watch it move in Morph", lambda: choices.param.update(page="Morph")),
        remark("Both samples are registered through the reference; no further transport problem is solved."),
    ]


def _quality(session: Session) -> str:
    """Say how much of each sample its map misses, and warn where that is much."""
    embedding = session.embedding
    median = float(np.median(embedding.residual_shares))
    lines, warnings = [], []
    for name in dict.fromkeys((session.choices.a, session.choices.b)):
        row = embedding.index(name)
        share = float(embedding.residual_shares[row])
        gap = float(embedding.dual_gaps[row])
        lines.append(f"<b>{escape(name)}</b>: residual {100 * share:.1f} % of variance, cost exact to {gap:.0e}.")
        if share > LOSSY * median:
            what = f"The map misses {100 * share:.0f} % of its variance (cohort median {100 * median:.0f} %)."
            warnings.append(Problem(name, what, "Use more reference points before reading the arrows."))
    text = f'<div class="drawer-note">{"<br>".join(lines)}<br>Cohort median {100 * median:.1f} %.</div>'
    return text + (f'<div style="padding:6px 16px">{problems(warnings, narrow=True)}</div>' if warnings else "")
