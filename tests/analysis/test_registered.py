import json
from types import SimpleNamespace

import numpy as np
import pytest

from lotviz.analysis.displacement import marker_change
from lotviz.analysis.regions import regions
from lotviz.analysis.registered import flows_table, pairs_table, points_table, registered, registration_cautions
from lotviz.cli.output import finite


@pytest.fixture(scope="module")
def pair(embedding):
    return embedding.samples.index[0], embedding.samples.index[5]


def test_the_record_holds_every_figure_and_is_json(embedding, pair):
    found = registered(embedding, *pair)
    record = json.loads(json.dumps(finite(found.record()), allow_nan=False))
    assert (record["a"], record["b"]) == pair
    assert record["cost"] == pytest.approx(embedding.registration(*pair).cost)
    assert record["shift_share"] + record["shape_share"] == pytest.approx(1)
    assert np.sum(record["mass_table"]) == pytest.approx(1)
    assert sum(record["cost_by_marker"].values()) == pytest.approx(record["cost"])
    assert sum(record["cost_by_population"].values()) == pytest.approx(record["cost"])
    assert {entry["marker"] for entry in record["markers"]} == set(embedding.markers)
    assert len(record["population_shifts"]) == len(record["populations"]) * len(embedding.markers)


def test_pairs_of_cells_hold_their_populations_and_markers(embedding, pair):
    registration = embedding.registration(*pair)
    table = pairs_table(embedding, registration)
    assert len(table) == registration.n_pairs
    assert table["mass"].sum() == pytest.approx(1)
    for end, sample in zip("ab", pair, strict=True):
        rows = table[f"cell_{end}"]
        assert (table[f"population_{end}"] == embedding.populations(sample)[rows]).all()
        marker = embedding.markers[2]
        assert (table[f"{marker}, {end}"] == embedding.cells(sample)[rows, 2]).all()
    drawn = pairs_table(embedding, registration, cells=50, seed=1)
    assert len(drawn) == 50
    assert drawn["mass"].to_numpy() == pytest.approx(np.full(50, 0.02))


def test_points_move_by_the_displacement(embedding, pair):
    registration = embedding.registration(*pair)
    table = points_table(embedding, registration)
    for column, marker in enumerate(embedding.markers):
        moved = table[f"{marker}, b"] - table[f"{marker}, a"]
        assert moved.to_numpy() == pytest.approx(registration.marker_displacement[:, column], abs=1e-9)
    assert table["mass"].to_numpy() == pytest.approx(embedding.masses)


def test_flows_are_the_glued_pairs_by_population_and_add_up_to_the_shift(embedding, pair):
    registration = embedding.registration(*pair)
    flows, pairs = flows_table(embedding, registration), pairs_table(embedding, registration)
    assert flows["mass"].sum() == pytest.approx(1)
    assert flows["mass"].is_monotonic_decreasing
    assert flows.groupby("from")["share"].sum().to_numpy() == pytest.approx(1)
    shift = marker_change(embedding, *pair).shift
    for column, marker in enumerate(embedding.markers):
        assert flows["mass"] @ flows[f"{marker}, moved"] == pytest.approx(shift[column], abs=1e-9)
    slow = pairs.assign(moved=pairs.mass * (pairs[f"{embedding.markers[0]}, b"] - pairs[f"{embedding.markers[0]}, a"]))
    slow = slow.groupby(["population_a", "population_b"])[["mass", "moved"]].sum()
    for row in flows.head(6).itertuples(index=False):
        mass, moved = slow.loc[(row[0], row[1])]
        assert row[2] == pytest.approx(mass)
        assert row[4] == pytest.approx(moved / mass, abs=1e-6)


def test_a_sample_becomes_itself_at_every_level(embedding, pair):
    registration = embedding.registration(pair[0], pair[0])
    pairs, points = pairs_table(embedding, registration), points_table(embedding, registration)
    assert (pairs["cell_a"] == pairs["cell_b"]).all()
    for marker in embedding.markers:
        assert (pairs[f"{marker}, a"] == pairs[f"{marker}, b"]).all()
        assert (points[f"{marker}, a"] == points[f"{marker}, b"]).all()
    flows = flows_table(embedding, registration)
    assert (flows["from"] == flows["to"]).all()
    assert not flows.filter(like="moved").to_numpy().any()
    record = registered(embedding, pair[0], pair[0]).record()
    assert record["cost"] == record["distance"] == record["shift_share"] == record["shape_share"] == 0
    assert record["moved"] == pytest.approx(0)


def test_regions_stand_in_for_populations(embedding, pair):
    made = regions(embedding, 4)
    registration = embedding.registration(*pair)
    assert registered(embedding, *pair, regions=made).composition.names == made.names
    assert set(pairs_table(embedding, registration, cells=80, regions=made)["population_b"]) <= set(made.names)
    assert set(flows_table(embedding, registration, regions=made)["from"]) <= set(made.names)


def test_a_sample_whose_map_misses_much_is_warned_of():
    shares = dict(zip(("s0", "s1", "s2", "s3"), (0.05, 0.06, 0.04, 0.21), strict=True))
    some = SimpleNamespace(residual_shares=np.array(list(shares.values())), index=list(shares).index)
    (caution,) = registration_cautions(some, ("s0", "s3", "s3"))
    assert (caution.where, caution.severity) == ("s3", "warning")
    assert caution.what == "The map misses 21 % of its variance (cohort median 6 %)."
    assert caution.fix == "Use more reference points before reading the arrows."
    assert registration_cautions(some, ("s0", "s1")) == ()
