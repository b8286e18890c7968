"""Pages that have nothing to show yet: they say what is missing and offer the next step."""

from __future__ import annotations

from lotviz.app.frame import Page, button, html, question, remark, section, select
from lotviz.app.session import Session

QUESTIONS = {
    "Cohort": "Is this cohort ready to compare?",
    "Patients": "How alike are the patients?",
    "Transport": "What changes from one sample to another?",
    "Weights": "Does anything separate the groups?",
    "Morph": "What lies between two samples?",
}


def nothing_open(session: Session) -> Page:
    """Return the page of an app in which no cohort is open, or one is being read."""
    if session.job is not None:
        return Page(head=html(question(QUESTIONS["Cohort"], "Reading it and looking at every sample.")))
    answer = (
        "No cohort is open. Choose one on the right: a sample sheet, a folder or a file under the data root, "
        "or a simulated cohort to look round first."
    )
    return Page(head=html(question(QUESTIONS["Cohort"], answer)), drawer=opening(session))


def not_compared(session: Session, name: str) -> Page:
    """Return a page that needs the comparison of the samples, before there is one."""
    if session.job is not None:
        return Page(head=html(question(QUESTIONS[name], "The samples are being compared; this page follows.")))
    answer = "The samples have not been compared yet. This page is about what the comparison shows."
    drawer = [section("Next"), button("Compare the samples", session.compare, filled=True)]
    return Page(head=html(question(QUESTIONS[name], answer)), drawer=drawer)


def opening(session: Session) -> list[object]:
    """Return the part of the drawer in which a cohort is chosen."""
    offers = session.workspace.offers()
    # The chosen one stays in the list even if it is not there: its failure is what the page has to say.
    session.choices.param["cohort"].objects = list(dict.fromkeys(["", *offers, session.choices.cohort]))
    where = remark(f"{len(offers)} found: those under the data root, and two simulated ones.")
    return [section("Files"), select(session.choices, "cohort", "Cohort"), where]
