import numpy as np
import pytest

from lotviz.analysis.composition import cell_populations, sample_names
from lotviz.analysis.cost_shares import cost_shares
from lotviz.transport import embed
from tests.analysis.conftest import cohort_of, noise_clouds


@pytest.fixture(scope="module")
def pair(embedding):
    return embedding.samples.index[0], embedding.samples.index[3]


def test_cells_and_markers_of_both_samples_add_up_to_the_cost(embedding, pair):
    shares = cost_shares(embedding, *pair)
    cost = embedding.registration(*pair).cost
    assert shares.cost == cost
    for side in (shares.first, shares.second):
        assert side.sum() == pytest.approx(cost, rel=1e-12)
        assert side.min() >= 0
    assert shares.by_marker.sum() == pytest.approx(cost, rel=1e-12)
    assert shares.second.sum(axis=0) == pytest.approx(shares.by_marker, rel=1e-9)


def test_populations_and_markers_add_up_to_the_cost(embedding, pair):
    shares = cost_shares(embedding, *pair)
    labels = cell_populations(embedding, pair[0])
    table = shares.by_population(labels, sample_names([labels]))
    assert table.shape == (len(set(labels)), len(embedding.markers))
    assert table.to_numpy().sum() == pytest.approx(shares.cost, rel=1e-12)
    assert table.loc[labels[0]].to_numpy() == pytest.approx(shares.first[labels == labels[0]].sum(axis=0))


def test_a_cell_pays_for_its_glued_pairs(embedding, pair):
    shares = cost_shares(embedding, *pair)
    glued = embedding.registration(*pair).pairs()
    x, y = (embedding.scaled_cells(name) for name in pair)
    paid = glued.mass[:, None] * np.square(x[glued.first] - y[glued.second])
    slow = np.zeros_like(x)
    np.add.at(slow, glued.first, paid)
    assert shares.first == pytest.approx(slow, abs=1e-12)
    slow = np.zeros_like(y)
    np.add.at(slow, glued.second, paid)
    assert shares.second == pytest.approx(slow, abs=1e-12)


def test_a_translation_costs_every_cell_the_same_where_no_spread_is_missed():
    cloud = noise_clouds(1, cells=30)[0]
    step = np.array([1.0, 0.0, -2.0])
    made = embed(
        cohort_of([cloud, cloud + step], {"x": [0, 1]}), points=30, reference="sample:s0", scale="none", workers=1
    )
    shares = cost_shares(made, "s0", "s1")
    assert shares.first * 30 == pytest.approx(np.tile([1.0, 0.0, 4.0], (30, 1)), abs=1e-5)
    assert shares.cost == pytest.approx(5.0, abs=1e-5)


def test_a_sample_costs_nothing_to_itself(embedding, pair):
    shares = cost_shares(embedding, pair[0], pair[0])
    assert shares.cost == shares.first.sum() == shares.second.sum() == 0
