from __future__ import annotations

import threading

import numpy as np
import ot
import pytest

from lotviz.data import CohortError
from lotviz.transport import Cancelled, embed
from lotviz.transport.direct import direct_transport
from tests.transport.clouds import cloud, cohort_of, squared_distances


@pytest.fixture(scope="module")
def direct(embedding):
    return direct_transport(embedding, "P1", "P4")


def test_the_cost_is_the_squared_wasserstein_distance(embedding, direct):
    x, y = embedding.scaled_cells("P1"), embedding.scaled_cells("P4")
    assert direct.cost == pytest.approx(ot.emd2([], [], squared_distances(x, y)), rel=1e-9)
    assert direct.all_cells
    assert direct.dual_gap < 1e-6 * direct.cost
    np.testing.assert_allclose(direct.plan.sum(axis=1), 1 / len(x), atol=1e-12)


def test_the_registration_of_all_cells_costs_what_it_says_and_never_less(embedding, direct):
    assert direct.glued_cost == pytest.approx(embedding.registration("P1", "P4").cost)
    assert direct.glued_cost >= direct.cost
    assert direct.excess == pytest.approx(direct.glued_cost / direct.cost - 1)


def test_how_far_the_two_send_a_cell_apart_is_counted_over_pairs(embedding, direct):
    pairs = embedding.registration("P1", "P4").pairs()
    y = embedding.scaled_cells("P4")
    glued = np.stack([np.bincount(pairs.first, pairs.mass * y[pairs.second, c]) for c in range(6)], axis=1) * 150
    exact = direct.plan @ y * 150
    assert direct.apart == pytest.approx(np.sqrt(np.square(exact - glued).sum(axis=1).mean()))
    steps = exact - embedding.scaled_cells("P1")
    assert direct.step == pytest.approx(np.sqrt(np.square(steps).sum(axis=1).mean()))


def test_where_the_reference_loses_nothing_both_are_the_same():
    first = cloud(0, 60, 3)
    found = embed(cohort_of({"A": first, "B": cloud(1, 60, 3)}), points=60, reference="sample:A", scale="none")
    direct = direct_transport(found, "A", "B")
    assert direct.excess == pytest.approx(0, abs=1e-6)
    assert direct.apart == pytest.approx(0, abs=1e-5)


def test_a_large_sample_is_thinned_and_its_cells_are_compared_with_themselves(embedding):
    thin = direct_transport(embedding, "P1", "P4", cells=60, seed=3)
    assert [len(rows) for rows in thin.cells] == [60, 60]
    assert not thin.all_cells
    assert thin.glued_cost >= thin.cost
    x, y = (embedding.scaled_cells(name)[rows] for name, rows in zip(("P1", "P4"), thin.cells, strict=True))
    assert thin.cost == pytest.approx(ot.emd2([], [], squared_distances(x, y)), rel=1e-9)
    again, other = (direct_transport(embedding, "P1", "P4", cells=60, seed=seed) for seed in (3, 4))
    np.testing.assert_array_equal(thin.cells[0], again.cells[0])
    assert (thin.cells[0] != other.cells[0]).any()
    assert "On 60 of 150 and 60 of 150 cells, exact transport costs" in thin.said()


def test_the_words_name_cost_surplus_and_how_far_apart(direct):
    said = direct.said()
    assert f"exact transport costs {direct.cost:.3g}, the registration {direct.glued_cost:.3g}" in said
    assert f"{100 * direct.excess:.0f} % more" in said
    assert f"places {direct.apart:.2g} apart" in said


def test_a_sample_goes_to_itself_at_no_cost(embedding):
    same = direct_transport(embedding, "P2", "P2")
    assert same.cost == pytest.approx(0, abs=1e-12)
    assert (same.glued_cost, same.excess) == (0, 0)
    assert same.apart == pytest.approx(0, abs=1e-6)
    assert "at no cost" in same.said()


def test_work_says_how_far_it_is_and_can_be_stopped(embedding):
    told = []
    direct_transport(embedding, "P1", "P2", cells=40, progress=lambda *step: told.append(step[:2]))
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        direct_transport(embedding, "P1", "P2", cancel=cancel)


def test_what_cannot_be_is_refused(embedding):
    with pytest.raises(CohortError, match="Did you mean P1"):
        direct_transport(embedding, "p1", "P2")
    with pytest.raises(CohortError, match="at least 1 cell of each sample, found 0"):
        direct_transport(embedding, "P1", "P2", cells=0)


def test_the_same_sample_under_two_names_costs_nothing_and_is_said_in_words():
    cells = cloud(0, 200, 4)
    found = embed(cohort_of({"A": cells, "B": cells.copy(), "C": cloud(1, 200, 4)}), points=16)
    direct = direct_transport(found, "A", "B")
    assert direct.excess == np.inf
    assert (
        f"exact transport costs 0, the registration {direct.glued_cost:.3g}: which is not needed at all. "
        in direct.said()
    )
    assert direct.said().endswith(f"places {direct.apart:.2g} apart (scaled units).")
    assert direct_transport(found, "A", "A").excess == 0
