from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lotviz.transport import TransportMemoryError, embed
from lotviz.transport import registration as module
from tests.transport.clouds import cloud, cohort_of, seeds


@pytest.fixture(scope="module")
def registered(embedding):
    return embedding.registration("P1", "P4")


def glued_slowly(registration):
    """The definition, dense: mass of cell j of A and cell k of B through point i is G^A_ij G^B_ik / a_i."""
    first, second = registration.first_plan.toarray(), registration.second_plan.toarray()
    return np.einsum("ij,ik,i->ijk", first, second, 1 / registration.masses)


def test_pairs_are_the_definition(registered):
    pairs = registered.pairs()
    dense = np.zeros((len(registered.masses), registered.first_plan.shape[1], registered.second_plan.shape[1]))
    np.add.at(dense, (pairs.point, pairs.first, pairs.second), pairs.mass)
    np.testing.assert_allclose(dense, glued_slowly(registered), rtol=0, atol=1e-15)
    assert len(pairs.mass) == registered.n_pairs
    assert pairs.mass.min() > 0


@given(seeds, st.integers(1, 10), st.integers(2, 30), st.integers(2, 30))
@settings(max_examples=25, deadline=None)
def test_glued_masses_sum_to_both_samples(seed, points, n, k):
    cells = {"A": cloud(seed, n, 3), "B": cloud(seed + 1, k, 3)}
    found = embed(cohort_of(cells), points=points, seed=seed % 1000)
    pairs = found.registration("A", "B").pairs()
    np.testing.assert_allclose(np.bincount(pairs.first, pairs.mass, n), 1 / n, rtol=0, atol=1e-12)
    np.testing.assert_allclose(np.bincount(pairs.second, pairs.mass, k), 1 / k, rtol=0, atol=1e-12)
    np.testing.assert_allclose(np.bincount(pairs.point, pairs.mass), found.masses, rtol=0, atol=1e-12)
    moved = found.scaled_cells("A")[pairs.first] - found.scaled_cells("B")[pairs.second]
    cost = pairs.mass @ np.square(moved).sum(axis=1)
    np.testing.assert_allclose(found.registration("A", "B").cost, cost, rtol=1e-9, atol=1e-9)
    # and the displacement of a point is the mean move of what is glued there
    means = np.stack([np.bincount(pairs.point, pairs.mass * -moved[:, c]) for c in range(3)], axis=1)
    expected = found.masses[:, None] * found.registration("A", "B").displacement
    np.testing.assert_allclose(means, expected, rtol=0, atol=1e-9)


def test_a_sample_registered_with_itself_stays_where_it_is(unsplit):
    registered = unsplit.registration("A", "A")
    pairs = registered.pairs()
    np.testing.assert_array_equal(pairs.first, pairs.second)
    np.testing.assert_allclose(pairs.mass, 1 / 30, rtol=0, atol=1e-12)
    assert np.abs(registered.displacement).max() == 0
    assert registered.cost == pytest.approx(0, abs=1e-15)


@given(seeds, st.integers(1, 10), st.integers(2, 40))
@settings(max_examples=20, deadline=None)
def test_a_sample_registered_with_itself_is_the_identity_also_where_cells_are_split(seed, points, n):
    found = embed(cohort_of({"A": cloud(seed, n, 3), "B": cloud(seed + 1, 9, 3)}), points=points, seed=seed % 1000)
    registered = found.registration("A", "A")
    pairs = registered.pairs()
    assert registered.n_pairs == len(pairs.mass)
    for some in (pairs, registered.sample_pairs(3 * n, seed=1)):
        np.testing.assert_array_equal(some.first, some.second)
        np.testing.assert_allclose(np.bincount(some.first, some.mass, n), 1 / n, rtol=0, atol=1e-12)
    assert registered.cost == 0
    assert not registered.displacement.any()


def test_displacement_leads_from_first_to_second(embedding, registered):
    np.testing.assert_array_equal(registered.displacement, embedding.maps[3] - embedding.maps[0])
    back = embedding.registration("P4", "P1")
    np.testing.assert_array_equal(back.displacement, -registered.displacement)
    mean = embedding.cells("P4").mean(axis=0) - embedding.cells("P1").mean(axis=0)
    np.testing.assert_allclose(embedding.masses @ registered.marker_displacement, mean, atol=1e-5)


def test_drawn_pairs_are_glued_and_visit_every_cell_of_the_first(registered):
    drawn = registered.sample_pairs(150, seed=4)
    np.testing.assert_array_equal(np.sort(drawn.first), np.arange(150))
    mass = glued_slowly(registered)[drawn.point, drawn.first, drawn.second]
    assert mass.min() > 0
    assert drawn.mass.sum() == pytest.approx(1)


def test_drawn_pairs_depend_on_the_seed_alone(registered):
    first, again, other = (registered.sample_pairs(200, seed=seed).second for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_drawn_pairs_have_the_exact_mass_on_average(registered):
    exact = np.bincount(registered.pairs().second, registered.pairs().mass, 150)
    drawn = np.mean([np.bincount(registered.sample_pairs(150, s).second, minlength=150) / 150 for s in range(200)], 0)
    assert np.abs(drawn - exact).max() < 4 * np.sqrt(1 / 150**2 / 200)
    cost = [pair_cost(registered, registered.sample_pairs(3000, seed)) for seed in range(5)]
    assert np.mean(cost) == pytest.approx(pair_cost(registered, registered.pairs()), rel=0.03)


def pair_cost(registration, pairs):
    return pairs.mass @ (pairs.first - pairs.second * 1.0) ** 2


def test_more_pairs_than_memory_are_refused(registered, monkeypatch):
    monkeypatch.setattr(module, "_BYTES_PER_PAIR", 10**15)
    with pytest.raises(TransportMemoryError, match=r"glued pairs of P1 and P4 .* Draw some with sample_pairs"):
        registered.pairs()


def test_pairs_of_a_sample_with_itself_are_not_the_plan(embedding):
    pairs = embedding.registration("P2", "P2").pairs()
    pairs.mass[:] = 0
    pairs.first[:] = 0
    assert embedding.plan("P2").sum() == pytest.approx(1.0)
    assert embedding.plan("P2").indices.max() == 149


@pytest.mark.parametrize("n", [0, -3])
def test_no_pairs_are_refused(registered, n):
    with pytest.raises(ValueError, match=f"Expected n to be at least 1, found {n}"):
        registered.sample_pairs(n)
