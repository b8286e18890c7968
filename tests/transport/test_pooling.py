from __future__ import annotations

import json

import numpy as np
import pytest

import lotviz
from lotviz.data import CohortError, simulate
from lotviz.transport.pooling import draw_tuples, mix_groups, pooled_plan

GROUPS = {"cases": ["P1", "P3", "P4"], "controls": ["P2", "P5"]}


@pytest.fixture(scope="module")
def embedding():
    return lotviz.embed(simulate("patients", samples=5, cells=300, markers=4, seed=6), points=10, seed=0)


def test_the_pooled_plan_has_the_mean_map_and_every_cell_once(embedding):
    names = GROUPS["cases"]
    plan = pooled_plan(embedding, names)
    cells = np.concatenate([embedding.scaled_cells(name) for name in names])
    assert plan.shape == (10, 900)
    assert np.allclose(plan @ cells / embedding.masses[:, None], embedding.maps[[0, 2, 3]].mean(axis=0))
    assert np.allclose(np.asarray(plan.sum(axis=0)).ravel(), 1 / 900)


@pytest.mark.parametrize("alike", [True, False])
def test_every_member_gives_as_many_cells_at_the_same_reference_points(embedding, alike):
    drawn = draw_tuples(embedding, list(GROUPS.values()), 1800, seed=3, alike=alike)
    for (sample, cell), names in zip(drawn, GROUPS.values(), strict=True):
        counts = np.bincount(sample, minlength=len(names))
        assert np.abs(counts - 1800 / len(names)).max() < 0.1 * 1800 / len(names)
        assert cell.min() >= 0 and cell.max() < 300
    places = []
    for (sample, cell), names in zip(drawn, GROUPS.values(), strict=True):
        maps = np.zeros((1800, 10))
        for position, name in enumerate(names):
            rows = sample == position
            maps[rows] = embedding.plan(name).toarray().T[cell[rows]] > 0
        places.append(maps)
    assert (places[0] * places[1]).any(axis=1).all()  # the two cells of a tuple share a point


def test_at_a_weight_of_one_the_cells_are_measured_ones_of_the_members(embedding):
    made = mix_groups(embedding, GROUPS, {"cases": 1.0, "controls": 0.0}, n_cells=600, seed=1)
    measured = {row.tobytes() for name in GROUPS["cases"] for row in embedding.cells(name)}
    assert all(row.tobytes() in measured for row in made.cells)
    assert made.weights == pytest.approx(dict.fromkeys(GROUPS["cases"], 1 / 3))
    assert made.recipe["groups"] == {"cases": GROUPS["cases"]}
    assert made.recipe["group_weights"] == {"cases": 1.0}


def test_the_mean_is_that_of_the_members_and_the_seed_decides(embedding):
    weights = {"cases": 0.25, "controls": 0.75}
    made = mix_groups(embedding, GROUPS, weights, n_cells=6000, seed=2)
    means = {name: np.mean([embedding.cells(n).mean(axis=0) for n in names], axis=0) for name, names in GROUPS.items()}
    expected = 0.25 * means["cases"] + 0.75 * means["controls"]
    assert np.abs(made.cells.mean(axis=0) - expected).max() < 0.05
    assert sum(made.weights.values()) == pytest.approx(1)
    assert np.array_equal(made.cells, mix_groups(embedding, GROUPS, weights, n_cells=6000, seed=2).cells)
    assert not np.array_equal(made.cells, mix_groups(embedding, GROUPS, weights, n_cells=6000, seed=3).cells)


def test_it_is_wider_than_the_average_of_all_members(embedding):
    weights = {"cases": 0.5, "controls": 0.5}
    made = mix_groups(embedding, GROUPS, weights, n_cells=4000, seed=0)
    average = embedding.interpolate(dict(made.weights), n_cells=4000, seed=0)
    assert made.cells.var(axis=0).sum() > average.cells.var(axis=0).sum()


def test_populations_are_those_of_the_group_of_largest_weight(embedding):
    made = mix_groups(embedding, GROUPS, {"cases": 1.0}, n_cells=900, seed=0)
    by_cell = {
        row.tobytes(): kind
        for name in GROUPS["cases"]
        for row, kind in zip(embedding.cells(name), embedding.populations(name), strict=True)
    }
    assert all(by_cell[row.tobytes()] == kind for row, kind in zip(made.cells, made.populations, strict=True))


def test_its_file_names_the_groups_and_it_can_be_checked(embedding, tmp_path):
    made = mix_groups(embedding, GROUPS, {"cases": 0.5, "controls": 0.5}, n_cells=500, seed=0)
    assert made.write(tmp_path / "mixed.parquet").exists()
    assert embedding.validity(made).samples == 5


@pytest.mark.parametrize(
    ("groups", "weights", "message"),
    [
        (GROUPS, {"cases": 0.7}, "sum of 0.7"),
        (GROUPS, {"others": 1.0}, "found others"),
        ({"none": []}, {"none": 1.0}, "found none of none"),
        ({"strangers": ["P9"]}, {"strangers": 1.0}, "found P9"),
    ],
)
def test_what_cannot_be_mixed_is_refused(embedding, groups, weights, message):
    with pytest.raises(lotviz.CohortError, match=message):
        mix_groups(embedding, groups, weights, n_cells=10)


def test_no_cells_is_refused(embedding):
    with pytest.raises(lotviz.CohortError, match="found 0"):
        mix_groups(embedding, GROUPS, {"cases": 1.0}, n_cells=0)


@pytest.mark.parametrize(
    ("groups", "weights", "words"),
    [
        (GROUPS, {"z": 1.0}, r"Expected weights of the groups, found z\. The groups are cases, controls"),
        ({"g": "P1"}, {"g": 1.0}, r"Expected the members of g in a list, found 'P1'\. Give a list"),
    ],
)
def test_groups_that_are_none_are_named(embedding, groups, weights, words):
    with pytest.raises(CohortError, match=words):
        mix_groups(embedding, groups, weights, n_cells=10)


def test_mixing_says_of_which_embedding_it_is(embedding):
    recipe = mix_groups(embedding, GROUPS, {"cases": 1.0}, n_cells=10, seed=np.int64(3)).recipe
    assert recipe["embedding"]["reference_sha256"] == embedding.reference.digest
    assert (recipe["embedding"]["points"], recipe["inputs"]["P1"]) == (10, embedding.sample_hashes["P1"])
    assert json.loads(json.dumps(recipe))["seed"] == 3
