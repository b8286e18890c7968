"""The sentences of the Morph page: what it asks, and what the cells at this point are."""

from __future__ import annotations

from html import escape

import numpy as np

from lotviz.app.pages.morph_believable import believed
from lotviz.app.pages.morph_class import class_answer, class_question
from lotviz.app.pages.morph_numbers import largest_changes, measured_at, scene, weights_now
from lotviz.app.pages.morph_picture import waiting
from lotviz.app.pages.morph_scene import Scene
from lotviz.app.pages.morph_stops import CLASS, COLUMN, MOST_POOLED, SEVERAL, Stop, stops_of
from lotviz.app.session import Session


def title_of(session: Session) -> str:
    """Return the question of the page."""
    choices, ends = session.choices, stops_of(session)
    if choices.morph == CLASS:
        return class_question(session)
    if choices.morph == COLUMN and choices.chosen("along"):
        where = "" if choices.chosen("within") is None else f" in {choices.level}"
        return f"What happens along {choices.along}{where}?"
    if choices.morph == SEVERAL:
        return f"What lies between {_and([stop.name for stop in ends[:3]], len(ends))}?"
    return f"What lies between {choices.a} and {choices.b}?"


def answer_of(session: Session) -> str:
    """Say where the morph is, what the cells are made of, and how many of them are on their way."""
    if session.choices.morph == CLASS:
        return class_answer(session, waiting(session)) + believed(session)
    ends = stops_of(session)
    if len(ends) < 2:
        return _nothing_between(session)
    found = scene(session)
    if found is None:
        return waiting(session)
    weights = weights_now(session, ends)
    end = measured_at(weights)
    if end is not None:
        return f"{_itself(ends[end])} Move {_control(session)} to leave it."
    facts = " and ".join(f"{escape(name)} at {100 * share:.0f} %" for name, share in largest_changes(found, weights))
    if found.lead is not None:
        return (
            f"<b>{_where(session, ends, weights)}, {facts} of the cells</b>: measured cells that move as their kind "
            f"does, none between two {session.population_word}. All that moved are synthetic.{believed(session)}"
        )
    share = found.on_the_way(weights)
    return (
        f"<b>{_where(session, ends, weights)}, {facts} of the mass</b>, but {100 * share:.0f} % of it is on its way "
        f"from one of the {session.population_word} to another, where no sample need have cells. "
        f"{_limited(found, weights)}All of them are synthetic.{believed(session)}"
    )


def _control(session: Session) -> str:
    return "the weights" if session.choices.morph == SEVERAL else "the slider"


def _itself(stop: Stop) -> str:
    """Say that this is measured, and of a group, how many samples of it are shown."""
    if not stop.pooled:
        name = stop.samples[0]
        named = "" if name == stop.name else f" ({escape(stop.name)})"
        return f"<b>This is {escape(name)} itself</b>{named}: its own measured cells."
    count = f"{len(stop.samples)} of {stop.members}" if stop.members > len(stop.samples) else str(stop.members)
    return f"<b>This is {escape(stop.name)} itself</b>: the measured cells of its {count} samples, pooled."


def _where(session: Session, ends: tuple[Stop, ...], weights: np.ndarray) -> str:
    """Say where the morph is."""
    choices = session.choices
    if choices.morph == SEVERAL:
        if len(ends) > 2 and np.ptp(weights) < 1e-3:
            return f"In equal parts of all {len(ends)}"
        order = np.argsort(-weights, kind="stable")
        parts = [f"{100 * weights[i]:.0f} % {escape(ends[i].name)}" for i in order if weights[i] >= 0.005]
        return ", ".join(parts[:4]) + (f" and {len(parts) - 4} more" if len(parts) > 4 else "")
    if choices.morph == COLUMN:
        first, second = (ends[i].name for i in np.flatnonzero(weights)[:2])
        share = 100 * weights[np.flatnonzero(weights)[1]]
        return f"{share:.0f} % of the way from {escape(choices.along)} {escape(first)} to {escape(second)}"
    return f"{100 * choices.t:.0f} % of the way"


def _limited(found: Scene, weights: np.ndarray) -> str:
    """Say that of large groups not all members are used."""
    limited = any(found.stops[i].members > len(found.stops[i].samples) for i in np.flatnonzero(weights))
    return f"Of a group at most {MOST_POOLED} samples are used. " if limited else ""


def _nothing_between(session: Session) -> str:
    """Say what is missing."""
    choices = session.choices
    if choices.morph == COLUMN:
        if choices.chosen("along") is None:
            return (
                "No column of the cohort has an order to go along. Add one, such as dose or time, to the sample sheet."
            )
        where = "" if choices.chosen("within") is None else f" of {escape(choices.level)}"
        return f"The samples{where} have fewer than two values of {escape(choices.along)}. Choose another column."
    return "Choose two samples or groups, or more, on the right."


def _and(names: list[str], total: int) -> str:
    """Join names: "A, B and C", "A, B, C and 2 more"."""
    if total > len(names):
        return f"{', '.join(names)} and {total - len(names)} more"
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)
