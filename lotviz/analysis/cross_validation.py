"""Grouped, repeated cross-validation: what every model says of samples it has not seen, on the same folds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lotviz.analysis.adjustment import pair_centring
from lotviz.analysis.confounds import confound_features
from lotviz.analysis.design import Design
from lotviz.analysis.discriminant import class_probabilities, steepness_of
from lotviz.analysis.folds import grouped_folds
from lotviz.analysis.kernels import Grams, adjusted_grams, fold_kernel
from lotviz.analysis.recipe import BASELINES, TRANSPORT, Fit, Fitted, adjustment_of, lot_blocks
from lotviz.analysis.scoring import HeldOut, predicted_classes
from lotviz.data.cohort import Cohort

GramSource = Callable[[NDArray[np.intp], int], Grams]  # (training rows, seed of the references) -> Gram matrices
FEW = 150  # samples; for more, scores of single references are left out: with many samples they hardly differ


@dataclass(frozen=True, eq=False)
class Evidence:
    """Held-out scores of every model.

    Attributes
    ----------
    folds
        Test fold of each sample in each repeat, shape (repeats, N).
    held_out
        What each model said.
    references
        What LOT said on each of the references alone; empty where there is one only, or many samples.
    """

    folds: NDArray[np.intp]
    held_out: dict[str, HeldOut]
    references: tuple[HeldOut, ...]


def cross_validate(
    source: GramSource,
    cohort: Cohort,
    design: Design,
    *,
    fit: Fit,
    steady: Fit,
    abundance: bool,
    repeats: int,
    seed: int,
    step: Callable[[str], None] = lambda _: None,
) -> Evidence:
    """Fit every model on each training fold and let it speak of the test fold.

    Parameters
    ----------
    source
        Gives the Gram matrices of all samples for a training fold; made from that fold and no labels.
    cohort
        The samples, for covariates and number of cells.
    fit
        The estimator, the same for LOT and all baselines.
    steady
        The estimator as it is drawn, with steadier weights.
    abundance
        Whether the abundance of clusters is part of LOT.
    repeats
        Of the cross-validation.
    step
        Called with a message before each fold, to report progress or stop.
    """
    models = models_of(design, abundance=abundance)
    spoken: dict[str, _Spoken] = {}
    folds = np.zeros((repeats, len(design.labels)), dtype=np.intp)
    for repeat in range(repeats):
        rng = np.random.default_rng([seed, repeat])
        folds[repeat] = grouped_folds(design.labels, design.groups, design.folds, rng=rng, strata=design.batches)
        for fold in range(design.folds):
            step(f"Fold {repeat * design.folds + fold + 1} of {repeats * design.folds}")
            training, test = np.flatnonzero(folds[repeat] != fold), np.flatnonzero(folds[repeat] == fold)
            grams = _fold_grams(source(training, int(rng.integers(2**31))), cohort, design, training)
            kernels = {name: fold_kernel(grams, blocks, training) for name, blocks in models.items()}
            kernels.update(_single_references(grams, training))
            kernels["lot_steady"] = kernels["lot"]
            for name, kernel in kernels.items():
                fitted = fit_on(kernel, design, training, fit=steady if name == "lot_steady" else fit)
                said = spoken.setdefault(name, _Spoken.empty(repeats, design))
                scores = fitted.predict(kernel[np.ix_(test, training)])
                said.hear(repeat, test, fitted=fitted, scores=scores, design=design, training=training)
    held_out = {name: said.held_out(design, folds) for name, said in spoken.items() if not name.startswith(_SINGLE)}
    held_out["majority"] = _majority(design, folds)
    singles = tuple(said.held_out(design, folds) for name, said in spoken.items() if name.startswith(_SINGLE))
    return Evidence(folds, held_out, singles)


def models_of(design: Design, *, abundance: bool) -> dict[str, dict[str, float]]:
    """Blocks and their weights of LOT and of every baseline that this design allows."""
    models = {"lot": lot_blocks(abundance=abundance), **BASELINES}
    if not abundance:
        del models["lot_alone"]
    if not design.confounds:
        del models["confounds"]
    return models


def fit_on(kernel: NDArray[np.float64], design: Design, training: NDArray[np.intp], *, fit: Fit) -> Fitted:
    """Fit on the training samples of a kernel (N, N); of a continuous outcome, `fit` knows the values by row."""
    groups = np.unique(design.groups[training], return_inverse=True)[1].astype(np.intp)
    known = design.labels[training] if design.outcome is None else training
    return fit(kernel[np.ix_(training, training)], known, groups)


_SINGLE = "reference "


def _fold_grams(grams: Grams, cohort: Cohort, design: Design, training: NDArray[np.intp]) -> Grams:
    """Take pairs and covariates out, and add what the confounds say."""
    adjusted = adjusted_grams(grams, adjustment_of(cohort, design, training))
    if design.confounds:
        features = confound_features(cohort, design.confounds, training)
        within = pair_centring(design.groups) @ features if design.within else features
        adjusted["confounds"] = [within @ within.T]
    return adjusted


def _single_references(grams: Grams, training: NDArray[np.intp]) -> dict[str, NDArray[np.float64]]:
    """Kernel of LOT on each reference alone."""
    count = len(grams["shift"])
    if count == 1 or len(grams["shift"][0]) > FEW:
        return {}
    alone = ({block: [grams[block][number]] for block in TRANSPORT} for number in range(count))
    return {f"{_SINGLE}{number}": fold_kernel(one, TRANSPORT, training) for number, one in enumerate(alone)}


@dataclass(frozen=True, eq=False)
class _Spoken:
    """Arrays that are filled fold by fold: scores (repeats, N, k) and probabilities (repeats, N, K)."""

    scores: NDArray[np.float64]
    probabilities: NDArray[np.float64]

    @classmethod
    def empty(cls, repeats: int, design: Design) -> _Spoken:
        n_classes = len(design.classes)
        width = n_classes if n_classes > 2 else 1
        shape = (repeats, len(design.labels))
        return cls(np.zeros((*shape, width)), np.zeros((*shape, max(n_classes, 1))))

    def hear(
        self,
        repeat: int,
        test: NDArray[np.intp],
        *,
        fitted: Fitted,
        scores: NDArray[np.float64],
        design: Design,
        training: NDArray[np.intp],
    ) -> None:
        """Take down what a fit on the training rows says of the test rows in one repeat."""
        self.scores[repeat, test] = scores
        if design.outcome is None:
            steepness = steepness_of(fitted.left_out, design.labels[training], n_classes=len(design.classes))
            self.probabilities[repeat, test] = class_probabilities(scores, steepness)

    def held_out(self, design: Design, folds: NDArray[np.intp]) -> HeldOut:
        if design.outcome is not None:
            return HeldOut(self.scores, np.zeros(self.scores.shape[:2], dtype=np.intp), folds=folds)
        return HeldOut(self.scores, predicted_classes(self.scores), self.probabilities, folds)


def _majority(design: Design, folds: NDArray[np.intp]) -> HeldOut:
    """Say the largest class, or the training mean, of every sample."""
    if design.outcome is not None:
        said = np.zeros((*folds.shape, 1))
        for repeat, fold in np.ndindex(len(folds), design.folds):
            test = folds[repeat] == fold
            said[repeat, test] = design.outcome[~test].mean()
        return HeldOut(said, np.zeros(folds.shape, dtype=np.intp), folds=folds)
    n_classes = len(design.classes)
    largest = np.full(folds.shape, np.argmax(np.bincount(design.labels)), dtype=np.intp)
    width = n_classes if n_classes > 2 else 1
    return HeldOut(np.zeros((*folds.shape, width)), largest, np.full((*folds.shape, n_classes), 1.0 / n_classes), folds)


def averaged_kernels(
    grams: Grams, cohort: Cohort, design: Design, *, blocks: Mapping[str, float]
) -> Callable[[NDArray[np.intp]], NDArray[np.float64]]:
    """Return the function from training rows to the (N, N) kernel of LOT, from one embedding of all samples.

    References are averaged once, on all samples: the embedding never saw a label, so labels can be permuted and
    groups left out on it.
    """
    everyone = np.arange(len(design.labels))
    averaged = {block: [fold_kernel(grams, {block: 1.0}, everyone)] for block in blocks}
    fixed = None if design.adjust else adjustment_of(cohort, design, everyone)

    def kernels(training: NDArray[np.intp]) -> NDArray[np.float64]:
        matrix = adjustment_of(cohort, design, training) if design.adjust else fixed
        return fold_kernel(adjusted_grams(averaged, matrix), blocks, training)

    return kernels
