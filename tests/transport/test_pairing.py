from __future__ import annotations

import threading

import numpy as np
import pytest

import lotviz
from lotviz.data import simulate
from lotviz.transport import Cancelled, pairing
from lotviz.transport.pairing import paired_cells


@pytest.fixture(scope="module")
def embedding():
    return lotviz.embed(simulate("patients", samples=3, cells=700, markers=5, seed=2), points=12, seed=0)


@pytest.fixture(params=[10_000, 20])
def part(request, monkeypatch):
    """Points paired whole, and cut into small parts."""
    monkeypatch.setattr(pairing, "_AT_ONCE", request.param)
    return request.param


def test_every_cell_keeps_its_mass_and_its_points(embedding, part):
    pairs = paired_cells(embedding, "P1", "P2")
    for cells, name in ((pairs.first, "P1"), (pairs.second, "P2")):
        mass = np.zeros(embedding.plan(name).shape)
        np.add.at(mass, (pairs.point, cells), pairs.mass)
        assert np.allclose(mass, embedding.plan(name).toarray(), atol=1e-12)
    assert (pairs.mass > 0).all()


def test_maps_between_are_the_interpolated_maps(embedding, part):
    pairs, t = paired_cells(embedding, "P1", "P2"), 0.3
    between = (1 - t) * embedding.scaled_cells("P1")[pairs.first] + t * embedding.scaled_cells("P2")[pairs.second]
    maps = np.zeros(embedding.maps.shape[1:])
    np.add.at(maps, pairs.point, pairs.mass[:, None] * between)
    expected = (1 - t) * embedding.maps[0] + t * embedding.maps[1]
    assert np.allclose(maps / embedding.masses[:, None], expected)


def test_a_sample_is_glued_to_itself_cell_by_cell(embedding, part):
    pairs = paired_cells(embedding, "P3", "P3")
    assert np.array_equal(pairs.first, pairs.second)


def within(embedding, pairs):
    """Spread of the points half-way round their map, by mass; scaled units squared."""
    middle = (embedding.scaled_cells("P1")[pairs.first] + embedding.scaled_cells("P2")[pairs.second]) / 2
    maps = (embedding.maps[0] + embedding.maps[1]) / 2
    return float(pairs.mass @ np.square(middle - maps[pairs.point]).sum(axis=1))


def test_half_way_the_product_loses_half_of_the_spread_and_this_keeps_more(embedding):
    ends = embedding.residuals[:2]
    assert within(embedding, embedding.registration("P1", "P2").pairs()) == pytest.approx(ends.sum() / 4)
    assert within(embedding, paired_cells(embedding, "P1", "P2")) > 0.65 * ends.mean()


def test_the_gluing_at_a_point_is_the_one_of_linear_assignment():
    """Equal masses and as many cells on either side: an independent solver."""
    from scipy.optimize import linear_sum_assignment

    small = lotviz.embed(
        simulate("patients", samples=2, cells=40, markers=3, seed=4), points=1, reference="cells", seed=0
    )
    pairs = paired_cells(small, "P1", "P2")
    first, second = (small.scaled_cells(name) - small.scaled_cells(name).mean(axis=0) for name in ("P1", "P2"))
    rows, columns = linear_sum_assignment(-first @ second.T)
    assert dict(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)) == dict(
        zip(rows.tolist(), columns.tolist(), strict=True)
    )
    assert np.allclose(pairs.mass, 1 / 40)


def test_it_can_be_stopped_and_says_how_far_it_is(embedding):
    told, cancel = [], threading.Event()
    paired_cells(embedding, "P1", "P2", progress=lambda done, total, _message: told.append((done, total)))
    assert told == [(point, 12) for point in range(12)]
    cancel.set()
    with pytest.raises(Cancelled):
        paired_cells(embedding, "P1", "P2", cancel=cancel)


def test_an_unknown_sample_is_named(embedding):
    with pytest.raises(lotviz.CohortError, match="found P9"):
        paired_cells(embedding, "P1", "P9")
