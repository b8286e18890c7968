from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import kstest

from lotviz.analysis.permutation import exchangeable, held_out_statistic, permutation_p
from lotviz.analysis.ridge import fit_ridge, fit_ridge_values
from lotviz.analysis.scoring import auc, balanced_accuracy, group_resamples, score
from tests.analysis.kernel_cohorts import design_of, held_out_by_ridge, kernel_cohort

NULLS = {
    "plain": {"patients": 20},
    "strong batches": {"patients": 24, "batches": 2},
    "batches of a pair": {"patients": 24, "batches": 12},
    "several samples a patient": {"patients": 12, "per_patient": 2},
}


def p_of(cohort, *, permutations=19, seed=0):
    return permutation_p(cohort.kernels, cohort.design, permutations=permutations, seed=seed)


@pytest.mark.parametrize("name", NULLS)
def test_p_is_uniform_without_an_effect(name):
    found = [p_of(kernel_cohort(seed, **NULLS[name]), seed=seed) for seed in range(40)]
    steps = np.random.default_rng(0).random(40) / 20  # p has 20 values, as far apart
    assert kstest(np.array(found) - steps, "uniform").pvalue > 0.01
    assert 0.35 < np.mean(found) < 0.68


def test_permuting_within_groups_would_say_nothing():
    """As `sklearn.model_selection.permutation_test_score(groups=)` does: every p is 1."""
    cohort = kernel_cohort(0, patients=12, per_patient=3, effect=8.0)
    assert p_of(cohort) == pytest.approx(0.05)


def test_an_effect_is_found_through_strong_batches():
    cohort = kernel_cohort(1, patients=32, batches=2, effect=6.0)
    assert p_of(cohort) == pytest.approx(0.05)


def test_the_same_seed_gives_the_same_p_and_no_permutations_none():
    cohort = kernel_cohort(3)
    assert p_of(cohort, seed=4) == p_of(cohort, seed=4)
    assert p_of(cohort, permutations=0) is None


def test_every_permutation_is_reported_and_can_be_stopped():
    calls = []

    def stop():
        calls.append(1)
        if len(calls) == 30:
            raise KeyboardInterrupt

    cohort = kernel_cohort(3, patients=8)
    permutation_p(cohort.kernels, cohort.design, permutations=11, seed=0, step=lambda: calls.append(1))
    assert len(calls) == 11
    with pytest.raises(KeyboardInterrupt):
        permutation_p(cohort.kernels, cohort.design, permutations=1000, seed=0, step=stop)
    assert len(calls) == 30


def test_true_and_permuted_labels_are_fitted_by_the_given_model():
    seen = []

    class Silent:
        def predict(self, kernel):
            return np.zeros((len(kernel), 1))

    def fit(kernel, labels, groups):
        seen.append((len(kernel), np.bincount(labels).tolist(), len(groups)))
        return Silent()

    cohort = kernel_cohort(0, patients=10)
    assert permutation_p(cohort.kernels, cohort.design, permutations=3, seed=0, fit=fit) == 1.0
    assert len(seen) == 4 * 2 * cohort.design.folds
    assert all(found == (8, [4, 4], 8) for found in seen)


def test_equal_accuracies_are_told_apart_by_the_margin():
    cohort = kernel_cohort(5, patients=16)
    design = cohort.design

    def fit(kernel, labels, groups):
        return fit_ridge(kernel, labels, groups, n_classes=2)

    found = {
        held_out_statistic(cohort.kernels, design.labels, design, rng=np.random.default_rng(seed), fit=fit)
        for seed in range(20)
    }
    accuracies = {accuracy for accuracy, _ in found}
    assert len(accuracies) < len(found) == 20


def test_equal_values_of_patients_are_exchanged_together():
    values = np.array([3.0, 3.0, 1.0, 1.0, 2.0, 2.0])
    groups = np.repeat(np.arange(3), 2)
    design = design_of(np.array([1, 1, 0, 0, 1, 1]), groups, values=values)
    chosen, rows = exchangeable(design)
    assert (values[rows[chosen]] == values).all()
    assert chosen.tolist() == [2, 2, 0, 0, 1, 1]


def test_a_continuous_outcome_is_tested_likewise():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(15), 2)
    found = []
    for effect in (3.0, 0.0):
        values = rng.normal(size=15)[groups]
        features = rng.normal(size=(30, 6))
        features[:, 0] += effect * values
        thirds = np.searchsorted(np.quantile(values, [1 / 3, 2 / 3]), values).astype(np.intp)
        design = design_of(thirds, groups, values=values)

        def fit(kernel, rows, groups, values=values):
            return fit_ridge_values(kernel, values[rows], groups)

        kernel = features @ features.T / 6
        found.append(permutation_p(lambda training, k=kernel: k, design, permutations=19, seed=0, fit=fit))
    assert found[0] == pytest.approx(0.05)
    assert found[1] > 0.05


def test_a_number_that_differs_within_patients_too_is_tested_by_what_lies_between_them():
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(12), 2)
    patients = rng.normal(size=12)[groups]
    values = patients + 0.02 * rng.normal(size=24)
    features = np.stack([patients, rng.normal(size=24)], axis=1)
    design = design_of((values > 0.0).astype(np.intp), groups, values=values)
    p = permutation_p(
        lambda _: features @ features.T,
        design,
        permutations=39,
        seed=0,
        fit=lambda kernel, rows, groups: fit_ridge_values(kernel, values[rows], groups),
    )
    assert p == pytest.approx(1 / 40)


def test_labels_that_cannot_be_exchanged_are_never_better_than_themselves():
    cohort = kernel_cohort(0, patients=12, effect=8.0)
    alone = replace(cohort.design, batches=cohort.design.labels)
    assert permutation_p(cohort.kernels, alone, permutations=9, seed=0) == 1.0


@pytest.mark.parametrize("name", NULLS)
def test_without_an_effect_scores_are_at_chance_and_intervals_hold_it(name):
    accuracies, areas, held = [], [], []
    for seed in range(80):
        cohort = kernel_cohort(seed, **NULLS[name])
        design, out = cohort.design, held_out_by_ridge(cohort)
        accuracies.append(balanced_accuracy(out.hits(design.labels), design.labels)[0])
        areas.append(auc(out.scores, design.labels, folds=out.folds)[0])
        resamples = group_resamples(design.labels, design.groups, resamples=2)
        found = score(out, design.labels, design.groups, resamples=resamples, batches=design.batches)
        held.append([i.low <= 0.5 <= i.high for i in (found.balanced_accuracy, found.auc)])
    for figures in (accuracies, areas):
        assert abs(np.mean(figures) - 0.5) < max(0.02, 3.0 * np.std(figures) / np.sqrt(80))
    assert (np.mean(held, axis=0) > 0.87).all()


def test_intervals_hold_what_other_cohorts_give():
    held_out = [held_out_by_ridge(kernel_cohort(seed, patients=24, effect=1.5)) for seed in range(100)]
    designs = [kernel_cohort(seed, patients=24, effect=1.5).design for seed in range(100)]
    scores = [
        score(out, d.labels, d.groups, resamples=group_resamples(d.labels, d.groups, resamples=2))
        for out, d in zip(held_out, designs, strict=True)
    ]
    for figure in ("balanced_accuracy", "auc"):
        intervals = [getattr(found, figure) for found in scores]
        expected = np.mean([i.mean for i in intervals])
        assert expected > 0.6
        assert 0.88 <= np.mean([i.low <= expected <= i.high for i in intervals]) <= 1.0
        assert np.mean([i.high - i.low for i in intervals]) < 0.5
