import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from lotviz.analysis.scoring import (
    HeldOut,
    auc,
    balanced_accuracy,
    difference,
    group_resamples,
    predicted_classes,
    score,
    wilson,
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
    assert found.balanced_accuracy.low == pytest.approx(wilson(1.0, 16)[0])
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
    same = difference(out, out, labels, resamples=resamples)
    assert (same.mean, same.low, same.high) == (0.0, 0.0, 0.0)
    perfect = difference(held_out(labels[None, :, None] - 0.5), out, labels, resamples=resamples)
    expected = 1.0 - balanced_accuracy(out.hits(labels), labels)[0]
    assert perfect.mean == pytest.approx(expected)
    assert perfect.low <= perfect.mean <= perfect.high
