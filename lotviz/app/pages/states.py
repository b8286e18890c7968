"""Pages that have nothing to show yet: they say what is missing and offer the next step."""

from __future__ import annotations

from lotviz.app.frame import Page, button, html, question, section
from lotviz.app.session import Session

QUESTIONS = {
    "Cohort": "Is this cohort ready to compare?",
    "Patients": "How alike are the patients?",
    "Transport": "What changes from one sample to another?",
    "Weights": "Does anything separate the groups?",
    "Morph": "What lies between two samples?",
    "Drugs": "Do A and B add up?",
}


def being_read() -> Page:
    """Return the page of an app in which a cohort is being read."""
    return Page(head=html(question(QUESTIONS["Cohort"], "Reading it and looking at every sample.")))


def not_compared(session: Session, name: str) -> Page:
    """Return a page that needs the comparison of the samples, before there is one."""
    if session.job is not None:
        return Page(head=html(question(QUESTIONS[name], "The samples are being compared; this page follows.")))
    answer = "The samples have not been compared yet. This page is about what the comparison shows."
    drawer = [section("Next"), button("Compare the samples", session.compare, filled=True)]
    return Page(head=html(question(QUESTIONS[name], answer)), drawer=drawer)
