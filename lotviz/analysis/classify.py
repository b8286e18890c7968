"""Does the embedding separate the classes, honestly measured? Grouped cross-validation beside baselines."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from importlib.metadata import version
from threading import Event
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lotviz.analysis.classification import NEGLIGIBLE, Classification
from lotviz.analysis.confounds import confound_features
from lotviz.analysis.design import Design, make_design
from lotviz.analysis.folds import distinct_permutations, grouped_folds
from lotviz.analysis.kernels import fold_kernel, hold, lot_grams
from lotviz.analysis.permutation import permutation_p, splits
from lotviz.analysis.ridge import PENALTIES, fit_ridge
from lotviz.analysis.scoring import (
    HeldOut,
    Interval,
    Score,
    difference,
    group_resamples,
    predicted_classes,
    score,
)
from lotviz.data.cohort import Cohort
from lotviz.transport.progress import Cancelled

MODEL_BLOCKS: dict[str, tuple[str, ...]] = {
    "lot": ("shift", "shape", "smooth"),
    "lot_shape": ("shape", "smooth"),
    "marker_means": ("shift",),
    "confounds": ("confounds",),
}
BASELINES = ("marker_means", "majority", "confounds")
Progress = Callable[[int, int, str], None]


def classify(
    cohort: Cohort,
    label: str,
    *,
    group: str | None = None,
    batch: str | None = None,
    adjust: Sequence[str] = (),
    positive: Hashable | None = None,
    points: int | Sequence[int] = (32, 16),
    folds: int = 5,
    repeats: int = 5,
    permutations: int = 200,
    cells_per_sample: int = 2000,
    seed: int = 0,
    progress: Progress | None = None,
    cancel: Event | None = None,
) -> Classification:
    """Name the class of samples the model has not seen, and measure how often that is right.

    Repeated cross-validation, stratified by class; a group is never split. Scaling, references and penalties are
    fitted on the training samples of each fold. The model is a class-balanced kernel ridge on shift, shape and
    smoothed shape.

    Parameters
    ----------
    cohort
        The samples.
    label
        Column of the classes.
    group
        Column of what must not be split between training and test, usually the patient; default every sample for
        itself.
    batch, adjust
        Columns that could explain the classes as well; they make the baseline `confounds`, and labels are permuted
        within batches.
    positive
        Class a positive score speaks for; default the last one that does not name a control.
    points
        Sizes of the references that are averaged over: k-means centres, random cells, and so on in turn.
    folds, repeats
        Of the cross-validation.
    permutations
        Of the permutation test; 0 leaves it out.
    cells_per_sample
        At most so many cells of each sample are used.
    seed
        Everything random follows from it.
    progress
        Called with steps done, steps in all and a message.
    cancel
        Set it to stop: `lotviz.transport.batch.Cancelled` is raised.

    Raises
    ------
    CohortError
        The question cannot be put to this cohort; the message says why.
    """
    design = make_design(cohort, label, group=group, batch=batch, adjust=adjust, folds=folds, positive=positive)
    from threadpoolctl import threadpool_limits

    counts = (points,) if isinstance(points, int) else tuple(points)
    steps = _Steps(repeats * design.folds + permutations + 2, progress, cancel)
    steps("Reading cells")
    held = hold(cohort, cells_per_sample=cells_per_sample, seed=seed, cancel=cancel)
    with threadpool_limits(1):  # matrices are small: threads of the linear algebra only get in each other's way
        assigned, held_out = _cross_validate(held, design, points=counts, repeats=repeats, seed=seed, steps=steps)
        p = _test(held, design, points=counts, permutations=permutations, seed=seed, steps=steps)
    options = {
        "points": list(counts),
        "repeats": repeats,
        "permutations": permutations,
        "cells_per_sample": cells_per_sample,
        "adjust": list(adjust),
        "seed": seed,
    }
    return _summary(cohort, design, held_out, folds=assigned, p=p, options=options, group=group)


def _summary(
    cohort: Cohort,
    design: Design,
    held_out: dict[str, HeldOut],
    *,
    folds: NDArray[np.intp],
    p: float | None,
    options: dict[str, Any],
    group: str | None,
) -> Classification:
    """Scores, differences and doubts from what the models said of samples they had not seen."""
    resamples = group_resamples(design.labels, design.groups, seed=options["seed"])
    scores = {name: score(out, design.labels, design.groups, resamples=resamples) for name, out in held_out.items()}
    baseline = max((name for name in BASELINES if name in scores), key=lambda name: scores[name].balanced_accuracy.mean)
    against = {
        name: difference(held_out["lot"], held_out[name], design.labels, resamples=resamples)
        for name in (baseline, *(name for name in ("confounds", "marker_means") if name in held_out))
    }
    return Classification(
        label=design.label,
        group=group,
        batch=design.batch,
        classes=design.classes,
        samples=tuple(str(name) for name in cohort.samples.index),
        n_groups=design.n_groups,
        scores=scores,
        baseline=baseline,
        difference=against[baseline],
        over_confounds=against.get("confounds"),
        permutation_p=p,
        groups_per_class=design.groups_per_class,
        warnings=(*design.warnings, *_result_warnings(design, scores, against=against, p=p)),
        labels=design.labels,
        held_out=held_out,
        folds=folds,
        parameters=_parameters(cohort, design, options),
        versions={name: version(name) for name in ("numpy", "scipy", "scikit-learn", "pot", "pandas")},
    )


def _parameters(cohort: Cohort, design: Design, options: dict[str, Any]) -> dict[str, Any]:
    """All that decides the result, beside the cells."""
    return {
        "model": "class-balanced kernel ridge on shift, shape and smoothed shape",
        **options,
        "folds": design.folds,
        "permutation_splits": splits(len(design.labels)),
        "penalties": PENALTIES.tolist(),
        "transform": cohort.transform.describe(),
        "markers": list(cohort.markers),
    }


class _Steps:
    """Counts steps, reports them and stops when asked to."""

    def __init__(self, total: int, progress: Progress | None, cancel: Event | None) -> None:
        self.done, self.total, self.progress, self.cancel = 0, total, progress, cancel

    def __call__(self, message: str) -> None:
        if self.cancel is not None and self.cancel.is_set():
            raise Cancelled
        if self.progress is not None:
            self.progress(self.done, self.total, message)
        self.done += 1


def _cross_validate(
    held: Cohort, design: Design, *, points: tuple[int, ...], repeats: int, seed: int, steps: _Steps
) -> tuple[NDArray[np.intp], dict[str, HeldOut]]:
    """Test fold of each sample in each repeat, (repeats, N), and held-out scores of every model."""
    n_classes = len(design.classes)
    width = 1 if n_classes == 2 else n_classes
    models = [name for name in MODEL_BLOCKS if name != "confounds" or design.confounds]
    scores = {name: np.zeros((repeats, len(design.labels), width)) for name in models}
    assigned = np.zeros((repeats, len(design.labels)), dtype=np.intp)
    names = list(held.samples.index)
    for repeat in range(repeats):
        rng = np.random.default_rng([seed, repeat])
        assigned[repeat] = grouped_folds(design.labels, design.groups, design.folds, rng=rng)
        for fold in range(design.folds):
            steps(f"Fold {repeat * design.folds + fold + 1} of {repeats * design.folds}")
            training, test = np.flatnonzero(assigned[repeat] != fold), np.flatnonzero(assigned[repeat] == fold)
            reference_seed = int(rng.integers(2**31))
            grams: dict[str, list[NDArray[np.float64]]] = lot_grams(
                held, [names[row] for row in training], points=points, seed=reference_seed, cancel=steps.cancel
            )
            if design.confounds:
                features = confound_features(held, design.confounds, training)
                grams["confounds"] = [features @ features.T]
            for name in models:
                kernel = fold_kernel(grams, MODEL_BLOCKS[name], training)
                scores[name][repeat, test] = _held_out(kernel, design, training, test=test)
    held_out = {name: HeldOut(found, predicted_classes(found)) for name, found in scores.items()}
    largest = np.full(assigned.shape, np.argmax(np.bincount(design.labels)), dtype=np.intp)
    held_out["majority"] = HeldOut(np.zeros((*assigned.shape, width)), largest)
    return assigned, held_out


def _held_out(
    kernel: NDArray[np.float64], design: Design, training: NDArray[np.intp], *, test: NDArray[np.intp]
) -> NDArray[np.float64]:
    groups = np.unique(design.groups[training], return_inverse=True)[1]
    ridge = fit_ridge(
        kernel[np.ix_(training, training)], design.labels[training], groups, n_classes=len(design.classes)
    )
    return ridge.predict(kernel[np.ix_(test, training)])


def _test(
    held: Cohort, design: Design, *, points: tuple[int, ...], permutations: int, seed: int, steps: _Steps
) -> float | None:
    steps("Embedding all samples")
    if permutations < 1:
        return None
    everyone = np.arange(len(design.labels))
    grams = lot_grams(held, list(held.samples.index), points=points, seed=seed, cancel=steps.cancel)
    averaged = {block: [fold_kernel(grams, [block], everyone)] for block in grams}
    return permutation_p(averaged, design, permutations=permutations, seed=seed, step=lambda: steps("Permuting labels"))


def _result_warnings(
    design: Design, scores: dict[str, Score], *, against: dict[str, Interval], p: float | None
) -> list[str]:
    lot = scores["lot"].balanced_accuracy.mean
    means = scores["marker_means"].balanced_accuracy.mean
    warnings = []
    if against["marker_means"].mean < NEGLIGIBLE:
        do = "better" if against["marker_means"].high < 0.0 else "as well"
        warnings.append(f"Means do {do}: marker means are right {means:.0%} of the time, LOT {lot:.0%}.")
    elif against["marker_means"].low <= 0.0:
        warnings.append(f"The gain of LOT ({lot:.0%} right) over marker means ({means:.0%}) is not established.")
    if "confounds" in scores and against["confounds"].low <= 0.0:
        named = scores["confounds"].balanced_accuracy.mean
        if named - 1.0 / len(design.classes) >= 0.5 * (lot - 1.0 / len(design.classes)) > 0.0:
            warnings.append(
                f"Confounds: {_listed(design)} alone are right {named:.0%} of the time, LOT {lot:.0%}; "
                "what LOT sees may be one of them."
            )
    distinct = distinct_permutations(design.labels, design.groups, design.batches)
    if p is not None and distinct < 2:
        warnings.append("Within batches no labels can be exchanged: class and batch cannot be told apart.")
    elif p is not None and distinct < 100:
        warnings.append(f"Only {distinct:.0f} label assignments are possible: p cannot be below {1 / distinct:.2g}.")
    return warnings


def _listed(design: Design) -> str:
    """Name what the confound baseline knows."""
    return " and ".join([", ".join(dict.fromkeys(design.confounds)), "number of cells"])
