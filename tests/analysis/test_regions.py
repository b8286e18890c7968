import numpy as np
import pytest
from scipy import sparse

from lotviz.analysis.model import fit_model
from lotviz.analysis.region_names import renamed
from lotviz.analysis.regions import (
    Regions,
    cell_regions,
    nearest_regions,
    region_abundance_carried,
    region_carried,
    region_names,
    region_pattern,
    region_table,
    region_weights,
    regions,
)


@pytest.fixture(scope="module")
def found(embedding):
    return regions(embedding, 8, seed=0)


def test_regions_are_a_partition_with_the_largest_first(embedding, found):
    assert found.labels.shape == (len(embedding.masses),)
    assert np.isclose(found.masses.sum(), 1.0)
    assert (np.diff(found.masses) <= 1e-12).all()
    assert len(set(found.names)) == len(found.names) == 8
    for number in range(8):
        inside = found.labels == number
        assert found.masses[number] == pytest.approx(embedding.masses[inside].sum())
        expected = np.average(embedding.reference.points[inside], axis=0, weights=embedding.masses[inside])
        assert np.allclose(found.profile[number], expected)


def test_regions_are_the_same_for_the_same_seed(embedding, found):
    assert (regions(embedding, 8, seed=0).labels == found.labels).all()


def test_there_are_no_more_regions_than_points(embedding):
    assert len(regions(embedding, 1000).names) == len(np.unique(embedding.reference.points, axis=0))


def test_planted_population_and_markers_are_on_top(embedding, patients, found):
    model = fit_model(embedding, patients.column("label"), "case")
    truth = patients.truth
    labels = np.concatenate([embedding.populations(sample) for sample in embedding.samples.index])
    region = np.concatenate([cell_regions(plan, found) for plan in embedding.plans])
    planted = int(np.argmax(np.bincount(region[labels == truth["population"]])))
    top = region_table(model, found).head(2)
    assert set(top["region"]) == {found.names[planted]}
    assert set(top["marker"]) == set(truth["markers"])
    assert (top["weight"] > 0).all()
    pattern = region_pattern(model, found)
    row, column = np.unravel_index(np.argmax(np.abs(pattern)), pattern.shape)
    assert row == planted
    assert found.markers[column] in truth["markers"]


@pytest.mark.parametrize("abundance", [True, False])
def test_what_is_carried_sums_to_the_gap_between_the_classes(embedding, patients, found, abundance):
    model = fit_model(embedding, patients.column("label"), "case", abundance=abundance)
    case = (patients.column("label") == "case").to_numpy()
    gap = model.scores[case].mean() - model.scores[~case].mean()
    carried, counted = region_carried(model, found), region_abundance_carried(model, found)
    assert carried.sum() + counted.sum() == pytest.approx(gap, abs=1e-9)
    assert np.allclose(sum(region_carried(model, found, part=part) for part in ("shift", "shape")), carried)
    assert np.abs(counted).max() > 0 if abundance else not counted.any()


def test_the_planted_markers_carry_most(embedding, patients, found):
    model = fit_model(embedding, patients.column("label"), "case")
    table = region_table(model, found).head(2)
    assert set(table["marker"]) == set(patients.truth["markers"])
    assert table["region"].nunique() == 1
    assert (table["carried"] > 0).all()


def test_region_weights_add_up_to_the_weights_of_the_markers(embedding, patients, found):
    model = fit_model(embedding, patients.column("label"))
    assert np.allclose(region_weights(model, found).sum(axis=0), model.shift_weights)
    parts = [region_weights(model, found, part=part) for part in ("shift", "shape")]
    assert np.allclose(sum(parts), region_weights(model, found))


def test_region_pattern_is_the_mean_over_its_points(embedding, patients, found):
    model = fit_model(embedding, patients.column("label"))
    inside = found.labels == 0
    expected = np.average(model.pattern[inside], axis=0, weights=embedding.masses[inside])
    assert np.allclose(region_pattern(model, found)[0], expected)


def test_a_cell_belongs_to_the_region_it_gives_most_mass_to():
    points = np.array([[0.0], [1.0], [2.0]])
    made = Regions(np.array([0, 1, 1]), ("a", "b"), np.zeros((2, 1)), np.array([0.4, 0.6]), ("m",), points)
    plan = sparse.csr_array(np.array([[0.3, 0.1], [0.1, 0.1], [0.1, 0.3]]))
    assert cell_regions(plan, made).tolist() == [0, 1]


def test_names_say_what_is_high_then_what_is_low_and_never_repeat():
    profile = np.array([[2.0, 0.0, -1.0], [2.0, 0.0, -1.0], [-2.0, 0.1, 1.0], [0.0, 0.0, 0.0]])
    names = region_names(profile, np.full(4, 0.25), ("CD3", "CD4", "PD-1"))
    assert names == ("CD3+ PD-1− (1)", "CD3+ PD-1− (2)", "PD-1+ CD3−", "CD3−")
    assert region_names(np.zeros((1, 2)), np.ones(1), ("a", "b")) == ("average",)


def test_equal_names_are_told_apart_by_a_further_marker():
    profile = np.array([[3.0, 0.9], [3.0, -0.9], [-6.0, 0.0]])
    names = region_names(profile, np.array([0.4, 0.4, 0.2]), ("x", "y"), length=1)
    assert names[:2] == ("x+ y+", "x+ y−")


def test_a_cell_is_of_the_region_it_lies_in_whatever_the_plan_says():
    made = Regions(
        np.array([0, 1, 1]), ("a", "b"), np.zeros((2, 1)), np.array([0.4, 0.6]), ("m",), np.array([[0.0], [1.0], [2.0]])
    )
    assert nearest_regions([[-3.0], [0.4], [0.6], [1.7]], made).tolist() == [0, 0, 1, 1]
    cells = np.random.default_rng(0).normal(1.0, 1.0, (20_000, 1))
    slow = np.abs(cells - made.points.T).argmin(axis=1)
    assert np.array_equal(nearest_regions(cells, made), made.labels[slow])


def test_a_name_that_is_taken_and_so_is_the_next_gets_one_of_its_own(embedding):
    found = renamed(regions(embedding, 4), {"1": "x", "2": "x (3)", "3": "x"})
    assert found.names[:2] == ("x", "x (3)")
    assert len(set(found.names)) == 4
