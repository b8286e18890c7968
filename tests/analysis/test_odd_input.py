"""What sample tables hold in practice: gaps, blanks, numbers for words, dates, categories."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from lotviz.analysis.classify import classify
from lotviz.analysis.design import make_design
from lotviz.analysis.drawn_model import fit_drawn_model
from lotviz.analysis.labels import ordered_classes, thirds, words
from lotviz.analysis.model import fit_model, question_of
from lotviz.analysis.patient_model import fit_patient_model
from lotviz.data.problems import CohortError
from lotviz.transport import embed
from tests.analysis.conftest import cohort_of, noise_clouds

QUICK = {"points": 4, "repeats": 1, "permutations": 0, "cells_per_sample": 20}
COUNT = 12


def cohort(**columns):
    return cohort_of(noise_clouds(COUNT, cells=20, markers=2), {"label": ["a", "b"] * 6, **columns})


def design(made, label="label", **options):
    return make_design(made, label, **{"group": None, "batch": None, "adjust": (), "folds": 3, **options})


BATCHES = {
    "numbers": [1, 1, 2, 2] * 3,
    "truth values": [True, True, False, False] * 3,
    "numbers with gaps": [1.0, 1.0, np.nan, np.nan] * 3,
    "dates": np.repeat(pd.to_datetime(["2024-01-01", "2024-02-01"]), 2).tolist() * 3,
    "categories with gaps": pd.Categorical(["x", "x", None, None] * 3),
}


@pytest.mark.parametrize("kind", BATCHES)
def test_batches_of_any_kind_are_told_apart(kind):
    made = cohort(batch=BATCHES[kind], who=["c", "s", "s", "s"] * 3)
    assert design(made, batch="batch", adjust=("batch",)).batches.tolist() == [0, 0, 1, 1] * 3
    found = classify(made, "label", batch="batch", adjust=("batch",), **QUICK)
    assert "confounds" in found.scores


def test_controls_are_known_by_a_number_read_from_a_column_with_gaps():
    made = cohort(control=[1.0, np.nan, 0.0, 0.0] * 3, batch=np.repeat([1, 2], 6), label=["b", "a", "a", "b"] * 3)
    found = classify(made, "label", batch="batch", controls=("control", "1"), **QUICK)
    assert len(found.samples) == 9


def test_blanks_make_no_class_and_no_patient_of_their_own():
    made = cohort(label=["a", "b", " a", "b "] * 3, patient=["P1", "P2", "P1 ", "P2 ", *"abcdefgh"])
    asked = design(made, group="patient")
    assert asked.classes == ("a", "b")
    assert asked.groups[:4].tolist() == [0, 1, 0, 1]


def test_of_two_doses_a_high_score_speaks_for_the_larger_one():
    assert design(cohort(label=[2, 10] * 6)).classes == ("2", "10")
    assert ordered_classes(["0.5", "0.25", "-1", "1e3"]) == ("-1", "0.25", "0.5", "1e3")
    assert ordered_classes(["week 10", "week 2", "none"]) == ("none", "week 2", "week 10")


@pytest.mark.parametrize(
    "classes",
    [
        ["<30", "30-60", ">60"],
        ["< 18", "18-39", "40-64", "≥65"],
        ["<=5 mg", "5-10 mg", ">=10 mg"],
        ["<0.1", "0.1", "2", "2 uM", "30", ">100"],
        ["0.05 uM", "0.1 uM", "1 uM", "10 uM", "high"],
        ["01", "1", "1.0", "week 01", "week 1"],  # as large as one another
        ["dose 0.05", "dose 0.1", "dose 1", "doses"],
    ],
)
def test_ranges_and_doses_are_in_their_order(classes):
    for turn in range(len(classes)):
        assert ordered_classes(classes[turn:] + classes[:turn]) == tuple(classes)


def test_the_positive_class_may_be_named_as_the_number_it_was_read_as():
    made = cohort(label=[0.0, 1.0] * 6)
    assert design(made, positive=0.0).classes == ("1", "0")
    assert question_of(np.array(["0", "1"], dtype=object), 0.0)[1] == ("1", "0")


def test_missing_words_are_a_word():
    assert words(pd.Series([1.0, np.nan, 2.5])).tolist() == ["1", "missing", "2.5"]


def test_a_continuous_outcome_has_a_whole_record():
    found = classify(cohort(dose=np.arange(COUNT) + 0.5), "dose", outcome="continuous", **QUICK)
    record = json.loads(json.dumps(found.to_record(), allow_nan=False))
    assert record["confusion"] == {}
    assert record["per_sample"][3]["value"] == 3.5
    assert set(record["per_sample"][0]) == {"sample", "value", "foretold", "fold 1"}


@pytest.mark.parametrize("values", [["u", "v"] * 6, [0, 1] * 6, [f"s{k}" for k in range(COUNT)]])
def test_a_covariate_that_says_the_label_of_every_sample_is_refused(values):
    with pytest.raises(CohortError, match="leave something of label, found that all of it follows from arm"):
        design(cohort(arm=values), adjust=("arm",))


def test_a_covariate_that_says_a_number_of_every_sample_is_refused():
    with pytest.raises(CohortError, match="leave something of dose"):
        design(cohort(dose=np.arange(12.0), twice=np.arange(12.0) * 2), "dose", adjust=("twice",))


def test_a_patient_may_be_adjusted_for_within_pairs():
    made = cohort(patient=np.repeat(list("uvwxyz"), 2))
    assert design(made, group="patient", adjust=("patient",)).within


def test_a_sample_without_a_partner_is_left_out_of_pairs_and_named():
    """Its own mean is all that could be taken out of it, and that nothing is left would name its class."""
    made = cohort(label=["a", "b"] * 4 + ["a"] * 4, patient=[*np.repeat(list("uvwx"), 2), *"klmm"])
    found = classify(made, "label", group="patient", paired=True, **QUICK)
    assert found.samples == tuple(f"s{k}" for k in range(8))
    said = "4 of 12 samples have no partner of another class in their patient and were left out: s8, s9, s10, s11."
    assert said in found.warnings


def test_controls_need_no_partner():
    made = cohort(
        label=["a", "b"] * 4 + ["a", None, None, None],
        patient=[*np.repeat(list("uvwx"), 2), *"klmn"],
        kind=["sample"] * 9 + ["control"] * 3,
        batch=[*np.repeat([1, 2, 3], [4, 4, 1]), 1, 2, 3],
    )
    options = {"group": "patient", "batch": "batch", "controls": ("kind", "control"), "paired": True}
    assert len(classify(made, "label", **options, **QUICK).samples) == 8


def test_numbers_are_not_paired_and_that_is_said():
    made = cohort(dose=np.arange(COUNT) + 0.5, patient=np.repeat(list("uvwxyz"), 2))
    asked = design(made, "dose", group="patient", outcome="continuous", paired=True)
    assert "The numbers in dose were not compared within groups: only classes can be paired." in asked.warnings


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"estimator": "Ridge"}, "Expected estimator auto or ridge or lda or logistic or svm, found 'Ridge'"),
        ({"outcome": "continous"}, "Expected outcome auto or classes or continuous, found 'continous'"),
        ({"repeats": 0}, "Expected repeats to be at least 1, found 0"),
        ({"folds": 1}, "Expected folds to be at least 2, found 1"),
        ({"points": 0}, "Expected points to be at least 1, found 0"),
        ({"points": ()}, "Expected points to be at least 1"),
        ({"cells_per_sample": 0}, "Expected cells_per_sample to be at least 1"),
        ({"permutations": -1}, "Expected permutations to be at least 0"),
        ({"seed": -1}, "Expected seed from 0 to"),
    ],
)
def test_a_choice_that_is_none_is_refused_not_replaced(choice, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        classify(cohort(), "label", **{**QUICK, **choice})


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"labels": ["a", "b"]}, "Expected labels of 12 samples, found 2"),
        ({"groups": ["a"]}, "Expected groups of 12 samples, found 1"),
        ({"blocks": ("shape", "shift ")}, "Expected block shift or shape or smooth, found 'shift '"),
        ({"blocks": (), "abundance": False}, "Expected blocks or abundance to learn from, found neither"),
        ({"estimator": "SVM"}, "Expected estimator auto"),
        ({"outcome": "auto"}, "Expected outcome classes or continuous"),
    ],
)
def test_a_model_of_what_there_is_not_is_refused(embedded, choice, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        fit_model(embedded, **{"labels": ["a", "b"] * 6, **choice})


@pytest.mark.parametrize("fit", [fit_drawn_model, fit_patient_model])
def test_a_misspelt_column_of_a_model_is_named_with_those_there_are(embedded, fit):
    with pytest.raises(CohortError, match=r"Expected a column lable, found label\. Did you mean label\?"):
        fit(embedded, "lable")
    with pytest.raises(CohortError, match="Expected a column patient, found label"):
        fit(embedded, "label", group="patient")


@pytest.fixture(scope="module")
def embedded():
    return embed(cohort(), points=4, seed=0)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([1, 1, 1, 1], ["1"] * 4),
        ([np.inf, 1.0, 2.0], ["inf", "1", "2"]),
        ([np.nan, np.nan, 3.0], ["", "", "3"]),
        ([np.nan, np.nan], ["", ""]),
        ([20240303, 20240101, 20240202], ["20240303", "20240101", "20240202"]),
        (pd.array([1, 2, None, 400], "Int64"), ["1", "2", "", "400"]),
        (range(9), [*["0 to 2"] * 3, *["3 to 5"] * 3, *["6 to 8"] * 3]),
        ([0.0, 0.0, 0.0, 0.0, 5.0, 12.3456], [*["0"] * 4, "5 to 12.35", "5 to 12.35"]),
    ],
)
def test_numbers_in_thirds(values, told):
    names = [f"s{i}" for i in range(len(values))]
    found = thirds(pd.Series(values, index=names))
    assert found.index.tolist() == names
    assert found.tolist() == told
