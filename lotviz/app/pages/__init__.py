"""The pages of the app: each is a question, its answer first, the pictures as evidence.

How to add one: write `pages/name.py` with a function ``name(session) -> Page`` that lays out panes whose contents are
computed by small functions of the session; add it to `PAGES` here, its name to `choices.PAGES` and its icon to the
shell. Numbers come from the analysis room, pictures from the views room; a page only words and places them.
"""

from __future__ import annotations

from collections.abc import Callable

from lotviz.app.frame import Page
from lotviz.app.pages.cohort import cohort
from lotviz.app.pages.drugs import drugs
from lotviz.app.pages.morph import morph
from lotviz.app.pages.opening import opening
from lotviz.app.pages.patients import patients
from lotviz.app.pages.states import QUESTIONS, being_read, not_compared
from lotviz.app.pages.transport import transport
from lotviz.app.pages.weights import weights
from lotviz.app.session import Session

PAGES: dict[str, Callable[[Session], Page]] = {
    "Cohort": cohort,
    "Patients": patients,
    "Transport": transport,
    "Weights": weights,
    "Morph": morph,
    "Drugs": drugs,
}


def title(session: Session) -> str:
    """Return the question of the chosen page, before there is an answer."""
    return QUESTIONS[session.choices.page]


def page(session: Session) -> Page:
    """Return the chosen page, or what is missing before it can be shown."""
    name = session.choices.page
    if session.cohort is None and session.job is not None:
        return being_read()
    if session.cohort is None or (name == "Cohort" and session.desk.shown):
        return opening(session)
    if name != "Cohort" and session.embedding is None:
        return not_compared(session, name)
    return PAGES[name](session)
