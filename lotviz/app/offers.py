"""What an open cohort has to choose from."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pandas as pd

from lotviz.analysis.design import is_continuous
from lotviz.analysis.labels import ordered_classes
from lotviz.app.choices import MOST_CHANGED, NONE
from lotviz.data import Cohort, CohortError, resolve_role

if TYPE_CHECKING:
    from lotviz.app.session import Session

MOST_GROUPS = 12  # a column with more different values is not offered as groups
MOST_CORNERS = 8  # samples or groups that are mixed; steps of a column
_GRADED = re.compile(r"dose|conc|time|day|week|month|hour|visit|passage|stage|grade|\bage", re.IGNORECASE)
_NUMBERED = re.compile(r"rep|batch|plate|run|well|cells|\bid\b|_id$", re.IGNORECASE)  # numbers that are no amounts


def offer_all(session: Session) -> None:
    """Offer what the open cohort has to choose from; choices that are still possible stay."""
    cohort = session.cohort
    names = [str(name) for name in cohort.samples.index]
    markers = list(cohort.markers)
    offer_columns(session)
    first, last = names[0], names[-1]
    if session.groups():
        first, last = _largest(session, session.groups()[0]), _largest(session, session.groups()[-1])
    offer = session.choices.offer
    offer("a", names, first)
    offer("b", names, last if last != first else names[-1])
    offer("x", markers, markers[0])
    offer("y", markers, markers[-1])
    offer("tried", markers, markers[0])
    offer("marker", [MOST_CHANGED, *markers], MOST_CHANGED)
    offer_morphs(session)


def offer_columns(session: Session) -> None:
    """Offer the columns for what they can be: the label one of few values or a number, group and batch any other."""
    cohort, choices = session.cohort, session.choices
    columns = [str(column) for column in cohort.samples.columns]
    values = {column: session.texts(column)[lambda texts: texts != ""] for column in columns}
    few = [column for column in columns if 2 <= values[column].nunique() <= MOST_GROUPS]
    repeating = [column for column in few if values[column].nunique() < len(values[column])]
    numbers = [column for column in columns if column not in few and is_continuous(cohort.samples[column])]
    offer = choices.offer
    offer("label", [*few, *numbers, NONE], _role(cohort, "label", few) or next(iter(repeating), NONE))
    others = [column for column in columns if column != session.label]
    few_others = [column for column in few if column != session.label]
    offer("group", [NONE, *others], _role(cohort, "group", others) or NONE)
    offer("batch", [NONE, *few_others], _role(cohort, "batch", few_others) or NONE)
    offer("colour", columns or [NONE], session.label or next(iter(columns), NONE))
    choices.adjust = [column for column in choices.adjust if column in others and column != session.group]
    groups = session.groups()
    offer("positive", groups or [NONE], groups[-1] if groups else NONE)
    offer("group_a", groups or [NONE], groups[0] if groups else NONE)
    offer("group_b", groups or [NONE], groups[-1] if groups else NONE)


def adjustable(session: Session) -> list[str]:
    """Name the columns that can be adjusted for: numbers, and words of few values."""
    samples = session.cohort.samples
    columns = [str(column) for column in samples.columns if column not in (session.label, session.group)]
    return [c for c in columns if is_continuous(samples[c]) or 2 <= session.texts(c).nunique() <= MOST_GROUPS]


def offer_regions(session: Session) -> None:
    """Offer the regions of the reference by their names; what is chosen is their number."""
    names = {str(number): name for number, name in enumerate(session.regions.names, start=1)}
    session.choices.param["region"].objects = {NONE: NONE, **{name: number for number, name in names.items()}}
    if session.choices.region not in {NONE, *names}:
        session.choices.region = NONE


def offer_populations(session: Session) -> None:
    """Offer the populations, or the regions, that can stand out; one that is gone no longer does."""
    session.choices.offer("population", [NONE, *session.populations], NONE)


def offer_morphs(session: Session) -> None:
    """Offer what a morph can be of: samples or groups to mix, columns to go along, markers to colour by."""
    cohort, offer = session.cohort, session.choices.offer
    samples, markers = cohort.samples, list(cohort.markers)
    few = [str(c) for c in samples.columns if 2 <= session.texts(c).replace("", pd.NA).nunique() <= MOST_CORNERS]
    graded = [str(c) for c in samples.columns if c in few or _measured(samples[c])]
    # What is called dose or time comes first, then numbers, then words, then what only counts.
    graded.sort(key=lambda c: (bool(_NUMBERED.search(c)), not _GRADED.search(c), not _measured(samples[c])))
    offer("tint", markers, markers[0])
    groups = [c for c in map(str, samples.columns) if 2 <= session.texts(c).replace("", pd.NA).nunique() <= MOST_GROUPS]
    offer("mixed", [NONE, *groups], NONE)
    offer("along", graded or [NONE], (graded or [NONE])[0])
    offer_levels(session)


def offer_levels(session: Session) -> None:
    """Offer the columns whose levels a morph can stay within, and the levels of the chosen one."""
    choices = session.choices
    columns = [str(c) for c in session.cohort.samples.columns if c != choices.along]
    shared = [c for c in columns if 1 < session.texts(c).replace("", pd.NA).nunique() < len(session.cohort.samples)]
    choices.offer("within", [NONE, *shared], NONE)
    within = choices.chosen("within")
    levels = [NONE] if within is None else list(ordered_classes([text for text in session.texts(within) if text]))
    choices.offer("level", levels, levels[0])


def _measured(column: pd.Series) -> bool:
    """Whether a column holds numbers that differ."""
    number = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    return bool(number and column.min() < column.max())


def _largest(session: Session, group: str) -> str:
    """Name the sample of a group that has the most cells: the one whose picture is clearest."""
    return str(session.cohort.cell_counts[session.texts(session.label) == group].idxmax())


def _role(cohort: Cohort, role: str, columns: list[str]) -> str | None:
    """Return the column that plays a role, if it is one of `columns`."""
    try:
        column, _sentence = resolve_role(cohort, role)
    except CohortError:
        return None
    return column if column in columns else None
