"""Morph: what lies between two samples? A slider drawn in the browser, the consequences beside it."""

from __future__ import annotations

from html import escape

import numpy as np
import pandas as pd

from lotviz.analysis.contribution import contributions
from lotviz.analysis.density import density, density_grid
from lotviz.app.choices import VIEW
from lotviz.app.frame import (
    Page,
    grid,
    headline,
    html,
    key,
    legend,
    picture,
    question,
    remark,
    section,
    segments,
    select,
)
from lotviz.app.morph_canvas import MorphCanvas, colour_bytes, pack_pairs
from lotviz.app.pages.transport import PAIR
from lotviz.app.pages.views_of_cells import frame_of, points_of, populations_of, view_controls
from lotviz.app.session import Session
from lotviz.transport import GluedPairs
from lotviz.views.charts import now_and_ends, shares
from lotviz.views.theme import diverging, sequential

SIZE = (720, 540)
MOST_PAIRS = 1_000_000  # all glued pairs up to here; beyond, as many drawn pairs of equal mass
MARKERS_SHOWN = 6
CONTRIBUTION = "Contribution to score"


def morph(session: Session) -> Page:
    """Lay out the Morph page."""
    page = Page()
    choices = session.choices
    page.head = page.html(
        lambda: question(f"What lies between {choices.a} and {choices.b}?", _answer(session)), *PAIR, "t"
    )
    canvas = MorphCanvas(sizing_mode="stretch_both", margin=0, t=choices.t, unit="glued pairs of cells")
    canvas.param.watch(lambda event: setattr(choices, "t", event.new), "t")
    page.effect(lambda: _load(session, canvas), *PAIR, *VIEW, "shade")
    page.effect(lambda: canvas.param.update(t=choices.t), "t")
    curves_head = page.html(
        lambda: headline(
            "Markers here",
            escape(session.embedding.transform.describe()),
            legend(
                key("now", "var(--lv-accent)", "line"),
                key(choices.a, session.end_colours()[0], "dashes"),
                key(choices.b, session.end_colours()[1], "line"),
            ),
        ),
        *PAIR,
    )
    populations = page.html(
        lambda: headline(
            f"{session.population_word.capitalize()} here",
            "",
            legend(
                key("now", "var(--lv-ink3)", "square"),
                key(choices.a, session.end_colours()[0], "ring"),
                key(choices.b, session.end_colours()[1]),
            ),
        ),
        *PAIR,
    )
    page.body = grid(
        (canvas, "1 / span 7", "1 / span 2"),
        (picture(curves_head, _markers(session, page)), "8 / span 5", "1"),
        (picture(populations, page.plot(lambda: _shares(session), *PAIR, "t")), "8 / span 5", "2"),
        rows="minmax(240px, 1.2fr) minmax(190px, 1fr)",
        gap="14px 28px",
    )
    page.drawer = _drawer(session)
    return page


def glued(session: Session) -> GluedPairs:
    """Return the pairs of the two samples: all of them with their masses, or as many as can be drawn."""
    a, b = session.choices.a, session.choices.b

    def make() -> GluedPairs:
        registration = session.embedding.registration(a, b)
        if registration.n_pairs <= MOST_PAIRS:
            return registration.pairs()
        return registration.sample_pairs(MOST_PAIRS, session.choices.seed)

    return session.derived("pairs", make, a, b)


def _load(session: Session, canvas: MorphCanvas) -> None:
    """Send the pairs of the two samples to the browser."""
    choices, embedding = session.choices, session.embedding
    pairs = glued(session)
    theme = choices.theme
    ends = [points_of(session, name) for name in (choices.a, choices.b)]
    bounds = frame_of(session)
    values = None
    if choices.shade == CONTRIBUTION and session.label:
        parts = _contributions(session)
        values = np.column_stack([parts[0][pairs.first], parts[1][pairs.second]])
    message = pack_pairs(
        ends[0][pairs.first],
        ends[1][pairs.second],
        bounds,
        size=SIZE,
        masses=None if np.ptp(pairs.mass) == 0 else pairs.mass,
        values=values,
        value_limit=None if values is None else float(np.percentile(np.abs(values), 98)) or None,
        seed=choices.seed,
    )
    colours = session.end_colours()
    canvas.param.update(
        cells=message,
        colour_by="count" if values is None else "value",
        count_palette=colour_bytes(sequential(theme)),
        value_palette=colour_bytes(diverging(theme)),
        label_a=choices.a,
        label_b=choices.b,
        colour_a=colours[0],
        colour_b=colours[1],
        n_total=embedding.registration(choices.a, choices.b).n_pairs,
    )


def _contributions(session: Session) -> list[np.ndarray]:
    """Return the contribution of each cell of the two samples, per cell of its sample: (n,) each."""
    embedding = session.embedding
    return [
        contributions(session.model, embedding.plan(name), embedding.scaled_cells(name))
        * int(embedding.n_cells_used[embedding.index(name)])
        for name in (session.choices.a, session.choices.b)
    ]


def _shown_markers(session: Session) -> list[int]:
    """Return the markers whose curves differ most between the two samples, in the order of the cohort."""
    a, b = (session.embedding.scaled_cells(name) for name in (session.choices.a, session.choices.b))
    levels = np.linspace(0.02, 0.98, 49)
    differences = np.abs(np.quantile(a, levels, axis=0) - np.quantile(b, levels, axis=0)).mean(axis=0)
    return sorted(np.argsort(-differences, kind="stable")[:MARKERS_SHOWN])


def _markers(session: Session, page: Page) -> object:
    """Return the places of six marker curves."""
    tiles = []
    for place in range(min(MARKERS_SHOWN, len(session.embedding.markers))):
        name = page.html(lambda place=place: headline(escape(session.word(_marker(session, place))), small=True), *PAIR)
        curve = page.plot(lambda place=place: _curve(session, _marker(session, place)), *PAIR, "t")
        tiles.append((picture(name, curve), f"{1 + place % 3}", f"{1 + place // 3}"))
    return grid(
        *tiles, columns="repeat(3, minmax(0, 1fr))", rows="repeat(2, minmax(0, 1fr))", gap="8px 20px", padding="0"
    )


def _marker(session: Session, place: int) -> str:
    """Name the marker whose curve stands at a place: those that differ most, in the order of the cohort."""
    shown = session.derived("shown markers", lambda: _shown_markers(session), session.choices.a, session.choices.b)
    return session.embedding.markers[shown[place]]


def _curve(session: Session, marker: str) -> object:
    """Return the density of a marker at this point, between those of the two samples."""
    choices, embedding, t = session.choices, session.embedding, session.choices.t
    pairs = glued(session)
    column = embedding.markers.index(marker)
    first, second = (embedding.cells(name)[:, column] for name in (choices.a, choices.b))
    places = density_grid(np.concatenate([first, second]))
    now = (1 - t) * first[pairs.first] + t * second[pairs.second]
    return now_and_ends(
        places,
        density(now, places, masses=pairs.mass),
        (density(first, places), density(second, places)),
        colours=session.end_colours(),
        theme=choices.theme,
    )


def population_shares_at(session: Session) -> pd.DataFrame:
    """Return the share of each population in A, in B and at this point.

    A pair on its way belongs to the population it left by 1 - t, and by t to the one it goes to.
    """
    t = session.choices.t
    names = list(session.populations)
    ends = [
        pd.Series(populations_of(session, name)).value_counts(normalize=True).reindex(names).fillna(0.0)
        for name in (session.choices.a, session.choices.b)
    ]
    return pd.DataFrame({"a": ends[0], "b": ends[1], "now": (1 - t) * ends[0] + t * ends[1]})


def _shares(session: Session) -> object:
    """Return the shares of the populations at this point, between those of the two samples."""
    table = population_shares_at(session)
    table = table[(table.max(axis=1) > 0)].head(8)
    return shares(
        list(table.index),
        100 * table["now"].to_numpy(),
        (100 * table["a"].to_numpy(), 100 * table["b"].to_numpy()),
        bars=session.population_colours(),
        colours=session.end_colours(),
        theme=session.choices.theme,
    )


def on_the_way(session: Session) -> float:
    """Return the share of mass that is between two different populations: cells no measured sample has."""
    pairs = glued(session)
    first = populations_of(session, session.choices.a)[pairs.first]
    second = populations_of(session, session.choices.b)[pairs.second]
    return float(pairs.mass[first != second].sum())


def _answer(session: Session) -> str:
    """Say where the slider is, what the cells are made of, and how many of them are on their way."""
    choices = session.choices
    if choices.t in (0.0, 1.0):
        end = choices.a if choices.t == 0 else choices.b
        return f"<b>This is {escape(end)} itself</b>: its own measured cells. Move the slider to leave it."
    table = population_shares_at(session)
    largest = (table["b"] - table["a"]).abs().sort_values(ascending=False, kind="stable").index[:2]
    facts = " and ".join(f"{escape(name)} at {100 * table.loc[name, 'now']:.0f} %" for name in largest)
    share = on_the_way(session)
    return (
        f"<b>{100 * choices.t:.0f} % of the way, {facts} of the mass</b>, but {100 * share:.0f} % of it is on its way "
        f"from one of the {session.population_word} to another, where neither sample need have cells. "
        "All of them are synthetic."
    )


def _drawer(session: Session) -> list[object]:
    """Return the choices of the page."""
    choices = session.choices
    parts = [
        section("Morph"),
        select(choices, "a", "From"),
        select(choices, "b", "To"),
        *view_controls(session),
    ]
    if session.label:
        parts.append(segments(choices, "shade", "Colour by"))
    parts += [
        remark("Drag, or focus the slider and use the arrow keys. Home is the first sample, End the second."),
        section("Is it believable?"),
        html(f'<div class="drawer-table">{_believable(session)}</div>'),
        section("Take it away"),
        remark(
            "<code>lotviz interpolate</code> writes the synthetic cells to CSV, Parquet, H5AD or FCS; the word "
            "“synthetic” goes into the file. “Copy as Python” shows how."
        ),
    ]
    return parts


def _believable(session: Session) -> str:
    """Return what speaks for and against the synthetic cells."""
    registration = session.embedding.registration(session.choices.a, session.choices.b)
    rows = [
        ("On the way between " + session.population_word, f"{100 * on_the_way(session):.0f} %"),
        ("Glued pairs", f"{registration.n_pairs:,}"),
        ("Mean squared step, scaled", f"{registration.cost:.2f}"),
    ]
    return (
        "<table>"
        + "".join(f'<tr><td>{escape(k)}</td><td class="number"><b>{v}</b></td></tr>' for k, v in rows)
        + "</table>"
    )
