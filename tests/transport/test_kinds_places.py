from __future__ import annotations

import threading

import numpy as np
import pytest

from lotviz.data import CohortError
from lotviz.transport import Cancelled, embed
from lotviz.transport.draws import draw_glued
from lotviz.transport.kinds import reach_within
from lotviz.transport.kinds_places import kind_places
from tests.transport.clouds import cohort_of
from tests.transport.test_kinds import APART, two_kinds


@pytest.fixture(scope="module")
def grown():
    """From 20 to 60 percent of the far population, which moves by 3 as well; and half-way."""
    made = {
        "A": two_kinds(0, 0.2, 0.0, n=1200),
        "B": two_kinds(1, 0.6, 3.0, n=900),
        "C": two_kinds(2, 0.4, 1.5, n=600),
    }
    return embed(cohort_of({name: found for name, (found, _) in made.items()}), points=24, scale="none")


def mixed(found, weights):
    """Return the cells and the masses of a mixture, as they are defined."""
    weights = np.asarray(weights)
    return np.einsum("k,knd->nd", weights, found.places.astype(np.float64)), found.masses * weights[found.leads]


def test_at_each_end_are_exactly_the_cells_of_that_sample(grown):
    found = kind_places(grown, ["A", "B", "C"], seed=1)
    for k, name in enumerate("ABC"):
        cells, masses = mixed(found, np.eye(3)[k])
        there = masses > 0
        assert np.array_equal(cells[there].astype(np.float32), grown.cells(name))
        assert masses[there] == pytest.approx(1 / len(grown.cells(name)))
        assert np.array_equal(found.cells[there], np.arange(len(grown.cells(name))))


@pytest.mark.parametrize("part", [0.25, 0.5, 0.75])
def test_kinds_move_and_grow_by_the_weights_and_no_cell_travels_between_them(grown, part):
    cells, masses = mixed(kind_places(grown, ["A", "B"]), [1 - part, part])
    assert masses.sum() == pytest.approx(1)
    far = cells[:, 1] > APART / 2
    shares = [(grown.cells(name)[:, 1] > APART / 2).mean() for name in "AB"]
    assert masses[far].sum() == pytest.approx((1 - part) * shares[0] + part * shares[1])
    for population, kept in ((far, 1), (~far, 0)):
        ends = [grown.cells(name)[(grown.cells(name)[:, 1] > APART / 2) == kept, 0].mean() for name in "AB"]
        expected = (1 - part) * ends[0] + part * ends[1]
        assert np.average(cells[population, 0], weights=masses[population]) == pytest.approx(expected, abs=0.3)  # of 3
    middle = cells[:, 1:].mean(axis=1)
    assert masses[(middle > 4) & (middle < 8)].sum() < 0.002


def test_a_mixture_is_what_interpolate_makes(grown):
    found = kind_places(grown, ["A", "B"])
    for part in (0.3, 0.5):
        cells, masses = mixed(found, [1 - part, part])
        made = grown.interpolate({"A": 1 - part, "B": part}, 6000, manner="kinds").cells
        assert masses @ cells == pytest.approx(made.mean(axis=0), abs=0.15)
        for level in (0.1, 0.5, 0.9):
            order = np.argsort(cells[:, 0])
            mine = np.interp(level, np.cumsum(masses[order]), cells[order, 0])
            assert mine == pytest.approx(np.quantile(made[:, 0], level), abs=0.35)


def test_a_place_is_the_cell_moved_by_the_difference_of_the_means_of_its_kind(grown):
    """The definition, cell by cell in plain Python, for leads that meet their kind at their point."""
    found = kind_places(grown, ["A", "B"], seed=4)
    drawn = draw_glued([("0 A", grown.plan("A")), ("1 B", grown.plan("B"))], 1200, seed=4)
    a, b = (grown.cells(name)[cells].astype(float) for name, cells in zip("AB", drawn.cells, strict=True))
    reach = reach_within(grown, [grown.index("A"), grown.index("B")], np.array([0.5, 0.5]))
    least = np.minimum(grown.cells("A").min(axis=0), grown.cells("B").min(axis=0)).astype(float)
    compared = 0
    for i in range(0, 1200, 37):
        same = np.flatnonzero(drawn.points == drawn.points[i])[:512]
        means = []
        for cloud in (a, b):
            near = [cloud[j] for j in same if np.linalg.norm(cloud[j] - a[i]) < reach]
            seen = [[cell[m] for cell in near if cell[m] > least[m] + 1e-5] for m in range(4)]
            means.append(np.array([np.mean(values) if values else np.nan for values in seen]))
        step = means[1] - means[0]
        if np.isfinite(step).all():
            compared += 1
            assert found.places[1, i] == pytest.approx(np.maximum(a[i] + step, least), abs=1e-4)
    assert compared > 15


def test_a_part_of_the_cells_is_spread_evenly_and_seeds_are_kept(grown):
    few = kind_places(grown, ["A", "B"], most=100)
    assert np.bincount(few.leads).tolist() == [100, 100]
    assert np.ptp(np.diff(few.cells[few.leads == 0])) <= 1
    assert few.masses[few.leads == 0].sum() == pytest.approx(1)
    again = kind_places(grown, ["A", "B"], most=100)
    assert few.places.tobytes() == again.places.tobytes()
    assert few.places.tobytes() != kind_places(grown, ["A", "B"], most=100, seed=1).places.tobytes()


def test_a_sample_mixed_with_itself_stays(grown):
    found = kind_places(grown, ["A", "A"])
    assert found.places[1, found.leads == 0] == pytest.approx(found.places[0, found.leads == 0], abs=0.5)
    assert found.places.mean(axis=1)[0] == pytest.approx(found.places.mean(axis=1)[1], abs=0.05)


def test_what_cannot_be_mixed_is_refused_and_a_stop_is_heard(grown):
    with pytest.raises(CohortError, match="two samples or more, found A"):
        kind_places(grown, ["A"])
    with pytest.raises(CohortError, match="most of at least 1, found 0"):
        kind_places(grown, ["A", "B"], most=0)
    stop = threading.Event()
    stop.set()
    with pytest.raises(Cancelled):
        kind_places(grown, ["A", "B"], cancel=stop)
