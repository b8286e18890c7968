from __future__ import annotations

import threading

import numpy as np
import pytest

from lotviz.data import CohortError
from lotviz.transport import Cancelled, embed
from tests.transport.clouds import cohort_of

APART = 12.0


def two_kinds(seed, shares, shift, n=1200, d=4):
    """Two populations far apart; the second moves by `shift` in its first marker."""
    rng = np.random.default_rng(seed)
    kind = rng.random(n) < shares
    cells = rng.normal(size=(n, d)) + np.where(kind[:, None], APART, 0.0)
    cells[kind, 0] += shift
    return cells, np.where(kind, "far", "near")


@pytest.fixture(scope="module")
def grown():
    """From 20 to 60 percent of the far population, which moves by 3 as well."""
    made = {"A": two_kinds(0, 0.2, 0.0), "B": two_kinds(1, 0.6, 3.0)}
    cells = {name: found for name, (found, _) in made.items()}
    return embed(
        cohort_of(cells, populations={name: kinds for name, (_, kinds) in made.items()}), points=24, scale="none"
    )


@pytest.mark.parametrize("part", [0.25, 0.5, 0.75])
def test_kinds_move_and_grow_and_no_cell_travels_between_them(grown, part):
    made = grown.interpolate({"A": 1 - part, "B": part}, 2000, seed=1, manner="kinds")
    far = made.cells[:, 1] > APART / 2
    assert far.mean() == pytest.approx(0.2 + 0.4 * part, abs=0.03)  # pooled shares
    assert list(made.populations[far]) == ["far"] * far.sum()
    assert made.cells[far, 0].mean() == pytest.approx(APART + 3 * part, abs=0.2)
    assert made.cells[~far, 0].mean() == pytest.approx(0.0, abs=0.1)
    # nobody between the two; in straight lines there is
    lone = (made.cells[:, 1:].mean(axis=1) > 4) & (made.cells[:, 1:].mean(axis=1) < 8)
    assert lone.mean() < 0.002
    straight = grown.interpolate({"A": 1 - part, "B": part}, 2000, seed=1).cells[:, 1:].mean(axis=1)
    assert part != 0.5 or ((straight > 4) & (straight < 8)).mean() > 0.2


def test_spread_within_a_kind_is_kept(grown):
    for manner, least in (("kinds", 0.93), ("lines", 0.75)):
        made = grown.interpolate({"A": 0.5, "B": 0.5}, 2000, manner=manner).cells
        near = made[(made[:, 1:].mean(axis=1) < 3)]
        assert near[:, 1:].std(axis=0).mean() == pytest.approx(1.0, abs=1 - least)


def test_the_ends_are_the_samples_own_cells(grown):
    for end in "AB":
        other = "B" if end == "A" else "A"
        for weights in ({end: 1.0}, {end: 1.0, other: 0.0}):
            made = grown.interpolate(weights, manner="kinds")
            assert made.cells.tobytes() == grown.cells(end).tobytes()
            assert list(made.populations) == list(grown.populations(end))


def test_what_was_not_detected_stays_so_and_nothing_falls_below_the_smallest():
    rng = np.random.default_rng(0)

    def cells(seen, mean, n=1500):
        found = rng.normal(mean, 0.3, (n, 3))
        found[:, 1] = np.where(rng.random(n) < seen, found[:, 1], 0.0)
        return np.maximum(found, 0.0)

    embedded = embed(cohort_of({"A": cells(0.2, 2.0), "B": cells(0.8, 3.0)}), points=16, scale="none")
    made = embedded.interpolate({"A": 0.5, "B": 0.5}, 3000, manner="kinds").cells
    assert (made[:, 1] == 0.0).mean() == pytest.approx(0.5, abs=0.03)
    detected = made[made[:, 1] > 0, 1]
    assert detected.min() > 0.5
    assert made.min() >= 0.0
    straight = embedded.interpolate({"A": 0.5, "B": 0.5}, 3000).cells[:, 1]
    assert (straight == 0.0).mean() < 0.4


def test_eight_samples_and_weights_of_zero(patients):
    found = embed(patients, points=16, seed=0)
    names = list(found.samples.index)
    weights = dict.fromkeys(names[:5], 1 / 5) | {names[5]: 0.0}
    made = found.interpolate(weights, 900, seed=2, manner="kinds")
    assert set(made.origins) == set(names[:5])
    assert made.weights[names[5]] == 0.0
    expected = np.mean([found.cells(name).mean(axis=0) for name in names[:5]], axis=0)
    np.testing.assert_allclose(made.cells.mean(axis=0), expected, atol=0.25)
    assert made.cells.tobytes() == found.interpolate(weights, 900, seed=2, manner="kinds").cells.tobytes()
    assert made.cells.tobytes() != found.interpolate(weights, 900, seed=3, manner="kinds").cells.tobytes()


def test_as_many_points_as_cells_still_moves_them(unsplit):
    made = unsplit.interpolate({"A": 0.5, "B": 0.5}, 30, manner="kinds")
    own = np.concatenate([unsplit.cells("A"), unsplit.cells("B")])
    assert made.cells.shape == (30, 3)
    assert np.isfinite(made.cells).all()
    assert not (made.cells[:, None] == own[None]).all(axis=2).any(axis=1).all()


def test_what_cannot_be_mixed_is_refused(grown):
    with pytest.raises(ValueError, match='manner "lines" or "kinds", found \'circles\''):
        grown.interpolate({"A": 1.0}, manner="circles")
    with pytest.raises(CohortError, match=r"extrapolation.*Use combine"):
        grown.interpolate({"A": 1.5, "B": -0.5}, manner="kinds")
    with pytest.raises(CohortError, match="n_cells of at least 1, found 0"):
        grown.interpolate({"A": 1.0}, 0, manner="kinds")


@pytest.mark.parametrize("manner", ["kinds", "lines"])
def test_a_stop_is_heard(grown, manner):
    stop = threading.Event()
    stop.set()
    with pytest.raises(Cancelled):
        grown.interpolate({"A": 0.5, "B": 0.5}, 500, manner=manner, cancel=stop)


def test_progress_is_counted_by_samples(grown):
    seen = []
    grown.interpolate({"A": 0.5, "B": 0.5}, 100, manner="kinds", progress=lambda *said: seen.append(said[:2]))
    assert seen == [(0, 2), (1, 2), (2, 2)]


@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_the_unit_of_the_values_changes_nothing(unit):
    made = {"A": two_kinds(0, 0.4, 0.0)[0], "B": two_kinds(1, 0.4, 3.0)[0]}
    found = {}
    for size in (1.0, unit):
        embedding = embed(cohort_of({name: cells * size for name, cells in made.items()}), points=24, scale="none")
        found[size] = embedding.interpolate({"A": 0.5, "B": 0.5}, 1000, seed=1, manner="kinds").cells / size
    np.testing.assert_allclose(found[unit], found[1.0], atol=1e-3)
