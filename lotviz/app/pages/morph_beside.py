"""Beside the morph: curves of the markers and shares of the populations, which follow it in the browser."""

from __future__ import annotations

from functools import partial
from html import escape

import numpy as np

from lotviz.app.frame import Page, headline, key, legend, picture
from lotviz.app.morph_curves import MorphCurves, MorphShares, pack_curves
from lotviz.app.pages.morph_numbers import CELLS, scene
from lotviz.app.pages.morph_picture import colours_of, unit_of
from lotviz.app.pages.morph_stops import CLASS
from lotviz.app.session import Session

MARKERS_SHOWN = 6
MOST_SHARES = 8
MOST_TUPLES = 50_000  # tuples the curves are made of; of more, so many are drawn
MOST_NAMED = 3  # ends in a legend; of more, the first and the last
FULL = {"sizing_mode": "stretch_both", "margin": 0}


def shown_markers(session: Session) -> list[int]:
    """Return positions of the markers whose curves are shown: the chosen ones, else those that differ most."""
    markers = list(session.embedding.markers)
    chosen = [markers.index(name) for name in session.choices.curves if name in markers]
    found = scene(session)
    if chosen or found is None:
        return sorted(chosen)[:MARKERS_SHOWN] or list(range(min(MARKERS_SHOWN, len(markers))))
    order = np.argsort(-found.spread, kind="stable")
    return sorted(int(i) for i in order[:MARKERS_SHOWN])


def beside_pictures(session: Session, page: Page, channel: str) -> tuple[object, object]:
    """Return the curves of the markers, and the shares of the populations; both follow the canvas of the channel."""
    curves, shares = MorphCurves(channel=channel, **FULL), MorphShares(channel=channel, **FULL)
    page.effect(partial(_load_curves, session, curves), *CELLS, "curves")
    page.effect(partial(_load_shares, session, shares), *CELLS)
    curves_head = page.html(lambda: _head("Markers", _ends(session, "dashes", "line")), *CELLS)
    curves_foot = page.html(partial(_curves_foot, session), *CELLS)
    shares_head = page.html(lambda: _head(session.population_word.capitalize(), _shares_legend(session)), *CELLS)
    return picture(curves_head, curves, curves_foot), picture(shares_head, shares)


def _head(title: str, right: str) -> str:
    return headline(f"{title} here", "", right, wraps=True)


def _shares_legend(session: Session) -> str:
    if session.choices.morph == CLASS:
        return "the same all the way: cells stay what they are"
    return _ends(session, "ring", "circle")


def _curves_foot(session: Session) -> str:
    """Say in which unit the markers are, and of how many of the tuples the curves are made."""
    found = scene(session)
    if found is None:
        return ""
    count = f"{min(found.n, MOST_TUPLES):,} of {found.total or found.n:,} {unit_of(found)}"
    unit = session.embedding.transform.describe()
    return f'<div class="said">{escape("as measured" if unit == "none" else unit)}; {count}</div>'


def _ends(session: Session, first: str, others: str) -> str:
    """Return the legend of this point and of the ends."""
    found = scene(session)
    if found is None:
        return ""
    now = key("now", "var(--lv-accent)", "line") if first == "dashes" else key("now", "var(--lv-ink3)", "square")
    named = list(zip(found.stops, colours_of(session, found), strict=True))
    if len(named) <= MOST_NAMED:
        marks = [key(stop.name, colour, others if i else first) for i, (stop, colour) in enumerate(named)]
        return legend(now, *marks)
    (start, begins), (end, finishes) = named[0], named[-1]
    return legend(now, key(start.name, begins, first), "…", key(end.name, finishes, others))


def _load_curves(session: Session, curves: MorphCurves) -> None:
    """Send the shown markers of all tuples to the browser."""
    found, embedding = scene(session), session.embedding
    if found is None:
        curves.param.update(curves=b"", names=[])
        return
    shown = shown_markers(session)
    stops = range(len(found.stops))
    values = [np.column_stack([found.column(stop, embedding, marker) for marker in shown]) for stop in stops]
    packed = pack_curves(
        values,
        masses=None if found.equal else found.mass,
        leads=found.lead,
        most=MOST_TUPLES,
        seed=session.choices.seed,
    )
    curves.param.update(
        curves=packed,
        columns=min(3, len(shown)),
        names=[session.word(embedding.markers[marker]) for marker in shown],
        labels=[stop.name for stop in found.stops],
        colours=colours_of(session, found),
    )


def _load_shares(session: Session, shares: MorphShares) -> None:
    """Send the shares of the largest populations at all ends to the browser."""
    found = scene(session)
    if found is None:
        shares.param.update(shares=[], names=[])
        return
    largest = np.sort(np.argsort(-found.shares.max(axis=0), kind="stable")[:MOST_SHARES])
    there = [int(i) for i in largest if found.shares[:, i].max() > 0]
    colours = session.population_colours()
    names = [found.populations[i] for i in there]
    shares.param.update(
        shares=found.shares[:, there].tolist(),
        names=names,
        bars=[colours[name] for name in names],
        labels=[stop.name for stop in found.stops],
        colours=colours_of(session, found),
        title=f"share of cells, % ({len(there)} of {len(found.populations)})"
        if len(found.populations) > len(there)
        else "share of cells, %",
    )
