"""Every way to put the question: solved embeddings, pairs, numbers, covariates, controls; and what would upset it."""

from dataclasses import replace

import numpy as np
import pytest

from lotviz.analysis.classify import classify
from lotviz.analysis.cross_validation import averaged_kernels
from lotviz.analysis.design import make_design
from lotviz.analysis.embedded import as_cohort
from lotviz.analysis.kernels import embedding_grams
from lotviz.analysis.recipe import LOT
from lotviz.data.cohort import ArraySource
from lotviz.data.problems import CohortError
from lotviz.transport import embed
from tests.analysis.conftest import cohort_of, noise_clouds

QUICK = {"points": 8, "repeats": 2, "permutations": 0, "cells_per_sample": 100}


def shifted(offsets, *, cells=60, markers=3, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(cells, markers)) + offset for offset in offsets]


def test_a_solved_embedding_is_asked_without_a_new_transport(patients, embedding, monkeypatch):
    from lotviz.analysis import kernels

    monkeypatch.setattr(kernels, "solve", None)
    found = classify(embedding, "label", permutations=9, repeats=2)
    assert found.scores["lot"].balanced_accuracy.mean > 0.8
    assert found.parameters["points"] == [48]
    assert found.samples == tuple(patients.samples.index)
    assert as_cohort(embedding).cells("P01").shape == (400, len(patients.markers))


def test_an_embedding_of_which_some_have_no_label(embedding):
    table = embedding.samples.copy()
    table["label"] = table["label"].astype(object)
    table.loc[table.index[:2], "label"] = None
    found = classify(replace(embedding, samples=table), "label", permutations=0, repeats=1)
    assert len(found.samples) == len(table) - 2
    assert any("2 of 16 samples have no label" in text for text in found.warnings)


def test_pairs_see_a_small_effect_through_large_patients():
    rng = np.random.default_rng(1)
    own = np.repeat(rng.normal(size=(10, 3)) * 4.0, 2, axis=0)
    clouds = shifted(own + 0.5 * (np.arange(20) % 2)[:, None] * np.array([1.0, 0, 0]))
    table = {"label": ["before", "after"] * 10, "who": np.repeat(np.arange(10), 2)}
    cohort = cohort_of(clouds, table)
    paired = classify(cohort, "label", group="who", **QUICK)
    apart = classify(cohort, "label", group="who", paired=False, **QUICK)
    assert paired.parameters["paired"]
    assert not apart.parameters["paired"]
    assert paired.scores["lot"].balanced_accuracy.mean > apart.scores["lot"].balanced_accuracy.mean + 0.2
    assert any("a new sample can be named only beside another" in text for text in paired.warnings)


def test_pairs_without_groups_of_several_samples_are_refused():
    cohort = cohort_of(noise_clouds(8), {"label": ["a", "b"] * 4})
    with pytest.raises(CohortError, match="Expected groups with samples of several classes for a paired comparison"):
        classify(cohort, "label", paired=True, **QUICK)


def test_numbers_are_estimated_and_stand_beside_the_mean():
    dose = np.linspace(0.0, 3.0, 24)
    cohort = cohort_of(shifted(dose[:, None] * np.array([1.0, 0, 0])), {"dose": dose + 10.0})
    found = classify(cohort, "dose", **{**QUICK, "permutations": 19})
    assert found.classes == ()
    assert found.scores["lot"].headline.mean > 0.8
    assert found.scores["majority"].headline.mean <= 0.0
    assert found.permutation_p == 0.05
    assert abs(found.out_of_fold[:, 0].mean() - 11.5) < 0.5  # in the unit of the column
    record = found.to_json()
    assert set(record["scores"]["lot"]) >= {"r2", "correlation", "mae"}


def test_numbers_without_meaning_explain_nothing():
    values = np.random.default_rng(0).normal(size=20)
    found = classify(cohort_of(noise_clouds(20), {"value": values}), "value", **{**QUICK, "permutations": 19})
    assert found.scores["lot"].headline.mean < 0.3
    assert found.permutation_p > 0.05


def test_words_where_numbers_were_asked_for_are_named():
    cohort = cohort_of(noise_clouds(12), {"dose": [*map(str, range(11)), "high"]})
    with pytest.raises(CohortError, match="found high for s11"):
        classify(cohort, "dose", outcome="continuous", **QUICK)


def test_a_covariate_that_explains_all_leaves_nothing():
    rng = np.random.default_rng(2)
    age = rng.normal(size=30)
    label = np.where(age + 0.2 * rng.normal(size=30) > 0, "old", "young")
    cohort = cohort_of(shifted(age[:, None] * np.array([1.5, 0, 0])), {"label": label, "age": age})
    plain = classify(cohort, "label", **QUICK)
    adjusted = classify(cohort, "label", adjust=["age"], **QUICK)
    assert plain.scores["lot"].balanced_accuracy.mean > 0.8
    assert adjusted.scores["lot"].balanced_accuracy.mean < plain.scores["lot"].balanced_accuracy.mean - 0.1
    assert adjusted.scores["lot"].log_loss.mean == pytest.approx(np.log(2.0), abs=0.05)
    assert adjusted.scores["confounds"].balanced_accuracy.mean > 0.8


def test_controls_take_the_batch_out():
    rng = np.random.default_rng(3)
    batch = np.repeat(np.arange(4), 6)
    kind = np.tile(["control", "control", "a", "b", "a", "b"], 4)
    offset = rng.normal(size=(4, 3))[batch] * 5.0
    offset[:, 0] += 1.0 * (kind == "b")
    table = {
        "kind": kind,
        "batch": [f"b{number}" for number in batch],
        "label": np.where(kind == "control", None, kind),
    }
    cohort = cohort_of(shifted(offset), table)
    plain = classify(cohort, "label", batch="batch", **QUICK)
    centred = classify(cohort, "label", batch="batch", controls=("kind", "control"), **QUICK)
    assert len(centred.samples) == len(plain.samples) == 16
    assert centred.scores["lot"].balanced_accuracy.mean > plain.scores["lot"].balanced_accuracy.mean + 0.2
    assert any("lay between batches before and" in text for text in centred.warnings)


@pytest.mark.parametrize("estimator", ["ridge", "lda", "logistic", "svm"])
def test_every_estimator_finds_a_large_effect(estimator):
    cohort = cohort_of(shifted([3.0 * (number % 2) for number in range(8)]), {"label": ["a", "b"] * 4})
    found = classify(cohort, "label", estimator=estimator, folds=2, **{**QUICK, "repeats": 1})
    assert found.scores["lot"].balanced_accuracy.mean > 0.9
    assert found.parameters["estimator"] == estimator


def test_abundance_is_seen_where_nothing_moves():
    """A rare population doubles; no cell moves, and means hardly do."""
    rng = np.random.default_rng(4)
    clouds = []
    for number in range(24):
        share = 0.06 if number % 2 else 0.02
        rare = rng.random(400) < share
        clouds.append(rng.normal(size=(400, 4)) + 5.0 * rare[:, None] * np.array([1.0, -1.0, 1.0, 0.0]))
    cohort = cohort_of(clouds, {"label": ["a", "b"] * 12})
    found = classify(cohort, "label", **{**QUICK, "points": 16, "cells_per_sample": 400})
    assert found.scores["abundances"].balanced_accuracy.mean > 0.8
    assert found.scores["lot"].balanced_accuracy.mean > 0.8
    assert "abundance" in found.parameters["blocks"]
    without = classify(cohort, "label", abundance=False, **QUICK)
    assert "lot_alone" not in without.scores
    assert "abundance" not in without.parameters["blocks"]


def test_one_patient_that_carries_the_result_is_named():
    offsets = np.zeros(14)
    clouds = shifted(offsets, seed=5)
    label = ["a"] * 7 + ["b"] * 7
    lone = np.random.default_rng(6).normal(size=(60, 3)) + 30.0
    clouds = [*clouds[:7], *[lone] * 4, *clouds[11:]]
    who = [f"p{number}" for number in range(7)] + ["lone"] * 4 + ["p11", "p12", "p13"]
    found = classify(cohort_of(clouds, {"label": label, "who": who}), "label", group="who", **QUICK)
    tried = found.robustness
    assert "lone" in tried.groups
    assert len(tried.without) == found.n_groups
    assert np.all((tried.without >= 0.0) & (tried.without <= 1.0))


@pytest.mark.parametrize("few", [2, 3])
def test_nobody_carries_a_result_only_because_the_rest_cannot_be_learnt(few):
    """Of a class of two samples one is left without the other: too few to learn and test it, which is no error."""
    labels = ["a"] * few + ["b"] * 8
    clouds = shifted(np.array([[4.0 * (label == "b"), 0.0, 0.0] for label in labels]), seed=9)
    found = classify(cohort_of(clouds, {"label": labels}), "label", folds=2, **{**QUICK, "repeats": 3})
    tried = found.robustness
    assert tried.with_all == 1.0
    assert np.isnan(tried.without[:few]).all() == (few == 2)
    assert np.nanmin(tried.without) == 1.0
    assert not any("carries the result" in warning for warning in found.warnings)
    assert (None in tried.to_json()["without"].values()) == (few == 2)


def test_where_nobody_can_be_left_out_nobody_is_said_to_carry_it():
    clouds = shifted(np.array([[4.0 * (row % 2), 0.0, 0.0] for row in range(4)]), seed=9)
    table = {"label": ["a", "b"] * 2, "who": ["p", "p", "q", "q"]}
    found = classify(cohort_of(clouds, table), "label", group="who", **{**QUICK, "repeats": 3})
    assert np.isnan(found.robustness.without).all()
    assert found.robustness.most_influential is None
    assert not any("carries the result" in warning for warning in found.warnings)


@pytest.mark.parametrize("column", ["patient", "Patient ID", "donor_id", "Spender", "mouse", "Animal-ID"])
def test_patients_that_were_not_given_as_the_group_are_said_to_be_shared(column):
    table = {"label": ["a", "a", "b", "b"] * 3, column: [f"p{row // 2}" for row in range(12)]}
    found = classify(cohort_of(noise_clouds(12), table), "label", **QUICK)
    assert any(f"Several samples share a value of {column}" in warning for warning in found.warnings)


def test_an_answer_that_does_not_carry_over_to_other_batches_is_said_to():
    """The effect turns round from batch to batch: within batches it is learnt, across them it fails."""
    rng = np.random.default_rng(7)
    batch = np.repeat(np.arange(2), 12)
    label = np.tile(["a", "b"], 12)
    turned = np.where(batch == 0, 1.0, -1.0) * (label == "b") * 3.0
    offset = np.stack([turned, batch * 4.0, np.zeros(24)], axis=1)
    table = {"label": label, "batch": [f"b{number}" for number in batch]}
    found = classify(
        cohort_of(shifted(offset + 0.1 * rng.normal(size=(24, 3))), table), "label", batch="batch", **QUICK
    )
    assert found.robustness.batch_named > 0.9
    assert found.robustness.other_batches < found.robustness.same_batches
    assert any(text.startswith("Batches can be seen in the cells: batch is named right") for text in found.warnings)
    assert any(text.startswith("It does not carry over to other batches") for text in found.warnings)


def test_classes_that_go_with_a_date_nobody_named_are_said_to():
    days = np.repeat(["2020-03-01", "2020-03-08"], 10)
    table = {"label": np.repeat(["a", "b"], 10), "date": days}
    found = classify(cohort_of(noise_clouds(20), table), "label", **QUICK)
    assert any(text.startswith("Every date holds one label only") for text in found.warnings)
    even = classify(cohort_of(noise_clouds(20), {**table, "label": ["a", "b"] * 10}), "label", **QUICK)
    assert not any("date" in text for text in even.warnings)


def test_a_number_of_cells_that_differs_is_said_to():
    rng = np.random.default_rng(8)
    clouds = [rng.normal(size=(60 + 40 * (number % 2), 3)) for number in range(20)]
    found = classify(cohort_of(clouds, {"label": ["a", "b"] * 10}), "label", **QUICK)
    assert any(text.startswith("The number of cells differs between the classes") for text in found.warnings)


def test_references_that_change_the_answer_are_told_apart(patients):
    found = classify(patients, "label", points=(8, 8, 8), repeats=1, permutations=0, cells_per_sample=100)
    assert len(found.robustness.references) == 3
    json_ready = found.robustness.to_json()
    assert set(json_ready["without"]) == set(found.robustness.groups)


def test_kernels_for_permutations_follow_the_adjustment_of_the_training(embedding):
    cohort = as_cohort(embedding)
    design = make_design(cohort, "label", group=None, batch=None, adjust=["age"], folds=4)
    kernels = averaged_kernels(embedding_grams(embedding), cohort, design, blocks=LOT)
    rows = np.arange(len(design.labels))
    first, second = kernels(rows[:12]), kernels(rows[4:])
    assert first.shape == second.shape == (16, 16)
    assert not np.allclose(first, second)
    assert np.allclose(np.diag(first)[:12].mean(), 1.0)


def test_embeddings_of_other_cells_than_were_held_give_other_figures_but_the_same_shape(patients):
    small = embed(patients, points=8, cells_per_sample=50)
    found = classify(small, "label", permutations=0, repeats=1)
    assert found.out_of_fold.shape == (16, 1)


def test_everything_runs_on_a_cohort_held_as_arrays_only():
    cells = {f"s{number}": np.float32(np.random.default_rng(number).normal(size=(30, 2))) for number in range(10)}
    cohort = replace(
        cohort_of(noise_clouds(10, markers=2, cells=30), {"label": ["a", "b"] * 5}), source=ArraySource(cells)
    )
    assert len(classify(cohort, "label", **QUICK).samples) == 10


@pytest.mark.parametrize("whole", [True, False])
def test_batches_that_are_numbers_are_called_by_what_was_typed(whole):
    batch = np.array([1.0] * 7 + [2.0] * 6 + [1.0 if whole else np.nan])
    table = {"label": ["a"] * 7 + ["b"] * 7, "batch": batch}
    found = classify(cohort_of(noise_clouds(14), table), "label", **QUICK)
    (said,) = [warning for warning in found.warnings if "batch" in warning and "batch column" not in warning]
    assert "batch 1" in said or "only: 2 (6 x b)" in said
    assert ".0" not in said
    assert ("1 sample has no batch and is not counted." in said) == (not whole)
