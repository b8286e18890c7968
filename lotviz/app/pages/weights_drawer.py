"""The drawer of the Weights page: the question, what is shown of the answer, and the doubts that belong to it."""

from __future__ import annotations

from functools import partial
from html import escape

import panel as pn

from lotviz.app.choices import GROUPS
from lotviz.app.frame import (
    WIDE,
    Page,
    button,
    checkbox,
    folded,
    html,
    problems,
    remark,
    section,
    segments,
    select,
    several,
    typed,
)
from lotviz.app.offers import adjustable, offer_regions
from lotviz.app.pages.views_of_cells import view_controls
from lotviz.app.pages.weights_newcomer import newcomer_controls
from lotviz.app.session import Session
from lotviz.data import Problem


def question_controls(session: Session) -> list[object]:
    """Return the part of the drawer that asks the question; what few need is folded away."""
    choices = session.choices
    changed = choices.estimator != "auto" or not choices.abundance or choices.paired != "auto"
    return [
        section("Question"),
        select(choices, "label", "Separate by"),
        select(choices, "group", "Keep together (patient)"),
        select(choices, "batch", "Batch to compare with"),
        several(choices, "adjust", "Adjust for", adjustable(session)),
        folded(
            "How it is measured",
            select(choices, "estimator", "Estimator"),
            select(choices, "paired", "Compare within each patient"),
            checkbox(choices, "abundance", "Abundance is part of the model"),
            shown=changed,
        ),
    ]


def drawer(session: Session, page: Page) -> list[object]:
    """Return the choices of the page and the doubts that belong to its answer."""
    choices, found = session.choices, session.classification
    cost = f"{found.parameters['permutations']} permutations · seed {choices.seed}"
    parts = [*question_controls(session), remark(cost), *doubts(session), section("Show")]
    if found.outcome is None:
        parts.append(select(choices, "beside", "Beside the scores"))
    if len(found.classes) > 2:
        parts.append(select(choices, "positive", "Weights speak for"))
    parts += [
        segments(choices, "shows", "Regions and markers"),
        segments(choices, "weight", "Part of the weight"),
        *_region_controls(session, page),
        section("Cells"),
    ]
    parts.append(segments(choices, "cells", "Cells of"))
    parts.append(select(choices, "a", "Sample"))
    if choices.cells != GROUPS:
        parts.append(select(choices, "b", "and sample"))
    again = button("Forget the chosen cells", partial(session.select, None))

    def offer_forgetting() -> None:
        again.visible = session.selected is not None

    page.effect(offer_forgetting, "selection")
    return [
        *parts,
        *view_controls(session),
        again,
        remark(
            "Scores beside the pictures are of the model fitted on all samples, made to be looked at; "
            "the honest ones are in the first picture."
        ),
        *newcomer_controls(session, page),
    ]


def _region_controls(session: Session, page: Page) -> list[object]:
    """Return the list of the regions and the line in which the chosen one is named."""
    choices = session.choices
    name = typed("Name of this region", "", partial(_rename, session), visible=False)
    place, shown = pn.Column(margin=0, **WIDE), {}

    def offer() -> None:
        session.fit_choices(partial(offer_regions, session))
        offered = dict(choices.param["region"].names)
        # A list goes on to show the name it was opened with: one whose names have changed is made anew.
        if shown != offered:
            shown.clear()
            shown.update(offered)
            place[:] = [select(choices, "region", "Region")]
        name.visible = session.region is not None
        if session.region is not None:
            usual = session.derived_regions.names[session.region]
            name.param.update(value=choices.names.get(choices.region, ""), placeholder=usual)

    page.effect(offer, "region", "names")
    return [place, name]


def _rename(session: Session, name: str) -> None:
    """Give the chosen region a name; none gives it back the one of its markers."""
    choices = session.choices
    words = " ".join(name.split())
    if session.region is None or words == choices.names.get(choices.region, ""):
        return
    rest = {number: other for number, other in choices.names.items() if number != choices.region}
    choices.names = {**rest, choices.region: words} if words else rest


def doubts(session: Session) -> list[object]:
    """Return the doubts that belong to the answer."""
    found = [Problem(*_first_words(text), "") for text in session.classification.warnings]
    if not found:
        return []
    notes = html(f'<div style="padding:6px 16px">{problems(found, most=8, narrow=True)}</div>')
    return [section("Check before you believe it"), notes]


def _first_words(text: str) -> tuple[str, str]:
    """Split a doubt into what it is about, its words up to the first colon, and the rest."""
    head, found, rest = text.partition(": ")
    return (head, rest[:1].upper() + rest[1:]) if found and len(head) < 40 else ("Doubt", text)


def why_hidden(session: Session) -> list[object]:
    """Return the remark on weights that would explain noise, and the way to see them all the same."""
    anyway = button("Show anyway", lambda: session.choices.param.update(insist=True))
    return [section("Weights"), remark(escape("The weights are hidden: they would explain noise.")), anyway]
