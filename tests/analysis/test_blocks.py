import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lotviz.analysis.blocks import BLOCKS, block_grams, centre, operators, smoothing


def drawn(seed, m=6, d=3, n=8):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(m, d)), rng.dirichlet(np.ones(m)), rng.normal(size=(n, m, d))


@given(st.integers(0, 10_000))
def test_shift_and_shape_are_orthogonal_and_add_up_to_the_lot_distance(seed):
    points, masses, maps = drawn(seed)
    grams = block_grams(maps, operators(points, masses))
    vectors = (np.sqrt(masses)[None, :, None] * (maps - maps.mean(axis=0))).reshape(len(maps), -1)
    assert np.allclose(grams["shift"] + grams["shape"], vectors @ vectors.T, atol=1e-9)


def test_shift_block_is_the_mean_of_the_cells():
    points, masses, maps = drawn(0)
    shift = operators(points, masses)["shift"] @ maps
    assert np.allclose(shift[:, 0], np.einsum("m,nmd->nd", masses, maps))


@given(st.integers(0, 10_000))
def test_a_shift_of_all_points_leaves_shape_and_smooth_alone(seed):
    points, masses, maps = drawn(seed)
    for block in ("shape", "smooth"):
        matrix = operators(points, masses)[block]
        assert np.allclose(matrix @ maps, matrix @ (maps + np.array([3.0, -1.0, 0.5])), atol=1e-9)


def test_smoothing_averages_over_near_points_only():
    points = np.array([[0.0], [0.1], [100.0], [100.1]])
    weights = smoothing(points, np.full(4, 0.25))
    assert np.allclose(weights.sum(axis=1), 1.0)
    assert weights[0, 1] > 0.3
    assert weights[0, 2] < 1e-12


def test_smoothing_of_one_point_is_itself():
    assert smoothing(np.zeros((1, 2)), np.ones(1)).tolist() == [[1.0]]


def test_centre_uses_the_training_samples_only():
    points, masses, maps = drawn(3)
    training = np.array([0, 2, 3, 5])
    gram = block_grams(maps, operators(points, masses, blocks=("shape",)))["shape"]
    kernel, divisor = centre(gram, training)
    vectors = np.matmul(operators(points, masses)["shape"], maps).reshape(len(maps), -1)
    vectors = vectors - vectors[training].mean(axis=0)
    expected = vectors @ vectors.T
    assert np.allclose(kernel * divisor, expected)
    assert np.isclose(np.diag(kernel)[training].mean(), 1.0)


def test_samples_that_do_not_differ_give_a_zero_kernel():
    kernel, divisor = centre(np.ones((4, 4)), np.arange(3))
    assert divisor == 1.0
    assert not kernel.any()


def test_blocks_are_named_once():
    assert tuple(operators(*drawn(0)[:2])) == BLOCKS
