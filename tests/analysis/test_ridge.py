import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lotviz.analysis.ridge import PENALTIES, balanced_weights, codes, fit_ridge


def problem(seed, n=12, classes=2, groups=None):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, 4))
    labels = np.concatenate([np.arange(classes), rng.integers(classes, size=n - classes)])
    found = np.arange(n) if groups is None else rng.permutation(np.arange(n) % groups)
    return features @ features.T, labels, found


def refit(kernel, labels, *, penalty, classes, weights=None):
    """The slow way: solve the dual problem with a given penalty."""
    weights = balanced_weights(labels, classes) if weights is None else weights
    return np.linalg.solve(kernel + 1.0 + penalty * np.diag(1.0 / weights), codes(labels, classes))


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.sampled_from([2, 3]), st.sampled_from([None, 5]))
def test_left_out_groups_are_scored_as_by_refitting_without_them(seed, classes, groups):
    kernel, labels, units = problem(seed, classes=classes, groups=groups)
    penalties = np.array([0.3, 3.0])
    ridge = fit_ridge(kernel, labels, units, n_classes=classes, penalties=penalties)
    weights, target = balanced_weights(labels, classes), codes(labels, classes)
    for number, penalty in enumerate(penalties):
        loss = 0.0
        for unit in np.unique(units):
            out, rest = units == unit, units != unit
            alpha = np.linalg.solve(
                kernel[np.ix_(rest, rest)] + 1.0 + penalty * np.diag(1.0 / weights[rest]), target[rest]
            )
            scores = (kernel[np.ix_(out, rest)] + 1.0) @ alpha
            loss += float(weights[out] @ np.log1p(np.exp(-2.0 * target[out] * scores)).sum(axis=1))
        assert ridge.errors[number] == pytest.approx(loss / target.size, rel=1e-6)


@given(st.integers(0, 10_000), st.sampled_from([2, 3]))
def test_dual_weights_solve_the_ridge_at_the_chosen_penalty(seed, classes):
    kernel, labels, units = problem(seed, classes=classes)
    ridge = fit_ridge(kernel, labels, units, n_classes=classes)
    assert np.allclose(ridge.alpha, refit(kernel, labels, penalty=ridge.penalty, classes=classes), rtol=1e-6, atol=1e-7)
    assert ridge.penalty == PENALTIES[np.argmin(ridge.errors)]


def test_classes_weigh_the_same_however_large_they_are():
    weights = balanced_weights(np.array([0, 0, 0, 1]), 2)
    assert weights.tolist() == [2 / 3, 2 / 3, 2 / 3, 2.0]


def test_separable_classes_get_scores_of_their_sign():
    features = np.array([[-2.0], [-1.5], [-1.8], [1.4], [2.2], [1.9]])
    labels = np.array([0, 0, 0, 1, 1, 1])
    ridge = fit_ridge(features @ features.T, labels, np.arange(6), n_classes=2)
    assert (np.sign(ridge.predict(features @ features.T)[:, 0]) == [-1, -1, -1, 1, 1, 1]).all()


def test_three_classes_have_a_column_each():
    assert codes(np.array([0, 2]), 3).tolist() == [[1.0, -1.0, -1.0], [-1.0, -1.0, 1.0]]
