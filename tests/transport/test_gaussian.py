from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm

from lotviz.transport import embed, solve
from lotviz.transport.gaussian import Gaussian, gaussian_between, gaussian_cost, gaussian_map
from tests.transport.clouds import cohort_of, seeds


def two(seed, d):
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(2, d, d))
    return [Gaussian(rng.normal(size=d) * 2, each @ each.T / d + 0.3 * np.eye(d)) for each in factors]


@given(seeds, st.integers(1, 5))
@settings(max_examples=25, deadline=None)
def test_the_map_carries_one_gaussian_onto_the_other_and_is_a_gradient(seed, d):
    first, second = two(seed, d)
    matrix = gaussian_map(first, second)
    np.testing.assert_allclose(matrix @ first.covariance @ matrix, second.covariance, atol=1e-8)
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-9)
    assert np.linalg.eigvalsh(matrix).min() > 0
    root = sqrtm(first.covariance)  # an independent square root
    inner = np.real(sqrtm(root @ second.covariance @ root))
    np.testing.assert_allclose(matrix, np.linalg.inv(root) @ inner @ np.linalg.inv(root), atol=1e-7)


@given(seeds, st.integers(1, 4), st.floats(0, 1))
@settings(max_examples=25, deadline=None)
def test_distances_along_the_geodesic_are_in_proportion(seed, d, t):
    first, second = two(seed, d)
    between = gaussian_between(first, second, t)
    whole = np.sqrt(gaussian_cost(first, second))
    assert np.sqrt(gaussian_cost(first, between)) == pytest.approx(t * whole, rel=1e-5, abs=1e-5 * whole)
    assert np.sqrt(gaussian_cost(between, second)) == pytest.approx((1 - t) * whole, rel=1e-5, abs=1e-5 * whole)


def test_the_ends_of_the_geodesic_are_the_gaussians():
    first, second = two(0, 3)
    for t, end in ((0.0, first), (1.0, second)):
        found = gaussian_between(first, second, t)
        np.testing.assert_allclose(found.mean, end.mean, atol=1e-12)
        np.testing.assert_allclose(found.covariance, end.covariance, atol=1e-9)


def test_covariances_that_share_their_axes_average_their_deviations():
    first, second = (Gaussian(np.zeros(2), np.diag(sd) ** 2) for sd in ([1.0, 4.0], [3.0, 2.0]))
    np.testing.assert_allclose(gaussian_between(first, second, 0.5).covariance, np.diag([4.0, 9.0]), atol=1e-12)
    assert gaussian_cost(first, second) == pytest.approx(8.0)


def test_the_cost_is_that_of_large_samples():
    first, second = two(3, 2)
    rng = np.random.default_rng(0)
    drawn = [rng.multivariate_normal(each.mean, each.covariance, size=3000) for each in (first, second)]
    assert solve(*drawn).cost == pytest.approx(gaussian_cost(first, second), rel=0.05)
    assert gaussian_cost(*map(Gaussian.of, drawn)) == pytest.approx(gaussian_cost(first, second), rel=0.05)


def sampling_errors(embedding, middle, n):
    """How far mean and covariance of the mixed cells are from those of `middle`, in errors of a sample of n."""
    mixed = embedding.interpolate({"A": 0.5, "B": 0.5})
    cells = mixed.cells.astype(float)
    mean = mixed.masses @ cells
    covariance = (cells - mean).T @ (mixed.masses[:, None] * (cells - mean))
    variances = np.diag(middle.covariance)
    expected = np.sqrt((np.outer(variances, variances) + np.square(middle.covariance)) / n)
    return (
        np.sqrt(np.mean(np.square(mean - middle.mean) / (variances / n))),
        np.sqrt(np.mean(np.square((covariance - middle.covariance) / expected))),
        np.trace(covariance) / np.trace(middle.covariance),
    )


@pytest.mark.parametrize(
    ("d", "reference", "points", "most"),
    [(2, "sample:A", 2000, 2.0), (3, "sample:A", 2000, 2.0), (2, "kmeans", 200, 3.0), (3, "kmeans", 200, 2.0)],
)
def test_half_way_between_two_gaussians_cells_are_the_closed_form(d, reference, points, most):
    """A reference that is one of the two is exact; any other loses a little spread to what it does not see."""
    first, second = two(5, d)
    rng = np.random.default_rng(1)
    cells = {
        name: rng.multivariate_normal(end.mean, end.covariance, size=2000)
        for name, end in (("A", first), ("B", second))
    }
    found = embed(cohort_of(cells), points=points, reference=reference, scale="none", seed=0)
    of_mean, of_covariance, spread = sampling_errors(found, gaussian_between(first, second, 0.5), 2000)
    assert of_mean < 2.0
    assert of_covariance < most
    assert spread == pytest.approx(1.0, abs=0.06)
