from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency
from scipy.stats.contingency import association

from lotviz.data.quality.designs import (
    class_column,
    confounded_with,
    cramers_v,
    design_notes,
    design_problems,
    role_column,
)


@pytest.fixture
def designed(made):
    """A cohort of samples without meaning, with these columns."""

    def design(**columns):
        count = len(next(iter(columns.values())))
        cells = {f"s{number}": np.zeros((1, 2)) for number in range(count)}
        return made(cells, **{name: list(values) for name, values in columns.items()})

    return design


def whats(cohort):
    return [problem.what for problem in design_problems(cohort)]


def test_balanced_groups_need_nothing(designed):
    assert whats(designed(label="xy" * 6, batch="ppqq" * 3, patient=range(12))) == []


def test_a_batch_for_each_group_is_said_with_the_numbers(designed):
    (what,) = whats(designed(label="xxxxxxyyyyyyy", batch="ppppppqqqqqqq"))
    assert what.startswith("Every batch holds one label only: their effects cannot be told apart.")
    assert "All 6 samples of label x are in batch p; All 7 samples of label y are in batch q." in what


def test_a_label_that_goes_with_the_batch_in_part(designed):
    cohort = designed(label="x" * 14 + "y" * 5 + "x" * 5 + "y" * 16, batch="p" * 19 + "q" * 21)
    (problem,) = design_problems(cohort)
    assert "14 of 19 samples of batch p are x, but 24% of the others" in problem.what
    assert len(problem.samples) == 19


@pytest.mark.parametrize("labels", ["xxxxxyyyyyxxxxxyyyyy", "xxxxxxyyyyxxxxyyyyyy"])
def test_a_little_unevenness_is_not_mentioned(designed, labels):
    assert whats(designed(label=labels, batch="p" * 10 + "q" * 10)) == []


def test_batches_of_one_sample_are_no_fault(designed):
    assert whats(designed(label="xy" * 5, batch="abcdefghij")) == []


def test_groups_that_are_too_small_count_patients_not_samples(designed):
    (what,) = whats(designed(label="x" * 6 + "y" * 8, patient="abcdefggggggh" + "i"))
    assert "found fewer (y: 3)" in what
    assert "values of patient" in what


def test_patients_whose_labels_differ(designed):
    label = "xx" * 6 + "yy" * 6
    patient = [f"P{number // 2}" for number in range(24)]
    label = label[:1] + "y" + label[2:]
    (problem,) = design_problems(designed(label=label, patient=patient))
    assert "1 of 12 values of patient carry more than one label: P0 (x, y)." in problem.what
    assert problem.samples == ("s0", "s1")


@pytest.mark.parametrize(
    ("label", "patient", "part"),
    [
        ("xy" * 3, "aabbcc", "each of the 3 values of patient has one sample of every label (x, y)"),
        ("xyxyxyx", "aabbccd", "3 of 4 values of patient have one sample of every label (x, y), but not d"),
        ("xxyy" * 2, "aaaabbbb", "each of the 2 values of patient has samples of every label"),
        ("xyxy", "aaaa", "patient a, the only one, has samples of every label"),
    ],
)
def test_pairs_are_noticed_and_small_groups_are_no_fault_then(designed, label, patient, part):
    cohort = designed(label=label, patient=patient)
    (note,) = design_notes(cohort)
    assert part in note
    assert "exchanged only within" in note
    assert whats(cohort) == []


def test_replicates_are_noticed(designed):
    (note,) = design_notes(designed(label="x" * 10 + "y" * 10, patient=[n // 2 for n in range(20)]))
    assert note.startswith("Replicates: 10 of 10 values of patient have several samples of the same label.")
    assert design_notes(designed(label="xy", patient="ab")) == ()
    assert "several samples." in design_notes(designed(patient="aab"))[0]


def test_a_measurement_or_a_name_is_no_class(designed):
    assert class_column(designed(label=range(40))) is None
    assert class_column(designed(label="abcde")) is None
    assert whats(designed(label="abcde", batch="ppqqq")) == []
    assert role_column(designed(label=["", " ", None]), "label") is None


@given(st.lists(st.lists(st.integers(0, 40), min_size=3, max_size=3), min_size=2, max_size=5))
def test_cramers_v_agrees_with_scipy_up_to_its_correction(rows):
    counts = np.array(rows)
    if counts.sum() < 3 or (counts.sum(axis=0) == 0).any() or (counts.sum(axis=1) == 0).any():
        return
    plain = association(counts, method="cramer", correction=False)
    chi = chi2_contingency(counts, correction=False).statistic
    total, (r, c) = counts.sum(), counts.shape
    phi = max(0, chi / total - (r - 1) * (c - 1) / (total - 1))
    least = min(r - (r - 1) ** 2 / (total - 1), c - (c - 1) ** 2 / (total - 1)) - 1
    expected = min(1, np.sqrt(phi / least)) if least > 0 else 0
    assert cramers_v(counts) == pytest.approx(expected, abs=1e-9)
    assert 0 <= cramers_v(counts) <= 1
    if plain < 1e-9:
        assert cramers_v(counts) == 0


@pytest.mark.parametrize(
    ("gaps", "said"), [(0, "batch b."), (1, "1 sample has no batch"), (2, "2 samples have no batch")]
)
def test_samples_without_a_batch_are_not_said_to_be_in_one(gaps, said):
    label = pd.Series(["x"] * 4 + ["y"] * 4, name="label")
    batch = pd.Series(["a"] * (4 - gaps) + [None] * gaps + ["b"] * 4, name="batch")
    (problem,) = confounded_with(label, batch, "")
    assert said in problem.what
    assert f"All {4 - gaps} samples of label x are in batch a" in problem.what
