"""Does the embedding separate the classes, honestly measured? Grouped cross-validation beside baselines."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lotviz.analysis.classification import OURS, Classification
from lotviz.analysis.controls import Controls, centred_on_controls, without_controls
from lotviz.analysis.cross_validation import Evidence, GramSource, averaged_kernels, cross_validate
from lotviz.analysis.design import Design, Outcome, asks_a_number, labelled, make_design
from lotviz.analysis.doubts import doubts_about
from lotviz.analysis.embedded import as_cohort
from lotviz.analysis.folds import least_permutation_p
from lotviz.analysis.kernels import Grams, cohort_grams, embedding_grams, hold
from lotviz.analysis.partners import with_partners
from lotviz.analysis.permutation import permutation_p, splits
from lotviz.analysis.recipe import ESTIMATORS, Estimator, Fit, Fitted, estimator_of, fit_of, lot_blocks
from lotviz.analysis.robustness import Robustness, robustness
from lotviz.analysis.scoring import Interval, difference, group_resamples, score
from lotviz.analysis.value_scoring import value_difference, value_score
from lotviz.data.choices import require_among, require_at_least, require_seed
from lotviz.data.cohort import Cohort
from lotviz.data.versions import installed
from lotviz.transport.blas import one_thread
from lotviz.transport.cells import hash_of
from lotviz.transport.progress import stop_if

if TYPE_CHECKING:
    from lotviz.transport.embedding import LOTEmbedding

POINTS = (32, 16, 64, 32, 16, 64)  # in turn k-means centres and random cells
Progress = Callable[[int, int, str], None]


def classify(
    cohort: Cohort | LOTEmbedding,
    label: str,
    *,
    group: str | None = None,
    batch: str | None = None,
    adjust: Sequence[str] = (),
    controls: tuple[str, str] | None = None,
    positive: Hashable | None = None,
    outcome: Outcome = "auto",
    paired: bool | None = None,
    estimator: Estimator = "auto",
    abundance: bool = True,
    points: int | Sequence[int] = POINTS,
    folds: int = 5,
    repeats: int = 5,
    permutations: int = 200,
    cells_per_sample: int = 5000,
    seed: int = 0,
    progress: Progress | None = None,
    cancel: Event | None = None,
) -> Classification:
    """Name the class of samples the model has not seen, and measure how often that is right.

    Repeated cross-validation, stratified by class; a group is never split. Scaling, references and penalties are
    fitted on the training samples of each fold. The model is a class-balanced kernel ridge (for three classes or more
    shrinkage discriminant analysis) on shift, shape and smoothed shape, averaged over references, and on the abundance
    of clusters. All baselines go through the same folds and the same estimator.

    Parameters
    ----------
    cohort
        The samples; or a solved embedding of them, whose one reference and scaling never saw a label: faster, and
        the model that is drawn from it is then exactly the one that is measured.
    label
        Column of the classes, or of a continuous outcome. Samples without a value are left out, and named.
    group
        Column of what must not be split between training and test, usually the patient; default every sample for
        itself.
    batch
        Column of the batches: part of the baseline `confounds`; labels are permuted within batches.
    adjust
        Columns whose linear part is taken out of the features inside each fold; part of `confounds` too.
    controls
        (column, value) of technical controls: their mean in each batch is taken out of its samples. They are neither
        learnt from nor tested.
    positive
        Class a positive score speaks for; default the last one that does not name a control.
    outcome
        "classes", "continuous", or "auto": a column of many different numbers is continuous.
    paired
        Compare every sample with the mean of its group; default where every group has samples of every class.
        Samples whose group has one class only are left out then, and named.
    estimator
        "ridge", "lda", "logistic", "svm", or "auto".
    abundance
        Whether the abundance of clusters is part of the model called `lot`.
    points
        Sizes of the references that are averaged over: k-means centres, random cells, and so on in turn. An
        embedding has its own.
    folds, repeats
        Of the cross-validation.
    permutations
        Of the permutation test; 0 leaves it out.
    cells_per_sample
        At most so many cells of each sample are counted, and 1,000 of them transported; an embedding has its own.
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
    ValueError
        There is no such estimator or outcome, or a number is too small.
    """
    counts = (points,) if isinstance(points, int) else tuple(points)
    require_among("estimator", estimator, ESTIMATORS)
    require_at_least(2, folds=folds)
    require_at_least(1, points=min(counts, default=0), repeats=repeats, cells_per_sample=cells_per_sample)
    require_at_least(0, permutations=permutations)
    require_seed(seed)
    chosen, known, design = question(
        as_cohort(cohort),
        label,
        group=group,
        batch=batch,
        adjust=adjust,
        controls=controls,
        positive=positive,
        outcome=outcome,
        paired=paired,
        folds=folds,
    )
    steps = _Steps(progress, cancel)
    steps.expect(repeats * design.folds + 2)
    steps("Reading cells")
    whole, hashes = _source(
        cohort, chosen, known, points=counts, cells_per_sample=cells_per_sample, seed=seed, cancel=cancel
    )

    def source(training: NDArray[np.intp], reference_seed: int) -> Grams:
        return centred_on_controls(whole(training, reference_seed), known)

    estimator = estimator_of(estimator, len(design.classes))
    fit, steady = (
        _heeding(cancel, fit_of(estimator, len(design.classes), design.outcome, steady=choice))
        for choice in (False, True)
    )
    with one_thread():  # matrices are small: threads of the linear algebra only get in each other's way
        evidence = cross_validate(
            source,
            known.cohort,
            design,
            fit=fit,
            steady=steady,
            abundance=abundance,
            repeats=repeats,
            seed=seed,
            step=steps,
        )
        steps("Embedding all samples")
        everyone = whole(np.arange(len(design.labels)), seed)
        grams = centred_on_controls(everyone, known)
        blocks = lot_blocks(abundance=abundance)
        kernels = averaged_kernels(grams, known.cohort, design, blocks=blocks)
        steps.expect(permutations + 1)
        p = permutation_p(
            kernels,
            design,
            permutations=permutations,
            seed=seed,
            step=lambda: steps("Permuting labels"),
            fit=fit,
        )
        steps("Leaving out patients and batches")
        tried = robustness(kernels, design, evidence, fit=fit, seed=seed)
    options = {
        "estimator": estimator,
        "blocks": blocks,
        "points": list(counts) if isinstance(cohort, Cohort) else [len(cohort.masses)],
        "repeats": repeats,
        "permutations": permutations,
        "cells_per_sample": cells_per_sample if isinstance(cohort, Cohort) else None,
        "adjust": list(adjust),
        "controls": list(controls) if controls else None,
        "paired": design.within,
        "seed": seed,
        "transform": cohort.transform.describe(),
        "embedding": None if isinstance(cohort, Cohort) else dict(cohort.parameters),
    }
    removed = known.removed(everyone)
    return _summary(
        known.cohort, design, evidence, tried=tried, p=p, options=options, group=group, removed=removed, hashes=hashes
    )


def question(
    cohort: Cohort,
    label: str,
    *,
    group: str | None = None,
    batch: str | None = None,
    adjust: Sequence[str] = (),
    controls: tuple[str, str] | None = None,
    positive: Hashable | None = None,
    outcome: Outcome = "auto",
    paired: bool | None = None,
    folds: int = 5,
) -> tuple[Cohort, Controls, Design]:
    """Put the question of `classify` without answering it, in no time; parameters and errors as there.

    Returns
    -------
    The samples that have a part in it, the same apart from the controls, and the question.
    """
    chosen, left_out = labelled(cohort, label, controls=controls)
    known = without_controls(chosen, controls, batch)
    if paired and group is not None and not asks_a_number(known.cohort.column(label), outcome):
        chosen, alone = with_partners(chosen, label, group, controls=controls)
        known, left_out = without_controls(chosen, controls, batch), (*left_out, *alone)
    design = make_design(
        known.cohort,
        label,
        group=group,
        batch=batch,
        adjust=adjust,
        folds=folds,
        positive=positive,
        outcome=outcome,
        paired=paired,
    )
    return chosen, known, replace(design, warnings=(*left_out, *design.warnings))


def _heeding(cancel: Event | None, fit: Fit) -> Fit:
    """Stop before any fit when asked to: permutations, and leaving out patients, are thousands of them in a row."""

    def fitted(kernel: NDArray[np.float64], known: NDArray[np.intp], groups: NDArray[np.intp]) -> Fitted:
        stop_if(cancel)
        return fit(kernel, known, groups)

    return fitted


def _source(
    given: Cohort | LOTEmbedding,
    chosen: Cohort,
    controls: Controls,
    *,
    points: tuple[int, ...],
    cells_per_sample: int,
    seed: int,
    cancel: Event | None,
) -> tuple[GramSource, dict[str, str]]:
    """Return the function that gives the Gram matrices of all samples, controls among them, for a training fold.

    Beside it the SHA-256 of the used cells of each.
    """
    names = np.array([str(name) for name in controls.cohort.samples.index], dtype=object)
    if isinstance(given, Cohort):
        held = hold(chosen, cells_per_sample=cells_per_sample, seed=seed, cancel=cancel)

        def fitted(training: NDArray[np.intp], reference_seed: int) -> Grams:
            return cohort_grams(held, list(names[training]), points=points, seed=reference_seed, cancel=cancel)

        return fitted, {str(name): hash_of(held.cells(name)) for name in held.samples.index}
    rows = [given.index(str(name)) for name in chosen.samples.index]
    whole = embedding_grams(given, cancel=cancel)
    solved = {block: [gram[np.ix_(rows, rows)] for gram in found] for block, found in whole.items()}

    def settled(_: NDArray[np.intp], __: int) -> Grams:
        return solved

    return settled, {str(name): given.sample_hashes[str(name)] for name in chosen.samples.index}


def _summary(
    cohort: Cohort,
    design: Design,
    evidence: Evidence,
    *,
    tried: Robustness,
    p: float | None,
    options: dict[str, Any],
    group: str | None,
    removed: str | None,
    hashes: dict[str, str],
) -> Classification:
    """Scores, differences and doubts from what the models said of samples they had not seen."""
    held_out, continuous = evidence.held_out, design.outcome is not None
    resamples = group_resamples(design.labels, design.groups, seed=options["seed"])
    known = design.labels if design.outcome is None else design.outcome
    judge: Callable[..., Any] = value_score if continuous else partial(score, batches=design.batches)
    scores = {name: judge(out, known, design.groups, resamples=resamples) for name, out in held_out.items()}
    baselines = [name for name in scores if name not in OURS]
    baseline = max(baselines, key=lambda name: scores[name].headline.mean)

    def gain_over(name: str) -> Interval:
        pair = held_out["lot"], held_out[name]
        if design.outcome is not None:
            return value_difference(*pair, design.outcome, resamples=resamples)
        headlines = scores["lot"].headline, scores[name].headline
        return difference(*pair, design.labels, resamples=resamples, shares=headlines)

    differences = {name: gain_over(name) for name in scores if name != "lot"}
    found = Classification(
        label=design.label,
        group=group,
        batch=design.batch,
        classes=design.classes,
        samples=tuple(str(name) for name in cohort.samples.index),
        n_groups=design.n_groups,
        scores=scores,
        baseline=baseline,
        difference=differences[baseline],
        differences=differences,
        over_confounds=differences.get("confounds"),
        permutation_p=p,
        least_p=0.0 if continuous else least_permutation_p(design.labels, design.groups, design.batches),
        groups_per_class={} if continuous else design.groups_per_class,
        warnings=design.warnings,
        labels=design.labels,
        outcome=design.outcome,
        groups=design.groups,
        held_out=held_out,
        folds=evidence.folds,
        robustness=tried,
        parameters=_parameters(cohort, design, options),
        versions={name: installed(name) for name in ("lotviz", "numpy", "scipy", "scikit-learn", "pot", "pandas")},
        sample_hashes=hashes,
    )
    doubts = doubts_about(found, cohort, design)
    return replace(found, warnings=(*design.warnings, *((removed,) if removed else ()), *doubts))


def _parameters(cohort: Cohort, design: Design, options: dict[str, Any]) -> dict[str, Any]:
    """All that decides the result, beside the cells."""
    return {
        **options,
        "folds": design.folds,
        "permutation_splits": splits(len(design.labels)),
        "markers": list(cohort.markers),
    }


class _Steps:
    """Counts the steps of one part of the work after the other, reports them and stops when asked to.

    A fold takes a hundred times as long as a permutation: counted together, nothing could be said of the time left.
    """

    def __init__(self, progress: Progress | None, cancel: Event | None) -> None:
        self.done, self.total, self.progress, self.cancel = 0, 0, progress, cancel

    def expect(self, total: int) -> None:
        """Begin a part of so many steps."""
        self.done, self.total = 0, total

    def __call__(self, message: str) -> None:
        stop_if(self.cancel)
        if self.progress is not None:
            self.progress(self.done, self.total, message)
        self.done += 1
