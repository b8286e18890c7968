"""Which column of a table names the sample, and which its file, by the names people give them."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lotviz.data.problems import Problem, did_you_mean, listed

SHEET_ROLES = ("sample", "file")
# tried one group after the other; names are compared without case, spaces and punctuation
_EXACT = {"sample": ("sample", "sample_id"), "file": ("file",)}
_KNOWN = {
    "sample": (
        "sample", "sampleid", "samplename", "samplenumber", "sampleno", "samples", "tube", "tubeid", "tubename",
        "specimen", "specimenid", "specimenname", "well", "wellid", "probe", "proben", "probenid", "probename",
        "probenname", "probennummer", "probennr", "probenbezeichnung", "probenkennung", "röhrchen", "roehrchen",
    ),
    "file": (
        "file", "files", "filename", "filepath", "fcs", "fcsfile", "fcsfilename", "datafile", "datei", "dateien",
        "dateiname", "dateipfad", "fcsdatei", "fcsdateiname", "messdatei", "path", "pfad",
    ),
}  # fmt: skip
_LAST = {"sample": ("id", "name", "kennung", "bezeichnung", "nummer"), "file": ()}


def squeezed(name: str) -> str:
    """Return a name without case, spaces and punctuation, for comparing.

    Examples
    --------
    >>> squeezed(" Sample_Name ")
    'samplename'
    """
    return "".join(letter for letter in unicodedata.normalize("NFKC", name).casefold() if letter.isalnum())


def names_sample(name: str) -> bool:
    """Whether a column of a table of cells names their sample; a mere id or name may be the cell's own."""
    return squeezed(name) in _KNOWN["sample"]


def candidates(role: str, names: Sequence[str], *, weak: bool = True) -> list[str]:
    """Return the columns that may play a role, from the first group of names that any of them is in.

    Parameters
    ----------
    role
        "sample" or "file".
    weak
        Whether names such as id count where no better one is there.

    Examples
    --------
    >>> candidates("file", ["Probe", "Dateiname"])
    ['Dateiname']
    """
    for exact in _EXACT[role]:
        if exact in names:
            return [exact]
    plain = [squeezed(exact) for exact in _EXACT[role]]
    for group in ([plain[0]], plain, _KNOWN[role], _LAST[role] if weak else ()):
        found = [name for name in dict.fromkeys(names) if squeezed(name) in group]
        if found:
            return found
    return []


@dataclass(frozen=True)
class Columns:
    """The columns of a sheet by role (None where there is none), the errors of finding them, and what was guessed."""

    sample: str | None
    file: str | None
    errors: tuple[Problem, ...] = ()
    notes: tuple[Problem, ...] = ()


def find_columns(
    names: Sequence[str], where: str, *, file_column: bool, chosen: Mapping[str, str] | None = None
) -> Columns:
    """Find the columns that name samples and files.

    Parameters
    ----------
    names
        The header.
    where
        How the owner calls the sheet.
    file_column
        True when each sample must name its file.
    chosen
        Role -> column, where the user decided.
    """
    found: dict[str, str | None] = {}
    errors, notes = _unknown_roles(chosen or {}, where), []
    for role in SHEET_ROLES if file_column else SHEET_ROLES[:1]:
        asked = (chosen or {}).get(role)
        fitting = [name for name in names if name.strip() == asked.strip()] if asked else candidates(role, names)
        found[role] = fitting[0] if asked and fitting else fitting[0] if len(fitting) == 1 else None
        if found[role] is None:
            errors.append(_not_found(role, names, where, asked=asked, fitting=fitting))
        elif not asked and found[role] not in _EXACT[role]:
            what = f"The column {found[role]} is used as {role}."
            notes.append(Problem(where, what, "Choose another column if that is wrong.", "warning"))
    return Columns(found.get("sample"), found.get("file"), tuple(errors), tuple(notes))


def _unknown_roles(chosen: Mapping[str, str], where: str) -> list[Problem]:
    return [
        Problem(
            where,
            f"Expected the role sample or file, found {role}.",
            did_you_mean(role, SHEET_ROLES) or "Name one of them.",
        )
        for role in chosen
        if role not in SHEET_ROLES
    ]


def _not_found(role: str, names: Sequence[str], where: str, *, asked: str | None, fitting: Sequence[str]) -> Problem:
    there = [name for name in names if name]
    if asked:
        what = f"Expected a column {asked}, found {listed(there, 30)}."
        return Problem(where, what, did_you_mean(asked, there) or "Choose one of these.")
    if len(fitting) > 1:
        what = f"Expected one column for the {role}, found {listed(fitting)}."
        return Problem(where, what, f"Name the right one {role}, or choose it.")
    what = f"Expected a column {role}, found {listed(there, 30)}."
    return Problem(where, what, did_you_mean(role, there) or f"Name a column {role}.")
