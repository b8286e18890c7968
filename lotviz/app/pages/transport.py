"""Transport: what changes from one sample to another? Cells before and after, what moves, and the same by numbers."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from html import escape

import numpy as np

from lotviz.analysis.registered import registration_cautions
from lotviz.app.frame import (
    Page,
    button,
    grid,
    problems,
    question,
    remark,
    section,
    segments,
    select,
)
from lotviz.app.jobs import Progress
from lotviz.app.offers import offer_populations
from lotviz.app.pages.transport_cells import PAIR, cells_pictures
from lotviz.app.pages.transport_changes import answer, changes_pictures
from lotviz.app.pages.views_of_cells import view_controls
from lotviz.app.session import Session
from lotviz.transport import DirectTransport, direct_transport

__all__ = ["PAIR", "transport"]


def transport(session: Session) -> Page:
    """Lay out the Transport page."""
    page = Page()
    choices = session.choices
    session.fit_choices(lambda: offer_populations(session))
    page.head = page.html(lambda: question(f"What changes from {choices.a} to {choices.b}?", _answer(session)), *PAIR)
    page.body = grid(
        *cells_pictures(session, page),
        *changes_pictures(session, page),
        rows="minmax(clamp(208px, 16.6vw, 250px), 1.15fr) minmax(246px, 1fr) minmax(236px, 1fr)",
    )
    page.drawer = _drawer(session, page)
    return page


def _answer(session: Session) -> str:
    """Say what changes, and which map misses too much of its sample for its arrows to be read."""
    lossy = [f"{escape(one.where)}: {one.what} {one.fix}" for one in _cautions(session)]
    return f"{answer(session)} {' '.join(f'<b>{sentence}</b>' for sentence in lossy)}".strip()


def _cautions(session: Session) -> tuple:
    """Return what to know of the maps before reading the arrows."""
    return registration_cautions(session.embedding, (session.choices.a, session.choices.b))


def _drawer(session: Session, page: Page) -> list[object]:
    """Return the choices of the page."""
    choices = session.choices

    def swap() -> None:
        choices.param.update(a=choices.b, b=choices.a)

    quality = page.html(lambda: _quality(session), *PAIR)
    direct = page.html(lambda: _direct_said(session), *PAIR, "direct")
    return [
        section("Samples"),
        select(choices, "a", "From"),
        select(choices, "b", "To"),
        button("Swap", swap),
        section("Show"),
        segments(choices, "pairing", "Cells"),
        *view_controls(session),
        segments(choices, "arrows", "Arrows"),
        segments(choices, "becomes", "Who becomes whom"),
        select(choices, "population", f"{session.population_word.capitalize().removesuffix('s')} that stands out"),
        select(choices, "marker", "Marker of the curves"),
        section("How good is the map?"),
        quality,
        button("Compare with exact transport", lambda: _compare(session)),
        direct,
        button("Watch it move in Morph", lambda: choices.param.update(page="Morph")),
        remark(
            "Both samples are registered through the reference; no further transport problem is solved. "
            "<code>lotviz register</code> writes the pairs."
        ),
    ]


def _quality(session: Session) -> str:
    """Say how much of each sample its map misses, and warn where that is much."""
    embedding = session.embedding
    median = float(np.median(embedding.residual_shares))
    lines = []
    for name in dict.fromkeys((session.choices.a, session.choices.b)):
        row = embedding.index(name)
        share = float(embedding.residual_shares[row])
        gap = float(embedding.dual_gaps[row])
        lines.append(f"<b>{escape(name)}</b>: residual {100 * share:.1f} % of variance, cost exact to {gap:.0e}.")
    warnings = _cautions(session)
    text = f'<div class="drawer-note">{"<br>".join(lines)}<br>Cohort median {100 * median:.1f} %.</div>'
    return text + (f'<div style="padding:6px 16px">{problems(warnings, narrow=True)}</div>' if warnings else "")


# ---- exact transport beside it ------------------------------------------------------------------------------------


def _where(session: Session) -> Hashable:
    return ("direct", session.comparison, session.choices.a, session.choices.b)


def _compare(session: Session) -> None:
    """Transport the first sample to the second without the reference, beside the page."""
    embedding, a, b, seed = session.embedding, session.choices.a, session.choices.b, session.choices.seed

    def work(progress: Progress, cancel: threading.Event) -> DirectTransport:
        return direct_transport(embedding, a, b, seed=seed, progress=progress, cancel=cancel)

    session.aside.get("direct", _where(session), "Transporting exactly", work)


def direct_of(session: Session) -> DirectTransport | None:
    """Return exact transport between the two samples, once it was asked for and is there."""
    return session.aside.answer(_where(session))


def _direct_said(session: Session) -> str:
    """Say how far the registration is from exact transport, once that is known."""
    found = direct_of(session)
    if found is not None:
        return f'<div class="drawer-note" role="status">{escape(found.said())}</div>'
    stopped = session.aside.stopped(_where(session))
    return '<div class="drawer-note">Exact transport was stopped.</div>' if stopped else ""
