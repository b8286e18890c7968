"""Whether the answer holds: without any one patient, on batches that were left out, on other references."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lotviz.analysis.cross_validation import Evidence, fit_on
from lotviz.analysis.design import Design
from lotviz.analysis.folds import constant_groups, grouped_folds, possible_folds
from lotviz.analysis.recipe import Fit, fit_of
from lotviz.analysis.scoring import balanced_accuracy, predicted_classes

Kernels = Callable[[NDArray[np.intp]], NDArray[np.float64]]
RUNS = 3  # repeats of the cross-validation that are run again without each group
MOST_REFITS = 60  # groups; among more, none can carry the result alone, and the mean over the rest is told


@dataclass(frozen=True, eq=False)
class Robustness:
    """What becomes of the balanced accuracy of LOT when something is left out or exchanged.

    Attributes
    ----------
    groups
        Names of the groups, in the order of `without`.
    without
        Balanced accuracy of the rest when a group is left out of everything, shape (groups,); NaN where too few are
        left of a class to learn and test it.
    with_all
        The same figure with all groups, on the same folds.
    batch_named, batch_chance
        How often the batch of a sample is named from its cells, balanced, and how often a coin would; None where
        there are no batches, or they cannot be tested.
    other_batches, same_batches
        Balanced accuracy on batches that were not learnt from, and of ordinary folds on the same samples; or None.
    references
        Balanced accuracy on each reference alone; empty where there is one only.
    """

    groups: tuple[str, ...]
    without: NDArray[np.float64]
    with_all: float
    batch_named: float | None = None
    batch_chance: float | None = None
    other_batches: float | None = None
    same_batches: float | None = None
    references: tuple[float, ...] = ()

    @property
    def most_influential(self) -> int | None:
        """Position of the group that the figure falls most without; None where no group can be left out."""
        return int(np.nanargmin(self.without)) if np.isfinite(self.without).any() else None

    def to_json(self) -> dict[str, object]:
        """Return everything by name."""
        return {
            "with_all": self.with_all,
            "without": {
                name: figure if np.isfinite(figure) else None
                for name, figure in zip(self.groups, self.without.tolist(), strict=True)
            },
            "batch_named": self.batch_named,
            "batch_chance": self.batch_chance,
            "other_batches": self.other_batches,
            "same_batches": self.same_batches,
            "references": list(self.references),
        }


def robustness(kernels: Kernels, design: Design, evidence: Evidence, *, fit: Fit, seed: int) -> Robustness:
    """Leave out each group, each batch, and all references but one.

    Parameters
    ----------
    kernels
        From training rows to the (N, N) kernel of LOT on one embedding of all samples, which never saw a label.
    evidence
        Of the cross-validation, for what was said on single references.
    fit
        The estimator.
    """
    if design.outcome is not None:
        return Robustness((), np.zeros(0), float("nan"))
    everyone = np.arange(len(design.labels))
    runs = evidence.folds[:RUNS]
    said = np.stack([_predictions(kernels, design, folds, everyone, fit=fit) for folds in runs])
    right = (said == design.labels).mean(axis=0)
    names, without = _influence(kernels, design, runs, right, fit=fit)
    return replace(
        _batches(kernels, design, said[0], fit=fit, seed=seed),
        groups=names,
        without=without,
        with_all=_accuracy(right, design.labels),
        references=tuple(_accuracy(out.hits(design.labels), design.labels) for out in evidence.references),
    )


def _predictions(
    kernels: Kernels, design: Design, folds: NDArray[np.intp], rows: NDArray[np.intp], *, fit: Fit
) -> NDArray[np.intp]:
    """Class named for each of the rows by fits on the other folds of these rows; -1 where a class would be missing."""
    said = np.full(len(rows), -1, dtype=np.intp)
    for fold in np.unique(folds[rows]):
        test, training = rows[folds[rows] == fold], rows[folds[rows] != fold]
        if len(np.unique(design.labels[training])) == len(design.classes):
            kernel = kernels(training)
            fitted = fit_on(kernel, design, training, fit=fit)
            said[folds[rows] == fold] = predicted_classes(fitted.predict(kernel[np.ix_(test, training)]))
    return said


def _accuracy(hits: NDArray[np.float64] | NDArray[np.bool_], labels: NDArray[np.intp]) -> float:
    return float(balanced_accuracy(hits.astype(np.float64), labels)[0])


def _influence(
    kernels: Kernels, design: Design, runs: NDArray[np.intp], right: NDArray[np.float64], *, fit: Fit
) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Balanced accuracy of the rest without each group: fitted anew for few groups, by its own samples for many."""
    firsts = [int(np.flatnonzero(design.groups == group)[0]) for group in range(design.n_groups)]
    names = tuple(str(design.group_names[row]) for row in firsts)
    without = np.zeros(design.n_groups)
    for group in range(design.n_groups):
        rest = np.flatnonzero(design.groups != group)
        if design.n_groups > MOST_REFITS:
            without[group] = _accuracy(right[rest], design.labels[rest])
        elif _can_be_tested(design, rest):
            dealt = [_dealt_anew(design, folds, rest, seed=run) for run, folds in enumerate(runs)]
            again = [_predictions(kernels, design, folds, rest, fit=fit) == design.labels[rest] for folds in dealt]
            without[group] = _accuracy(np.mean(again, axis=0), design.labels[rest])
        else:
            without[group] = np.nan
    return names, without


def _can_be_tested(design: Design, rows: NDArray[np.intp]) -> bool:
    """Whether every class can be learnt and tested in these samples."""
    labels = design.labels[rows]
    return len(np.unique(labels)) == len(design.classes) and possible_folds(labels, design.groups[rows]) >= 2


def _dealt_anew(design: Design, folds: NDArray[np.intp], rows: NDArray[np.intp], *, seed: int) -> NDArray[np.intp]:
    """Return the folds of all samples, (N,), those of `rows` dealt anew where some training would lack a class."""
    labels, groups = design.labels[rows], design.groups[rows]
    if all(len(np.unique(labels[folds[rows] != fold])) == len(design.classes) for fold in np.unique(folds[rows])):
        return folds
    count = min(design.folds, possible_folds(labels, groups))
    again = folds.copy()
    numbers = np.unique(groups, return_inverse=True)[1].astype(np.intp)
    again[rows] = grouped_folds(labels, numbers, count, rng=np.random.default_rng(seed))
    return again


def _batches(kernels: Kernels, design: Design, said: NDArray[np.intp], *, fit: Fit, seed: int) -> Robustness:
    """Name batches from cells, and classes on batches that were left out."""
    found = Robustness((), np.zeros(0), float("nan"))
    n_batches = int(design.batches.max()) + 1
    if n_batches < 2 or design.within:
        return found
    if constant_groups(design.batches, design.groups).all() and possible_folds(design.batches, design.groups) >= 2:
        count = min(design.folds, possible_folds(design.batches, design.groups))
        names = tuple(str(number) for number in range(n_batches))
        other = replace(design, classes=names, labels=design.batches, folds=count)
        folds = grouped_folds(design.batches, design.groups, count, rng=np.random.default_rng([seed, 1]))
        named = _predictions(kernels, other, folds, np.arange(len(folds)), fit=fit_of("ridge", n_batches))
        found = replace(
            found, batch_named=_accuracy(named == design.batches, design.batches), batch_chance=1.0 / n_batches
        )
    apart = _predictions(kernels, design, design.batches, np.arange(len(said)), fit=fit)
    tested = apart >= 0
    if len(np.unique(design.labels[tested])) == len(design.classes):
        labels = design.labels[tested]
        found = replace(
            found,
            other_batches=_accuracy(apart[tested] == labels, labels),
            same_batches=_accuracy(said[tested] == labels, labels),
        )
    return found
