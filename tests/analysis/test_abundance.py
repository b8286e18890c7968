import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotviz.analysis.abundance import (
    half_a_cell,
    log_ratios,
    merged,
    nearest_points,
    partitions_of,
    point_shares,
    secant_slopes,
)


@given(seed=st.integers(0, 10_000), k=st.integers(1, 12))
def test_chords_of_the_logarithm_are_exact(seed, k):
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.full(k, 0.3))
    mean_logs = np.log(rng.dirichlet(np.full(k, 0.5)) + 0.001)
    if seed % 3 == 0:
        mean_logs[0] = np.log(shares[0] + 0.001)  # the flat chord: no difference at all
    slopes, origins = secant_slopes(shares, mean_logs, 0.001)
    assert np.isfinite(slopes).all()
    assert np.allclose(slopes * (shares - origins), np.log(shares + 0.001) - mean_logs, atol=1e-9)


def test_nearest_points_are_those_of_all_distances():
    rng = np.random.default_rng(0)
    cells, points = rng.normal(size=(20_000, 5)), rng.normal(size=(37, 5))
    expected = np.argmin(np.square(cells[:, None] - points[None]).sum(axis=2), axis=1)
    assert (nearest_points(cells, points) == expected).mean() > 0.9999


def test_shares_of_samples_sum_to_one_and_merge_by_cluster():
    shares = point_shares([np.array([0, 0, 2, 1]), np.array([2])], 4)
    assert shares.tolist() == [[0.5, 0.25, 0.25, 0.0], [0.0, 0.0, 1.0, 0.0]]
    assert merged(shares, np.array([0, 1, 0, 1])).tolist() == [[0.75, 0.25], [1.0, 0.0]]


def test_log_ratios_are_centred_and_do_not_depend_on_the_number_of_cells():
    shares = np.array([[0.5, 0.5, 0.0], [0.2, 0.3, 0.5]])
    ratios = log_ratios(shares, half_a_cell([100, 300]))
    assert np.allclose(ratios.sum(axis=1), 0.0)
    assert ratios[0, 0] == pytest.approx(ratios[0, 1])
    assert np.isfinite(ratios).all()


def test_partitions_are_coarse_to_fine_and_never_finer_than_the_points():
    points = np.random.default_rng(1).normal(size=(40, 3))
    masses = np.full(40, 1 / 40)
    sizes = [labels.max() + 1 for labels in partitions_of(points, masses)]
    assert sizes == [16, 32, 40]
    assert [labels.max() + 1 for labels in partitions_of(points[:8], masses[:8])] == [8]
    assert [labels.max() + 1 for labels in partitions_of(np.zeros((3, 2)), masses[:3])] == [3]
