from __future__ import annotations

import numpy as np
import pytest

from lotviz.data import Scaling, fit_scaling
from lotviz.transport import cells_reference, kmeans_reference
from tests.transport.clouds import cloud, cohort_of

MAKERS = pytest.mark.parametrize("make", [kmeans_reference, cells_reference])
UNSCALED = Scaling.identity(3)


@pytest.fixture
def cohort():
    return cohort_of({"A": cloud(1, 60, 3), "B": cloud(2, 40, 3), "C": cloud(3, 500, 3)})


@MAKERS
def test_has_the_points_asked_for_and_masses_of_one(cohort, make):
    reference = make(cohort, UNSCALED, points=16, seed=0)
    assert reference.points.shape == (16, 3)
    assert reference.n_points == 16
    assert reference.masses.sum() == pytest.approx(1, abs=1e-12)
    assert reference.masses.min() > 0
    assert reference.seed == 0


@MAKERS
def test_the_seed_decides(cohort, make):
    first, again, other = (make(cohort, UNSCALED, points=9, seed=seed) for seed in (1, 1, 2))
    assert first.points.tobytes() == again.points.tobytes()
    assert first.points.tobytes() != other.points.tobytes()


@MAKERS
def test_no_more_points_than_distinct_cells(make):
    few = np.repeat(np.array([[0.0, 0, 0], [1, 0, 0], [0, 5, 0]]), 20, axis=0)
    few[::2] *= -1  # -0.0 is no other cell than 0.0
    reference = make(cohort_of({"A": few, "B": few}), UNSCALED, points=64, seed=0)
    assert reference.n_points == 5
    assert len(np.unique(reference.points, axis=0)) == 5


@MAKERS
def test_only_the_samples_asked_for_are_seen(cohort, make):
    alone = make(cohort.select(samples=["A"]), UNSCALED, points=8, seed=0)
    np.testing.assert_array_equal(make(cohort, UNSCALED, points=8, seed=0, samples=["A"]).points, alone.points)


def test_kmeans_points_are_the_means_of_their_cells():
    corners = np.array([[0.0, 0, 0], [100, 0, 0], [0, 100, 0]])
    rng = np.random.default_rng(0)
    cells = {name: (corners[:, None] + rng.normal(size=(3, 20, 3))).reshape(-1, 3) for name in "AB"}
    reference = kmeans_reference(cohort_of(cells), UNSCALED, points=3, seed=0)
    means = np.mean([part.reshape(3, 20, 3).mean(axis=1) for part in cells.values()], axis=0)
    order = np.lexsort(reference.points.round().T)
    np.testing.assert_allclose(reference.points[order], means[np.lexsort(means.round().T)], atol=1e-4)
    np.testing.assert_allclose(reference.masses, 1 / 3)


def test_every_sample_weighs_the_same_however_many_cells_it_has():
    cells = {"few": np.zeros((5, 3)), "many": np.ones((95, 3))}
    np.testing.assert_allclose(kmeans_reference(cohort_of(cells), UNSCALED, points=2, seed=0).masses, 0.5)


def test_cells_are_cells_of_the_cohort_in_scaled_space(cohort):
    scaling = fit_scaling(cohort)
    reference = cells_reference(cohort, scaling, points=12, seed=3)
    pooled = np.concatenate([scaling.apply(cohort.cells(name)) for name in "ABC"])
    distance = np.abs(pooled[None] - reference.points[:, None]).max(axis=2).min(axis=1)
    assert distance.max() == 0
    np.testing.assert_allclose(reference.masses, 1 / 12)
