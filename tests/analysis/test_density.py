import numpy as np

from lotviz.analysis.density import density, density_grid


def test_a_density_integrates_to_one_and_counts_what_lies_beyond():
    values = np.concatenate([np.random.default_rng(0).normal(size=5000), [1e6]])
    grid = density_grid(values)
    assert grid[-1] < 10
    curve = density(values, grid)
    assert np.isclose(curve.sum() * (grid[1] - grid[0]), 1.0)


def test_masses_weigh_the_values():
    grid = np.linspace(0.0, 1.0, 101)
    curve = density([0.25, 0.75], grid, masses=[0.9, 0.1])
    assert np.isclose(curve[grid < 0.5].sum() / curve.sum(), 0.9)


def test_equal_values_still_have_a_grid():
    assert np.ptp(density_grid(np.zeros(5))) > 0
