import numpy as np
import pytest

from lotviz.analysis.adjustment import control_centring, covariate_removal, pair_centring
from lotviz.analysis.controls import centred_on_controls, without_controls
from lotviz.data.problems import CohortError
from tests.analysis.conftest import cohort_of, noise_clouds


def test_pairs_leave_the_difference_within():
    features = np.array([[1.0], [3.0], [10.0], [14.0]])
    assert (pair_centring(np.array([0, 0, 1, 1])) @ features).ravel().tolist() == [-1.0, 1.0, -2.0, 2.0]


def test_controls_take_out_the_mean_of_their_batch():
    features = np.array([[1.0], [3.0], [7.0], [100.0], [101.0]])
    matrix = control_centring(np.array([0, 0, 0, 1, 1]), np.array([True, True, False, True, False]))
    assert (matrix @ features).ravel().tolist() == [-1.0, 1.0, 5.0, 0.0, 1.0]


def test_covariates_leave_what_least_squares_of_the_training_leaves():
    rng = np.random.default_rng(0)
    covariates, features = rng.normal(size=(30, 2)), rng.normal(size=(30, 4))
    training = np.arange(20)
    design = np.concatenate([np.ones((30, 1)), covariates], axis=1)
    fitted = np.linalg.lstsq(design[training], features[training], rcond=None)[0]
    left = covariate_removal(covariates, training) @ features
    assert np.allclose(left, features - design @ fitted, atol=1e-4)
    altered = features.copy()
    altered[25:] += 7.0  # what test samples hold changes nothing for the training
    assert np.allclose((covariate_removal(covariates, training) @ altered)[training], left[training])


def test_a_covariate_that_is_constant_does_no_harm():
    left = covariate_removal(np.zeros((6, 1)), np.arange(4))
    assert np.isfinite(left).all()


def controlled(batches=("x", "x", "y", "y"), kinds=("control", "case", "control", "case")):
    return cohort_of(noise_clouds(len(batches)), {"batch": list(batches), "kind": list(kinds)})


def test_control_samples_are_set_apart():
    found = without_controls(controlled(), ("kind", "control"), "batch")
    assert list(found.cohort.samples.index) == ["s1", "s3"]
    features = np.array([[1.0], [2.0], [10.0], [12.0]])
    left = centred_on_controls({"shift": [features @ features.T]}, found)["shift"][0]
    assert np.allclose(left, [[1.0, 2.0], [2.0, 4.0]])
    assert "lay between batches before and" in found.removed({"shift": [features @ features.T]})


@pytest.mark.parametrize(
    ("controls", "batch", "message"),
    [
        (("kind", "control"), None, "Expected a batch column beside the controls"),
        (("kind", "contrl"), "batch", "Did you mean control"),
        (("kind", "control"), "kind", "Expected a control in every batch, found none in case"),
    ],
)
def test_controls_that_cannot_be_used_are_refused_in_words(controls, batch, message):
    with pytest.raises(CohortError, match=message):
        without_controls(controlled(), controls, batch)
