"""Patients: how alike are they? The map, the table of every pair as its honesty check, and the cells of some."""

from __future__ import annotations

from functools import partial
from html import escape

import numpy as np
import pandas as pd

from lotviz.analysis.distances import cluster_order, outlying
from lotviz.analysis.neighbours import label_agreement
from lotviz.analysis.reduction import SampleMap, principal_axes
from lotviz.app.choices import PARTS, VIEW
from lotviz.app.frame import (
    Page,
    badge,
    button,
    grid,
    headline,
    html,
    key,
    keys,
    picture,
    question,
    ramp,
    remark,
    row_of,
    section,
    segments,
    select,
)
from lotviz.app.pages.views_of_cells import axes_note, population_keys, sample_cloud, used_badge, view_controls
from lotviz.app.session import MOST_GROUPS, Session
from lotviz.views.clouds import SHAPE
from lotviz.views.maps import MAP_SHAPE, pairs_table, sample_map
from lotviz.views.streams import on_tap
from lotviz.views.theme import TOKENS, group_colours, group_marks, sequential

SHOWN = 4  # samples whose cells are shown below the map
MOST_LISTED = 3  # unlike samples that are named in the answer


def patients(session: Session) -> Page:
    """Lay out the Patients page."""
    page = Page()
    choices = session.choices
    count = len(session.embedding.samples)
    page.head = page.html(lambda: question("How alike are the patients?", _answer(session)), "part")
    note = "one mark per sample; near means alike; tap to choose"
    map_head = page.html(lambda: headline(f"Map of all {count} samples", note, _map_keys(session)), "colour")
    pair_keys = ramp(sequential(choices.theme)[::-1], "0", "far (LOT distance)")
    tiles = [_tile(session, page, place) for place in range(min(SHOWN, count))]
    cells_head = page.html(lambda: _cells_head(session), "a", "b", *VIEW)
    page.body = grid(
        (
            picture(map_head, page.shaped(lambda: _map(session), "colour", "part", "a", "b", shape=MAP_SHAPE)),
            "1 / span 8",
            "1",
        ),
        (
            picture(
                headline("Every pair", "ordered by cluster"),
                page.shaped(lambda: _pairs(session), "colour", "part", shape=1),
                html(pair_keys),
            ),
            "9 / span 4",
            "1",
        ),
        (picture(cells_head, row_of(tiles)), "1 / span 12", "2"),
        rows="minmax(300px, 1.9fr) minmax(200px, 1fr)",
    )
    page.drawer = _drawer(session)
    return page


def _distances(session: Session) -> np.ndarray:
    """Return the chosen distance of every pair of samples, (N, N)."""
    part = PARTS[session.choices.part]
    return session.derived("distances", lambda: session.embedding.distances(part), part)


def _sample_map(session: Session) -> SampleMap:
    """Return the places of the samples on the map."""
    part = PARTS[session.choices.part]
    return session.derived("map", lambda: principal_axes(session.embedding, part=part), part)


def _unlike(session: Session) -> list[str]:
    """Name the samples that are unlike all others, the most unlike first."""
    names = session.embedding.samples.index
    return [str(names[row]) for row in outlying(_distances(session))]


def _answer(session: Session) -> str:
    """Say whether like samples share a group, and who is unlike everyone else."""
    unlike = _unlike(session)
    names = ", ".join(f"<b>{escape(name)}</b>" for name in unlike[:MOST_LISTED])
    more = f" and {len(unlike) - MOST_LISTED} more" if len(unlike) > MOST_LISTED else ""
    verb = "is" if len(unlike) == 1 else "are"
    rest = (
        f" {names}{more} {verb} unlike everyone else; look at the cells before trusting any average." if unlike else ""
    )
    label = session.grouping
    if label is None:
        return f"<b>No groups are known</b>, so only the map can speak.{rest}"
    groups, who = session.embedding.samples[label], session.group
    apart = session.embedding.samples[who] if who else None
    make = partial(label_agreement, _distances(session), groups, apart, permutations=399, seed=session.choices.seed)
    found = session.derived("agreement", make, session.choices.part, label, who)
    count = f"{found.same} of {found.count} samples have their nearest neighbour in the same {escape(label)} group"
    chance = f"(by chance {found.expected:.0f})"
    if found.p < 0.05:
        return f"<b>Like samples share a group</b>: {count} {chance}.{rest}"
    return f"<b>The groups do not show as neighbours</b>: {count} {chance}.{rest}"


def _categories(session: Session) -> list[str] | None:
    """Return the groups of the colouring column, or None where it is a number."""
    column = session.embedding.samples[session.colour]
    numeric = pd.api.types.is_numeric_dtype(column) and column.nunique() > MOST_GROUPS
    return None if numeric else session.groups(session.colour)


def _map_keys(session: Session) -> str:
    """Return the legend of the map."""
    colour, theme = session.colour, session.choices.theme
    if colour is None:
        return ""
    groups = _categories(session)
    if groups is None:
        column = session.embedding.samples[colour]
        return ramp(sequential(theme), f"{column.min():g}", f"{column.max():g} {colour}")
    shown = groups[:6]
    more = badge(f"and {len(groups) - 6} more") if len(groups) > 6 else ""
    return keys({g: c for g, c in group_colours(groups, theme).items() if g in shown}, group_marks(groups)) + more


def _map(session: Session) -> object:
    """Return the map; a tap makes the tapped sample the second of the pair, the second the first."""
    choices, embedding = session.choices, session.embedding
    places = _sample_map(session)
    column = session.colour
    table = pd.DataFrame(places.coordinates, columns=["x", "y"], index=embedding.samples.index)
    table["cells"] = embedding.n_cells
    table["colour"] = embedding.samples[column] if column else ""
    first, second = (f"{100 * share:.0f} %" for share in places.explained)
    picture_, marks = sample_map(
        table,
        groups=_categories(session) if column else [""],
        selected=list(dict.fromkeys([choices.a, choices.b])),
        axes=(f"LOT axis 1 ({first} of variance)", f"LOT axis 2 ({second})"),
        theme=choices.theme,
    )
    on_tap(marks, lambda row: _choose(session, str(embedding.samples.index[row])))
    return picture_


def _choose(session: Session, name: str) -> None:
    """Make a sample the second of the pair; the one that was second becomes the first."""
    if name != session.choices.b:
        session.choices.param.update(a=session.choices.b, b=name)


def _pairs(session: Session) -> object:
    """Return the table of every pair."""
    theme = session.choices.theme
    distances = _distances(session)
    groups = _categories(session) if session.colour else None
    grey = TOKENS[theme]["faint"]
    if groups is None:
        colours = [grey] * len(distances)
    else:
        palette = group_colours(groups, theme)
        column = session.texts(session.colour)
        colours = [palette.get(value, grey) for value in column]
    return pairs_table(distances, cluster_order(distances), colours, theme=theme)


def shown_samples(session: Session) -> list[str]:
    """Name the samples whose cells are shown: the pair, then those unlike everyone else, then the rest."""
    names = [str(name) for name in session.embedding.samples.index]
    order = [session.choices.a, session.choices.b, *_unlike(session), *names]
    return list(dict.fromkeys(order))[:SHOWN]


def _tile(session: Session, page: Page, place: int) -> object:
    """Return the place of one sample's cells."""

    def head() -> str:
        name = shown_samples(session)[place]
        group = session.group_of(name)
        colours, marks = session.group_style()
        legend = key(group, colours[group], marks[group]) if group in colours else ""
        return headline(escape(name), legend)

    def cells() -> object:
        return sample_cloud(session, shown_samples(session)[place], shares=False)

    return picture(page.html(head, "a", "b"), page.shaped(cells, "a", "b", *VIEW, shape=SHAPE, late=True))


def _cells_head(session: Session) -> str:
    """Say what the small pictures show."""
    right = f"{population_keys(session)}{used_badge(session, *shown_samples(session))}"
    return headline("Their cells", axes_note(session), right)


def _drawer(session: Session) -> list[object]:
    """Return the choices of the page."""
    choices = session.choices
    parts = [section("Show")]
    if session.colour:
        parts.append(select(choices, "colour", "Colour by"))
    parts += [
        segments(choices, "part", "Distance"),
        *view_controls(session),
        section("Chosen pair"),
        select(choices, "a", "First"),
        select(choices, "b", "Second"),
        button("Compare the two in Transport", lambda: choices.param.update(page="Transport"), filled=True),
        remark("A tap on the map makes a sample the second of the pair."),
    ]
    return parts
