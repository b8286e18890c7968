from __future__ import annotations

import numpy as np
import pytest

from lotviz.data import CohortError, Scaling, fit_scaling
from lotviz.transport import cells_reference, embed, gaussian_reference, kmeans_reference, sample_reference
from tests.transport.clouds import cloud, cohort_of

MAKERS = pytest.mark.parametrize("make", [kmeans_reference, cells_reference, gaussian_reference])
OF_CELLS = pytest.mark.parametrize("make", [kmeans_reference, cells_reference])
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


@OF_CELLS
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


def test_gaussian_points_have_the_mean_and_covariance_of_the_pooled_cells(cohort):
    parts = [cohort.cells(name).astype(float) for name in "ABC"]
    mean = np.mean([part.mean(axis=0) for part in parts], axis=0)  # every sample weighs the same
    spread = [(part - mean).T @ (part - mean) / len(part) for part in parts]
    count = 200_000
    reference = gaussian_reference(cohort, UNSCALED, points=count, seed=1)
    covariance = np.mean(spread, axis=0)
    deviation = np.sqrt(np.diag(covariance))
    np.testing.assert_allclose((reference.points.mean(axis=0) - mean) / deviation, 0, atol=5 / np.sqrt(count))
    np.testing.assert_allclose(
        np.cov(reference.points.T) / np.outer(deviation, deviation),
        covariance / np.outer(deviation, deviation),
        atol=10 / np.sqrt(count),
    )
    np.testing.assert_allclose(reference.masses, 1 / count)


def test_gaussian_of_cells_on_a_line_stays_on_it():
    line = np.outer(np.linspace(-1, 1, 50), [1.0, 2.0, 0.0]) + np.array([0, 0, 7])
    points = gaussian_reference(cohort_of({"A": line, "B": line}), UNSCALED, points=30, seed=0).points
    np.testing.assert_allclose(points[:, 1], 2 * points[:, 0], atol=1e-6)
    np.testing.assert_allclose(points[:, 2], 7, atol=1e-6)


def test_one_sample_as_reference_is_moved_onto_itself_for_nothing(cohort):
    found = embed(cohort, points=128, reference="sample:B")
    assert (found.reference.kind, dict(found.reference.details)) == ("sample", {"sample": "B"})
    assert found.reference.n_points == 40
    np.testing.assert_allclose(found.maps[1], found.reference.points, atol=1e-12)
    assert found.costs[1] == pytest.approx(0, abs=1e-20)
    assert found.costs[0] > 0.01
    assert found.warnings == (
        "The reference has 40 points, not 128: the cells of the sample have no more distinct values.",
    )


def test_equal_cells_of_one_sample_are_one_point_of_their_mass():
    cells = np.array([[0.0, 0, 0], [1, 0, 0], [-0.0, 0, 0], [0, 0, 0]])
    reference = sample_reference(cohort_of({"A": cells}), UNSCALED, sample="A", points=10, seed=0)
    assert reference.points.tolist() == [[0, 0, 0], [1, 0, 0]]
    assert reference.masses.tolist() == [0.75, 0.25]


def test_a_sample_with_more_cells_than_points_gives_its_kmeans(cohort):
    reference = sample_reference(cohort, UNSCALED, sample="C", points=20, seed=2)
    own = kmeans_reference(cohort, UNSCALED, points=20, seed=2, samples=["C"])
    np.testing.assert_array_equal(reference.points, own.points)
    assert (reference.kind, reference.n_points) == ("sample", 20)


def test_an_unknown_sample_is_named_with_a_close_one():
    cells = {name: cloud(1, 20, 3) for name in ("patient_1", "patient_2")}
    with pytest.raises(CohortError, match=r"found none called patient1. Did you mean patient_1"):
        embed(cohort_of(cells), reference="sample:patient1")


def test_as_many_points_as_distinct_cells_are_the_cells_themselves():
    """Also of many cells, of which k-means with as many centres would take hours."""
    cells = {"A": cloud(0, 9_000, 3), "B": cloud(1, 9_000, 3)}
    cells["B"][:100] = cells["A"][:100]
    cohort = cohort_of(cells)
    scaling = fit_scaling(cohort)
    found = kmeans_reference(cohort, scaling, points=50_000, seed=0)
    assert found.n_points == 17_900
    assert found.masses.max() == pytest.approx(2 / 18_000)
    assert found.masses.sum() == pytest.approx(1.0)
    pooled = np.concatenate([scaling.apply(cohort.cells(name)) for name in "AB"])
    assert {row.tobytes() for row in found.points} == {row.tobytes() for row in pooled}
