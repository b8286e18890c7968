"""Cohorts at the level of features: a few strong directions, batches, several samples a patient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lotviz.analysis.design import Design
from lotviz.analysis.folds import grouped_folds
from lotviz.analysis.ridge import fit_ridge
from lotviz.analysis.scoring import HeldOut, predicted_classes

STRENGTHS = np.concatenate([[3.0, 2.0, 1.5, 1.0, 0.8, 0.6], np.full(24, 0.15)])


@dataclass(frozen=True, eq=False)
class KernelCohort:
    features: np.ndarray
    design: Design

    def kernels(self, training):
        """Centred and normed on the training samples, (N, N)."""
        centred = self.features - self.features[training].mean(axis=0)
        kernel = centred @ centred.T
        return kernel / np.diag(kernel)[training].mean()


def kernel_cohort(seed, *, patients=24, per_patient=1, batches=1, batch=3.0, effect=0.0, patient=2.0, classes=2):
    """Classes alternate within batches; `effect` moves the fourth direction, in its standard deviations."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(patients)
    label, place = (order % classes).astype(np.intp), ((order // classes) % batches).astype(np.intp)
    groups = np.repeat(np.arange(patients), per_patient).astype(np.intp)
    n, width = len(groups), len(STRENGTHS)
    features = rng.normal(size=(n, width))
    if per_patient > 1:
        features += patient * rng.normal(size=(patients, width))[groups]
    if batches > 1:
        features += batch * rng.normal(size=(batches, width))[place[groups]]
    features[:, 3] += effect * label[groups]
    return KernelCohort(features * STRENGTHS, design_of(label[groups], groups, place[groups]))


def design_of(labels, groups, batches=None, values=None):
    per_class = [len(np.unique(groups[labels == c])) for c in np.unique(labels)]
    return Design(
        label="label",
        classes=() if values is not None else tuple(f"class {c}" for c in range(labels.max() + 1)),
        labels=labels,
        groups=groups,
        batches=np.zeros_like(labels) if batches is None else batches,
        group_names=np.array([f"P{g}" for g in groups], dtype=object),
        batch=None,
        confounds=(),
        folds=min(5, *per_class),
        warnings=(),
        outcome=values,
    )


def held_out_by_ridge(cohort, *, repeats=3, seed=0):
    """Cross-validated scores of the ridge, as in a classification."""
    design = cohort.design
    scores = np.zeros((repeats, len(design.labels), 1))
    folds = np.zeros((repeats, len(design.labels)), dtype=np.intp)
    for repeat in range(repeats):
        rng = np.random.default_rng([seed, repeat])
        folds[repeat] = grouped_folds(design.labels, design.groups, design.folds, rng=rng, strata=design.batches)
        for fold in range(design.folds):
            training, test = np.flatnonzero(folds[repeat] != fold), np.flatnonzero(folds[repeat] == fold)
            kernel = cohort.kernels(training)
            groups = np.unique(design.groups[training], return_inverse=True)[1]
            ridge = fit_ridge(kernel[np.ix_(training, training)], design.labels[training], groups, n_classes=2)
            scores[repeat, test] = ridge.predict(kernel[np.ix_(test, training)])
    return HeldOut(scores, predicted_classes(scores), None, folds)
