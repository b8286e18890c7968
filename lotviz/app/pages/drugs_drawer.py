"""The drawer of the Drugs page: what is control, A, B and A+B, what is shown, and what the signs mean."""

from __future__ import annotations

from functools import partial
from html import escape

from lotviz.analysis.interaction_readouts import ADDITIVE_SIGN, BLISS_SIGN, HIGHEST_SIGN
from lotviz.app.frame import button, folded, html, problems, remark, section, segments, select
from lotviz.app.pages.drugs_study import answered, place
from lotviz.app.pages.views_of_cells import view_controls
from lotviz.app.session import Session
from lotviz.app.workspace import DEMOS
from lotviz.data import Problem


def study_controls(session: Session) -> list[object]:
    """Return the part of the drawer that says what the samples were given."""
    choices = session.choices
    parts: list[object] = [section("Conditions"), select(choices, "condition", "Column of conditions")]
    if choices.chosen("condition") is None:
        return parts
    return [
        *parts,
        select(choices, "control", "Control"),
        select(choices, "drug_a", "A"),
        select(choices, "drug_b", "B"),
        select(choices, "drug_both", "A+B"),
        remark("Guessed from their names: check them."),
        section("Samples"),
        select(choices, "line", "Line or patient"),
        select(choices, "replicate", "Replicate"),
        select(choices, "plate", "Plate"),
    ]


def ways_on(session: Session) -> list[object]:
    """Return the buttons that open simulated organoids."""
    demos = [name for name in DEMOS if name.startswith("demo: organoids") and name != session.choices.cohort]
    words = [f"Simulated {name.partition(': ')[2]}" for name in demos]
    return [
        section("Or look at"),
        *(button(word, partial(session.open_as, name)) for word, name in zip(words, demos, strict=True)),
    ]


def drawer(session: Session) -> list[object]:
    """Return the choices of the page, the doubts that belong to its answer, and its signs."""
    choices, found = session.choices, answered(session).found
    parts: list[object] = [*study_controls(session)]
    if found.notes:
        parts.append(remark(escape(" ".join(found.notes[-3:]))))
    if found.warnings:
        doubts = problems([_doubt(text) for text in found.warnings], most=8, narrow=True)
        parts += [section("Check before you believe it"), html(f'<div style="padding:6px 16px">{doubts}</div>')]
    parts.append(section("Show"))
    if len(found.study.lines) > 1:
        parts.append(select(choices, "culture", "Cells of"))
    if found.abundance is not None:
        parts.append(segments(choices, "counted", "Counted"))
    parts += [segments(choices, "departs", "Departure by"), segments(choices, "readout", "Single readout")]
    parts += [section("Stands out"), select(choices, "region", "Region"), select(choices, "marker", "Marker")]
    if found.abundance is not None:
        parts.append(select(choices, "population", "Population"))
    signs = {"D": "below 0: lower under A+B than predicted; above 0: higher", "Additive": ADDITIVE_SIGN,
             "Bliss": BLISS_SIGN, "Highest single agent": HIGHEST_SIGN}  # fmt: skip
    words = "<br>".join(f"<b>{name}.</b> {escape(text.removeprefix('Positive: '))}" for name, text in signs.items())
    return [*parts, section("Cells"), *view_controls(session), folded("What positive means", remark(words))]


def _doubt(text: str) -> Problem:
    """Split a doubt into what it is about, its words up to the first colon, and the rest."""
    head, found, rest = text.partition(": ")
    return Problem(head, rest[:1].upper() + rest[1:], "") if found and len(head) < 24 else Problem("Doubt", text, "")


def again(session: Session) -> list[object]:
    """Return the button that asks once more after a stop."""

    def ask() -> None:
        session.aside.again(place(session))
        session.on_change()

    return [button("Ask again", ask, filled=True)]
