import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import mean_absolute_error, r2_score

from lotviz.analysis.scoring import HeldOut, group_resamples
from lotviz.analysis.value_scoring import rank_correlation, training_means, value_difference, value_score


def foretold(values, *, noise=0.5, repeats=3, seed=0, folds=None):
    scores = values + noise * np.random.default_rng(seed).normal(size=(repeats, len(values)))
    return HeldOut(scores[:, :, None], np.zeros(scores.shape, dtype=np.intp), folds=folds)


@pytest.fixture
def values():
    return np.random.default_rng(9).normal(size=30)


def resampled(n):
    return group_resamples(np.zeros(n, dtype=np.intp), np.arange(n), resamples=500)


def test_figures_are_those_of_scikit_learn_and_scipy(values):
    out = foretold(values, repeats=1)
    found = value_score(out, values, np.arange(30), resamples=resampled(30))
    assert found.mae.mean == pytest.approx(mean_absolute_error(values, out.scores[0, :, 0]))
    assert found.correlation.mean == pytest.approx(spearmanr(values, out.scores[0, :, 0]).statistic)
    others = (values.sum() - values) / 29
    shrink = np.square(values - values.mean()).sum() / np.square(values - others).sum()
    assert found.r2.mean == pytest.approx(1.0 - (1.0 - r2_score(values, out.scores[0, :, 0])) * shrink)
    for interval in (found.r2, found.correlation, found.mae):
        assert interval.low < interval.mean < interval.high
    assert found.headline == found.r2
    assert set(found.to_json()) == {"r2", "correlation", "mae"}


def test_the_training_mean_explains_nothing(values):
    folds = np.stack([np.arange(30) % 5, np.arange(30) // 6])
    means = np.array([[values[row != row[i]].mean() for i in range(30)] for row in folds])
    out = HeldOut(means[:, :, None], np.zeros((2, 30), dtype=np.intp), folds=folds)
    assert np.allclose(training_means(out, values), means)
    found = value_score(out, values, np.arange(30), resamples=resampled(30))
    assert found.r2.mean == pytest.approx(0.0)
    assert found.correlation.mean == 0.0  # the same within a fold


def test_ranks_are_compared_within_folds(values):
    folds = np.arange(30)[None, :] % 5
    out = foretold(values, repeats=1, folds=folds)
    shifted = HeldOut(out.scores + 100.0 * folds[:, :, None], out.predicted, folds=folds)
    assert rank_correlation(shifted, values) == pytest.approx(rank_correlation(out, values))


def test_the_difference_is_paired(values):
    good, bad = foretold(values, noise=0.2), foretold(values, noise=1.0)
    resamples = resampled(30)
    same = value_difference(good, good, values, resamples=resamples)
    assert (same.mean, same.low, same.high) == (0.0, 0.0, 0.0)
    gain = value_difference(good, bad, values, resamples=resamples)
    scores = [value_score(out, values, np.arange(30), resamples=resamples).r2.mean for out in (good, bad)]
    assert gain.mean == pytest.approx(scores[0] - scores[1])
    assert gain.low > 0.0
