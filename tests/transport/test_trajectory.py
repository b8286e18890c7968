from __future__ import annotations

import numpy as np
import pytest

from lotviz.data import CohortError, simulate
from lotviz.transport import embed, group_weights
from lotviz.transport.trajectory import along_weights

STOPS = ["P3", "P1", "P5"]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_at_a_stop_stand_the_samples_own_cells(embedding, place):
    made = embedding.along(STOPS, place, n_cells=150)
    assert made.cells.tobytes() == embedding.cells(STOPS[place]).tobytes()


def test_between_two_stops_these_two_are_mixed_and_no_other(embedding):
    made = embedding.along(STOPS, 1.25, n_cells=150, seed=4)
    straight = embedding.interpolate({"P1": 0.75, "P5": 0.25}, 150, seed=4)
    assert made.weights == pytest.approx({"P1": 0.75, "P5": 0.25})
    assert made.cells.tobytes() == straight.cells.tobytes()
    assert (made.recipe["along"], made.recipe["at"]) == (STOPS, 1.25)
    by_kind = embedding.along(STOPS, 1.25, n_cells=150, manner="kinds")
    assert by_kind.method == "cells moved with their kind"


def test_places_may_be_doses(embedding):
    weights = along_weights(embedding, STOPS, 3.0, positions=[0, 1, 5])
    assert weights == pytest.approx({"P1": 0.5, "P5": 0.5})
    assert along_weights(embedding, STOPS, 5.0, positions=[0, 1, 5]) == {"P5": 1.0}


def test_maps_along_the_way_are_continuous(embedding):
    def maps(at):
        return embedding.along(STOPS, at, n_cells=10).intended

    np.testing.assert_allclose(maps(1 - 1e-9), maps(1 + 1e-9), atol=1e-6)
    np.testing.assert_allclose(maps(0.5), (maps(0) + maps(1)) / 2, atol=1e-12)


def test_groups_stand_in_the_place_of_samples():
    cohort = simulate("patients", samples=6, cells=60, markers=4, seed=1)
    found = embed(cohort, points=8)
    controls = [str(name) for name in cohort.samples.index[cohort.samples["label"] == "control"]]
    weights = group_weights(found, "label", {"control": 1.0})
    assert weights == pytest.approx(dict.fromkeys(controls, 1 / 3))
    both = group_weights(found, "label", {"control": 2.0, "case": -1.0})
    assert sum(both.values()) == pytest.approx(1.0)
    made = found.along([weights, group_weights(found, "label", {"case": 1.0})], 0.5, n_cells=200)
    assert sum(made.weights.values()) == pytest.approx(1.0)
    assert len(made.weights) == 6
    np.testing.assert_allclose(made.intended, found.maps.mean(axis=0), atol=1e-12)
    assert found.combine(both, 60).cells.shape == (60, 4)
    with pytest.raises(CohortError, match="group of label, found nobody"):
        group_weights(found, "label", {"nobody": 1.0})
    with pytest.raises(CohortError, match="column of the sample table, found dose"):
        group_weights(found, "dose", {"0": 1.0})


@pytest.mark.parametrize(
    ("stops", "at", "positions", "words"),
    [
        (["P1"], 0.0, None, "two samples or more"),
        ("P1", 0.0, None, "two samples or more"),
        (STOPS, 2.5, None, "place from 0 to 2, found 2.5.*beyond them lead weights"),
        (STOPS, float("nan"), None, "place from 0 to 2, found nan"),
        (STOPS, 1.0, [0, 2, 1], "3 rising positions, found 0, 2, 1"),
        (STOPS, 1.0, [0, 1], "3 rising positions, found 0, 1"),
        (["P1", "nobody"], 0.5, None, "embedded samples, found nobody"),
        (["P1", {"P2": 0.5}], 0.5, None, "sum to 1"),
    ],
)
def test_places_that_cannot_be_are_refused(embedding, stops, at, positions, words):
    with pytest.raises(CohortError, match=words):
        embedding.along(stops, at, positions=positions)
