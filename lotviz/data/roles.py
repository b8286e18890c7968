"""Which column of a cohort plays which part: label, group, batch, by its name or a name that is known to mean it."""

from __future__ import annotations

from collections.abc import Sequence

from lotviz.data.cohort import Cohort
from lotviz.data.problems import CohortError, Problem, listed
from lotviz.data.tables.columns import squeezed

# compared without case, spaces and punctuation
ALIASES = {
    "label": (
        "condition", "group", "diagnosis", "response", "status", "class", "treatment", "disease",
        "gruppe", "diagnose", "befund", "ansprechen", "klasse", "behandlung", "therapie", "erkrankung", "krankheit",
    ),
    "group": (
        "patient", "patientid", "donor", "donorid", "subject", "subjectid", "participant", "participantid", "line",
        "patientin", "patientenid", "patientennummer", "patientennr", "spender", "spenderid", "proband", "probandid",
        "fallnummer",
    ),
    "batch": (
        "plate", "run", "barcodeset", "acquisition", "date", "batchid", "runid", "plateid", "acquisitiondate",
        "platte", "charge", "lauf", "messlauf", "datum", "messdatum", "messtag",
    ),
}  # fmt: skip


def role_candidates(role: str, names: Sequence[str]) -> list[str]:
    """Return the columns that may play a role: the one called so in any spelling, or all that are known to mean it.

    Parameters
    ----------
    role
        "label", "group" or "batch".

    Examples
    --------
    >>> role_candidates("label", ["Probe", "Gruppe", "Alter"])
    ['Gruppe']
    """
    same = [name for name in names if squeezed(name) == role]
    return same[:1] or [name for name in dict.fromkeys(names) if squeezed(name) in ALIASES[role]]


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
    if name in cohort.samples.columns:
        return name, None
    if name.lower() in ALIASES:
        found = role_candidates(name.lower(), [str(column) for column in cohort.samples.columns])
        if len(found) == 1:
            return found[0], f"There is no column {name}: the column {found[0]} is used as {name.lower()}."
        if found:
            what = f"Expected a column {name}, found {listed(found)}, which may all be meant."
            raise CohortError(Problem(cohort.origin, what, "Name the one to use."))
    cohort.column(name)  # raises, naming the columns there are
    return name, None
