import numpy as np
import pytest
from scipy import sparse

from lotviz.analysis.composition import (
    OTHER,
    cell_populations,
    composition,
    mass_table,
    population_names,
    population_shares,
)
from lotviz.analysis.regions import regions


def test_shares_are_those_of_the_cells(embedding):
    table = population_shares(embedding)
    sample = embedding.samples.index[2]
    labels = embedding.populations(sample)
    assert np.allclose(table.sum(axis=1), 1.0)
    for name in table.columns:
        assert table.loc[sample, name] == pytest.approx(np.mean(labels == name))
    assert (np.diff(table.mean()) <= 1e-12).all()
    assert population_names(embedding) == tuple(table.columns)


def test_margins_of_the_mass_table_are_the_shares_of_both_samples(embedding):
    first, second = embedding.samples.index[:2]
    found = composition(embedding, first, second)
    assert np.allclose(found.table.sum(axis=1), found.share_a)
    assert np.allclose(found.table.sum(axis=0), found.share_b)
    assert np.allclose(found.change, found.share_b - found.share_a)
    assert found.change[found.names.index(found.growing)] == found.change.max()
    assert found.change[found.names.index(found.shrinking)] == found.change.min()
    assert 0.5 * np.abs(found.change).sum() - 1e-9 <= found.moved <= 1.0


def test_the_mass_table_equals_the_glued_pairs_one_by_one(embedding):
    first, second = embedding.samples.index[:2]
    found = composition(embedding, first, second)
    plans = [embedding.plan(name).toarray() for name in (first, second)]
    glued = plans[0].T @ (plans[1] / embedding.masses[:, None])  # cells of A x cells of B
    labels = [embedding.populations(name) for name in (first, second)]
    for row, column in ((0, 0), (0, 1), (2, 1)):
        inside = np.outer(labels[0] == found.names[row], labels[1] == found.names[column])
        assert found.table[row, column] == pytest.approx(glued[inside].sum(), abs=1e-12)


def test_regions_stand_in_for_populations(embedding):
    made = regions(embedding, 5)
    first, second = embedding.samples.index[:2]
    found = composition(embedding, first, second, regions=made)
    assert found.names == made.names
    assert np.allclose(found.table.sum(), 1.0)
    assert set(population_shares(embedding, regions=made).columns) <= set(made.names)


def test_two_cells_that_change_places_in_a_table_by_hand():
    plan = sparse.csr_array(np.diag([0.5, 0.5]))
    swapped = sparse.csr_array(np.array([[0.0, 0.5], [0.5, 0.0]]))
    table = mass_table((plan, swapped), [0.5, 0.5], (["x", "y"], ["x", "y"]), names=("x", "y"))
    assert table.tolist() == [[0.0, 0.5], [0.5, 0.0]]


def test_cells_without_a_population_are_named_as_such():
    from types import SimpleNamespace

    known = SimpleNamespace(populations=lambda _: np.array(["B", None, np.nan], dtype=object))
    assert cell_populations(known, "s").tolist() == ["B", OTHER, OTHER]


def test_a_cohort_without_populations_asks_for_regions():
    from types import SimpleNamespace

    with pytest.raises(ValueError, match=r"found none in the cohort\. Give regions instead"):
        cell_populations(SimpleNamespace(populations=lambda _: None), "s1")
