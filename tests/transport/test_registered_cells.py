from __future__ import annotations

import threading

import numpy as np
import pytest

from lotviz.data import CohortError
from lotviz.transport import Cancelled, embed
from lotviz.transport.registered_cells import moved_cells, registered_cells
from tests.transport.clouds import cloud, cohort_of


def by_point(embedding, found):
    """Mean of the scaled cells of each point, (m, d), and how many there are."""
    cells, counts = embedding.scaling.apply(found.cells), np.bincount(found.points, minlength=len(embedding.masses))
    sums = np.stack([np.bincount(found.points, column, minlength=len(counts)) for column in cells.T], axis=1)
    return sums / np.maximum(counts, 1)[:, None], counts


def test_the_cells_of_a_point_have_its_mean_map_and_its_mass(embedding):
    weights = {"P1": 0.5, "P2": 0.3, "P3": 0.2}
    center = embedding.barycenter(weights)
    found = registered_cells(embedding, weights, n_cells=60_000, seed=1)
    means, counts = by_point(embedding, found)
    np.testing.assert_allclose(counts / len(found.cells), embedding.masses, atol=0.004)
    np.testing.assert_allclose(means, center.maps, atol=0.05)
    assert {str(name): int((found.samples == name).sum()) for name in weights} == {
        "P1": 30_000,
        "P2": 18_000,
        "P3": 12_000,
    }


def test_the_spread_within_points_is_the_mean_residual_and_mixing_would_lose_it(embedding):
    center = embedding.barycenter()
    found = registered_cells(embedding, n_cells=60_000, seed=2)
    cells = embedding.scaling.apply(found.cells)
    spread = np.square(cells - center.maps[found.points]).sum(axis=1).mean()
    assert spread == pytest.approx(embedding.residuals.mean(), rel=0.03)
    weights = dict.fromkeys(embedding.samples.index, 1 / len(embedding.samples))
    mixed = embedding.scaling.apply(embedding.interpolate(weights, 20_000, seed=2).cells)
    total, least = cells.var(axis=0).sum(), mixed.var(axis=0).sum()
    assert least < total - 0.5 * embedding.residuals.mean()


def test_one_sample_gives_its_own_cells(embedding):
    found = registered_cells(embedding, {"P4": 1.0}, n_cells=500, seed=0)
    away = np.abs(found.cells[:, None] - embedding.cells("P4")[None]).max(axis=2).min(axis=1)  # from its nearest cell
    assert away.max() < 1e-5
    assert set(found.populations) <= set(embedding.populations("P4"))


def test_a_displacement_moves_every_cell_as_its_point(embedding):
    moved = np.random.default_rng(0).normal(size=embedding.maps.shape[1:])
    still, gone = (registered_cells(embedding, n_cells=300, displacement=by, seed=5) for by in (None, moved))
    np.testing.assert_array_equal(still.points, gone.points)
    apart = (gone.cells.astype(float) - still.cells) / embedding.scaling.scale
    np.testing.assert_allclose(apart, moved[still.points], atol=1e-4)


def test_the_seed_decides_and_every_sample_gives_a_cell(embedding):
    one, again, other = (registered_cells(embedding, n_cells=3, seed=seed) for seed in (1, 1, 2))
    assert len(one.cells) == len(embedding.samples)
    assert one.cells.tobytes() == again.cells.tobytes() != other.cells.tobytes()


def test_cells_that_move_all_alike_are_the_sample_moved(embedding):
    same = np.tile([0.5, -1.0, 0, 0, 0, 0], (len(embedding.masses), 1))
    found = moved_cells(embedding, "P2", same)
    apart = np.broadcast_to(same[0] * embedding.scaling.scale, found.shape)
    np.testing.assert_allclose(found - embedding.cells("P2"), apart, atol=1e-4)


def test_moved_cells_have_the_moved_maps_where_no_cell_is_split(unsplit):
    displacement = np.random.default_rng(1).normal(size=unsplit.maps.shape[1:])
    found = unsplit.scaling.apply(moved_cells(unsplit, "B", displacement))
    maps = (unsplit.plan("B") @ found) / unsplit.masses[:, None]
    np.testing.assert_allclose(maps, unsplit.maps[1] + displacement, atol=1e-4)


def test_progress_and_a_stop(embedding):
    heard, cancel = [], threading.Event()
    registered_cells(embedding, n_cells=30, progress=lambda *told: heard.append(told[:2]))
    assert heard == [(k, 6) for k in range(1, 7)]
    cancel.set()
    with pytest.raises(Cancelled):
        registered_cells(embedding, n_cells=30, cancel=cancel)


def test_where_populations_are_unknown_none_are_said():
    embedding = embed(cohort_of({name: cloud(k, 20, 2) for k, name in enumerate("AB")}), points=4, workers=1)
    assert registered_cells(embedding, n_cells=10).populations is None


def test_weights_that_are_not_convex_are_refused(embedding):
    with pytest.raises(CohortError, match="sum to 1"):
        registered_cells(embedding, {"P1": 0.5}, n_cells=10)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"n_cells": 0}, "Expected n_cells to be at least 1, found 0"),
        ({"n_cells": 2.5}, r"Expected n_cells to be a whole number, found 2\.5"),
        ({"displacement": np.ones(6)}, r"Expected a displacement of shape \(20, 6\), found \(6,\)"),
        ({"displacement": np.full((20, 6), np.nan)}, "Expected a finite displacement, found values that are not"),
    ],
)
def test_what_cannot_be_drawn_is_refused(embedding, wrong, words):
    with pytest.raises(ValueError, match=words):
        registered_cells(embedding, **{"n_cells": 10, **wrong})
