from __future__ import annotations

import json
import threading
from dataclasses import replace

import numpy as np
import pytest

from lotviz.data import CohortError, simulate
from lotviz.data.doses import simulate_doses
from lotviz.transport import Cancelled, Validity, embed, solve
from lotviz.transport.checking import check_all, share_outside, yardstick
from tests.transport.clouds import cloud, cohort_of


@pytest.fixture(scope="module")
def doses():
    return embed(simulate_doses(lines=2, doses=(0, 1), replicates=2, cells=400, markers=8, seed=3), points=24)


def test_a_measured_sample_held_out_has_one_percent_outside():
    """Calibrated: over patients that nobody was compared with before, the share is about 1 in 100."""
    cohort = simulate("patients", samples=24, cells=600, markers=8, seed=5)
    clouds = [cohort.cells(name).astype(float) for name in cohort.samples.index]
    shares = [share_outside(clouds[k], clouds[:k] + clouds[k + 1 :]) for k in range(0, 24, 3)]
    assert 0.003 < np.mean(shares) < 0.025
    assert share_outside(clouds[0] + 3.0, clouds[1:]) > 0.9


def test_a_sample_itself_returns_to_itself(doses):
    found = doses.validity(doses.interpolate({"L1_dose0_r1": 1.0}))
    assert found.gap == pytest.approx(0.0, abs=1e-5)
    assert (found.impossible, found.ok) == (0.0, True)
    assert found.outside < 0.01
    assert found.verdict[0].startswith("As a measured sample: it returns to itself (gap 0.00, by chance ")
    assert (found.cells, found.samples, found.samples_looked_at) == (400, 8, 8)


def test_the_gap_is_what_a_transport_by_hand_says(doses):
    made = doses.combine({"L1_dose0_r1": -1.0, "L1_dose1_r1": 2.0})
    maps = solve(doses.reference.points, doses.scaling.apply(made.cells), doses.masses).maps
    squared = doses.masses @ np.square(maps - made.intended).sum(axis=1)
    distances = doses.distances()[np.triu_indices(8, 1)]
    found = doses.validity(made)
    assert found.gap == pytest.approx(np.sqrt(squared) / np.median(distances), rel=1e-9)
    assert found.yardstick == pytest.approx(np.median(distances))
    assert yardstick(doses.vectors) == pytest.approx(np.median(distances))


def test_the_gap_grows_the_farther_a_sample_lies_beyond(doses):
    ways = [{"L1_dose0_r1": 1.0 - t, "L1_dose1_r1": t} for t in (1.0, 1.5, 2.0, 4.0)]
    found = [doses.validity(doses.combine(weights)) for weights in ways]
    assert np.all(np.diff([one.gap for one in found]) > 0)
    assert np.all(np.diff([one.outside for one in found]) >= 0)
    assert not found[-1].ok
    assert found[-1].verdict[0].startswith("Beyond measured samples: the map no longer returns to itself (gap ")
    assert found[-1].impossible_marker in doses.markers


def test_unsplit_maps_beyond_return_as_far_as_their_order_is_kept(unsplit):
    """Convex mixtures embed to themselves exactly; far beyond the samples the optimal plan is another."""
    mixed = unsplit.interpolate({"A": 0.5, "B": 0.5}, 30)
    assert unsplit.validity(mixed).gap == pytest.approx(0.0, abs=1e-4)
    assert unsplit.validity(unsplit.combine({"A": 4.0, "B": -3.0}, 30)).gap > 0.1


def test_values_below_the_smallest_measured_are_counted(doses):
    sample = doses.interpolate({"L1_dose0_r1": 1.0})
    cells = sample.cells.copy()
    smallest = np.min([doses.cells(name)[:, 2].min() for name in doses.samples.index])
    scale = doses.scaling.scale[2]
    cells[:40, 2] = smallest - 0.2 * scale
    cells[:12, 2] = smallest - 0.3 * scale
    found = doses.validity(replace(sample, cells=cells))
    assert found.impossible == pytest.approx(0.1)
    assert found.far_below == pytest.approx(0.03)
    assert found.impossible_marker == doses.markers[2]
    assert (
        f"10.0% of the cells have a value below the smallest measured, most of them in {doses.markers[2]}; "
        "by more than a quarter of the marker's spread 3.0%." in found.verdict
    )


def test_several_samples_are_checked_as_each_by_itself(doses):
    names = list(doses.samples.index)[:3]
    samples = [doses.combine({names[0]: 1 + k, names[1]: -k}, 150, seed=1) for k in range(3)]
    together = check_all(doses, samples, seed=2)
    assert together == tuple(doses.validity(sample, seed=2) for sample in samples)
    told = []
    check_all(doses, samples, seed=2, progress=lambda done, total, words: told.append((done, total, words)))
    assert told[-1][0] == told[-1][1]
    assert [done for done, *_ in told] == sorted(done for done, *_ in told)


def test_straight_lines_leave_the_cells_where_kinds_do_not():
    """A population that grows: half of what it gains lies between populations, by straight lines."""
    rng = np.random.default_rng(0)

    def cells(share):
        kind = rng.random(500) < share
        return rng.normal(size=(500, 3)) + np.where(kind[:, None], 12.0, 0.0)

    found = embed(cohort_of({"A": cells(0.2), "B": cells(0.7), "C": cells(0.4)}), points=20)
    half = {"A": 0.5, "B": 0.5}
    straight = found.validity(found.interpolate(half, 500))
    by_kind = found.validity(found.interpolate(half, 500, manner="kinds"))
    assert straight.outside > 0.1
    assert not straight.inside
    assert by_kind.inside
    assert by_kind.gap is None  # it is not meant to have the mean of the maps
    assert by_kind.ok
    assert "returns" not in by_kind.verdict[0]


def test_the_record_is_json_and_goes_into_the_recipe(doses):
    made = doses.combine({"L1_dose0_r1": -0.5, "L1_dose1_r1": 1.5})
    checked = replace(made, validity=doses.validity(made))
    recipe = json.loads(json.dumps(checked.recipe))
    assert recipe["validity"]["gap"] == checked.validity.gap
    assert recipe["validity"]["verdict"] == list(checked.validity.verdict)
    assert made.recipe["validity"] is None
    assert recipe["inputs"] == {name: doses.sample_hashes[name] for name in made.weights}
    assert recipe["versions"]["lotviz"]


def test_sentences_say_what_is_wrong_each_by_itself():
    bad = Validity(0.5, 0.1, 2.0, 0.2, 0.05, "CD4", 10, 10, 2, 2)
    assert len(bad.verdict) == 3
    assert (bad.returns, bad.inside, bad.possible, bad.ok) == (False, False, False, False)
    within_chance = replace(bad, gap=0.19, outside=0.03, impossible=None)
    assert within_chance.ok


def test_weighted_cells_are_looked_at_by_their_mass(embedding):
    exact = embedding.interpolate({"P1": 0.5, "P2": 0.5})
    found = embedding.validity(exact)
    assert found.cells == len(exact.cells)
    assert found.cells_looked_at <= 2000
    assert found.gap < 0.5


def test_progress_ends_and_a_stop_is_heard(doses):
    made, seen = doses.interpolate({"L1_dose0_r1": 1.0}), []
    doses.validity(made, progress=lambda *said: seen.append(said[:2]))
    assert seen[0] == (0, 11)
    assert seen[-1] == (11, 11)
    stop = threading.Event()
    stop.set()
    with pytest.raises(Cancelled):
        doses.validity(made, cancel=stop)


def test_a_sample_of_another_embedding_is_refused(doses, embedding):
    with pytest.raises(CohortError, match="made of this embedding, found another"):
        doses.validity(embedding.interpolate({"P1": 1.0}))
    strange = embed(cohort_of({"A": cloud(0, 20, 3), "B": cloud(1, 20, 3)}), points=4)
    with pytest.raises(CohortError, match="made of this embedding"):
        strange.validity(replace(strange.interpolate({"A": 1.0}), weights={"Z": 1.0}))


@pytest.mark.parametrize("other", ["reference", "cohort"])
def test_a_sample_of_another_embedding_is_refused_even_of_the_same_shape(doses, other):
    seed = 3 if other == "reference" else 4
    cohort = simulate_doses(lines=2, doses=(0, 1), replicates=2, cells=400, markers=8, seed=seed)
    stranger = embed(cohort, points=24, seed=7 if other == "reference" else 0)
    made = doses.interpolate({"L1_dose0_r1": 0.5, "L1_dose1_r1": 0.5})
    assert stranger.maps.shape == doses.maps.shape
    with pytest.raises(CohortError, match="Expected a synthetic sample made of this embedding, found another"):
        stranger.validity(made)


def test_one_sample_alone_has_nothing_to_be_compared_with(doses):
    alone = doses.project(replace(cohort_of({"X": cloud(3, 50, 8)}), markers=doses.markers, transform=doses.transform))
    with pytest.raises(CohortError, match="Expected measured samples to compare with, found one alone"):
        alone.validity(alone.interpolate({"X": 1.0}, 10))
