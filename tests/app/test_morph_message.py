"""The messages of the morph: what is packed, and what is refused."""

from __future__ import annotations

import re
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotviz.app.assets import asset
from lotviz.app.morph_canvas import MorphCanvas
from lotviz.app.morph_curves import MorphShares, pack_curves
from lotviz.app.morph_message import (
    colour_bytes,
    pack_pairs,
    pack_tuples,
    picture_bounds,
    quantise,
    samples_in,
    travelled,
    weights_at,
)

SQUARE = {"bounds": (0, 1, 0, 1), "size": (1, 1)}


def two_clouds(n, seed=3):
    random = np.random.default_rng(seed)
    a = random.normal(size=(n, 2)) * [1.0, 0.5]
    return a, a[:, ::-1] * 1.4 + [0.5, -0.3]


def test_bounds_hold_every_cell_and_have_one_unit_on_both_axes():
    a, b = two_clouds(500)
    left, right, bottom, top = picture_bounds(a, b, size=(4, 3))
    both = np.vstack([a, b])
    assert (both > [left, bottom]).all() and (both < [right, top]).all()
    assert (right - left) / (top - bottom) == pytest.approx(4 / 3)


def test_bounds_of_a_single_point_are_not_empty():
    left, right, bottom, top = picture_bounds(np.zeros((1, 2)), size=(1, 1))
    assert left < 0 < right and bottom < 0 < top


@given(st.integers(1, 200), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_interpolating_the_fixed_point_is_interpolating_the_cells(n, t, seed):
    random = np.random.default_rng(seed)
    a, b = random.uniform(0, 1, size=(2, n, 2))
    units = quantise([a, b], (0, 1, 0, 1), size=(1, 1)).reshape(4, n).astype(float)
    between = (1 - t) * units[:2] + t * units[2:]
    expected = ((1 - t) * a + t * b).T
    expected[1] = 1 - expected[1]
    assert np.abs(between / 65_536 - expected).max() <= 1 / 65_536 + 1e-12


def test_cells_beyond_the_bounds_are_put_on_the_border():
    far = np.array([[-5.0, 9.0], [9.0, -5.0]])
    units = quantise([far, far], (0, 1, 0, 1), size=(1, 1))
    assert units.reshape(4, 2).tolist() == [[0, 65535]] * 4


def test_every_part_of_the_message_is_shuffled_alike_and_by_the_seed():
    n = 1000
    x = np.arange(n) / n
    xy = np.column_stack([x, x])
    pack = partial(pack_pairs, xy, xy, (0, 1, 0, 1), size=(1, 1), masses=x + 1, categories=np.zeros((n, 2), int))
    message = pack(values=np.column_stack([x, -x]), value_limit=1)
    assert len(message) == 20 + n * (8 + 4 + 2 + 2)
    assert np.frombuffer(message, np.uint32, 4).tolist() == [2, n, 7, 2]
    units = np.frombuffer(message, np.uint16, n, 20) / 65_536
    masses = np.frombuffer(message, np.float32, n, 20 + 8 * n)
    values = np.frombuffer(message, np.int8, n, 20 + 12 * n)
    assert np.allclose(masses, (units + 1) / (x + 1).mean(), atol=1e-4)
    assert np.abs(values - 127 * units).max() <= 0.51
    assert (np.diff(units) < 0).any()
    assert message == pack(values=np.column_stack([x, -x]), value_limit=1)
    assert message != pack(values=np.column_stack([x, -x]), value_limit=1, seed=1)


def test_any_prefix_is_a_fair_subsample():
    x = np.sort(np.random.default_rng(1).uniform(size=20_000))
    xy = np.column_stack([x, x])
    message = pack_pairs(xy, xy, (0, 1, 0, 1), size=(1, 1))
    prefix = np.frombuffer(message, np.uint16, 2000, 20) / 65_536
    assert prefix.mean() == pytest.approx(0.5, abs=5 * 12**-0.5 * 2000**-0.5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"b_xy": np.zeros((3, 2))}, r"Expected arrays of the same shape \(N, 2\), found \(2, 2\) and \(3, 2\)"),
        ({"b_xy": np.array([[0.5, np.nan], [0, 0]])}, "Expected finite positions, found NaN"),
        ({"size": (2, 1)}, "Expected bounds in the shape of the picture 2 x 1, found 1 x 1"),
        ({"masses": np.array([1.0, 0.0])}, "Expected 2 positive masses"),
        ({"masses": np.ones(3)}, r"Expected 2 positive masses, found shape \(3,\)"),
        ({"values": np.ones(2)}, r"Expected finite values of shape \(2, 2\), found \(2,\)"),
        ({"categories": np.full((2, 2), 256)}, "Expected numbers 0 to 255"),
        ({"categories": np.ones((2, 2))}, "Expected numbers 0 to 255 .* found float64"),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    given = {"a_xy": np.zeros((2, 2)), "b_xy": np.zeros((2, 2)), "bounds": (0, 1, 0, 1), "size": (1, 1)} | options
    with pytest.raises(ValueError, match=message):
        pack_pairs(**given)


def test_a_colour_by_name_is_refused():
    with pytest.raises(ValueError, match=r"Expected a colour like #0072B2, found 'red'"):
        colour_bytes(["red"])


# ---- more than two samples


@given(st.integers(2, 8), st.integers(1, 50), st.integers(0, 2**32 - 1))
def test_mixing_the_fixed_point_is_mixing_the_cells(k, n, seed):
    random = np.random.default_rng(seed)
    cells = random.uniform(0, 1, size=(k, n, 2))
    weights = random.dirichlet(np.ones(k))
    mixed = np.einsum("k,kan->an", weights, quantise(cells, **SQUARE) / 65_536)
    expected = np.einsum("k,kna->an", weights, cells)
    expected[1] = 1 - expected[1]
    assert np.abs(mixed - expected).max() <= 1 / 65_536 + 1e-12


def test_a_message_of_eight_holds_every_part_in_its_place():
    k, n = 8, 500
    x = np.arange(n) / n
    positions = np.stack([np.column_stack([x, x])] * k)
    sample = np.arange(k)
    message = pack_tuples(
        positions,
        **SQUARE,
        masses=x + 1,
        values=np.outer(x, sample) / 7,
        value_limit=1,
        categories=np.tile(sample, (n, 1)),
        markers=np.outer(x, sample),
        marker_limits=(0, 7),
        travel=x,
    )
    assert np.frombuffer(message, np.uint32, 4).tolist() == [2, n, 31, 8] and samples_in(message) == 8
    assert len(message) == 20 + n * (4 * k + 4 + 3 * k + 1)
    where = np.frombuffer(message, np.uint16, n, 20) / 65_536  # x of the first sample, shuffled
    at = 20 + 4 * k * n
    assert np.allclose(np.frombuffer(message, np.float32, n, at), (where + 1) / (x + 1).mean(), atol=1e-4)
    bytes_of = lambda kind, start: np.frombuffer(message, kind, n * k, start).reshape(k, n)  # noqa: E731
    assert np.abs(bytes_of(np.int8, at + 4 * n) - np.outer(sample, where) * 127 / 7).max() <= 0.51
    assert (bytes_of(np.uint8, at + (4 + k) * n) == sample[:, None]).all()
    assert np.abs(bytes_of(np.uint8, at + (4 + 2 * k) * n) - np.outer(sample, where) * 255 / 7).max() <= 0.51
    travel = np.frombuffer(message, np.uint8, n, at + (4 + 3 * k) * n)
    assert np.abs(travel - np.minimum(255, where * 255 / np.percentile(x, 98))).max() <= 0.52


def test_leads_come_last_and_are_shuffled_with_the_tuples():
    clouds, leads = np.stack(two_clouds(300)), np.repeat([0, 1], 150)
    options = {"bounds": picture_bounds(*clouds, size=(1, 1)), "size": (1, 1), "seed": 5}
    led, plain = (pack_tuples(clouds, leads=each, **options) for each in (leads, None))
    assert np.frombuffer(led, "<u4", 4).tolist() == [2, 300, 32, 2]
    assert led[20 : len(plain)] == plain[20:]
    assert np.array_equal(
        np.frombuffer(led, np.uint8, 300, len(plain)), leads[np.random.default_rng(5).permutation(300)]
    )


@pytest.mark.parametrize("leads", [[0, 1], [0, 2, 1], [0, -1, 1], [0.0, 1.0, 1.0]])
def test_leads_that_are_none_of_the_samples_are_refused(leads):
    clouds = np.stack(two_clouds(3))
    with pytest.raises(ValueError, match="Expected 3 numbers from 0 to 1, one a tuple"):
        pack_tuples(clouds, bounds=picture_bounds(*clouds, size=(1, 1)), size=(1, 1), leads=np.array(leads))
    with pytest.raises(ValueError, match="Expected 3 numbers from 0 to 1, one a tuple"):
        pack_curves(clouds, leads=np.array(leads))


def test_the_kernel_needs_no_function_of_the_page():
    """Bokeh compiles optional chaining and `??` to functions that stand outside of it, which its Worker lacks."""
    text = re.sub(r"//.*", "", asset("morph", "kernel.js").read_text("utf-8"))
    assert not re.search(r"\?\?|\?\.(?!\d)", text)


def test_a_pair_is_a_tuple_of_two():
    a, b = two_clouds(300)
    bounds = picture_bounds(a, b, size=(1, 1))
    assert pack_pairs(a, b, bounds, size=(1, 1)) == pack_tuples(np.stack([a, b]), bounds, size=(1, 1))


@pytest.mark.parametrize("k", [1, 9])
def test_two_to_eight_samples_are_mixed(k):
    with pytest.raises(ValueError, match=f"Expected 2 to 8 samples, found {k}"):
        pack_tuples(np.zeros((k, 3, 2)), **SQUARE)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"markers": np.ones((2, 2))}, r"Expected finite values of a marker of shape \(2, 3\), found \(2, 2\)"),
        ({"markers": np.ones((2, 3)), "marker_limits": (2, 1)}, "Expected limits from low to high, found 2 and 1"),
        ({"travel": np.array([1.0, -1.0])}, "Expected travel not below 0, found -1"),
        ({"travel": np.ones(3)}, r"Expected finite travel of shape \(2,\)"),
        ({"values": np.ones((2, 2))}, r"Expected finite values of shape \(2, 3\)"),
    ],
)
def test_parts_that_do_not_fit_the_tuples_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        pack_tuples(np.zeros((3, 2, 2)), **SQUARE, **options)


@given(st.integers(2, 8), st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_travel_is_the_root_of_the_mean_squared_distance_of_two_cells(k, d, seed):
    cells = np.random.default_rng(seed).normal(size=(k, 4, d))
    pairs = [(i, j) for i in range(k) for j in range(i)]
    slow = np.sqrt(np.mean([np.square(cells[i] - cells[j]).sum(axis=1) for i, j in pairs], axis=0))
    assert np.allclose(travelled(cells), slow)


@given(st.integers(2, 8), st.floats(-1, 9))
def test_weights_on_a_path_belong_to_two_neighbours_and_sum_to_one(k, t):
    weights = weights_at(t, k)
    place = float(np.dot(weights, range(k)))
    assert sum(weights) == pytest.approx(1) and place == pytest.approx(min(max(t, 0), k - 1))
    assert np.ptp([i for i, weight in enumerate(weights) if weight]) <= 1


# ---- parameters


@pytest.mark.parametrize("weights", [[0.5, 0.6], [1.5, -0.5], [1.0], [0.1] * 10, [np.nan, 1.0]])
def test_weights_that_are_none_are_refused(weights):
    with pytest.raises(ValueError, match="Expected 2 to 8 weights from 0 to 1 that sum to one"):
        MorphCanvas(weights=weights)


@pytest.mark.parametrize(
    "readout", [{"label": "score", "values": [1, np.inf]}, {"values": [1]}, {"label": "a", "b": 1}]
)
def test_a_readout_that_cannot_be_read_is_refused(readout):
    with pytest.raises(ValueError, match="Expected label, finite values"):
        MorphCanvas(readout=readout)


def test_the_mixture_is_that_of_the_control():
    cells = pack_tuples(np.zeros((3, 2, 2)), **SQUARE)
    assert MorphCanvas(cells=cells, control="path", t=1.5).mixture() == [0, 0.5, 0.5]
    assert MorphCanvas(cells=cells, control="weights").mixture() == [1 / 3] * 3
    assert MorphCanvas(cells=cells, control="weights", weights=[0.2, 0.3, 0.5]).mixture() == [0.2, 0.3, 0.5]
    assert MorphCanvas().mixture() == []


# ---- curves and shares


def test_curves_are_bytes_along_each_axis_and_keep_their_masses():
    random = np.random.default_rng(2)
    values = random.normal(size=(3, 400, 2)) * [1, 10]
    limits = np.array([[-5, 5], [-50, 50]])
    message = pack_curves(values, masses=random.uniform(1, 2, size=400), limits=limits)
    assert np.frombuffer(message, np.uint32, 5).tolist() == [1, 400, 2, 3, 1]
    assert np.frombuffer(message, np.float32, 4, 20).tolist() == [-5, 5, -50, 50]
    assert np.frombuffer(message, np.float32, 400, 36).mean() == pytest.approx(1)
    steps = np.frombuffer(message, np.uint8, offset=36 + 1600).reshape(2, 3, 400)
    back = steps.transpose(1, 2, 0) * [10 / 255, 100 / 255] + [-5, -50]
    assert (np.abs(back - values) <= [0.5 * 10 / 255 + 1e-9, 0.5 * 100 / 255 + 1e-9]).all()


def test_of_many_tuples_so_many_are_drawn_and_the_same_again():
    values = np.random.default_rng(2).normal(size=(2, 5000, 1))
    message = pack_curves(values, most=1000)
    assert np.frombuffer(message, np.uint32, 2)[1] == 1000 and len(message) == 20 + 8 + 2 * 1000
    assert message == pack_curves(values, most=1000) != pack_curves(values, most=1000, seed=1)


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        (np.ones((2, 3, 7)), {}, "Expected arrays of the same shape"),
        (np.ones((1, 3, 2)), {}, "Expected 2 to 8 samples, found 1"),
        (np.ones((2, 0, 2)), {}, "Expected arrays of the same shape"),
        (np.full((2, 3, 2), np.nan), {}, "Expected finite values"),
        (np.ones((2, 3, 2)), {"masses": np.zeros(3)}, "Expected 3 positive masses"),
        (np.ones((2, 3, 2)), {"limits": np.ones((2, 2))}, "Expected a lower and a higher limit for 2 markers"),
    ],
)
def test_curves_that_do_not_fit_are_refused(values, options, message):
    with pytest.raises(ValueError, match=message):
        pack_curves(values, **options)


@pytest.mark.parametrize("shares", [[[0.5], [0.5, 0.5]], [[1.2], [0.1]], [[np.nan], [0.1]]])
def test_shares_are_shares(shares):
    with pytest.raises(ValueError, match="Expected a list of shares from 0 to 1 for each sample"):
        MorphShares(shares=shares)
