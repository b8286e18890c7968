from __future__ import annotations

import threading

import numpy as np
import pytest

from lotviz.data import Scaling
from lotviz.transport import Cancelled, Reference, barycenter_reference, embed, solve
from lotviz.transport import reference_barycenter as module
from lotviz.transport.barycenter_bound import barycenter_bound, binned_quantiles, chosen_pairs
from lotviz.transport.reference_barycenter import recentre
from lotviz.transport.samples import Work
from tests.transport.clouds import cloud, cohort_of

UNSCALED = Scaling.identity(3)
WORK = Work(None, 0)
TRANSLATIONS = np.array([[0.5, 0, 0], [0, -1, 0], [0, 0, 2], [0.25, 0.25, 0.25]])
SHAPE = 64 * np.round(cloud(5, 24, 3) * 8) / 8  # cells far from each other, compared with the translations
CENTRE = SHAPE + TRANSLATIONS.mean(axis=0)
VARIANCE = np.square(TRANSLATIONS - TRANSLATIONS.mean(axis=0)).sum(axis=1).mean()


@pytest.fixture(scope="module")
def translated():
    return cohort_of({f"S{k}": SHAPE + shift for k, shift in enumerate(TRANSLATIONS)})


@pytest.fixture(scope="module")
def clouds():
    return cohort_of({name: cloud(seed, 90 + seed, 3) for seed, name in enumerate("ABCDE")})


def in_order(points):
    return points[np.lexsort(points.round(3).T)]


def test_the_barycenter_of_translated_copies_is_the_copy_at_the_mean_translation(translated):
    reference = barycenter_reference(translated, UNSCALED, points=24, work=WORK)
    certificate = reference.details["certificate"]
    np.testing.assert_allclose(in_order(reference.points), in_order(CENTRE), atol=1e-3)  # k-means works in float32
    assert certificate["objectives"][-1] == pytest.approx(VARIANCE, abs=1e-6)
    assert certificate["bound"] == pytest.approx(VARIANCE, abs=1e-6)
    assert certificate["gap"] == pytest.approx(0, abs=1e-6)
    assert (reference.kind, reference.seed) == ("barycenter", 0)


def test_one_round_from_anywhere_ends_there(translated):
    far = np.array([1000.0, 0, 0])
    found = recentre(translated, UNSCALED, Reference(SHAPE[::-1] + far, np.full(24, 1 / 24)), work=WORK)
    offset = far - TRANSLATIONS.mean(axis=0)
    assert found.objectives[0] == pytest.approx(VARIANCE + offset @ offset)
    assert found.objectives[1] == pytest.approx(VARIANCE, abs=1e-9)
    assert found.residual == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(found.reference.points, CENTRE[::-1], atol=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_the_objective_never_rises_and_stays_above_the_bound(clouds, seed):
    reference = barycenter_reference(clouds, UNSCALED, points=7 + 10 * seed, work=Work(60, seed))
    certificate = reference.details["certificate"]
    objectives = np.array(certificate["objectives"])
    assert len(objectives) > 1
    assert (np.diff(objectives) < 0).all()
    assert 0 < certificate["bound"] < objectives[-1]
    assert certificate["gap"] == objectives[-1] - certificate["bound"]
    assert 0 < certificate["residual"] < objectives[-1]
    assert (certificate["cells_per_sample"], certificate["pairs"], certificate["exact_pairs"]) == (60, 10, 10)


def test_the_objectives_are_those_of_embeddings(clouds):
    start, end = (embed(clouds, points=16, reference=kind, seed=3) for kind in ("kmeans", "barycenter"))
    objectives = end.reference.details["certificate"]["objectives"]
    assert objectives[0] == pytest.approx(start.costs.mean(), rel=1e-12)
    assert objectives[-1] == pytest.approx(end.costs.mean(), rel=1e-12)
    np.testing.assert_array_equal(start.masses, end.masses)


def test_the_bound_is_the_mean_over_pairs_of_exact_distances():
    parts = [cloud(seed, 40 + seed, 3) for seed in range(4)]
    pairs = chosen_pairs([len(part) for part in parts], seed=0)
    exact = sum(solve(parts[i], parts[j]).cost for i, j in pairs) / 16
    found = barycenter_bound(parts.__getitem__, 4, pairs=pairs)
    assert len(pairs) == found.pairs == found.exact_pairs == 6
    assert found.value == found.estimate == pytest.approx(exact, rel=1e-9)


def test_pairs_that_are_not_solved_lower_the_bound_and_keep_it_true():
    parts = [cloud(seed, 50, 3) for seed in range(5)]
    pairs = chosen_pairs([50] * 5, seed=0)
    bounds = [barycenter_bound(parts.__getitem__, 5, pairs=pairs[:count]) for count in range(len(pairs) + 1)]
    values = [bound.value for bound in bounds]
    assert (np.diff(values) >= 0).all()
    assert bounds[0].estimate == values[0]
    assert bounds[4].estimate - values[0] == pytest.approx((values[4] - values[0]) * 10 / 4)
    by_markers = sum(  # one-dimensional W2 couples in order
        np.square(np.sort(parts[i], axis=0) - np.sort(parts[j], axis=0)).sum(axis=1).mean() for i, j in pairs
    )
    assert 0.95 * by_markers / 25 < values[0] <= by_markers / 25


def test_as_many_pairs_as_the_arcs_allow_chosen_by_the_seed():
    counts = [10] * 30
    few, again, other = (chosen_pairs(counts, seed=seed, arcs=2_050) for seed in (1, 1, 2))
    assert len(few) == 20
    assert few == again != other
    assert all(i < j for i, j in few)
    assert len(chosen_pairs(counts, seed=1)) == 435
    assert chosen_pairs([10], seed=1) == ()


def test_quantiles_of_few_cells_are_steps():
    np.testing.assert_allclose(binned_quantiles(np.array([[2.0], [0.0]]), bins=4).ravel(), [0, 0, 2, 2])
    np.testing.assert_allclose(binned_quantiles(cloud(1, 33, 3)).mean(axis=0), cloud(1, 33, 3).mean(axis=0))


def test_the_number_of_workers_changes_no_bit_and_the_seed_does(clouds):
    one, three, other = (
        barycenter_reference(clouds, UNSCALED, points=12, work=Work(50, seed, workers))
        for seed, workers in ((1, 1), (1, 3), (2, 1))
    )
    assert one.points.tobytes() == three.points.tobytes()
    assert one.details == three.details
    assert one.points.tobytes() != other.points.tobytes()


def test_more_points_look_at_more_cells():
    many = cohort_of({name: cloud(seed, 900, 2) for seed, name in enumerate("AB")})
    used = [
        barycenter_reference(many, Scaling.identity(2), points=points, work=Work(limit, 0)).details["certificate"]
        for points, limit in ((4, 20_000), (150, None), (150, 100))
    ]
    assert [certificate["cells_per_sample"] for certificate in used] == [500, 600, 100]


def test_progress_of_an_embedding_rises_to_its_end(clouds):
    heard = []
    embed(clouds, points=6, reference="barycenter", progress=lambda *told: heard.append(told))
    done, totals, messages = zip(*heard, strict=True)
    assert list(done) == sorted(done)
    assert set(totals) == {done[-1]} == {2 + 11 * 5 + 10 + 5}
    assert {"Making the reference", "Bounding the barycenter from below", "Transporting 5 samples"} <= set(messages)


@pytest.mark.parametrize("after", [1, 7, 62])
def test_cancel_stops_rounds_and_pairs(clouds, after):
    cancel = threading.Event()
    with pytest.raises(Cancelled):
        embed(
            clouds,
            points=6,
            reference="barycenter",
            workers=1,
            cancel=cancel,
            progress=lambda done, *_: cancel.set() if done >= after else None,
        )


def test_a_fixed_point_is_left_where_it_is(translated, monkeypatch):
    monkeypatch.setattr(module, "_LEAST_FALL", -1.0)  # only a rise, which is round-off, may end it
    found = recentre(translated, UNSCALED, Reference(CENTRE, np.full(24, 1 / 24)), work=WORK)
    assert (np.diff(found.objectives) < 0).all()
    np.testing.assert_allclose(found.reference.points, CENTRE, atol=1e-9)
