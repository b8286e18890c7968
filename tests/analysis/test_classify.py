import json
import math
from dataclasses import replace
from threading import Event

import numpy as np
import pytest

from lotviz.analysis.classification import OURS
from lotviz.analysis.classify import classify
from lotviz.analysis.kernels import cohort_grams, fold_kernel, hold
from lotviz.analysis.verdict import verdict
from lotviz.data import simulate
from lotviz.data.cohort import ArraySource
from lotviz.transport import Cancelled, embed
from lotviz.transport.cells import hash_of
from tests.analysis.conftest import cohort_of, noise_clouds

ALL_MODELS = {"lot", "lot_steady", "lot_alone", "lot_shape", "abundances", "quantiles", "marker_means", "majority"}
QUICK = {"points": 8, "repeats": 2, "permutations": 0, "cells_per_sample": 100}


@pytest.fixture(scope="module")
def found(patients):
    return classify(
        patients,
        "label",
        group="patient",
        batch="batch",
        points=(16, 32),
        repeats=2,
        permutations=39,
        cells_per_sample=300,
    )


def test_a_large_planted_change_is_found(found):
    lot = found.scores["lot"].balanced_accuracy
    assert lot.mean >= 0.85
    assert lot.low > 0.5
    assert found.permutation_p == 1 / 40
    assert lot.mean > found.scores["confounds"].balanced_accuracy.mean
    assert verdict(found).kind in ("yes", "moderately")


def test_the_record_has_the_fixed_shape_and_is_plain_json(found):
    record = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert set(record) == {
        "label", "n_samples", "n_groups", "classes", "scores", "difference", "permutation_p", "batch", "warnings",
    }  # fmt: skip
    assert set(record["scores"]) == {*ALL_MODELS, "confounds"}
    for figures in record["scores"].values():
        for figure in (figures["balanced_accuracy"], figures["auc"]):
            assert 0.0 <= figure["low"] <= figure["mean"] <= figure["high"] <= 1.0
    assert set(record["difference"]) == {"baseline", "mean", "low", "high"}
    assert record["classes"] == ["control", "case"]
    assert (record["n_samples"], record["n_groups"], record["batch"]) == (16, 16, "batch")
    assert all(text.endswith(".") for text in record["warnings"])
    json.dumps(found.to_record(), allow_nan=False)


def test_the_difference_is_to_the_best_baseline(found):
    others = set(found.scores) - set(OURS)
    best = max(others, key=lambda name: found.scores[name].balanced_accuracy.mean)
    assert found.scores[found.baseline].balanced_accuracy == found.scores[best].balanced_accuracy
    gain = found.scores["lot"].balanced_accuracy.mean - found.scores[best].balanced_accuracy.mean
    assert found.difference.mean == pytest.approx(gain)


def test_samples_folds_and_confusion_can_be_traced(found, patients):
    table = found.per_sample()
    assert list(table.index) == list(patients.samples.index)
    assert found.folds.shape == (2, 16)
    assert np.allclose(found.confusion().to_numpy().sum(axis=1), [8, 8])
    recall = np.diag(found.confusion()) / 8
    assert recall.mean() == pytest.approx(found.scores["lot"].balanced_accuracy.mean)
    assert (np.sign(found.out_of_fold[:, 0]) > 0).shape == (16,)


def test_what_was_classified_by_which_software_is_on_record(found, patients):
    assert found.parameters["seed"] == 0
    assert {"lotviz", "pot"} <= set(found.versions)
    hashes = {name: hash_of(patients.cells(name, limit=300, seed=0)) for name in patients.samples.index}
    assert found.to_record()["sample_hashes"] == hashes


def test_of_an_embedding_its_own_transform_hashes_and_parameters_are_on_record(patients):
    embedding = embed(patients, points=8, seed=3)
    record = classify(embedding, "label", repeats=1, permutations=0).to_record()
    assert record["parameters"]["transform"] == embedding.transform.describe() != "none"
    assert record["parameters"]["embedding"] == dict(embedding.parameters)
    assert record["sample_hashes"] == dict(embedding.sample_hashes)


@pytest.mark.parametrize("group", [None, "owner"])
def test_copies_of_a_sample_in_training_and_test_are_said(group):
    clouds = noise_clouds(12, cells=30, seed=5)
    clouds[3] = clouds[0]
    cohort = cohort_of(clouds, {"label": ["x", "y", "x", "x"] * 3, "owner": ["p0", "p1", "p2", "p0", *"abcdefgh"]})
    said = classify(cohort, "label", group=group, **QUICK).warnings
    assert any("s0, s3 have exactly the same cells" in one for one in said) == (group is None)


def test_no_permutations_give_no_p_and_no_batch_no_confounds(patients):
    plain = classify(patients, "label", **QUICK)
    assert plain.permutation_p is None
    assert set(plain.scores) == ALL_MODELS
    assert plain.scores["majority"].balanced_accuracy.mean == 0.5


def test_the_same_seed_gives_the_same_figures(patients):
    options = {**QUICK, "permutations": 5}
    first, second = (classify(patients, "label", **options) for _ in range(2))
    assert first.to_record() == second.to_record()
    other = classify(patients, "label", seed=1, **options)
    assert (first.folds != other.folds).any()


def test_a_group_is_in_one_fold_of_each_repeat():
    cohort = cohort_of(noise_clouds(16), {"label": ["a", "a", "b", "b"] * 4, "who": np.repeat(np.arange(8), 2)})
    found = classify(cohort, "label", group="who", **QUICK)
    for group in range(8):
        assert (np.ptp(found.folds[:, 2 * group : 2 * group + 2], axis=1) == 0).all()


def test_patients_are_not_recognised_in_place_of_their_label():
    """Every patient has a signature of his own and a random label: only a split group can be named."""
    rng = np.random.default_rng(0)
    own, samples = rng.normal(size=(10, 12)) * 3.0, np.repeat(np.arange(10), 4)
    clouds = [rng.normal(size=(30, 12)) + own[who] for who in samples]
    apart, together = [], []
    for seed in range(3):
        label = np.random.default_rng(seed).permutation([0, 1] * 5)[samples]
        cohort = cohort_of(clouds, {"label": label, "donor": samples})
        options = {**QUICK, "repeats": 1}
        apart.append(classify(cohort, "label", group="donor", **options).scores["lot"].balanced_accuracy.mean)
        together.append(classify(cohort, "label", **options).scores["lot"].balanced_accuracy.mean)
    assert np.mean(together) > 0.8  # what a careless evaluation would report
    assert np.mean(apart) < 0.65


def test_labels_without_meaning_are_not_named_above_chance():
    clouds = noise_clouds(20, seed=3)
    scores, ps = [], []
    for seed in range(6):
        label = np.random.default_rng(seed).permutation(["a", "b"] * 10)
        found = classify(cohort_of(clouds, {"label": label}), "label", **{**QUICK, "permutations": 19})
        scores.append(found.scores["lot"].balanced_accuracy.mean)
        ps.append(found.permutation_p)
    assert 0.35 < np.mean(scores) < 0.6
    assert np.median(ps) > 0.2


def test_a_simulated_cohort_without_effect_is_at_chance():
    cohort = simulate("patients", samples=20, cells=100, effect=0.0, abundance=0.0, seed=5)
    found = classify(cohort, "label", **{**QUICK, "repeats": 3, "permutations": 39})
    assert 0.3 < found.scores["lot"].balanced_accuracy.mean < 0.68
    assert found.permutation_p > 0.05
    assert verdict(found).kind == "no"


def test_held_out_cells_have_no_say_in_scaling_and_reference(patients):
    """Whatever the test samples hold, kernels between training samples stay the same bit for bit."""
    held = hold(patients, cells_per_sample=50, seed=0)
    names = list(held.samples.index)
    training, rows = names[:12], np.arange(12)
    cells = {name: held.cells(name) * (1 if name in training else 7) for name in names}
    altered = replace(held, source=ArraySource(cells))
    before, after = (cohort_grams(made, training, points=(8,), seed=0) for made in (held, altered))
    for block in before:
        kernels = [fold_kernel(grams, {block: 1.0}, rows) for grams in (before, after)]
        assert np.allclose(kernels[0][:12, :12], kernels[1][:12, :12], rtol=0, atol=1e-9)
        assert not np.allclose(kernels[0][12:], kernels[1][12:])


def test_a_paired_design_is_permuted_within_pairs_and_says_so():
    rng = np.random.default_rng(1)
    base = rng.normal(size=(8, 1, 3)) * 2.0
    clouds = [rng.normal(size=(40, 3)) + base[who] + 3.0 * after for who in range(8) for after in (0, 1)]
    cohort = cohort_of(clouds, {"label": ["before", "after"] * 8, "who": np.repeat(np.arange(8), 2)})
    found = classify(cohort, "label", group="who", **{**QUICK, "permutations": 59})
    assert found.permutation_p <= 0.1
    assert any("paired design" in text for text in found.warnings)


def test_several_classes():
    rng = np.random.default_rng(2)
    clouds = [rng.normal(size=(30, 3)) + np.eye(3)[number % 3] * 3.0 for number in range(18)]
    found = classify(cohort_of(clouds, {"label": list("abc") * 6}), "label", **QUICK)
    assert found.scores["lot"].balanced_accuracy.mean > 0.9
    assert found.out_of_fold.shape == (18, 3)
    assert list(found.confusion().columns) == ["a", "b", "c"]
    assert found.scores["majority"].balanced_accuracy.mean == pytest.approx(1 / 3)


def test_batches_that_do_it_as_well_are_said_to():
    rng = np.random.default_rng(3)
    batch = np.repeat([0, 1], 10)
    clouds = [rng.normal(size=(40, 3)) + 2.0 * number for number in batch]
    cohort = cohort_of(clouds, {"label": np.where(batch, "b", "a"), "plate": [f"p{b}" for b in batch]})
    found = classify(cohort, "label", batch="plate", **{**QUICK, "permutations": 9})
    assert found.permutation_p > 0.5
    assert any(text.startswith("Confounds: plate and number of cells alone") for text in found.warnings)
    assert any("class and batch cannot be told apart" in text for text in found.warnings)


def test_means_that_do_as_well_are_said_to():
    rng = np.random.default_rng(4)
    clouds = [rng.normal(size=(40, 2)) + 3.0 * (number % 2) for number in range(12)]
    found = classify(cohort_of(clouds, {"label": ["a", "b"] * 6}), "label", **QUICK)
    assert any(text.startswith("Means do as well") for text in found.warnings)
    assert verdict(found).gain == "none"


def test_means_see_nothing_where_only_the_shape_differs():
    rng = np.random.default_rng(5)
    clouds = [rng.normal(size=(100, 2)) * (0.3 if number % 2 else 2.0) for number in range(16)]
    found = classify(cohort_of(clouds, {"label": ["a", "b"] * 8}), "label", **QUICK)
    assert found.scores["lot"].balanced_accuracy.mean > 0.9
    assert found.scores["lot_shape"].balanced_accuracy.mean > 0.9
    assert found.scores["marker_means"].balanced_accuracy.mean < 0.8


def test_progress_is_told_and_cancel_is_heard(patients):
    told = []
    classify(patients, "label", progress=lambda *step: told.append(step), **{**QUICK, "permutations": 3})
    folds, rest = [[step for step in told if step[1] == total] for total in (told[0][1], told[-1][1])]
    assert folds + rest == told  # one part after the other: their steps do not take alike
    for part in (folds, rest):
        assert [done for done, _total, _message in part] == list(range(part[0][1]))
    assert {message for _done, _total, message in rest[:-1]} == {"Permuting labels"}
    assert len(rest) == 3 + 1
    assert rest[-1][2] == "Leaving out patients and batches"
    stop = Event()
    stop.set()
    with pytest.raises(Cancelled):
        classify(patients, "label", cancel=stop, **QUICK)


@pytest.mark.parametrize("work", ["Fold", "Permuting", "Leaving"])
def test_cancel_is_heard_between_samples_and_between_fits(work):
    stop = Event()

    def progress(done, total, message):
        if message.startswith(work):
            stop.set()

    cohort = cohort_of(noise_clouds(8), {"label": ["a", "b"] * 4})
    with pytest.raises(Cancelled):
        classify(cohort, "label", progress=progress, cancel=stop, **{**QUICK, "repeats": 1, "permutations": 1})


def test_figures_are_finite_for_samples_of_one_cell():
    cohort = cohort_of(noise_clouds(10, cells=1), {"label": ["a", "b"] * 5})
    found = classify(cohort, "label", **QUICK)
    assert all(math.isfinite(found.scores[name].auc.mean) for name in found.scores)


def test_references_are_centres_and_cells_in_turn(patients, monkeypatch):
    from lotviz.analysis import kernels

    made = []
    for name in ("kmeans_reference", "cells_reference"):
        original = getattr(kernels, name)

        def counted(*args, _name=name, _original=original, points, **options):
            made.append((_name, points))
            return _original(*args, points=points, **options)

        monkeypatch.setattr(kernels, name, counted)
    held = hold(patients, cells_per_sample=30, seed=0)
    grams = cohort_grams(held, list(held.samples.index), points=(8, 4, 6), seed=0)
    assert made == [("kmeans_reference", 8), ("cells_reference", 4), ("kmeans_reference", 6)]
    assert {name: len(found) for name, found in grams.items()} == {
        "quantiles": 1, "shift": 3, "shape": 3, "smooth": 3, "abundance": 2,
    }  # fmt: skip
