"""The crossed statistic, its p and its interval; many figures at once. Oracles: loops over pairs, SciPy, repetition."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lotviz.analysis.interaction_direction import direction_of
from lotviz.analysis.interaction_entries import FLIPPED, ORDERED, entries
from lotviz.analysis.interaction_places import holm
from lotviz.analysis.interaction_statistic import crossed, crossed_mean, pair_weights, sign_flips

ONE = np.zeros(6, dtype=np.intp)


def by_hand(vectors, groups):
    """Mean over groups of the mean of <D_r, D_s> over their pairs, pair by pair."""
    means = []
    for group in sorted(set(groups)):
        members = [row for row, of in zip(vectors, groups, strict=True) if of == group]
        pairs = [float(a @ b) for a, b in itertools.permutations(members, 2)]
        if pairs:
            means.append(np.mean(pairs))
    return float(np.mean(means))


@given(
    st.lists(st.integers(0, 3), min_size=4, max_size=9).filter(lambda of: max(of.count(g) for g in set(of)) > 1),
    st.integers(0, 10**6),
)
def test_it_is_the_mean_over_pairs_of_different_units(groups, seed):
    order = np.unique(groups, return_inverse=True)[1]
    vectors = np.random.default_rng(seed).normal(size=(len(groups), 5))
    assert crossed_mean(vectors @ vectors.T, order) == pytest.approx(by_hand(vectors, order), abs=1e-9)
    assert pair_weights(order).sum() == pytest.approx(1.0)


def test_without_noise_it_is_the_squared_length():
    effect = np.array([3.0, 4.0])
    found = crossed(np.tile(effect, (6, 1)), ONE, unit="line")
    assert found.statistic == pytest.approx(25.0)
    assert (found.low, found.high) == (pytest.approx(25.0), pytest.approx(25.0))
    assert found.p == found.smallest_p == 1 / 32


def test_the_plain_squared_norm_is_biased_under_additivity_and_the_crossed_mean_is_not():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(2000, 4, 30))  # 2,000 studies of four replicates, nothing in them
    naive = np.square(noise.mean(axis=1)).sum(axis=1)
    found = [crossed_mean(one @ one.T, np.zeros(4, dtype=np.intp)) for one in noise]
    assert naive.mean() == pytest.approx(30 / 4, rel=0.02)  # trace of the noise over the replicates
    assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(len(found))


def test_sign_flips_are_all_that_matter_once():
    signs = sign_flips(ONE)
    assert signs.shape == (32, 6)
    assert (signs[0] == 1).all()
    products = {tuple(np.outer(row, row).ravel()) for row in signs}
    assert len(products) == 32
    grouped = sign_flips(np.array([0, 0, 1, 1, 1]))
    assert grouped.shape == (8, 5)
    many = sign_flips(np.zeros(40, dtype=np.intp), seed=1)
    np.testing.assert_array_equal(many, sign_flips(np.zeros(40, dtype=np.intp), seed=1))
    assert len(many) == 5000


@pytest.mark.parametrize("groups", [np.zeros(7, dtype=np.intp), np.repeat([0, 1, 2], 3)])
def test_p_is_uniform_and_the_interval_holds_zero_where_p_does(groups):
    rng = np.random.default_rng(3)
    scale = 1.0 / np.sqrt(np.arange(1, 25))
    found = [crossed(rng.normal(size=(len(groups), 24)) * scale, groups, unit="line") for _ in range(300)]
    p = np.array([one.p for one in found])
    assert stats.kstest(p, "uniform").pvalue > 0.01
    assert 0.92 <= np.mean([one.low <= 0.0 <= one.high for one in found]) <= 0.98
    for one in found:
        assert (one.low > 0.0) == (one.p <= 0.05)
        assert one.low <= one.statistic <= one.high or one.statistic < one.high == 0.0


@pytest.mark.parametrize(("n", "size"), [(6, 0.5), (8, 1.0), (12, 3.0)])
def test_the_interval_holds_the_planted_size(n, size):
    rng = np.random.default_rng(n)
    scale = 1.0 / np.sqrt(np.arange(1, 25))
    held = []
    for _ in range(300):
        towards = rng.normal(size=24)
        effect = np.sqrt(size) * towards / np.linalg.norm(towards)
        one = crossed(effect + rng.normal(size=(n, 24)) * scale, np.zeros(n, dtype=np.intp), unit="line")
        held.append(one.low <= size <= one.high)
    assert np.mean(held) >= 0.92


def test_too_few_units_get_no_interval_rather_than_a_wrong_one():
    rng = np.random.default_rng(0)
    two = crossed(5 + rng.normal(size=(2, 4)), np.zeros(2, dtype=np.intp), unit="line")
    assert np.isnan([two.low, two.high]).all()
    assert two.smallest_p == 0.5
    three = crossed(50 + rng.normal(size=(3, 4)), np.zeros(3, dtype=np.intp), unit="line")
    assert three.p == three.smallest_p == 0.25
    assert three.low <= 0.0 < three.high
    alone = crossed(rng.normal(size=(3, 4)), np.arange(3), unit="replicate")
    assert np.isnan([alone.statistic, alone.p]).all()


def test_many_figures_are_those_of_a_t_test_and_corrected_for_their_number():
    rng = np.random.default_rng(1)
    values = rng.normal(size=(8, 40)) + np.r_[4.0, np.zeros(39)]
    found = entries(values, np.zeros(8, dtype=np.intp))
    whole = stats.ttest_1samp(values, 0.0)
    np.testing.assert_allclose(found.p, whole.pvalue)
    np.testing.assert_allclose((found.low, found.high), whole.confidence_interval())
    assert found.correction == FLIPPED
    assert int(np.argmin(found.adjusted_p)) == 0
    assert found.adjusted_p[0] == 1 / 128
    few = entries(values[:4], np.zeros(4, dtype=np.intp))
    assert few.correction == ORDERED
    np.testing.assert_allclose(few.adjusted_p, stats.false_discovery_control(few.p))


def test_of_replicates_within_lines_the_lines_may_differ():
    rng = np.random.default_rng(2)
    groups = np.repeat([0, 1, 2], 4)
    lines = np.array([9.0, 0.0, -9.0])[groups][:, None]
    found = entries(lines + rng.normal(size=(12, 1)), groups)
    assert found.high[0] - found.low[0] < 3.0
    np.testing.assert_allclose(found.mean, 0.0, atol=1.0)


def test_the_largest_of_many_is_rarely_small_by_chance():
    rng = np.random.default_rng(4)
    scale = np.array([5.0, 1.0] * 10)  # entries of two scales, correlated by a common part
    hits = 0
    for _ in range(200):
        values = (rng.normal(size=(7, 20)) + rng.normal(size=(7, 1))) * scale
        hits += entries(values, np.zeros(7, dtype=np.intp)).adjusted_p.min() <= 0.05
    assert hits / 200 <= 0.09  # 0.05 and two and a half standard errors


def test_entries_without_units_to_spare_have_no_p():
    one = entries(np.ones((1, 3)), np.zeros(1, dtype=np.intp))
    assert np.isnan(one.p).all()
    assert one.correction == ""
    same = entries(np.zeros((6, 2)), ONE)
    assert (same.p == 1.0).all()


def test_holm_never_makes_a_p_smaller_and_keeps_their_order():
    p = np.array([0.2, 0.001, 0.03, 0.04])
    corrected = holm(p)
    assert (corrected >= p).all()
    assert corrected.tolist() == pytest.approx([0.2, 0.004, 0.09, 0.09])


@pytest.mark.parametrize(
    ("along", "across", "words"),
    [(0.5, 0.0, "more than additive"), (-0.5, 0.2, "less than additive"), (0.0, 3.0, "different")],
)
def test_the_direction_is_told_beside_the_additive_effect(along, across, words):
    rng = np.random.default_rng(7)
    effect, other = np.zeros(10), np.zeros(10)
    effect[0], other[1] = 4.0, 1.0
    additive = effect + 0.3 * rng.normal(size=(8, 10))
    excess = along * effect + across * other + 0.3 * rng.normal(size=(8, 10))
    found = direction_of(excess, additive, np.zeros(8, dtype=np.intp), p=0.01)
    assert found.words == words
    assert found.along == pytest.approx(along, abs=0.1)
    assert found.additive_size == pytest.approx(4.0, abs=0.3)
    assert found.gap == pytest.approx(np.hypot(along, across / 4.0), abs=0.1)
    assert direction_of(excess, additive, np.zeros(8, dtype=np.intp), p=0.2).words == "not shown"


def test_noise_that_interaction_and_effect_share_makes_no_direction():
    rng = np.random.default_rng(9)
    along = []
    for _ in range(300):
        wells = rng.normal(size=(4, 6, 10))  # control, A, B and A+B of six replicates
        control, a, b, both = wells + np.r_[4.0, np.zeros(9)] * np.array([0, 1, 1, 2])[:, None, None]
        found = direction_of(both - a - b + control, a + b - 2 * control, ONE, p=1.0)
        along.append(found.along)
    assert abs(np.median(along)) < 0.03


def test_without_an_effect_there_is_nothing_to_compare_with():
    rng = np.random.default_rng(1)
    opposite = np.repeat([[1.0], [-1.0]], 3, axis=0) * np.ones((6, 4))  # crossed size below zero
    found = direction_of(rng.normal(size=(6, 4)), opposite, ONE, p=0.5)
    assert np.isnan(found.gap)
    assert found.words == "not shown"
