import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from lotviz.analysis.intervals import Interval, auc_deviation, design_effect, shared_training, wilson
from lotviz.analysis.scoring import (
    HeldOut,
    auc,
    balanced_accuracy,
    difference,
    group_resamples,
    predicted_classes,
    score,
)


def held_out(scores):
    scores = np.asarray(scores, dtype=float)
    return HeldOut(scores, predicted_classes(scores))


@pytest.fixture
def binary():
    rng = np.random.default_rng(0)
    labels = np.array([0] * 14 + [1] * 9)
    return labels, held_out(labels[None, :, None] + rng.normal(size=(3, 23, 1)) - 0.5)


def test_figures_are_those_of_scikit_learn(binary):
    labels, out = binary
    expected = np.mean([balanced_accuracy_score(labels, predicted) for predicted in out.predicted])
    assert balanced_accuracy(out.hits(labels), labels)[0] == pytest.approx(expected)
    expected = np.mean([roc_auc_score(labels, scores[:, 0]) for scores in out.scores])
    assert auc(out.scores, labels)[0] == pytest.approx(expected)


def test_many_classes_are_averaged_one_against_the_others():
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1, 2], [4, 6, 8])
    scores = rng.normal(size=(1, 18, 3))
    expected = np.mean([roc_auc_score(labels == c, scores[0, :, c]) for c in range(3)])
    assert auc(scores, labels)[0] == pytest.approx(expected)
    assert (predicted_classes(scores)[0] == scores[0].argmax(axis=1)).all()


def test_a_tie_counts_half():
    assert auc(np.zeros((1, 4, 1)), np.array([0, 0, 1, 1]))[0] == 0.5


def test_weights_count_a_sample_as_often_as_it_was_drawn(binary):
    labels, out = binary
    times = np.random.default_rng(2).integers(1, 4, size=len(labels))
    repeated = np.repeat(np.arange(len(labels)), times)
    again = HeldOut(out.scores[:, repeated], out.predicted[:, repeated])
    weights = times[None, :].astype(float)
    assert balanced_accuracy(out.hits(labels), labels, weights)[0] == pytest.approx(
        balanced_accuracy(again.hits(labels[repeated]), labels[repeated])[0]
    )
    assert auc(out.scores, labels, weights)[0] == pytest.approx(auc(again.scores, labels[repeated])[0])


def test_resamples_draw_whole_groups_and_never_empty_a_class():
    groups = np.array([0, 0, 1, 1, 2, 3, 3, 4])
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    times = group_resamples(labels, groups, resamples=300, seed=1)
    for group in range(5):
        assert (np.ptp(times[:, groups == group], axis=1) == 0).all()
    assert (times[:, labels == 0].sum(axis=1) > 0).all()
    assert (times[:, labels == 1].sum(axis=1) > 0).all()
    assert times.std() > 0


def test_a_perfect_score_is_still_in_doubt():
    labels = np.repeat([0, 1], 8)
    found = score(
        held_out(labels[None, :, None] - 0.5),
        labels,
        np.arange(16),
        resamples=group_resamples(labels, np.arange(16)),
    )
    assert found.balanced_accuracy.mean == 1.0
    assert found.balanced_accuracy.low == pytest.approx(wilson(1.0, 16 / shared_training(16))[0])
    assert found.accuracy.low == pytest.approx(found.balanced_accuracy.low)
    assert found.auc.low < 0.8


def test_the_interval_covers_the_figure_and_grows_with_fewer_groups(binary):
    labels, out = binary
    alone = score(out, labels, np.arange(23), resamples=group_resamples(labels, np.arange(23)))
    together = np.concatenate([np.arange(14) // 3, 5 + np.arange(9) // 3])
    grouped = score(out, labels, together, resamples=group_resamples(labels, together))
    for found in (alone, grouped):
        for figure in (found.balanced_accuracy, found.auc):
            assert 0.0 <= figure.low <= figure.mean <= figure.high <= 1.0
    assert grouped.balanced_accuracy.low < alone.balanced_accuracy.low


def test_a_constant_model_is_at_chance_without_doubt():
    labels = np.repeat([0, 1], [6, 4])
    found = score(
        held_out(np.zeros((2, 10, 1))),
        labels,
        np.arange(10),
        resamples=group_resamples(labels, np.arange(10)),
    )
    assert found.balanced_accuracy.to_json() == {"mean": 0.5, "low": 0.5, "high": 0.5}
    assert found.auc.mean == 0.5


def test_the_difference_is_paired():
    labels = np.repeat([0, 1], 10)
    rng = np.random.default_rng(3)
    scores = labels[None, :, None] - 0.5 + rng.normal(size=(1, 20, 1))
    out, resamples = held_out(scores), group_resamples(labels, np.arange(20))
    shares = (score(out, labels, np.arange(20), resamples=resamples).balanced_accuracy,) * 2
    same = difference(out, out, labels, resamples=resamples, shares=shares)
    assert (same.mean, same.low, same.high) == (0.0, 0.0, 0.0)
    perfect = difference(held_out(labels[None, :, None] - 0.5), out, labels, resamples=resamples, shares=shares)
    expected = 1.0 - balanced_accuracy(out.hits(labels), labels)[0]
    assert perfect.mean == pytest.approx(expected)
    assert perfect.low <= perfect.mean <= perfect.high


@pytest.mark.parametrize("right", [1.0, -1.0])
def test_a_difference_that_every_group_shares_is_as_uncertain_as_either(right):
    labels = np.repeat([0, 1], 6)
    resamples = group_resamples(labels, np.arange(12))
    sure, guess = held_out(right * (labels[None, :, None] - 0.5)), held_out(np.zeros((1, 12, 1)))
    shares = tuple(score(out, labels, np.arange(12), resamples=resamples).balanced_accuracy for out in (sure, guess))
    found = difference(sure, guess, labels, resamples=resamples, shares=shares)
    assert found.mean == right / 2
    assert found.low == pytest.approx(shares[0].low - 0.5)
    assert found.high == pytest.approx(shares[0].high - 0.5)
    assert found.high - found.low > 0.1


def test_a_difference_is_read_repeat_by_repeat():
    labels = np.repeat([0, 1], 10)
    rng = np.random.default_rng(5)
    first, second = (held_out(rng.normal(size=(6, 20, 1))) for _ in range(2))
    once = (HeldOut(one.scores[:1], one.predicted[:1]) for one in (first, second))
    resamples = group_resamples(labels, np.arange(20))
    many, single = (
        difference(first, second, labels, resamples=resamples, shares=(Interval(0.5, 0.4, 0.6),) * 2),
        difference(*once, labels, resamples=resamples, shares=(Interval(0.5, 0.4, 0.6),) * 2),
    )
    assert many.high - many.low > 0.7 * (single.high - single.low)


def test_the_auc_of_folds_compares_nothing_else():
    scores = np.array([[[0.0], [1.0], [10.0], [11.0]]])
    labels, folds = np.array([0, 1, 0, 1]), np.array([[0, 0, 1, 1]])
    assert auc(scores, labels)[0] == 0.75
    assert auc(scores, labels, folds=folds)[0] == 1.0
    assert auc(scores, labels, folds=np.array([[0, 1, 1, 0]]))[0] == 0.5
    assert auc(scores, labels, folds=np.array([[0, 1, 2, 3]]))[0] == 0.5  # nothing to compare


def test_weights_reach_the_auc_of_folds(binary):
    labels, out = binary
    folds = np.random.default_rng(1).integers(3, size=out.predicted.shape)
    times = np.random.default_rng(2).integers(1, 4, size=len(labels))
    repeated = np.repeat(np.arange(len(labels)), times)
    weighted = auc(out.scores, labels, times[None, :].astype(float), folds=folds)[0]
    assert weighted == pytest.approx(auc(out.scores[:, repeated], labels[repeated], folds=folds[:, repeated])[0])


def test_auc_deviation_is_that_of_scores_drawn_at_random():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], [15, 9])
    found = [auc(rng.normal(size=(1, 24, 1)), labels)[0] for _ in range(2000)]
    assert np.std(found) == pytest.approx(float(auc_deviation(np.array(0.5), 9, 15)), rel=0.05)


def test_samples_of_a_group_that_always_agree_count_as_one():
    rng = np.random.default_rng(0)
    groups, labels = np.repeat(np.arange(200), 3), np.repeat([0, 1], 300)
    named = rng.integers(2, size=(4, 200)).astype(float)
    weights = np.full(600, 1 / 600)
    assert design_effect(np.repeat(named, 3, axis=1), weights, labels, groups) == pytest.approx(3.0, rel=0.05)
    apart = rng.integers(2, size=(4, 600)).astype(float)
    assert design_effect(apart, weights, labels, groups) == pytest.approx(1.0, abs=0.25)
    assert design_effect(apart, weights, labels, np.arange(600)) == pytest.approx(1.0, rel=1e-6)


def test_pairs_of_which_one_is_right_count_as_more():
    labels, groups = np.tile([0, 1], 50), np.repeat(np.arange(50), 2)
    one = np.random.default_rng(0).integers(2, size=(3, 50)).astype(float)
    right = np.stack([one, 1.0 - one], axis=2).reshape(3, 100)
    assert design_effect(right, np.full(100, 0.01), labels, groups) < 0.2


def test_batches_hold_a_score_near_chance_together():
    labels, batches, groups = np.tile([0, 1], 20), np.repeat([0, 1], 20), np.arange(40)
    folds = np.tile(np.repeat(np.arange(5), 8), (3, 1))
    right = np.tile([1, 1, 1, 1, 1, 0, 0, 0], (3, 5))  # 3 of 4 and 2 of 4 in every fold
    named = np.where(right, labels, 1 - labels)
    scores = named[:, :, None] - 0.5
    out = HeldOut(scores, named, None, folds)
    resamples = group_resamples(labels, groups)
    plain = score(out, labels, groups, resamples=resamples).balanced_accuracy
    known = score(out, labels, groups, resamples=resamples, batches=batches).balanced_accuracy
    assert plain.mean == known.mean
    assert plain.low < 0.5 < known.low
    good = HeldOut(np.tile(labels - 0.5, (3, 1))[:, :, None], np.tile(labels, (3, 1)), None, folds)
    assert score(good, labels, groups, resamples=resamples, batches=batches).balanced_accuracy.low < 0.92


def test_log_loss_is_that_of_the_probabilities(binary):
    labels, out = binary
    given = 1.0 / (1.0 + np.exp(-out.scores[:, :, 0]))
    known = HeldOut(out.scores, out.predicted, np.stack([1.0 - given, given], axis=2))
    resamples = group_resamples(labels, np.arange(23))
    found = score(known, labels, np.arange(23), resamples=resamples)
    expected = -np.mean(np.log(np.where(labels == 1, given, 1.0 - given)))
    assert found.log_loss.mean == pytest.approx(expected)
    assert 0.0 <= found.log_loss.low < expected < found.log_loss.high
    without = score(out, labels, np.arange(23), resamples=resamples)
    assert without.log_loss is None
    assert without.to_json()["log_loss"] is None
    assert set(found.to_json()) == {"balanced_accuracy", "auc", "accuracy", "log_loss"}
    assert found.accuracy.mean == pytest.approx((out.predicted == labels).mean())
    assert found.headline == found.balanced_accuracy
