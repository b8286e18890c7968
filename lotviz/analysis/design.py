"""The question put to a cohort: which classes, whose samples belong together, what could confound them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lotviz.analysis.folds import constant_groups, possible_folds
from lotviz.analysis.model import label_texts, ordered_classes
from lotviz.data.cohort import Cohort
from lotviz.data.problems import CohortError, Problem, did_you_mean, listed

_OWNERS = ("patient", "donor", "subject", "participant", "individual", "mouse", "animal")


@dataclass(frozen=True, eq=False)
class Design:
    """Classes, groups and batches of N samples as integers from 0.

    Attributes
    ----------
    label
        Name of the label column.
    classes
        Names of the classes; for two, a positive score speaks for the second.
    labels, groups, batches
        Shape (N,) each. All batches are 0 when no batch column was given.
    group_names
        Group of each sample as found in the cohort, shape (N,).
    confounds
        Columns of the confound baseline: batch and adjusted ones.
    folds
        Number of folds.
    warnings
        What is doubtful about the question itself, as sentences.
    """

    label: str
    classes: tuple[str, ...]
    labels: NDArray[np.intp]
    groups: NDArray[np.intp]
    batches: NDArray[np.intp]
    group_names: NDArray[np.object_]
    batch: str | None
    confounds: tuple[str, ...]
    folds: int
    warnings: tuple[str, ...]

    @property
    def n_groups(self) -> int:
        """Number of groups."""
        return int(self.groups.max()) + 1

    @property
    def groups_per_class(self) -> dict[str, int]:
        """Number of groups in each class."""
        return _groups_per_class(self.classes, self.labels, self.groups)

    @property
    def paired(self) -> bool:
        """True where a group carries several labels, as a patient before and after a treatment."""
        return not bool(constant_groups(self.labels, self.groups).all())


def make_design(
    cohort: Cohort,
    label: str,
    *,
    group: str | None,
    batch: str | None,
    adjust: Sequence[str],
    folds: int,
    positive: Hashable | None = None,
) -> Design:
    """Read the question from the sample table.

    Raises
    ------
    CohortError
        An unknown column, missing labels or groups, one class only, too few groups for two folds.
    """
    names = _texts(cohort, label, "label")
    group_names = _texts(cohort, group, "group") if group is not None else cohort.samples.index.to_numpy(dtype=object)
    for name in (*([batch] if batch else []), *adjust):
        cohort.column(name)
    classes = _classes(cohort, label, names=names, positive=positive)
    labels = np.array([classes.index(name) for name in names], dtype=np.intp)
    groups = np.asarray(pd.factorize(pd.Series(group_names))[0], dtype=np.intp)
    most = possible_folds(labels, groups)
    if most < 2:
        raise CohortError(_too_few(cohort, classes, labels=labels, groups=groups))
    batches = cohort.column(batch).astype(object).fillna("missing").astype(str) if batch else [""] * len(labels)
    warnings = _design_warnings(cohort, classes, labels=labels, groups=groups, group=group, batch=batch)
    if most < folds:
        warnings.append(f"The smallest class has {most} groups, so {most} folds were used instead of {folds}.")
    return Design(
        label=label,
        classes=classes,
        labels=labels,
        groups=groups,
        batches=np.asarray(pd.factorize(pd.Series(list(batches)))[0], dtype=np.intp),
        group_names=group_names,
        batch=batch,
        confounds=(*([batch] if batch else []), *adjust),
        folds=min(folds, most),
        warnings=tuple(warnings),
    )


def _texts(cohort: Cohort, column: str, role: str) -> NDArray[np.object_]:
    texts = label_texts(cohort.column(column))
    missing = [f"{cohort.samples.index[int(row)]} (row {row + 1})" for row in np.flatnonzero(texts == "")]
    if missing:
        raise CohortError(
            Problem(
                f"{_place(cohort)}, column {column}",
                f"Expected a {role} for every sample, found none for {listed(missing)}.",
                "Fill it in, or leave these samples out.",
            )
        )
    return texts


def _classes(cohort: Cohort, label: str, *, names: NDArray[np.object_], positive: Hashable | None) -> tuple[str, ...]:
    where = f"{_place(cohort)}, column {label}"
    classes = ordered_classes(names)
    if len(classes) < 2:
        what = f"Expected at least two classes, found only {listed(classes)}."
        raise CohortError(Problem(where, what, "Choose a column that separates the samples into groups."))
    if len(classes) == len(names) and len(classes) > 2:
        what = f"Expected classes with several samples, found a different value for each of the {len(names)} samples."
        raise CohortError(Problem(where, what, "Choose a column whose values repeat."))
    if positive is None:
        return classes
    if str(positive) not in classes:
        fix = did_you_mean(str(positive), classes) or f"The classes are {listed(classes)}."
        raise CohortError(Problem(where, f"Expected a class, found {positive}.", fix))
    return (*(name for name in classes if name != str(positive)), str(positive))


def _too_few(
    cohort: Cohort, classes: tuple[str, ...], *, labels: NDArray[np.intp], groups: NDArray[np.intp]
) -> Problem:
    counts = _groups_per_class(classes, labels, groups)
    found = listed(f"{name}: {count}" for name, count in counts.items())
    return Problem(
        _place(cohort),
        f"Expected at least 2 groups in every class, one to learn from and one to test on, found {found}.",
        "Add samples, leave the small class out, or choose another group column.",
    )


def _groups_per_class(classes: tuple[str, ...], labels: NDArray[np.intp], groups: NDArray[np.intp]) -> dict[str, int]:
    return {name: len(np.unique(groups[labels == number])) for number, name in enumerate(classes)}


def _design_warnings(
    cohort: Cohort,
    classes: tuple[str, ...],
    *,
    labels: NDArray[np.intp],
    groups: NDArray[np.intp],
    group: str | None,
    batch: str | None,
) -> list[str]:
    warnings = [
        f"Only {count} groups are {name}: with fewer than 5 in a class no score can be relied on."
        for name, count in _groups_per_class(classes, labels, groups).items()
        if count < 5
    ]
    if not constant_groups(labels, groups).all():
        warnings.append(
            f"The label varies within {group or 'group'} (a paired design): for the permutation test labels were "
            "exchanged within each group only."
        )
    owners = [name for name in cohort.samples.columns if str(name).lower() in _OWNERS]
    repeated = [str(name) for name in owners if cohort.samples[name].dropna().duplicated().any()]
    if group is None and repeated:
        warnings.append(
            f"Several samples share a value of {repeated[0]}, but it was not given as the group: samples of one "
            f"{repeated[0]} may be in training and test at once, and the scores too good."
        )
    if batch is None:
        warnings.append("No batch column was given: a difference between batches would look like one between classes.")
    elif cohort.column(batch).fillna("missing").nunique() < 2:
        warnings.append(f"The column {batch} holds one value only: it cannot tell batches apart.")
    return warnings


def _place(cohort: Cohort) -> str:
    return cohort.origin or cohort.name
