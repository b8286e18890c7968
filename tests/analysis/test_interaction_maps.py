"""Maps of wells, population by population: what moves adds up exactly, whatever the composition; nothing is lost."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import lotviz
from lotviz.analysis.interaction_cells import predicted_cells
from lotviz.analysis.interaction_columns import columns_of
from lotviz.analysis.interaction_design import study_of, wells_of
from lotviz.analysis.interaction_maps import MOST_POPULATIONS, _groups, couplings_within, maps_of_wells
from lotviz.data import CohortError
from lotviz.data.cohort import ArraySource, Cohort
from lotviz.transport import Cancelled, solve
from tests.analysis.conftest import cohort_of

FOUR = {"control": "control", "a": "A", "b": "B", "both": "A+B"}
CENTRES = np.array([[0.0, 0.0, 0.0], [1.5, 0.0, 1.0], [0.0, 1.5, -1.0]])  # close: whole clouds exchange cells
SHIFTS = {"control": (0, 0), "A": (1, 0), "B": (0, 1), "A+B": (1, 1)}  # A moves kind 0, B moves kind 1


def named(clouds, rows, labels) -> Cohort:
    """A cohort in memory that knows the population of every cell."""
    cohort = cohort_of(clouds, rows)
    cells = {name: cohort.raw(name) for name in cohort.samples.index}
    source = ArraySource(cells, dict(zip(cohort.samples.index, labels, strict=True)))
    return cohort.__class__(**{**{f: getattr(cohort, f) for f in cohort.__dataclass_fields__}, "source": source})


def moved(*, lines=3, replicates=2, seed=0, joint=0.0, rename=str):
    """Populations that move as a whole and add up exactly, in wells of any composition."""
    rng = np.random.default_rng(seed)
    own = [rng.normal(size=(80, 3)) * 0.6 + centre for centre in CENTRES]
    clouds, labels, rows = [], [], {"line": [], "drug": [], "rep": []}
    for line in range(lines):
        for replicate in range(replicates):
            for drug, (a, b) in SHIFTS.items():
                move = np.zeros((3, 3))
                move[0, 1], move[1, 2] = -1.2 * a, 0.9 * b
                move[0, 0] = joint * a * b
                # whole copies of each population, so that composition changes and its shape does not
                copies = rng.integers(1, 5, size=3)
                clouds.append(np.concatenate([np.tile(own[k] + move[k], (copies[k], 1)) for k in range(3)]))
                labels.append(np.repeat([rename(k) for k in range(3)], 80 * copies))
                for name, value in zip(rows, (f"L{line}", drug, replicate), strict=True):
                    rows[name].append(value)
    return lotviz.embed(named(clouds, rows, labels), points=24, seed=0, scale="none")


def study(embedding):
    columns = columns_of(embedding.samples, tuple(FOUR.values()), column=None, by=None, replicate=None, plate=None)
    return study_of(wells_of(embedding.samples, columns), columns)


@pytest.fixture(scope="module")
def additive():
    return moved()


def test_populations_that_move_add_up_exactly_in_any_composition(additive):
    within = lotviz.interaction(additive, **FOUR)
    assert within.maps.names == ("0", "1", "2")
    assert np.abs(within.profiles.excess).max() < 1e-5
    assert within.statistic == pytest.approx(0.0, abs=1e-10)
    whole = lotviz.interaction(additive, **FOUR, whole_clouds=True)
    assert np.abs(whole.profiles.excess).max() > 0.1  # where surplus cells go depends on the drugs
    assert whole.parameters["whole_clouds"]
    assert not within.parameters["whole_clouds"]


def test_what_is_planted_in_a_population_is_found_there_at_its_size():
    embedding = moved(joint=0.7)
    made = lotviz.interaction(embedding, **FOUR)
    excess = np.tensordot(made.study.excess.mean(axis=0), made.maps.maps, axes=1)
    np.testing.assert_allclose(
        excess[made.maps.groups == 0], [[0.7, 0.0, 0.0]] * int((made.maps.groups == 0).sum()), atol=1e-5
    )
    np.testing.assert_allclose(excess[made.maps.groups != 0], 0.0, atol=1e-5)
    share = made.maps.masses[made.maps.groups == 0].sum()
    assert made.statistic == pytest.approx(share * 0.49, rel=1e-4)


def test_each_population_is_coupled_as_by_itself(additive):
    found = study(additive)
    maps = maps_of_wells(additive, found)
    sample = found.samples[5]
    labels, cells = np.asarray(additive.populations(sample)), additive.scaled_cells(sample)
    for group, name in enumerate(maps.names):
        own = maps.groups == group
        alone = solve(
            additive.reference.points[maps.points[own]],
            cells[labels == name],
            maps.masses[own] / maps.masses[own].sum(),
        )
        np.testing.assert_allclose(maps.maps[5, own], alone.maps, atol=1e-9)
    for parts, members, plan in couplings_within(additive, maps, sample):
        assert plan.sum() == pytest.approx(1.0)
        barycentric = plan @ cells[members] / np.asarray(plan.sum(axis=1))[:, None]
        np.testing.assert_allclose(barycentric, maps.maps[5, parts], atol=1e-9)
    assert sorted(np.concatenate([members for _, members, _ in couplings_within(additive, maps, sample)])) == list(
        range(len(cells))
    )


def test_the_parts_of_a_point_hold_its_mass(additive):
    maps = maps_of_wells(additive, study(additive))
    np.testing.assert_allclose(np.bincount(maps.points, weights=maps.masses), additive.masses, atol=1e-12)
    assert (maps.masses > 0).all()
    assert set(maps.groups) == {0, 1, 2}
    by_point = maps.by_point(maps.maps)
    assert by_point.shape == additive.maps.shape
    np.testing.assert_allclose(
        np.einsum("m,nmd->nd", additive.masses, by_point), np.einsum("p,npd->nd", maps.masses, maps.maps), atol=1e-12
    )
    np.testing.assert_array_equal(maps.counts.sum(axis=1), additive.n_cells[study(additive).rows])


@pytest.mark.parametrize(
    ("counts", "groups"),
    [
        ([[5, 5], [5, 5]], [0, 1]),
        ([[50, 0, 9, 3], [50, 2, 9, 0]], [0, 2, 1, 2]),
        ([[50, 0, 9], [50, 2, 9]], [0, 1, 1]),
        ([[50, 0], [0, 50]], [0, 0]),
        ([[7, 0, 0], [7, 0, 1], [7, 2, 0]], [0, 0, 0]),
    ],
)
def test_what_a_well_lacks_is_taken_together_with_others(counts, groups):
    found = _groups(np.array(counts))
    assert found.tolist() == groups
    held = np.stack([np.bincount(found, weights=row) for row in np.array(counts)])
    assert (held > 0).all()


def test_a_population_that_a_well_lacks_is_said():
    cohort = lotviz.simulate("organoids", lines=2, replicates=2, cells=40, seed=1)
    made = lotviz.interaction(lotviz.embed(cohort, points=12, seed=0), **FOUR)
    lacking = made.maps.counts.min(axis=0) == 0
    assert lacking.any()
    assert set(np.array(made.maps.populations)[lacking]) <= set(made.maps.taken_together)
    assert any("taken together" in note for note in made.notes)
    assert np.isfinite(made.maps.maps).all()
    assert made.table["excess"].notna().all()


def test_predicted_cells_are_those_of_one_drug_moved_by_the_other(additive):
    found = lotviz.interaction(additive, **FOUR)
    for block in (0, 3):
        made = predicted_cells(additive, found, block)
        anchor = next(iter(made.origins))
        drug = additive.samples.loc[anchor, "drug"]
        labels, cells = np.asarray(additive.populations(anchor)), additive.cells(anchor)
        expected = cells.astype(float)
        expected[labels == ("1" if drug == "A" else "0")] += (0, 0, 0.9) if drug == "A" else (0, -1.2, 0)
        np.testing.assert_allclose(made.cells, expected, atol=1e-4)
        assert made.weights[anchor] == 1.0
        assert sum(made.weights.values()) == pytest.approx(1.0)
        assert "populations" in made.method
    few = predicted_cells(additive, found, 0, n_cells=50)
    assert few.cells.shape == (50, 3)
    np.testing.assert_array_equal(
        few.cells, predicted_cells(additive, found, 0).cells[few.origins[few.method.split()[2]]]
    )
    whole = lotviz.interaction(additive, **FOUR, whole_clouds=True)
    by_maps = predicted_cells(additive, whole, 0)
    given = {name: w for name, w in zip(whole.study.samples, whole.study.predicted[0], strict=True) if w}
    np.testing.assert_array_equal(by_maps.cells, additive.combine(given).cells)
    with pytest.raises(CohortError, match="cell"):
        predicted_cells(additive, found, 0, n_cells=0)


def test_labels_that_cannot_be_populations_leave_the_clouds_whole():
    many = moved(lines=2, rename=lambda k: "one")
    assert lotviz.interaction(many, **FOUR).maps.names == ()
    rng = np.random.default_rng(0)
    rows = {"line": ["a"] * 8, "drug": list(SHIFTS) * 2, "rep": [0] * 4 + [1] * 4}
    clouds = [rng.normal(size=(MOST_POPULATIONS + 20, 2)) for _ in range(8)]
    labels = [np.array([f"cell {i}" for i in range(len(cloud))]) for cloud in clouds]
    made = lotviz.interaction(lotviz.embed(named(clouds, rows, labels), points=6, seed=0), **FOUR)
    assert made.maps.names == ()
    assert any("Whole clouds" in note for note in made.notes)


def test_it_stops_when_asked(additive):
    stop = threading.Event()
    with pytest.raises(Cancelled):
        maps_of_wells(additive, study(additive), progress=lambda *_: stop.set(), cancel=stop)
