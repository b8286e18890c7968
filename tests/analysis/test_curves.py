import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, roc_curve

from lotviz.analysis.curves import brier, calibration, calibration_slope, clopper_pearson, roc
from lotviz.analysis.scoring import HeldOut, auc, predicted_classes


def drawn(n=120, *, repeats=3, steepness=1.0, seed=0):
    """Held-out scores whose probabilities are right when the steepness is 1."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(size=n) * 2.0
    labels = (rng.random(n) < 1.0 / (1.0 + np.exp(-odds))).astype(np.intp)
    scores = np.tile(odds, (repeats, 1))[:, :, None]
    given = 1.0 / (1.0 + np.exp(-steepness * scores[:, :, 0]))
    folds = np.stack([rng.permutation(n) % 5 for _ in range(repeats)])
    return labels, HeldOut(scores, predicted_classes(scores), np.stack([1.0 - given, given], axis=2), folds)


def test_area_below_the_curve_is_the_auc():
    labels, out = drawn()
    for known in (out, HeldOut(out.scores, out.predicted)):
        curve = roc(known, labels)
        assert curve.area == pytest.approx(auc(out.scores, labels, folds=known.folds)[0])
        assert (np.diff(curve.false_positive) >= 0.0).all()
        assert (np.diff(curve.true_positive) >= 0.0).all()
        ends = (curve.false_positive[0], curve.true_positive[0], curve.false_positive[-1], curve.true_positive[-1])
        assert ends == (0.0, 0.0, 1.0, 1.0)


def test_the_curve_of_one_fold_is_that_of_scikit_learn():
    labels, out = drawn(40, repeats=1)
    curve = roc(HeldOut(out.scores, out.predicted), labels)
    for x, y in zip(*roc_curve(labels, out.scores[0, :, 0])[:2], strict=True):
        steps = curve.true_positive[np.abs(curve.false_positive - x) < 1e-9]
        assert steps.min() <= y <= steps.max()


def test_each_of_several_classes_has_its_curve():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 10)
    scores = rng.normal(size=(2, 30, 3)) + np.eye(3)[labels]
    out = HeldOut(scores, predicted_classes(scores))
    areas = [roc(out, labels, positive=c).area for c in range(3)]
    assert np.mean(areas) == pytest.approx(auc(scores, labels)[0])


def test_the_first_of_two_classes_has_the_same_area():
    labels, out = drawn(50)
    assert roc(out, labels, positive=0).area == pytest.approx(roc(out, labels).area)


def test_calibration_counts_every_sample_once():
    labels, out = drawn(203)
    bins = calibration(out, labels)
    assert sum(found.samples for found in bins) == 203
    assert [found.predicted for found in bins] == sorted(found.predicted for found in bins)
    assert sum(found.samples * found.observed.mean for found in bins) == pytest.approx(labels.sum())
    assert sum(found.observed.low <= found.predicted <= found.observed.high for found in bins) >= 4


def test_few_samples_have_no_calibration_curve():
    labels, out = drawn(99)
    assert calibration(out, labels) is None
    assert calibration(HeldOut(out.scores, out.predicted), labels) is None


def test_exact_interval_at_the_edges():
    assert clopper_pearson(0, 10) == (0.0, pytest.approx(1.0 - 0.025 ** (1 / 10)))
    assert clopper_pearson(10, 10) == (pytest.approx(0.025 ** (1 / 10)), 1.0)


def test_brier_and_slope_are_those_of_scikit_learn():
    labels, out = drawn(150, repeats=1, steepness=2.0)
    assert brier(out, labels) == pytest.approx(brier_score_loss(labels, out.probabilities[0, :, 1]))
    odds = 2.0 * out.scores[0]
    expected = LogisticRegression(C=1e10, tol=1e-10, max_iter=1000).fit(odds, labels).coef_[0, 0]
    assert calibration_slope(out, labels) == pytest.approx(expected, rel=1e-4)


def test_a_model_that_is_too_sure_has_a_slope_below_one():
    labels, out = drawn(2000, steepness=3.0)
    assert calibration_slope(out, labels) == pytest.approx(1 / 3, abs=0.05)
    labels, out = drawn(2000)
    assert calibration_slope(out, labels) == pytest.approx(1.0, abs=0.15)


def test_there_is_no_slope_without_overlap_or_probabilities():
    labels = np.repeat([0, 1], 5)
    given = np.linspace(0.1, 0.9, 10)[None, :]
    out = HeldOut(given[:, :, None] - 0.5, predicted_classes(given[:, :, None] - 0.5), np.stack([1 - given, given], 2))
    assert calibration_slope(out, labels) is None
    constant = HeldOut(out.scores, out.predicted, np.full((1, 10, 2), 0.5))
    assert calibration_slope(constant, labels) is None
    assert calibration_slope(HeldOut(out.scores, out.predicted), labels) is None
    assert brier(HeldOut(out.scores, out.predicted), labels) is None
