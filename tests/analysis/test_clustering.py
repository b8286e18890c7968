import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist, squareform
from sklearn.metrics import adjusted_rand_score

from lotviz.analysis.clustering import adjusted_rand, clusters, following
from lotviz.analysis.distances import cluster_order
from lotviz.transport import Cancelled


def blobs(*sizes, apart=12.0, seed=0):
    rng = np.random.default_rng(seed)
    centers = apart * np.eye(max(len(sizes), 4))[: len(sizes)]
    places = np.vstack(
        [center + rng.normal(size=(size, centers.shape[1])) for center, size in zip(centers, sizes, strict=True)]
    )
    return squareform(pdist(places)), np.repeat(np.arange(len(sizes)), sizes)


@pytest.mark.parametrize("sizes", [(8, 12), (10, 6, 8), (5, 6, 7, 8)])
def test_planted_clusters_are_found_and_found_again(sizes):
    distances, truth = blobs(*sizes)
    found = clusters(distances, resamples=20)
    assert found.count == len(sizes)
    assert adjusted_rand(found.labels, truth) == 1.0
    assert found.clear
    assert found.steady > 0.95
    assert list(np.bincount(found.labels)) == sorted(sizes, reverse=True)


def test_one_cloud_has_no_clear_clusters():
    found = clusters(squareform(pdist(np.random.default_rng(0).normal(size=(40, 6)))), resamples=40)
    assert not found.clear
    assert found.silhouette < 0.25


def test_a_given_number_is_taken():
    distances, _ = blobs(8, 12)
    found = clusters(distances, count=4, resamples=10)
    assert (found.count, found.chosen_by) == (4, "given")
    assert found.steady < clusters(distances, resamples=10).steady


def test_clusters_stand_together_in_the_order():
    distances, _ = blobs(7, 9, 6)
    for count in (2, 3, 5):
        labels = clusters(distances, count=count, resamples=2).labels[cluster_order(distances)]
        assert (np.diff(labels) != 0).sum() == count - 1


def test_too_few_samples_or_all_the_same_have_none():
    assert clusters(blobs(3, 2)[0]) is None
    assert clusters(np.zeros((9, 9))) is None


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=30))
@settings(max_examples=60, deadline=None)
def test_the_index_is_that_of_scikit_learn(pairs):
    first, second = np.array(pairs).T
    assert adjusted_rand(first, second) == pytest.approx(adjusted_rand_score(first, second), abs=1e-12)


def test_clusters_that_follow_a_column_and_those_that_do_not():
    labels = np.repeat([0, 1], 12)
    same = following(labels, ["a"] * 11 + ["b"] * 13, name="label", permutations=199)
    assert same.agreement > 0.8
    assert same.p == pytest.approx(1 / 200)
    other = following(labels, ["a", "b"] * 12, name="batch", permutations=199)
    assert other.p > 0.3
    assert (other.column, other.count) == ("batch", 24)


def test_values_are_dealt_among_whole_patients():
    labels = np.repeat([0, 1], 12)
    column = ["a"] * 12 + ["b"] * 12
    alone = following(labels, column, name="label", permutations=199)
    whole = following(labels, column, np.repeat([0, 1, 2, 3], 6), name="label", permutations=199)
    assert alone.p == pytest.approx(1 / 200)
    assert whole.p > 0.2  # four patients can be dealt in six ways, two of which agree as well


def test_samples_without_a_value_are_left_out():
    labels = np.array([0, 0, 1, 1, 1])
    assert following(labels, ["a", "a", "b", "b", None], name="x", permutations=9).agreement == 1.0
    assert following(labels, [None] * 5, name="x", permutations=9).count == 0


def test_progress_and_a_stop():
    heard, cancel = [], threading.Event()
    clusters(blobs(8, 8)[0], resamples=5, progress=lambda *told: heard.append(told[:2]))
    assert heard == [(k, 5) for k in range(1, 6)]
    cancel.set()
    with pytest.raises(Cancelled):
        clusters(blobs(8, 8)[0], cancel=cancel)
