"""Whether the cells of a morph can be believed: asked for, computed beside the page, said in the answer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from html import escape

from lotviz.app.frame import Page, button, problems
from lotviz.app.jobs import Progress
from lotviz.app.pages.morph_class import severe
from lotviz.app.pages.morph_numbers import CELLS, PLACE, scene, weights_now
from lotviz.app.pages.morph_recipe import is_measured, place_of, recipe
from lotviz.app.pages.morph_stops import CLASS
from lotviz.app.session import Session
from lotviz.data import Problem
from lotviz.transport.validity import Validity

CELLS_CHECKED = 4000  # synthetic cells that are embedded again


def believable(session: Session, page: Page) -> list[object]:
    """Return what speaks for and against the cells at this point, and the button that looks further."""
    go = button("Check these cells", lambda: check(session, begin=True))
    table = page.html(lambda: _table(session), *CELLS, *PLACE, "believable")

    def offer() -> None:
        if _beyond(session):  # where nobody was measured it is looked without being asked
            check(session, begin=True)
        go.disabled = is_measured(session) or scene(session) is None
        go.visible = check(session) is None

    page.effect(offer, *CELLS, *PLACE, "believable")
    return [table, go]


def _beyond(session: Session) -> bool:
    found = severe(session) if session.choices.morph == CLASS else None
    return found is not None and found.beyond(session.choices.t)


def check(session: Session, *, begin: bool = False) -> Validity | None:
    """Return the figures of the cells at this point, if they are there; begin to compute them if told to."""
    place = ("believable", session.comparison, *place_of(session))
    make = recipe(session) if begin else None
    if make is None or is_measured(session):
        return session.aside.answer(place)
    return session.aside.get("believable", place, "Looking whether the cells can be believed", _work(session, make))


def _work(session: Session, make: Callable) -> Callable[[Progress, threading.Event], Validity]:
    embedding, seed = session.embedding, session.choices.seed

    def work(progress: Progress, cancel: threading.Event) -> Validity:
        return embedding.validity(make(CELLS_CHECKED), seed=seed, progress=progress, cancel=cancel)

    return work


def _table(session: Session) -> str:
    """Return the figures as a table, what is wrong as notes."""
    found = scene(session)
    if found is None:
        return ""
    rows = []
    if session.choices.morph != CLASS:
        share = found.on_the_way(weights_now(session, found.stops))
        rows.append((f"On the way between {session.population_word}", f"{100 * share:.0f} %"))
    known = None if is_measured(session) else check(session)
    notes = ""
    if known is not None:
        if known.gap is not None:  # cells moved kind by kind are not meant to have the mean of the maps
            rows.append((f"Round-trip gap (by chance {known.chance:.2f})", f"{known.gap:.2f}"))
        rows.append(("Where no cell was measured", f"{100 * known.outside:.1f} %"))
        if known.impossible is not None:
            rows.append(("Below the smallest measured", f"{100 * known.impossible:.1f} %"))
        if known.impossible and known.far_below is not None:
            rows.append(("… by over ¼ of the marker's spread", f"{100 * known.far_below:.1f} %"))
        notes = _notes(known)
    lines = "".join(f'<tr><td class="long">{escape(k)}</td><td class="number"><b>{v}</b></td></tr>' for k, v in rows)
    return f'<div class="drawer-table"><table>{lines}</table></div>{notes}'


def _notes(known: Validity) -> str:
    """Return what speaks against the cells; that nothing does is said too."""
    looked = (
        f"{known.cells_looked_at:,} of {known.cells:,} cells and {known.samples_looked_at} of {known.samples} samples"
    )
    said = f'<div class="drawer-note">Looked at {looked}.</div>'
    if known.ok:
        return f'<div class="drawer-note">{escape(known.verdict[0])}</div>{said}'
    warned = [Problem(*_split(sentence), "") for sentence in known.verdict]
    return f'<div style="padding:6px 16px">{problems(warned, narrow=True)}</div>{said}'


def _split(sentence: str) -> tuple[str, str]:
    head, found, rest = sentence.partition(": ")
    return (head, rest[:1].upper() + rest[1:]) if found and len(head) < 40 else ("Doubt", sentence)


def believed(session: Session) -> str:
    """Return the sentence for the answer; nothing as long as nobody has looked."""
    known = None if is_measured(session) else check(session)
    if known is None:
        return ""
    if known.ok:
        return f" They {'' if known.gap is None else 'return to themselves and '}lie where cells were measured."
    return f" <b>{escape(known.verdict[0])}</b>"
