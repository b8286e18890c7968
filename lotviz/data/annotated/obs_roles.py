"""Which column of obs plays which part: proposed from its name and its values, for a user to confirm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lotviz.data.annotated.obs import Obs
from lotviz.data.problems import CohortError, Problem, did_you_mean, listed

Role = Literal["sample", "patient", "condition", "batch", "population"]

# Tried in this order: a name of the first tier wins over all of the second.
GUESSES = (
    ("sample", "sample_id", "sample_name", "sampleid"),
    ("donor", "donor_id", "patient", "patient_id", "subject", "subject_id", "orig_ident", "individual"),
    ("library", "library_id", "libraryid", "gsm", "mouse_id", "channel"),
)
_NAMES: dict[Role, tuple[str, ...]] = {
    "sample": tuple(name for tier in GUESSES for name in tier),
    "patient": (
        *("patient", "patient_id", "donor", "donor_id", "subject", "subject_id", "individual", "participant"),
        *("participant_id", "mouse", "mouse_id"),
    ),
    "condition": (
        *("condition", "label", "group", "disease", "diagnosis", "disease_state", "disease_status", "status"),
        *("stim", "stimulation", "treatment", "perturbation", "response", "severity", "timepoint", "time_point"),
    ),
    "batch": (
        *("batch", "batch_id", "library", "library_id", "plate", "run", "pool", "lane", "chemistry", "assay", "site"),
        *("study", "dataset"),
    ),
    "population": (
        *("cell_type", "population", "celltype", "cell_types", "celltypes", "cell_type_name", "predicted_celltype"),
        *("cell_label", "annotation", "cell_ontology_class", "subtype", "cluster", "clusters", "leiden", "louvain"),
        *("seurat_clusters", "phenograph", "metacluster"),
    ),
}
_MEANING: dict[Role, str] = {
    "sample": "the sample of a cell",
    "patient": "the patient of a sample",
    "condition": "the condition of a sample",
    "batch": "the batch of a sample",
    "population": "the population of a cell",
}
_OF_SAMPLES: tuple[Role, ...] = ("patient", "condition", "batch")
# these two say what they are; every other name is a guess
_PLAIN = ("cell_type", "population")


@dataclass(frozen=True)
class ProposedRole:
    """A column proposed for a part.

    Attributes
    ----------
    role
        The part.
    column
        The column proposed; None where none fits.
    sentence
        Why, or why not.
    others
        Columns that could play it as well.
    """

    role: Role
    column: str | None
    sentence: str
    others: tuple[str, ...] = ()


def spelling(name: str) -> str:
    """Return a name as it is compared: small letters, "_" for what stands between words.

    Examples
    --------
    >>> spelling("orig.ident"), spelling("Sample ID")
    ('orig_ident', 'sample_id')
    """
    return "".join(letter if letter.isalnum() else "_" for letter in str(name).strip().lower())


def propose_roles(obs: Obs, *, sample_key: str | None = None) -> tuple[ProposedRole, ...]:
    """Propose a column of obs for each part: sample, patient, condition, batch and population, in this order.

    Names come first; a column for samples must then have one value in every sample. Where several fit, the first of
    the known names is proposed and the others are listed.

    Parameters
    ----------
    sample_key
        The column of the sample where it is known.

    Raises
    ------
    CohortError
        When a column cannot be read.
    """
    sample = _proposed_sample(obs, sample_key)
    codes = None if sample.column is None else _codes(obs.words(sample.column))
    others = [_proposed(obs, role, sample.column, codes) for role in _OF_SAMPLES]
    return (sample, *others, _proposed_population(obs))


def _named(obs: Obs, role: Role) -> list[str]:
    by_spelling = {spelling(name): name for name in reversed(obs.columns)}
    return [by_spelling[name] for name in _NAMES[role] if name in by_spelling]


def _proposed_sample(obs: Obs, sample_key: str | None) -> ProposedRole:
    if sample_key is not None and sample_key in obs.columns:
        return ProposedRole("sample", sample_key, f"You named {sample_key} as the sample of a cell.")
    fitting = [name for name in _named(obs, "sample") if 0 < len(obs.words(name).categories) < max(2, obs.n_cells)]
    count = len(obs.words(fitting[0]).categories) if fitting else 0
    return _first_of("sample", fitting, f"with {count:,} values in {obs.n_cells:,} cells")


def _proposed_population(obs: Obs) -> ProposedRole:
    fitting = [name for name in _named(obs, "population") if 1 < len(obs.words(name).categories) <= 500]
    count = len(obs.words(fitting[0]).categories) if fitting else 0
    return _first_of("population", fitting, f"with {count} values")


def _proposed(obs: Obs, role: Role, sample: str | None, codes: NDArray[np.int32] | None) -> ProposedRole:
    named = [name for name in _named(obs, role) if name != sample]
    if codes is None:
        return _first_of(role, named, "by its name alone: the sample of a cell is not known")
    counts = {name: _values_of_samples(codes, obs.words(name)) for name in named}
    fitting = [name for name, count in counts.items() if count is not None and count > 1]
    varying = [name for name, count in counts.items() if count is None]
    if not fitting and varying:
        what = f"The column {varying[0]} is no {role}: it has more than one value within a sample."
        return ProposedRole(role, None, what, tuple(varying))
    return _first_of(role, fitting, f"with {counts[fitting[0]]} values, one in each sample" if fitting else "")


def _first_of(role: Role, fitting: list[str], why: str) -> ProposedRole:
    if not fitting:
        return ProposedRole(role, None, f"No column was found that names {_MEANING[role]}.")
    sentence = f"The column {fitting[0]} is proposed as {_MEANING[role]}, {why}"
    sentence += f"; {listed(fitting[1:])} could be as well." if fitting[1:] else "."
    return ProposedRole(role, fitting[0], sentence, tuple(fitting[1:]))


def _codes(words: pd.Categorical) -> NDArray[np.int32]:
    return np.asarray(words.codes, dtype=np.int32)


def _values_of_samples(codes: NDArray[np.int32], words: pd.Categorical) -> int | None:
    """Return how many values a column has, or None where cells of one sample differ in it."""
    values = _codes(words)
    named = codes >= 0
    of_sample = np.full(int(codes.max(initial=-1)) + 1, -1, dtype=np.int32)
    of_sample[codes[named]] = values[named]
    return len(np.unique(values[values >= 0])) if (of_sample[codes[named]] == values[named]).all() else None


def population_column(obs: Obs, where: str, wanted: str | None) -> tuple[str | None, Problem | None]:
    """Return the column of obs that names the population of a cell, and what to say where it was guessed.

    Raises
    ------
    CohortError
        When a column is asked for that is not there.
    """
    if wanted is not None:
        if wanted in obs.columns:
            return wanted, None
        what = f"Expected a column {wanted} in obs, found {listed(obs.columns, 40)}."
        fix = did_you_mean(wanted, obs.columns) or "Name one of these as population key."
        raise CohortError(Problem(where, what, fix))
    named = _named(obs, "population")
    if not named:
        return None, None
    plain = named[0] in _PLAIN
    if plain:
        return named[0], None
    what = f"The column {named[0]} of obs is taken as the population of a cell."
    if named[1:]:
        what = f"{what[:-1]}; {listed(named[1:])} could be as well."
    return named[0], Problem(where, what, "Give the population key if it is another.", "warning")
