"""The question put to a cohort: which classes, whose samples belong together, what could confound them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lotviz.analysis.adjustment import pair_centring
from lotviz.analysis.confounds import confound_features, explained
from lotviz.analysis.controls import are_controls
from lotviz.analysis.folds import constant_groups, possible_folds
from lotviz.analysis.labels import label_texts, ordered_classes, words
from lotviz.data.choices import require_among
from lotviz.data.cohort import Cohort
from lotviz.data.problems import CohortError, Problem, did_you_mean, listed
from lotviz.data.roles import ALIASES
from lotviz.data.tables.columns import squeezed

Outcome = Literal["auto", "classes", "continuous"]
FEWEST_FOLDS = 2
_OWNERS = ("individual", "individualid", "mouse", "mouseid", "animal", "animalid")  # beside those that may be a group


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
    outcome
        A continuous outcome, shape (N,); None for classes. Its `labels` are thirds, for folds that look alike.
    within
        True where every sample is compared with the mean of its group: a paired design.
    adjust
        Columns whose linear part is taken out of every sample.
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
    outcome: NDArray[np.float64] | None = None
    within: bool = False
    adjust: tuple[str, ...] = ()

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
    outcome: Outcome = "auto",
    paired: bool | None = None,
) -> Design:
    """Read the question from the sample table.

    Parameters
    ----------
    cohort
        Its samples all have a label; see `labelled`.
    outcome
        "classes", "continuous", or "auto": numbers of which most are different are continuous.
    paired
        Compare samples within their group; default where every group has samples of every class.

    Raises
    ------
    CohortError
        An unknown column, missing labels or groups, one class only, too few groups for two folds.
    """
    if asks_a_number(cohort.column(label), outcome):
        made = _continuous_design(cohort, label, group=group, batch=batch, adjust=adjust, folds=folds)
        said = f"The numbers in {label} were not compared within groups: only classes can be paired."
        return replace(made, warnings=(*made.warnings, said)) if paired else made
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
    within = _compared_within(labels, groups) if paired is None else paired
    if within and constant_groups(labels, groups).all():
        raise CohortError(
            Problem(
                _place(cohort),
                "Expected groups with samples of several classes for a paired comparison, found one class in each "
                f"{group or 'sample'}.",
                "Name the column of the patient as the group, or compare without pairs.",
            )
        )
    member = (labels[:, None] == np.arange(len(classes))[None, :]).astype(np.float64)
    _leave_something(cohort, label, adjust, targets=member, pairs=groups if within else None)
    warnings = _design_warnings(cohort, classes, labels=labels, groups=groups, group=group, batch=batch, within=within)
    if most < folds:
        warnings.append(f"The smallest class has {most} groups, so {most} folds were used instead of {folds}.")
    return Design(
        label=label,
        classes=classes,
        labels=labels,
        groups=groups,
        batches=_batches(cohort, batch),
        group_names=group_names,
        batch=batch,
        confounds=(*([batch] if batch else []), *adjust),
        folds=min(folds, most),
        warnings=tuple(warnings),
        within=within,
        adjust=tuple(dict.fromkeys(adjust)),
    )


def labelled(cohort: Cohort, label: str, *, controls: tuple[str, str] | None = None) -> tuple[Cohort, tuple[str, ...]]:
    """Return the samples that have a label, and a sentence that names those that have none.

    Samples with this value in this column, the `controls`, need none.

    Raises
    ------
    CohortError
        There is no such column, or no sample has a label.
    """
    texts = label_texts(cohort.column(label))
    needless = are_controls(cohort, controls)
    absent = (texts == "") & ~needless
    missing = [str(name) for name in cohort.samples.index[absent]]
    if not missing:
        return cohort, ()
    if len(missing) == len(texts) - needless.sum():
        what = f"Expected labels in the column {label}, found none at all."
        raise CohortError(Problem(_place(cohort), what, "Fill the column in, or choose another."))
    kept = cohort.select(samples=[str(name) for name in cohort.samples.index[~absent]])
    said = f"{len(missing)} of {len(texts)} samples have no {label} and were left out: {listed(missing)}."
    return kept, (said,)


_PER_NUMBER = 3  # samples; with more of each, numbers may as well be names of classes


def is_continuous(column: pd.Series) -> bool:
    """Whether a column is a measurement: numbers, more than ten different ones, on average of three samples at most.

    Examples
    --------
    >>> is_continuous(pd.Series(range(20))), is_continuous(pd.Series([0, 1] * 10))
    (True, False)
    >>> doses = pd.Series([0, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100] * 2)
    >>> is_continuous(doses)
    True
    """
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        return False
    known = column.dropna()
    return bool(known.nunique() > 10 and _PER_NUMBER * known.nunique() >= len(known))


def asks_a_number(column: pd.Series, outcome: Outcome) -> bool:
    """Whether a continuous outcome is to be estimated: where that is asked for, or left open and the column is one.

    Raises
    ------
    ValueError
        The outcome is none of the three.
    """
    require_among("outcome", outcome, get_args(Outcome))
    return outcome == "continuous" or (outcome == "auto" and is_continuous(column))


def _continuous_design(
    cohort: Cohort, label: str, *, group: str | None, batch: str | None, adjust: Sequence[str], folds: int
) -> Design:
    where = f"{_place(cohort)}, column {label}"
    values = pd.to_numeric(cohort.column(label), errors="coerce").to_numpy(dtype=np.float64)
    if not np.isfinite(values).all():
        bad = cohort.column(label)[~np.isfinite(values)]
        what = f"Expected a number for every sample, found {listed(map(str, bad.unique()), 4)} for {listed(bad.index)}."
        raise CohortError(Problem(where, what, "Correct these, or separate classes instead."))
    group_names = _texts(cohort, group, "group") if group is not None else cohort.samples.index.to_numpy(dtype=object)
    for name in (*([batch] if batch else []), *adjust):
        cohort.column(name)
    groups = np.asarray(pd.factorize(pd.Series(group_names))[0], dtype=np.intp)
    if len(np.unique(groups)) < 2 * FEWEST_FOLDS or np.ptp(values) == 0.0:
        what = (
            f"Expected differing numbers of at least {2 * FEWEST_FOLDS} groups, found {len(np.unique(groups))} groups."
        )
        raise CohortError(Problem(where, what, "Add samples, or choose another column."))
    _leave_something(cohort, label, adjust, targets=values[:, None])
    thirds = np.searchsorted(np.quantile(values, [1 / 3, 2 / 3]), values).astype(np.intp)
    warnings = _batch_warnings(cohort, batch)
    warnings += _owner_warnings(cohort, group)
    return Design(
        label=label,
        classes=(),
        labels=np.unique(thirds, return_inverse=True)[1].astype(np.intp),
        groups=groups,
        batches=_batches(cohort, batch),
        group_names=group_names,
        batch=batch,
        confounds=(*([batch] if batch else []), *adjust),
        folds=min(folds, len(np.unique(groups)) // 2),
        warnings=tuple(warnings),
        outcome=values,
        adjust=tuple(dict.fromkeys(adjust)),
    )


def _leave_something(
    cohort: Cohort,
    label: str,
    adjust: Sequence[str],
    *,
    targets: NDArray[np.float64],
    pairs: NDArray[np.intp] | None = None,
) -> None:
    """Refuse columns that say the label of every sample, within the pairs if there are any.

    In training they take out all that the label says, and what is left of the test samples leans the wrong way: the
    scores were far below chance. Names of their own for all samples are in no test fold known, and take out nothing.
    """
    if not adjust:
        return
    features = confound_features(cohort, adjust, np.arange(len(targets)), counts=False)
    if pairs is not None:
        features, targets = pair_centring(pairs) @ features, pair_centring(pairs) @ targets
    if explained(features, targets):
        what = f"Expected columns to adjust for that leave something of {label}, found that all of it follows from "
        fix = "Leave out the column it follows from, or take one whose values occur beside different labels."
        raise CohortError(Problem(_place(cohort), f"{what}{listed(adjust)}.", fix))


def _batches(cohort: Cohort, batch: str | None) -> NDArray[np.intp]:
    if batch is None:
        return np.zeros(len(cohort.samples), dtype=np.intp)
    return np.asarray(pd.factorize(words(cohort.column(batch)))[0], dtype=np.intp)


def _compared_within(labels: NDArray[np.intp], groups: NDArray[np.intp]) -> bool:
    """Whether every group has samples of every class, so that differences within groups can be taken."""
    seen = np.zeros((groups.max() + 1, labels.max() + 1), dtype=bool)
    seen[groups, labels] = True
    return bool(seen.all())


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
    wanted = str(label_texts([positive])[0])
    if wanted not in classes:
        fix = did_you_mean(wanted, classes) or f"The classes are {listed(classes)}."
        raise CohortError(Problem(where, f"Expected a class, found {positive}.", fix))
    return (*(name for name in classes if name != wanted), wanted)


def _too_few(
    cohort: Cohort, classes: tuple[str, ...], *, labels: NDArray[np.intp], groups: NDArray[np.intp]
) -> Problem:
    counts = _groups_per_class(classes, labels, groups)
    found = listed(f"{name}: {count}" for name, count in counts.items())
    return Problem(
        _place(cohort),
        f"Expected at least 2 patients in every class, one to learn from and one to test on, found {found}.",
        "Add samples, leave the small class out, or name another column of patients: its samples are kept together.",
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
    within: bool,
) -> list[str]:
    warnings = [
        f"Only {count} groups are {name}: with fewer than 5 in a class no score can be relied on."
        for name, count in _groups_per_class(classes, labels, groups).items()
        if count < 5
    ]
    if within:
        warnings.append(
            f"Every sample was compared with the mean of its {group or 'group'} (a paired design): a new sample can be "
            "named only beside another one of the same. Labels were exchanged within each only."
        )
    elif not constant_groups(labels, groups).all():
        warnings.append(
            f"The label varies within {group or 'group'} (a paired design): for the permutation test labels were "
            "exchanged within each group only."
        )
    return [*warnings, *_owner_warnings(cohort, group), *_batch_warnings(cohort, batch)]


def _owner_warnings(cohort: Cohort, group: str | None) -> list[str]:
    columns = [str(name) for name in cohort.samples.columns]
    owners = [name for name in columns if squeezed(name) in (*_OWNERS, *ALIASES["group"])]
    repeated = [str(name) for name in owners if cohort.samples[name].dropna().duplicated().any()]
    if group is not None or not repeated:
        return []
    return [
        f"Several samples share a value of {repeated[0]}, but it was not given as the group: samples of one "
        f"{repeated[0]} may be in training and test at once, and the scores too good."
    ]


def _batch_warnings(cohort: Cohort, batch: str | None) -> list[str]:
    if batch is None:
        return ["No batch column was given: a difference between batches would look like one between classes."]
    if len(set(words(cohort.column(batch)))) < 2:
        return [f"The column {batch} holds one value only: it cannot tell batches apart."]
    return []


def _place(cohort: Cohort) -> str:
    return cohort.origin or cohort.name
