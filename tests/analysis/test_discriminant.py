import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from lotviz.analysis.discriminant import (
    SHRINKAGES,
    _functions,
    class_probabilities,
    fit_discriminant,
    steepness_of,
)
from lotviz.analysis.margins import fit_machine


def clusters(count=60, classes=4, d=5, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    features = rng.normal(size=(count, d)) + 2.0 * rng.normal(size=(classes, d))[labels]
    return features - features.mean(axis=0), labels.astype(np.intp)


def test_without_shrinkage_it_is_the_discriminant_analysis_of_the_textbook():
    features, labels = clusters()
    alphas, intercepts = _functions(features @ features.T, labels, 4, np.array([1e-9]))
    ours = features @ features.T @ alphas[0] + intercepts[0]
    oracle = LinearDiscriminantAnalysis(priors=np.full(4, 0.25)).fit(features, labels)
    theirs = oracle.decision_function(features)
    assert np.allclose(ours, theirs - theirs.mean(axis=1, keepdims=True), atol=1e-4)


def test_two_classes_have_one_column_and_the_direction_of_the_difference():
    features, labels = clusters(classes=2)
    fitted = fit_discriminant(features @ features.T, labels, np.arange(60), n_classes=2)
    scores = fitted.predict(features @ features.T)
    assert scores.shape == (60, 1)
    assert ((scores[:, 0] > 0) == labels).mean() > 0.9
    assert fitted.penalty in SHRINKAGES
    assert fitted.left_out.shape == (60, 1)


def test_classes_between_others_are_not_hidden():
    """Nine groups along a line: one-against-the-rest never names the middle ones, discriminant functions do."""
    rng = np.random.default_rng(3)
    labels = np.repeat(np.arange(5), 12)
    features = np.stack([labels + 0.1 * rng.normal(size=60), 0.1 * rng.normal(size=60)], axis=1)
    features -= features.mean(axis=0)
    kernel = features @ features.T
    said = fit_discriminant(kernel, labels, np.arange(60), n_classes=5).predict(kernel).argmax(axis=1)
    assert (said == labels).mean() > 0.95


@pytest.mark.parametrize("machine", ["logistic", "svm"])
@pytest.mark.parametrize("classes", [2, 3])
def test_machines_name_separated_classes(machine, classes):
    features, labels = clusters(classes=classes, seed=5)
    kernel = features @ features.T / 10.0
    fitted = fit_machine(machine, kernel, labels, np.arange(60) // 2, n_classes=classes)
    scores = fitted.predict(kernel)
    said = (scores[:, 0] > 0).astype(int) if classes == 2 else scores.argmax(axis=1)
    assert (said == labels).mean() > 0.9
    assert fitted.left_out.shape == scores.shape


def test_probabilities_sum_to_one_and_keep_the_decision():
    scores = np.array([[2.0, 0.0, -1.0], [0.0, 0.1, 0.0]])
    found = class_probabilities(scores, 3.0)
    assert np.allclose(found.sum(axis=1), 1.0)
    assert found.argmax(axis=1).tolist() == [0, 1]
    assert class_probabilities(np.array([[0.0]]), 2.0).tolist() == [[0.5, 0.5]]


def test_scores_without_meaning_are_flattened():
    rng = np.random.default_rng(0)
    labels = np.arange(100) % 2
    told, guessed = (labels * 2.0 - 1.0)[:, None], rng.normal(size=(100, 1)) * 5.0
    assert steepness_of(told, labels, n_classes=2) > 5.0
    assert steepness_of(guessed, labels, n_classes=2) < 0.1


@pytest.mark.parametrize("machine", ["logistic", "svm"])
def test_one_sample_a_class_leaves_nobody_to_choose_a_penalty_by(machine):
    found = fit_machine(machine, np.array([[1.0, -1.0], [-1.0, 1.0]]), np.arange(2), np.arange(2), n_classes=2)
    assert found.predict(np.array([[1.0, -1.0]])) < 0.0
