from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from lotviz.analysis.adjustment import covariate_removal, pair_centring
from lotviz.analysis.blocks import BLOCKS
from lotviz.analysis.contribution import contributions
from lotviz.analysis.kernels import adjusted_grams, embedding_grams, fold_kernel
from lotviz.analysis.model import fit_model
from lotviz.analysis.recipe import LOT, fit_of

COMBINATIONS = [chosen for size in (1, 2, 3) for chosen in combinations(BLOCKS, size)]


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 10_000),
    m=st.integers(2, 7),
    d=st.integers(1, 4),
    n=st.integers(1, 25),
    blocks=st.sampled_from(COMBINATIONS),
)
def test_contributions_sum_to_score_minus_score_of_the_training_mean(seed, m, d, n, blocks):
    rng = np.random.default_rng(seed)
    masses = rng.dirichlet(np.full(m, 2.0))
    known = SimpleNamespace(
        maps=rng.normal(size=(8, m, d)),
        masses=masses,
        markers=tuple(f"m{k}" for k in range(d)),
        reference=SimpleNamespace(points=rng.normal(size=(m, d))),
    )
    model = fit_model(known, ["a", "b"] * 4, blocks=blocks, abundance=False)
    plan = rng.random((m, n)) * (rng.random((m, n)) < 0.5) + 1e-3
    plan *= masses[:, None] / plan.sum(axis=1, keepdims=True)
    cells = 3.0 * rng.normal(size=(n, d))
    found = contributions(model, sparse.csr_array(plan), cells)
    expected = model.score(plan @ cells / masses[:, None]) - model.score_of_training_mean
    assert found.shape == (n,)
    assert abs(found.sum() - expected) <= 1e-9 * max(1.0, abs(expected), np.abs(found).sum())
    parts = sum(contributions(model, sparse.csr_array(plan), cells, part=part) for part in ("shift", "shape"))
    assert np.allclose(parts, found, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("blocks", COMBINATIONS)
def test_the_identity_holds_for_every_sample_of_an_embedding(embedding, patients, blocks):
    model = fit_model(embedding, patients.column("label"), blocks=blocks)
    for row, sample in enumerate(embedding.samples.index):
        found = contributions(model, embedding.plans[row], embedding.scaled_cells(sample))
        assert found.sum() == pytest.approx(model.scores[row] - model.score_of_training_mean, abs=1e-9)


DESIGNS = ("plain", "paired", "covariates")


def adjustment_for(design, count):
    if design == "plain":
        return None
    if design == "paired":
        return pair_centring(np.arange(count) // 2)
    covariates = np.random.default_rng(0).normal(size=(count, 2))
    return covariate_removal(covariates, np.arange(count))


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("classes", ["two", "three"])
@pytest.mark.parametrize("estimator", ["ridge", "lda", "logistic", "svm"])
def test_the_identity_holds_for_every_estimator_and_design(embedding, estimator, classes, design):
    count = len(embedding.samples)
    labels = [("a", "b", "c")[number % (2 if classes == "two" else 3)] for number in range(count)]
    adjustment = adjustment_for(design, count)
    model = fit_model(embedding, labels, estimator=estimator, adjustment=adjustment)
    assert model.estimator == estimator
    if design == "plain":
        assert np.abs(model.adjustments).max() <= 1e-9
    for row, sample in enumerate(embedding.samples.index):
        cells, plan = embedding.scaled_cells(sample), embedding.plans[row]
        found = contributions(model, plan, cells)
        expected = model.scores[row] - model.score_of_training_mean - model.adjustments[row]
        assert found.sum() == pytest.approx(expected, abs=1e-9)
        parts = [contributions(model, plan, cells, part=part) for part in ("shift", "shape", "abundance")]
        assert np.allclose(sum(parts), found, atol=1e-12)
        assert np.abs(parts[2]).max() > 0


@pytest.mark.parametrize("design", DESIGNS)
def test_the_identity_holds_for_a_continuous_outcome(embedding, design):
    values = 40.0 + 7.0 * np.random.default_rng(1).normal(size=len(embedding.samples))
    values[3] = np.nan
    adjustment = adjustment_for(design, len(values))
    model = fit_model(embedding, values, outcome="continuous", adjustment=adjustment)
    assert model.score_of_training_mean == pytest.approx(np.nanmean(values), abs=5.0)
    assert model.training.sum() == len(values) - 1
    for row, sample in enumerate(embedding.samples.index):
        found = contributions(model, embedding.plans[row], embedding.scaled_cells(sample))
        expected = model.scores[row] - model.score_of_training_mean - model.adjustments[row]
        assert found.sum() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("estimator", ["ridge", "lda", "logistic", "svm"])
def test_scores_are_those_of_the_kernel_the_cross_validation_uses(embedding, estimator, design):
    """The drawn model is the measured one: same blocks, same weights, same estimator."""
    labels = np.arange(len(embedding.samples)) % 2
    everyone = np.arange(len(labels))
    adjustment = adjustment_for(design, len(labels))
    kernel = fold_kernel(adjusted_grams(embedding_grams(embedding), adjustment), LOT, everyone)
    fitted = fit_of(estimator, 2, steady=True)(kernel, labels, everyone)
    model = fit_model(embedding, labels, estimator=estimator, adjustment=adjustment)
    said = fitted.predict(kernel)[:, 0]
    unit = 2.0 / (said[labels == 1].mean() - said[labels == 0].mean())  # the classes are set two apart
    assert np.allclose(unit * said, model.scores, atol=1e-8)


def test_contributions_of_the_shift_are_the_weighted_deviation_of_each_cell(embedding, patients):
    model = fit_model(embedding, patients.column("label"), blocks=("shift",), abundance=False)
    sample = embedding.samples.index[0]
    cells = embedding.scaled_cells(sample)
    mean = embedding.masses @ model.training_mean
    found = contributions(model, embedding.plan(sample), cells)
    plan = embedding.plan(sample)
    start = plan.T @ (model.training_mean @ model.shift_weights)
    assert np.allclose(found, (cells @ model.shift_weights) / len(cells) - start, atol=1e-12)
    assert found.sum() == pytest.approx(float((cells.mean(axis=0) - mean) @ model.shift_weights), abs=1e-9)


def test_contributions_tell_the_planted_cells_of_cases(embedding, patients):
    from sklearn.metrics import roc_auc_score

    model = fit_model(embedding, patients.column("label"), "case")
    found, planted = [], []
    for sample in patients.samples.index[patients.column("label") == "case"]:
        found.append(contributions(model, embedding.plan(sample), embedding.scaled_cells(sample)))
        planted.append(embedding.populations(sample) == patients.truth["population"])
    assert roc_auc_score(np.concatenate(planted), np.concatenate(found)) >= 0.9
