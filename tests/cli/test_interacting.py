"""Whether drugs add up, asked from the shell."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from lotviz import __version__
from lotviz.data import simulate
from lotviz.transport import embed

FOUR = ("--control", "control", "--a", "A", "--b", "B", "--both", "A+B")


@pytest.fixture(scope="module")
def organoids(tmp_path_factory):
    path = tmp_path_factory.mktemp("organoids") / "study.lot"
    cohort = simulate("organoids", lines=6, replicates=2, cells=120, interaction=1.5, seed=2)
    embed(cohort, points=16, seed=0).save(path)
    return path


def test_the_answer_is_one_object_with_the_agreed_names(run, organoids):
    said = run("interact", organoids, *FOUR, "--json")
    assert said.code == 0, said.err
    agreed = {"statistic", "low", "high", "p", "unit", "additive_gap", "by_marker", "by_region", "sign", "warnings"}
    assert agreed <= set(said.record)
    assert said.record["unit"] == "line"
    assert said.record["low"] <= said.record["statistic"] <= said.record["high"]
    assert next(iter(said.record["by_marker"])) == "pERK"
    assert said.record["versions"]["lotviz"] == __version__
    assert said.record["parameters"]["control"] == "control"
    assert len(said.record["sample_hashes"]) == 48


def test_the_columns_may_be_named_and_reach_the_result(run, organoids):
    named = ("--column", "condition", "--by", "line", "--replicate", "replicate", "--plate", "plate", "--seed", 1)
    said = run("interact", organoids, *FOUR, *named, "--json")
    assert said.code == 0, said.err
    columns = {"column": "condition", "by": "line", "replicate": "replicate", "plate": "plate"}
    assert said.record["columns"] == columns
    assert [note for note in said.record["notes"] if "coupled" not in note and "together" not in note] == []
    assert said.record["parameters"]["seed"] == 1


def test_populations_are_coupled_with_themselves_unless_whole_clouds_are_asked_for(run, organoids):
    within = run("interact", organoids, *FOUR, "--json").record
    whole = run("interact", organoids, *FOUR, "--whole-clouds", "--json").record
    assert "Stem" in within["within_populations"]
    assert within["abundance"]["Stem"]["adjusted_p"] > 0.05
    assert (whole["within_populations"], whole["abundance"]) == ([], None)
    assert within["statistic"] != whole["statistic"]
    assert within["p"] <= 0.05
    said = run("interact", organoids, *FOUR)
    assert "times as many as predicted" in said.out


def test_the_result_is_written_as_json_or_as_the_table(run, organoids, tmp_path):
    whole, table = tmp_path / "r.json", tmp_path / "r.csv"
    said = run("interact", organoids, *FOUR, "-o", whole, "--json")
    assert (said.code, said.record["output"]) == (0, str(whole)), said.err
    written = json.loads(whole.read_text())
    assert written["statistic"] == said.record["statistic"]
    assert written["barycenter"]["note"] == "not a test of additivity"
    assert run("interact", organoids, *FOUR, "-o", table).code == 0
    assert json.loads((tmp_path / "r.csv.json").read_text()) == written
    assert {"versions", "parameters"} <= set(written)
    rows = pd.read_csv(table)
    assert list(rows.columns[:5]) == ["region", "marker", "additive", "observed", "excess"]
    assert len(rows) == 8 * 14
    assert rows["marker"][0] == "pERK"


def test_a_person_is_told_in_words(run, organoids):
    said = run("interact", organoids, *FOUR)
    assert said.out.startswith("A+B against A + B - control, over 6 lines: ")
    assert "not a test of additivity" in said.out
    assert "The column line is used as line." in said.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--both", "AB"), "Expected AB among the values"),
        (("--both", "A"), "four different conditions"),
        (("--by", "patient"), "Expected a column patient"),
        (("--column", "drug"), "Expected a column drug"),
        (("-o", "r.xlsx"), "Expected a name that ends in .json, .csv"),
    ],
)
def test_what_cannot_be_asked_is_refused(run, organoids, words, message):
    said = run("interact", organoids, *FOUR, *words, "--json")
    assert said.code == 1
    assert message in said.record["error"]["message"]


def test_an_output_that_exists_is_not_replaced(run, organoids, tmp_path):
    path = tmp_path / "r.json"
    path.write_text("mine")
    assert run("interact", organoids, *FOUR, "-o", path).code == 1
    assert path.read_text() == "mine"
    assert run("interact", organoids, *FOUR, "-o", path, "--overwrite").code == 0


def test_a_table_is_replaced_by_its_like_and_cells_are_not(run, organoids, tmp_path):
    path = tmp_path / "r.csv"
    for _ in range(2):
        assert run("interact", organoids, *FOUR, "-o", path, "--overwrite").code == 0
    path.write_text("CD3,CD4\n1,2\n")
    assert run("interact", organoids, *FOUR, "-o", path, "--overwrite").code == 1
    assert path.read_text() == "CD3,CD4\n1,2\n"


def test_all_four_conditions_are_required(refuse, organoids):
    assert "--both" in refuse("interact", organoids, *FOUR[:6])
