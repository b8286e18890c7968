import numpy as np
import pytest

from lotviz.analysis.confounds import confound_features
from lotviz.analysis.design import make_design
from lotviz.data.problems import CohortError
from tests.analysis.conftest import cohort_of, noise_clouds


def cohort(**columns):
    length = len(next(iter(columns.values())))
    return cohort_of(noise_clouds(length, cells=3), columns)


def design(made, label="label", *, group=None, batch=None, adjust=(), folds=5, **more):
    return make_design(made, label, group=group, batch=batch, adjust=adjust, folds=folds, **more)


def test_classes_groups_and_batches_become_integers():
    made = cohort(label=["case", "control"] * 6, who=list("aabbccddeeff"), batch=["x"] * 6 + ["y"] * 6)
    found = design(made, group="who", batch="batch", folds=3)
    assert found.classes == ("control", "case")
    assert found.labels.tolist() == [1, 0] * 6
    assert found.n_groups == 6
    assert found.batches.tolist() == [0] * 6 + [1] * 6
    assert found.paired
    assert found.groups_per_class == {"control": 6, "case": 6}
    assert found.within
    assert "Labels were exchanged within each only" in found.warnings[0]
    unpaired = design(made, group="who", batch="batch", folds=3, paired=False)
    assert not unpaired.within
    assert "exchanged within each group only" in unpaired.warnings[0]


def test_one_class_is_refused():
    with pytest.raises(CohortError, match="column label: Expected at least two classes, found only a"):
        design(cohort(label=["a"] * 6))


def test_missing_labels_are_named_with_their_rows():
    made = cohort(label=["a", None, "b", "b", float("nan"), "a"])
    with pytest.raises(CohortError, match=r"for every sample, found none for s1 \(row 2\), s4 \(row 5\)"):
        design(made)


def test_missing_groups_are_named_too():
    made = cohort(label=["a", "a", "b", "b"], who=["p", "q", None, "r"])
    with pytest.raises(CohortError, match=r"column who: Expected a group for every sample, found none for s2"):
        design(made, group="who")


def test_an_unknown_column_offers_the_nearest():
    with pytest.raises(CohortError, match="Did you mean label"):
        design(cohort(label=["a", "b"] * 3), "lable")
    for wrong in ({"group": "nobody"}, {"batch": "nothing"}, {"adjust": ("age",)}):
        with pytest.raises(CohortError, match="Expected a column"):
            design(cohort(label=["a", "b"] * 3), **wrong)


def test_a_label_that_never_repeats_is_refused():
    with pytest.raises(CohortError, match="found a different value for each of the 6 samples"):
        design(cohort(label=[1.5, 2.5, 3.5, 4.5, 5.5, 6.5]))


def test_too_few_groups_are_refused_with_their_number():
    with pytest.raises(CohortError, match=r"Expected at least 2 patients in every class, .* found a: 5, b: 1"):
        design(cohort(label=["a"] * 5 + ["b"]))
    made = cohort(label=["a"] * 4 + ["b"] * 4, who=list("ppqqrrrr"))
    with pytest.raises(CohortError, match="found a: 2, b: 1"):
        design(made, group="who")


def test_folds_are_reduced_with_a_warning():
    found = design(cohort(label=["a"] * 9 + ["b"] * 3))
    assert found.folds == 3
    assert "The smallest class has 3 groups, so 3 folds were used instead of 5." in found.warnings
    assert any("Only 3 groups are b" in text for text in found.warnings)


def test_a_patient_column_that_was_not_used_is_a_warning():
    made = cohort(label=["a"] * 6 + ["b"] * 6, patient=list("ppqqrrssttuu"))
    assert any("Several samples share a value of patient" in text for text in design(made).warnings)
    assert not any("share a value" in text for text in design(made, group="patient").warnings)


def test_missing_and_constant_batches_are_a_warning():
    made = cohort(label=["a", "b"] * 6, batch=[None] * 12)
    assert any("No batch column was given" in text for text in design(made).warnings)
    assert any("batch holds one value only" in text for text in design(made, batch="batch").warnings)


def test_the_positive_class_can_be_chosen():
    made = cohort(label=["a", "b", "c"] * 3)
    assert design(made, positive="a").classes == ("b", "c", "a")
    with pytest.raises(CohortError, match="The classes are a, b, c"):
        design(made, positive="zzz")


def test_numbers_and_truth_values_are_classes_too():
    assert design(cohort(label=[0, 1] * 5)).classes == ("0", "1")
    assert design(cohort(label=[True, False] * 5)).classes == ("False", "True")


def test_confounds_are_one_hot_words_and_numbers_scaled_on_training():
    made = cohort(label=["a", "b"] * 3, batch=["x", "y", None, "x", "y", "x"], age=[10.0, 20, 30, 40, np.nan, 1e9])
    features = confound_features(made, ("batch", "age"), np.arange(4))
    assert features.shape == (6, 1 + 3 + 2)
    assert np.isfinite(features).all()
    assert (features[:, 1:4].sum(axis=1) == 1.0).all()
    assert features[:4, 4].mean() == pytest.approx(0.0)
    assert features[:4, 4].std() == pytest.approx(1.0)
    assert features[:, 5].tolist() == [0, 0, 0, 0, 1, 0]


def test_an_empty_column_of_numbers_is_no_confound():
    made = cohort(label=["a", "b"] * 2, age=[np.nan] * 4, dose=[1.0, 2.0, 3.0, np.inf])
    assert np.isfinite(confound_features(made, ("age", "dose"), np.arange(4))).all()
