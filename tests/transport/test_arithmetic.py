from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lotviz.data import CohortError
from lotviz.transport import embed
from lotviz.transport.arithmetic import cell_displacement, moved
from lotviz.transport.carry import carried_over
from lotviz.transport.draws import draw_glued, paired_alike
from tests.transport.clouds import cloud, cohort_of, seeds


@pytest.fixture(scope="module")
def shifted():
    """One cloud, and the same shifted by two drugs and by both: additive."""
    base = cloud(0, 60, 3)
    a, b = np.array([2.0, 0.0, 0.0]), np.array([0.0, -1.0, 3.0])
    return embed(cohort_of({"C": base, "A": base + a, "B": base + b, "AB": base + a + b}), points=12, scale="none")


def test_what_adds_up_is_predicted_cell_by_cell(shifted):
    made = shifted.combine({"A": 1, "B": 1, "C": -1})
    np.testing.assert_allclose(made.cells, shifted.cells("AB"), atol=1e-4)
    assert made.weights == {"A": 1.0, "B": 1.0, "C": -1.0}
    beyond = shifted.combine({"C": -1.0, "A": 2.0})
    np.testing.assert_allclose(beyond.cells, shifted.cells("A") + np.array([2.0, 0.0, 0.0]), atol=1e-4)


@given(seeds, st.floats(-3, 3), st.floats(-3, 3))
@settings(max_examples=15, deadline=None)
def test_means_and_maps_are_the_combination(embedding, seed, first, second):
    weights = {"P1": first, "P2": second, "P3": 1 - first - second}
    expected = sum(weight * embedding.cells(name).mean(axis=0, dtype=float) for name, weight in weights.items())
    made = embedding.combine(weights, seed=seed)
    np.testing.assert_allclose(made.cells.mean(axis=0, dtype=float), expected, atol=1e-3)
    maps = sum(weight * embedding.maps[embedding.index(name)] for name, weight in weights.items())
    np.testing.assert_allclose(made.intended, maps, atol=1e-9)


def test_glued_cells_are_combined_tuple_by_tuple(embedding):
    weights = {"P1": 1.0, "P2": 1.0, "P3": -1.0}
    made = embedding.combine(weights, 150, seed=1, level="cells")
    by_hand = sum(weight * embedding.cells(name)[made.origins[name]] for name, weight in weights.items())
    np.testing.assert_allclose(made.cells, by_hand, atol=1e-4)
    plans = {name: embedding.plan(name).toarray() > 0 for name in weights}
    shared = np.logical_and.reduce([plans[name][:, made.origins[name]] for name in weights])
    assert shared.any(axis=0).all()


def test_by_maps_the_spread_stays_and_by_cells_spreads_add_up():
    """Of independent draws of one Gaussian nothing moves; three residuals add up where cells are combined."""
    rng = np.random.default_rng(0)
    found = embed(cohort_of({name: rng.normal(size=(800, 3)) for name in "ABC"}), points=8, scale="none")
    weights = {"A": 1.0, "B": 1.0, "C": -1.0}
    by_maps = found.combine(weights, 800).cells.var(axis=0).mean()
    by_cells = found.combine(weights, 800, level="cells").cells.var(axis=0).mean()
    assert by_maps == pytest.approx(1.0, abs=0.15)
    assert by_cells > by_maps


def test_convex_weights_end_in_the_samples_own_cells(embedding):
    for level in ("maps", "cells"):
        made = embedding.combine({"P1": 1.0, "P2": 0.0}, level=level)
        assert made.cells.tobytes() == embedding.cells("P1").tobytes()
        assert set(made.origins) == {"P1"}


@given(seeds)
@settings(max_examples=15, deadline=None)
def test_cells_move_as_their_points_on_average(embedding, seed):
    step = np.random.default_rng(seed).normal(size=embedding.maps.shape[1:])
    plan = embedding.plan("P4")
    dense = plan.toarray()
    np.testing.assert_allclose(cell_displacement(plan, step), (dense / dense.sum(axis=0)).T @ step, atol=1e-12)
    made = moved(embedding, "P4", step)
    gained = embedding.scaling.apply(made.cells).mean(axis=0) - embedding.scaled_cells("P4").mean(axis=0)
    np.testing.assert_allclose(gained, embedding.masses @ step, atol=1e-4)
    few = moved(embedding, "P4", step, n_cells=7)
    assert (len(few.cells), len(few.origins["P4"])) == (7, 7)


@pytest.mark.parametrize(
    ("weights", "n_cells", "words"),
    [
        ({}, None, "weight of at least one sample, found none"),
        ({"P1": 2.0, "P2": -0.5}, None, "sum to 1, found a sum of 1.5"),
        ({"P1": 200.0, "P2": -199.0}, None, "from -100 to 100, found 200 for P1"),
        ({"P1": float("inf"), "P2": 0.5}, None, "found inf for P1"),
        ({"P1": 2.0, "nobody": -1.0}, None, "embedded samples, found nobody"),
        ({"P1": 2.0, "P2": -1.0}, 0, "n_cells of at least 1, found 0"),
    ],
)
def test_weights_that_cannot_be_are_refused(embedding, weights, n_cells, words):
    with pytest.raises(CohortError, match=words):
        embedding.combine(weights, n_cells)


def test_wrong_levels_displacements_and_missing_numbers_of_cells_are_refused(embedding):
    with pytest.raises(ValueError, match='level "maps" or "cells", found \'points\''):
        embedding.combine({"P1": 1.0}, level="points")
    with pytest.raises(ValueError, match=r"displacement of shape \(20, 6\), found \(3, 6\)"):
        moved(embedding, "P1", np.zeros((3, 6)))
    with pytest.raises(ValueError, match="finite displacement"):
        moved(embedding, "P1", np.full((20, 6), np.nan))
    with pytest.raises(CohortError, match="number of cells for 3 samples"):
        embedding.combine({"P1": 1.0, "P2": 1.0, "P3": -1.0}, level="cells")


# glued cells paired alike


def test_pairs_stay_at_their_points_and_lose_no_cell(embedding):
    plans = [(name, embedding.plan(name)) for name in ("P1", "P2")]
    clouds = [embedding.scaled_cells(name) for name in ("P1", "P2")]
    random, alike = draw_glued(plans, 300, seed=2), draw_glued(plans, 300, seed=2, clouds=clouds)
    np.testing.assert_array_equal(random.points, alike.points)
    np.testing.assert_array_equal(random.cells[0], alike.cells[0])
    for point in np.unique(alike.points):
        here = alike.points == point
        np.testing.assert_array_equal(np.sort(random.cells[1][here]), np.sort(alike.cells[1][here]))
    apart = [np.square(clouds[0][one.cells[0]] - clouds[1][one.cells[1]]).sum() for one in (random, alike)]
    assert apart[1] < apart[0]


@pytest.mark.parametrize("count", [40, 700])
def test_equal_cells_that_were_shuffled_find_each_other(count):
    rng = np.random.default_rng(count)
    first = rng.normal(size=(count, 1))
    shuffled = rng.permutation(count)
    found = paired_alike(np.zeros(count, dtype=np.intp), first, first[shuffled] + 5.0)
    np.testing.assert_array_equal(shuffled[found], np.arange(count))


# a change carried over


@pytest.fixture(scope="module")
def stimulated():
    """Four donors whose shares of two populations differ; the change moves one marker of the second population."""
    rng = np.random.default_rng(0)
    cells, shares = {}, {"D1": 0.15, "D2": 0.4, "D3": 0.5, "D4": 0.6}
    for donor, share in shares.items():
        for state, step in (("before", 0.0), ("after", 4.0)):
            kind = rng.random(900) < share
            made = rng.normal(size=(900, 3)) + np.where(kind[:, None], 10.0, 0.0)
            made[:, 2] += np.where(kind, step, 0.0)
            cells[f"{donor} {state}"] = made
    return embed(cohort_of(cells), points=24, scale="none")


def test_the_change_is_that_of_the_others_and_the_numbers_are_the_samples_own(stimulated):
    others = ("D2", "D3", "D4")
    before = {f"{one} before": 1 / 3 for one in others}
    after = {f"{one} after": 1 / 3 for one in others}
    made = carried_over(stimulated, "D1 before", before=before, after=after, n_cells=3000, kinds=8)
    second = made.cells[:, 0] > 5
    assert second.mean() == pytest.approx(0.15, abs=0.03)  # of the others it is half
    assert made.cells[second, 2].mean() == pytest.approx(14.0, abs=0.2)
    measured = np.concatenate([stimulated.cells(name) for name in after])
    assert np.isin(made.cells[:, 0], measured[:, 0]).all()
    assert made.weights["D1 before"] == 1.0
    assert sum(made.weights.values()) == pytest.approx(1.0)
    assert made.recipe["kinds"] == 8
    assert sum(map(len, made.origins.values())) == 3000


def test_what_cannot_be_carried_over_is_refused(stimulated):
    weights = {"before": {"D2 before": 1.0}, "after": {"D2 after": 1.0}}
    with pytest.raises(CohortError, match="other samples after the change, found D2 after"):
        carried_over(stimulated, "D2 after", **weights)
    with pytest.raises(CohortError, match="at least 1 kind, found 0"):
        carried_over(stimulated, "D1 before", **weights, kinds=0)
    with pytest.raises(CohortError, match="sum to 1"):
        carried_over(stimulated, "D1 before", before={"D2 before": 0.5}, after={"D2 after": 1.0})
