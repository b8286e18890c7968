from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lotviz.data import CohortError
from lotviz.transport import embed, solve
from tests.transport.clouds import cloud, cohort_of, seeds

sizes = st.integers(2, 40)


def two(seed, n, k, points):
    populations = {"A": np.array(["x", "y"] * n)[:n], "B": np.array(["z"] * k)}
    cells = {"A": cloud(seed, n, 3), "B": cloud(seed + 1, k, 3)}
    return embed(cohort_of(cells, populations=populations), points=points, seed=seed % 1000)


@given(seeds, sizes, sizes, st.integers(1, 10), st.booleans())
@settings(max_examples=30, deadline=None)
def test_the_ends_are_the_samples_own_cells(seed, n, k, points, with_zero):
    found = two(seed, n, k, points)
    for end, other, count in (("A", "B", n), ("B", "A", k)):
        weights = {end: 1.0, other: 0.0} if with_zero else {end: 1.0}
        drawn = found.interpolate(weights, count, seed=seed)
        assert drawn.cells.tobytes() == found.cells(end).tobytes()
        exact = found.interpolate(weights)
        assert exact.cells.tobytes() == found.cells(end)[exact.origins[end]].tobytes()
        np.testing.assert_allclose(np.bincount(exact.origins[end], exact.masses), 1 / count, rtol=0, atol=1e-12)


@given(seeds, sizes, sizes, st.integers(1, 10), st.floats(0, 1))
@settings(max_examples=25, deadline=None)
def test_exact_pairs_in_between_have_the_mixed_mean_and_maps(seed, n, k, points, t):
    found = two(seed, n, k, points)
    mixed = found.interpolate({"A": 1 - t, "B": t})
    expected = (1 - t) * found.cells("A").mean(axis=0, dtype=float) + t * found.cells("B").mean(axis=0, dtype=float)
    np.testing.assert_allclose(mixed.masses @ mixed.cells, expected, rtol=1e-5, atol=1e-5)
    assert mixed.masses.sum() == pytest.approx(1, abs=1e-12)
    by_hand = (1 - t) * found.cells("A")[mixed.origins["A"]] + t * found.cells("B")[mixed.origins["B"]]
    np.testing.assert_allclose(mixed.cells, by_hand, rtol=1e-5, atol=1e-5)


@given(seeds, st.lists(st.floats(0, 1), min_size=4, max_size=4).filter(lambda given: sum(given) > 0.1))
@settings(max_examples=15, deadline=None)
def test_convex_combinations_embed_to_themselves_where_no_cell_is_split(unsplit, seed, given):
    share = np.array(given) / sum(given)
    share[share.argmax()] += 1 - share.sum()
    weights = dict(zip("ABCD", share, strict=True))
    maps = unsplit.barycenter(weights).maps
    np.testing.assert_allclose(solve(unsplit.reference.points, maps, unsplit.masses).maps, maps, rtol=0, atol=1e-9)
    # cell by cell: the drawn cells are the combination of the maps, each once
    drawn = unsplit.scaling.apply(unsplit.interpolate(weights, 30, seed=seed).cells)
    np.testing.assert_allclose(drawn[np.lexsort(drawn.T)], maps[np.lexsort(maps.T)], atol=1e-4)


def test_many_samples_are_glued_through_the_same_point(embedding):
    weights = {"P1": 0.2, "P2": 0.5, "P3": 0.3}
    mixed = embedding.interpolate(weights, 150, seed=3)
    np.testing.assert_array_equal(np.sort(mixed.origins["P2"]), np.arange(150))  # the anchor: the largest weight
    plans = {name: embedding.plan(name).toarray() > 0 for name in weights}
    shared = np.logical_and.reduce([plans[name][:, mixed.origins[name]] for name in weights])
    assert shared.any(axis=0).all()
    by_hand = sum(weight * embedding.cells(name)[mixed.origins[name]] for name, weight in weights.items())
    np.testing.assert_allclose(mixed.cells, by_hand, atol=1e-5)
    assert list(mixed.populations) == list(embedding.populations("P2")[mixed.origins["P2"]])
    np.testing.assert_allclose(mixed.masses, 1 / 150)


def test_the_draw_depends_on_seed_and_weights_not_on_their_order(embedding):
    weights = {"P1": 0.2, "P2": 0.5, "P3": 0.3}
    first = embedding.interpolate(weights, 90, seed=3)
    turned = embedding.interpolate(dict(reversed(weights.items())), 90, seed=3)
    assert first.cells.tobytes() == turned.cells.tobytes()
    assert first.cells.tobytes() != embedding.interpolate(weights, 90, seed=4).cells.tobytes()


def test_a_draw_of_any_size_keeps_the_mean(embedding):
    expected = 0.5 * embedding.cells("P1").mean(axis=0) + 0.5 * embedding.cells("P5").mean(axis=0)
    mixed = embedding.interpolate({"P1": 0.5, "P5": 0.5}, 20_000)
    assert mixed.cells.shape == (20_000, 6)
    np.testing.assert_allclose(mixed.cells.mean(axis=0), expected, atol=0.02)


def test_the_barycenter_is_the_mean_with_its_upper_bound(embedding):
    import ot

    from tests.transport.clouds import squared_distances

    center = embedding.barycenter()
    np.testing.assert_allclose(center.maps, embedding.maps.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(center.vector, embedding.vectors.mean(axis=0), atol=1e-12)
    assert sum(center.weights.values()) == pytest.approx(1)
    true = 0.0
    for name in embedding.samples.index:
        cells = embedding.scaled_cells(name)
        equal = np.full(len(cells), 1 / len(cells))
        true += ot.emd2(embedding.masses, equal, squared_distances(center.maps, cells)) / 6
    assert true <= center.objective + 1e-9
    single = embedding.barycenter({"P2": 1.0})
    np.testing.assert_array_equal(single.maps, embedding.maps[1])
    assert single.objective == pytest.approx(embedding.residuals[1])


@pytest.mark.parametrize(
    ("weights", "n_cells", "words"),
    [
        ({}, None, "weight of at least one sample, found none"),
        ({"P1": 1.5, "P2": -0.5}, None, r"from 0 to 1, found 1.5 for P1.*extrapolation"),
        ({"P1": float("nan"), "P2": 0.5}, None, "from 0 to 1, found nan"),
        ({"P1": 0.5, "P2": 0.4}, None, "sum to 1, found a sum of 0.9"),
        ({"P1": 0.5, "p2": 0.5}, None, "embedded samples, found p2. Did you mean P2"),
        ({"P1": 0.4, "P2": 0.4, "P3": 0.2}, None, "number of cells for 3 samples.*exact pairs"),
        ({"P1": 1.0}, 0, "n_cells of at least 1, found 0"),
    ],
)
def test_what_is_not_between_samples_is_refused(embedding, weights, n_cells, words):
    with pytest.raises(CohortError, match=words):
        embedding.interpolate(weights, n_cells)


def test_barycenters_beyond_the_samples_are_refused(embedding):
    with pytest.raises(CohortError, match="extrapolation"):
        embedding.barycenter({"P1": 2.0, "P2": -1.0})


def test_half_way_between_two_gaussians_lies_the_gaussian_of_bures():
    """And the spread is kept that random pairs at a point average away."""
    rng = np.random.default_rng(0)
    roots = np.array([[1.0, 0.6], [0.0, 0.8]]), np.array([[2.0, -0.5], [0.0, 1.0]])
    cells = {"A": rng.normal(size=(3000, 2)) @ roots[0], "B": rng.normal(size=(3000, 2)) @ roots[1] + [4.0, -2.0]}
    found = embed(cohort_of(cells), points=48, scale="none")
    first, second = (root.T @ root for root in roots)
    values, vectors = np.linalg.eigh(first)
    root = (vectors * np.sqrt(values)) @ vectors.T
    inverse = np.linalg.inv(root)
    values, vectors = np.linalg.eigh(root @ second @ root)
    half = (np.eye(2) + inverse @ (vectors * np.sqrt(values)) @ vectors.T @ inverse) / 2
    closed = half @ first @ half.T
    made = found.interpolate({"A": 0.5, "B": 0.5}, 3000).cells.astype(float)
    np.testing.assert_allclose(made.mean(axis=0), [2.0, -1.0], atol=0.12)
    np.testing.assert_allclose(np.cov(made.T), closed, atol=0.12)
    pairs = found.interpolate({"A": 0.5, "B": 0.5})
    at_random = np.trace(np.cov(pairs.cells.T.astype(float), aweights=pairs.masses))
    assert at_random < np.trace(np.cov(made.T)) < 1.05 * np.trace(closed)


def test_eight_samples_and_weights_of_zero():
    cells = {name: cloud(seed, 80, 4) for seed, name in enumerate("ABCDEFGHIJ")}
    found = embed(cohort_of(cells), points=12)
    weights = dict.fromkeys("ABCDEFGH", 1 / 8) | {"I": 0.0, "J": 0.0}
    made = found.interpolate(weights, 400, seed=1)
    assert set(made.origins) == set("ABCDEFGH")
    assert dict(made.weights) == weights
    expected = sum(found.cells(name)[made.origins[name]] / 8 for name in "ABCDEFGH")
    np.testing.assert_allclose(made.cells, expected, atol=1e-5)
    np.testing.assert_allclose(made.intended, found.maps[:8].mean(axis=0), atol=1e-12)
    for name in "ABCDEFGH":  # every cell of every sample is drawn as often as any other
        drawn = np.bincount(made.origins[name], minlength=80)
        assert 3 <= drawn.min() <= drawn.max() <= 7
    alone = found.interpolate({"A": 1.0, "B": 0.0, "C": 0.0})
    assert alone.cells.tobytes() == found.cells("A").tobytes()
