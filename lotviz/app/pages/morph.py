"""Morph: what lies between samples, groups, steps or classes? Drawn in the browser, the consequences beside it."""

from __future__ import annotations

from functools import partial
from itertools import count

import panel as pn

from lotviz.app.choices import VIEW
from lotviz.app.frame import FULL, Page, grid, question
from lotviz.app.offers import offer_levels
from lotviz.app.pages.morph_beside import beside_pictures
from lotviz.app.pages.morph_class import unavailable
from lotviz.app.pages.morph_drawer import drawer
from lotviz.app.pages.morph_numbers import CELLS, PLACE
from lotviz.app.pages.morph_picture import CONTRIBUTION, canvas_of, colour_legend, entitle, load
from lotviz.app.pages.morph_stops import CLASS, stops_of
from lotviz.app.pages.morph_strip import strip
from lotviz.app.pages.morph_words import answer_of, title_of
from lotviz.app.session import Session

__all__ = ["CONTRIBUTION", "morph"]

COLOUR = ("shade", "tint", "positive", "message", "fit")
SEEN = (*CELLS, *VIEW, *COLOUR)
_channels = count(1)


def morph(session: Session) -> Page:
    """Lay out the Morph page."""
    session.fit_choices(partial(offer_levels, session))
    page = Page()
    page.head = page.html(
        lambda: question(title_of(session), answer_of(session)), *CELLS, *PLACE, *COLOUR, "believable"
    )
    nothing = unavailable(session) is not None if session.choices.morph == CLASS else len(stops_of(session)) < 2
    if nothing:
        page.drawer = drawer(session, page)
        return page
    channel = f"morph {next(_channels)}"
    canvas = canvas_of(session, channel)
    page.effect(partial(load, session, canvas), *SEEN)
    page.effect(partial(entitle, session, canvas), *PLACE)
    key = page.html(lambda: f'<div class="said">{colour_legend(session)}</div>', *SEEN)
    curves, shares = beside_pictures(session, page, channel)
    left = _column(canvas, key, strip(session, page))
    page.body = grid(
        (left, "1 / span 7", "1 / span 2"),
        (curves, "8 / span 5", "1"),
        (shares, "8 / span 5", "2"),
        rows="minmax(240px, 1.2fr) minmax(190px, 1fr)",
        gap="14px 28px",
    )
    page.drawer = drawer(session, page)
    return page


def _column(canvas: object, *below: object) -> pn.Column:
    """Return the canvas with what belongs below it; the canvas takes the room that is left."""
    pieces = [canvas, *below]
    for row, piece in enumerate(pieces, start=1):
        piece.styles = {**(piece.styles or {}), "grid-row": str(row), "min-width": "0", "min-height": "0"}
    rows = "minmax(0, 1fr)" + " auto" * len(below)
    layout = {"display": "grid", "grid-template-rows": rows, "grid-template-columns": "minmax(0, 1fr)"}
    return pn.Column(*pieces, **FULL, styles={"min-height": "0", **layout})
