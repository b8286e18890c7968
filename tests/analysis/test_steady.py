import numpy as np
import pytest

from lotviz.analysis.ridge import PENALTIES, fit_ridge, fit_ridge_values
from lotviz.analysis.steady import scale_free, steadiest


def test_the_last_fit_that_is_not_measurably_worse_is_taken():
    rng = np.random.default_rng(0)
    base = rng.random(40)
    step = rng.normal(size=40)
    losses = np.stack([base, base + 0.01 * (step - step.mean()) + 1e-4, base + 0.3 + 0.1 * rng.random(40)])
    assert steadiest(losses, np.arange(40)) == 1
    assert steadiest(losses[:1], np.arange(40)) == 0


def test_groups_count_once():
    """Forty samples of two patients are two: what they differ by is no evidence."""
    better, worse = np.zeros(40), np.full(40, 0.2)
    worse[:20] = -0.1
    losses = np.stack([better, worse])
    assert steadiest(losses, np.arange(40) // 20) == 1
    assert steadiest(losses, np.arange(40)) == 0


def test_scores_that_only_shrink_lose_nothing():
    margins = np.random.default_rng(1).normal(0.5, 1.0, size=(30, 1))
    losses = scale_free(np.stack([margins, 0.2 * margins]), np.ones(30))
    assert losses[0].sum() == pytest.approx(losses[1].sum(), rel=0.02)


def test_steadier_weights_have_a_larger_penalty_and_name_as_well():
    rng = np.random.default_rng(2)
    labels = np.arange(40) % 2
    features = rng.normal(size=(40, 200))
    features[:, :10] += 1.2 * labels[:, None]
    features -= features.mean(axis=0)
    kernel = features @ features.T
    kernel /= np.diag(kernel).mean()
    loose, steady = (fit_ridge(kernel, labels, np.arange(40), n_classes=2, steady=choice) for choice in (False, True))
    assert steady.penalty > loose.penalty
    right = [((fitted.left_out[:, 0] > 0) == labels).mean() for fitted in (loose, steady)]
    assert right[1] >= right[0] - 0.1
    # closer to the direction that was planted
    directions = [features.T @ fitted.alpha[:, 0] for fitted in (loose, steady)]
    shares = [np.square(one[:10]).sum() / np.square(one).sum() for one in directions]
    assert shares[1] > shares[0]


def test_numbers_have_steadier_weights_too():
    rng = np.random.default_rng(3)
    features = rng.normal(size=(30, 60))
    values = features[:, 0] * 4.0 + rng.normal(size=30)
    features -= features.mean(axis=0)
    kernel = features @ features.T / 60
    loose, steady = (fit_ridge_values(kernel, values, np.arange(30), steady=choice) for choice in (False, True))
    assert steady.penalty >= loose.penalty
    assert {loose.penalty, steady.penalty} <= set(PENALTIES.tolist())
