from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from lotviz.transport import LOTEmbedding
from tests.cli.conftest import names_in


@pytest.fixture
def embedding(embedding_file):
    return LOTEmbedding.load(embedding_file)


@pytest.fixture
def pair(embedding):
    return embedding.samples.index[0], embedding.samples.index[-1]


def test_figures_are_those_of_the_registration_and_the_file_holds_its_pairs(run, tmp_path, embedding_file, pair):
    path, embedding = tmp_path / "pairs.parquet", LOTEmbedding.load(embedding_file)
    said = run("register", embedding_file, *pair, "-o", path, "--json")
    assert said.code == 0, said.err
    record, registration = said.record, embedding.registration(*pair)
    assert record["cost"] == pytest.approx(registration.cost)
    assert record["rows"] == record["n_pairs"] == registration.n_pairs
    assert record["shift_share"] + record["shape_share"] == pytest.approx(1)
    assert np.sum(record["mass_table"]) == pytest.approx(1)
    assert np.array(record["mass_table"]).sum(axis=1) == pytest.approx(record["share_a"])
    assert sum(record["cost_by_marker"].values()) == pytest.approx(record["cost"])
    assert set(record["hashes"]) == set(pair)
    assert record["versions"]["lotviz"]
    assert record["populations_are"] == "named in the cohort"
    table = pd.read_parquet(path)
    assert len(table) == registration.n_pairs
    assert table["mass"].sum() == pytest.approx(1)
    kept = json.loads(pq.read_schema(path).metadata[b"lotviz.recipe"])
    assert (kept["a"], kept["b"], kept["cost"]) == (*pair, record["cost"])


@pytest.mark.parametrize("suffix", ["parquet", "json"])
def test_the_same_registration_is_the_same_bytes_under_any_name(run, tmp_path, embedding_file, pair, suffix):
    one, other = (tmp_path / f"{name}.{suffix}" for name in ("one", "other"))
    for path in (one, other):
        assert run("register", embedding_file, *pair, "--level", "points", "-o", path).code == 0
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize(("level", "column"), [("cells", "cell_a"), ("points", "point"), ("populations", "from")])
def test_every_level_is_written_in_every_format(run, tmp_path, embedding_file, pair, level, column):
    tables = []
    for suffix in ("csv", "json", "parquet"):
        path = tmp_path / f"{level}.{suffix}"
        words = ("--cells", 30) if level == "cells" else ()
        said = run("register", embedding_file, *pair, "--level", level, *words, "-o", path, "--json")
        assert said.code == 0, said.err
        if suffix == "json":
            tables.append(pd.DataFrame(json.loads(path.read_text())["table"]))
        else:
            tables.append(pd.read_csv(path) if suffix == "csv" else pd.read_parquet(path))
        assert said.record["rows"] == len(tables[-1])
    assert column in tables[0]
    for other in tables[1:]:
        pd.testing.assert_frame_equal(tables[0], other, check_dtype=False, rtol=1e-5)
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{level}.{s}" for s in ("csv", "csv.json", "json", "parquet")
    }
    beside, whole = (json.loads((tmp_path / f"{level}.{s}").read_text()) for s in ("csv.json", "json"))
    assert beside == {name: value for name, value in whole.items() if name != "table"}
    assert {"versions", "parameters", "hashes", "seed"} <= set(beside)


@pytest.mark.parametrize("level", ["cells", "points", "populations"])
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_table_is_replaced_by_its_like_and_cells_are_not(run, tmp_path, embedding_file, pair, level, suffix):
    path = tmp_path / f"changes.{suffix}"
    words = ("register", embedding_file, *pair, "--level", level, "-o", path, "--overwrite")
    assert [run(*words).code for _ in range(2)] == [0, 0]
    path.write_text("CD3,CD4\n1,2\n")
    assert run(*words).code == 1
    assert path.read_text() == "CD3,CD4\n1,2\n"


def test_drawn_pairs_follow_the_seed(run, tmp_path, embedding_file, pair):
    drawn = []
    for number, seed in enumerate((1, 1, 2)):
        path = tmp_path / f"{number}.csv"
        assert run("register", embedding_file, *pair, "--cells", 40, "--seed", seed, "-o", path).code == 0
        drawn.append(path.read_bytes())
    assert drawn[0] == drawn[1] != drawn[2]


def test_exact_transport_stands_beside_it_when_asked_for(run, tmp_path, embedding_file, pair):
    said = run("register", embedding_file, *pair, "--direct", 50, "-o", tmp_path / "p.csv", "--json")
    direct = said.record["direct"]
    assert direct["cells"] == [50, 50]
    assert direct["glued_cost"] >= direct["cost"] > 0
    assert "exact transport costs" in direct["said"]
    person = run("register", embedding_file, *pair, "--direct", "-o", tmp_path / "q.csv")
    assert "exact transport costs" in person.out
    assert run("register", embedding_file, *pair, "-o", tmp_path / "r.csv", "--json").record["direct"] is None


def test_a_person_reads_the_answer_in_a_few_lines(run, tmp_path, embedding_file, pair):
    said = run("register", embedding_file, *pair, "--level", "populations", "-o", tmp_path / "p.csv")
    lines = said.out.splitlines()
    assert lines[0].startswith(f"{pair[0]} to {pair[1]}: distance ")
    assert lines[1].startswith("Grown or shrunk, in points of a hundred: ")
    assert lines[-1].startswith("Wrote ") and lines[-1].endswith("p.csv.json.")


def test_a_sample_with_itself_is_the_identity(run, tmp_path, embedding_file, pair):
    path = tmp_path / "same.csv"
    said = run("register", embedding_file, pair[0], pair[0], "-o", path, "--json")
    assert said.record["cost"] == said.record["distance"] == 0
    assert said.record["moved"] == pytest.approx(0)
    table = pd.read_csv(path)
    assert (table["cell_a"] == table["cell_b"]).all()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("{a}", "{wrong}", "-o", "p.csv"), "Expected an embedded sample"),
        (("{a}", "{b}", "-o", "p.xlsx"), "Expected a name that ends in .parquet, .csv, .json"),
        (("{a}", "{b}", "-o", "p.csv", "--level", "points", "--cells", "3"), "--cells with --level cells only"),
        (("{a}", "{b}", "-o", "there.csv"), "Expected a new file"),
        (("{a}", "{b}", "-o", "alone.csv"), "alone.csv.json: Expected a new file"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_written(run, tmp_path, embedding_file, pair, words, message):
    for name in ("there.csv", "alone.csv.json"):
        (tmp_path / name).write_text("mine")
    named = {"a": pair[0], "b": pair[1], "wrong": pair[1].lower()}
    filled = [word.format(**named) for word in words]
    place = filled.index("-o") + 1
    filled[place] = str(tmp_path / filled[place])
    said = run("register", embedding_file, *filled, "--json")
    assert said.code == 1
    assert message in said.record["error"]["message"]
    if "wrong" in words[1]:
        assert f"Did you mean {pair[1]}" in said.record["error"]["message"]
    assert names_in(tmp_path) == {"there.csv", "alone.csv.json"}
    assert {(tmp_path / name).read_text() for name in names_in(tmp_path)} == {"mine"}
