"""Which column of a cohort plays which part: label, group, batch, by its name or a name that is known to mean it."""

from __future__ import annotations

from lotviz.data.cohort import Cohort

ALIASES = {
    "label": ("condition", "group", "diagnosis", "response", "status", "class", "treatment", "disease"),
    "group": ("patient", "patient_id", "donor", "donor_id", "subject", "subject_id", "participant", "line"),
    "batch": ("plate", "run", "barcode_set", "acquisition", "date"),
}


def resolve_role(cohort: Cohort, name: str) -> tuple[str, str | None]:
    """Return the column meant by a name that may be a role, and the sentence that says so where it was guessed.

    Raises
    ------
    CohortError
        When there is no such column and no single column that is known to mean it.

    Examples
    --------
    >>> from lotviz.data import simulate
    >>> resolve_role(simulate(samples=2, cells=5), "group")
    ('patient', 'There is no column group: the column patient is used as group.')
    """
    columns = {str(column).lower(): str(column) for column in reversed(list(cohort.samples.columns))}
    if name in cohort.samples.columns:
        return name, None
    if name.lower() in ALIASES:
        same = [columns[name.lower()]] if name.lower() in columns else []
        found = same or [columns[alias] for alias in ALIASES[name.lower()] if alias in columns]
        if len(found) == 1:
            return found[0], f"There is no column {name}: the column {found[0]} is used as {name.lower()}."
    cohort.column(name)  # raises, naming the columns there are
    return name, None
