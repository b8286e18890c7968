"""What a drug study can be made of: the columns and values of the open cohort, guessed from what they are called."""

from __future__ import annotations

from lotviz.analysis.drug_conditions import (
    Conditions,
    condition_columns,
    condition_values,
    find_conditions,
    guess_conditions,
)
from lotviz.app.choices import ALL_LINES, BY_NAME, NONE
from lotviz.app.offers import offer_populations, offer_regions
from lotviz.app.session import Session

VALUES = ("control", "drug_a", "drug_b", "drug_both")


def offer_study(session: Session) -> None:
    """Offer columns and values of a drug study; what is chosen and still possible stays."""
    samples, choices = session.cohort.samples, session.choices
    columns = list(condition_columns(samples))
    choices.offer("condition", [NONE, *columns], NONE)
    session.derived("conditions guessed", lambda: _guess(session))
    column = choices.chosen("condition")
    values = [] if column is None else list(condition_values(samples, column))
    guess = guess_conditions(values)
    for name, value in zip(VALUES, (guess.control, guess.a, guess.b, guess.both), strict=True):
        # What has no name to go by must be chosen; what has one is taken until it is changed.
        choices.offer(name, values if value else [NONE, *values], value or NONE)
    others = [str(name) for name in samples.columns if str(name) != column]
    for name in ("line", "replicate", "plate"):
        choices.offer(name, [BY_NAME, NONE, *others], BY_NAME)


def offer_found(session: Session, lines: tuple[str, ...]) -> None:
    """Offer what can stand out in the pictures of a drug study: a line, a population, a region."""
    several = list(lines) if len(lines) > 1 else []
    session.choices.offer("culture", [ALL_LINES, *several], ALL_LINES)
    offer_populations(session)
    offer_regions(session)


def _guess(session: Session) -> Conditions:
    """Choose the column that looks like one of conditions, once for every cohort: from then on the user decides."""
    found = find_conditions(session.cohort.samples)
    if session.choices.chosen("condition") is None and found.column is not None:
        session.choices.condition = found.column
    return found
