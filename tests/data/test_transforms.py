from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lotviz.data import Scaling, Transform, fit_scaling, read_cohort, simulate

VALUES = hnp.arrays(np.float32, (7, 3), elements=st.floats(-1e5, 1e5, width=32))


@given(VALUES)
def test_arcsinh_is_the_textbook_formula_and_its_inverse_undoes_it(values):
    transform = Transform("arcsinh", 5.0)
    x = values.astype(float) / 5
    expected = np.sign(x) * np.log(np.abs(x) + np.sqrt(x * x + 1))
    np.testing.assert_allclose(transform(values), expected, rtol=2e-6, atol=1e-6)
    np.testing.assert_allclose(transform.inverse(transform(values)), values, rtol=2e-5, atol=1e-4)
    assert transform(values).dtype == np.float32


def test_log1p_takes_negative_values_as_zero():
    np.testing.assert_allclose(Transform("log1p")([-3.0, 0.0, np.e - 1]), [0, 0, 1], rtol=1e-6)
    np.testing.assert_allclose(Transform("log1p").inverse([1.0]), [np.e - 1], rtol=1e-6)


def test_none_changes_nothing_and_says_so():
    np.testing.assert_array_equal(Transform("none")([-1.5, 2.0]), np.float32([-1.5, 2.0]))
    np.testing.assert_array_equal(Transform("none").inverse([-1.5]), np.float32([-1.5]))
    assert Transform("none").describe() == "none"
    assert Transform("arcsinh", 150).describe() == "arcsinh, cofactor 150"


@pytest.mark.parametrize("cofactor", [0.0, -1.0, np.nan, np.inf])
def test_a_cofactor_must_be_positive(cofactor):
    with pytest.raises(ValueError, match="Expected a positive cofactor, found"):
        Transform("arcsinh", cofactor)


def test_unknown_kinds_are_refused():
    with pytest.raises(ValueError, match="Expected transform arcsinh, logicle, log1p or none, found sqrt"):
        Transform("sqrt")
    with pytest.raises(ValueError, match="Expected scaling zscore or none, found minmax"):
        fit_scaling(simulate(samples=2, cells=5), "minmax")


@given(VALUES)
def test_scaling_is_undone_by_its_inverse(values):
    scaling = Scaling(np.array([1.0, -2.0, 0.5]), np.array([2.0, 0.1, 30.0]))
    np.testing.assert_allclose(scaling.undo(scaling.apply(values)), values, rtol=1e-12, atol=1e-9)


def test_every_sample_weighs_the_same_whatever_its_size(made):
    few, many = np.zeros((10, 1)), np.full((1000, 1), 4.0)
    scaling = fit_scaling(made({"few": few, "many": many}))
    assert scaling.center == pytest.approx([2.0])
    assert scaling.scale == pytest.approx([2.0])


def test_zscore_equals_the_pooled_moments_of_samples_of_one_size(small_cohort):
    scaling = fit_scaling(small_cohort)
    pooled = np.concatenate([small_cohort.cells(name) for name in small_cohort.samples.index]).astype(float)
    np.testing.assert_allclose(scaling.center, pooled.mean(axis=0), rtol=1e-9)
    np.testing.assert_allclose(scaling.scale, pooled.std(axis=0), rtol=1e-9)


def test_a_constant_marker_keeps_scale_one(made):
    cells = {"a": np.array([[0.1, 1.0], [0.1, 3.0]]), "b": np.array([[0.1, 2.0], [0.1, 2.0]])}
    assert fit_scaling(made(cells)).scale[0] == 1.0


def test_scaling_sees_the_training_samples_only(made):
    cohort = made({"train": np.array([[0.0], [2.0]]), "test": np.array([[1e6], [1e6]])})
    assert fit_scaling(cohort, samples=["train"]).center == pytest.approx([1.0])


def test_none_scales_nothing(small_cohort):
    scaling = fit_scaling(small_cohort, "none")
    np.testing.assert_array_equal(scaling.scale, np.ones(8))
    np.testing.assert_array_equal(scaling.center, np.zeros(8))


@pytest.mark.parametrize("transform", ["none", "log1p", "logicle"])
def test_a_cofactor_that_nothing_is_done_with_is_said(tmp_path, transform):
    values = np.abs(np.random.default_rng(0).normal(0, 300, (50, 2)))
    pd.DataFrame(values, columns=["CD3", "CD4"]).to_csv(tmp_path / "a.csv", index=False)
    (tmp_path / "sheet.csv").write_text("sample,file\nA,a.csv\nB,a.csv\n")
    words = "The cofactor 150 is left aside: it is of arcsinh, and no marker is transformed by that name."
    said = [problem.what for problem in read_cohort(tmp_path, transform=transform, cofactor=150).problems]
    assert words in said
    said = [problem.what for problem in read_cohort(tmp_path, transform="arcsinh", cofactor=150).problems]
    assert words not in said
