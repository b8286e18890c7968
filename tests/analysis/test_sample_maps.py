import threading

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform
from sklearn.manifold import smacof

from lotviz.analysis.clustering import clusters
from lotviz.analysis.sample_maps import (
    classical_mds,
    judged,
    mds_map,
    neighbours_kept,
    place_on_mds,
    stress,
    tsne_map,
)
from lotviz.data import CohortError
from lotviz.transport import Cancelled


def scattered(count, dimensions, seed=0):
    places = np.random.default_rng(seed).normal(size=(count, dimensions))
    return places, squareform(pdist(places))


def test_places_of_two_dimensions_are_found_again():
    _, distances = scattered(12, 2)
    found = mds_map(distances)
    np.testing.assert_allclose(squareform(pdist(found.coordinates)), distances, atol=1e-9)
    assert found.stress == pytest.approx(0, abs=1e-9)
    assert (found.trustworthiness, found.kept) == (1.0, 1.0)


@pytest.mark.parametrize("seed", range(3))
def test_scaling_agrees_with_that_of_scikit_learn(seed):
    _, distances = scattered(25, 6, seed)
    found = mds_map(distances)
    theirs = smacof(distances, n_components=2, init=classical_mds(distances), n_init=1, max_iter=300, eps=1e-9)[0]
    assert found.stress == pytest.approx(stress(distances, squareform(pdist(theirs))), abs=2e-3)
    assert found.stress < stress(distances, squareform(pdist(classical_mds(distances))))


def test_classical_scaling_of_distances_is_their_principal_axes():
    places, distances = scattered(15, 4)
    centred = places - places.mean(axis=0)
    _, values, _ = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(np.square(classical_mds(distances)).sum(axis=0), values[:2] ** 2)


def test_neighbours_on_a_map_of_noise_are_not_kept():
    _, distances = scattered(40, 2)
    random = np.random.default_rng(9).normal(size=(40, 2))
    found = judged("mds", distances, random)
    assert found.kept < 0.4
    assert found.trustworthiness < 0.7
    assert neighbours_kept(distances, distances, 5) == 1.0


def test_two_clusters_stay_apart_in_a_map_of_neighbours_and_the_seed_decides():
    rng = np.random.default_rng(1)
    distances = squareform(pdist(np.vstack([rng.normal(size=(12, 5)), rng.normal(size=(12, 5)) + 12])))
    found, again = tsne_map(distances, seed=3), tsne_map(distances, seed=3)
    np.testing.assert_array_equal(found.coordinates, again.coordinates)
    nearest = squareform(pdist(found.coordinates)) + np.diag(np.full(24, np.inf))
    assert ((nearest.argmin(axis=1) < 12) == (np.arange(24) < 12)).all()
    assert found.stress is None
    assert found.trustworthiness > 0.8


def test_too_few_samples_for_neighbours_are_refused():
    with pytest.raises(CohortError, match="at least 5 samples"):
        tsne_map(scattered(4, 2)[1])


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_samples_have_a_map(count):
    found = mds_map(scattered(count, 3)[1])
    assert found.coordinates.shape == (count, 2)
    assert np.isfinite(found.coordinates).all()


def test_newcomers_are_placed_where_they_lie_and_the_map_stays():
    _, distances = scattered(20, 2)
    found = mds_map(distances[:15, :15])
    placed = place_on_mds(found.coordinates, distances[15:, :15])
    whole = np.vstack([found.coordinates, placed])
    np.testing.assert_allclose(squareform(pdist(whole))[15:, :15], distances[15:, :15], atol=1e-4)


def test_a_stop_is_heard():
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        mds_map(scattered(6, 3)[1], cancel=cancel)


@pytest.mark.parametrize("use", [clusters, mds_map, tsne_map])
@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("an embedding", "found a str"),
        (None, "Expected"),
        (np.zeros((7, 3)), r"found an array of shape \(7, 3\)"),
        (np.triu(np.ones((7, 7)), 1), "the same both ways"),
        (np.ones((7, 7)), "0 to itself"),
        (np.full((7, 7), np.nan), "Expected finite distances"),
    ],
)
def test_what_is_no_table_of_distances_is_refused(use, given, found):
    with pytest.raises(ValueError, match=found):
        use(given)
