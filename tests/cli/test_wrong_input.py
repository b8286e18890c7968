"""Input that cannot be used: exit code 1, one message that names the place and the fix, nothing left behind."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from tests.broken import BROKEN, make_study, one_sample, read_sheet, write_sheet
from tests.cli.conftest import names_in


@pytest.fixture
def study(tmp_path) -> Path:
    return make_study(tmp_path / "study")


@pytest.mark.parametrize(("breaks", "words"), BROKEN, ids=lambda value: getattr(value, "__name__", ""))
def test_embed_refuses_and_names_the_place(breaks, words, run, study, tmp_path):
    cohort, out = breaks(study), tmp_path / "out"
    out.mkdir()
    before = {path: path.read_bytes() for path in study.rglob("*") if path.is_file()}

    said = run("embed", cohort, "-o", out / "e.lot", "--points", 5, "--json")

    assert said.code == 1
    assert "Traceback" not in said.err
    error = said.record["error"]
    assert all(word in error["message"] for word in words), error["message"]
    assert error["problems"] and all(problem["fix"] for problem in error["problems"])
    assert error["message"] in said.err
    assert names_in(out) == set()
    assert {path: path.read_bytes() for path in study.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("breaks", "words"),
    [case for case in BROKEN if case[0] is not one_sample],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_validate_says_no_and_still_prints_its_object(breaks, words, run, study):
    said = run("validate", breaks(study), "--json")
    assert (said.code, said.record["ok"]) == (1, False)
    assert said.err.endswith("lotviz: The cohort cannot be used as it is.\n")
    everything = " ".join(f"{p['where']} {p['what']} {p['fix']}" for p in said.record["problems"])
    assert all(word in everything for word in words), everything


def test_validate_accepts_one_sample_with_a_warning(run, study):
    # It cannot be embedded, but it can be placed in the embedding of others.
    said = run("validate", one_sample(study), "--json")
    assert (said.code, said.record["ok"], said.record["samples"]) == (0, True, 1)
    assert any("found one" in problem["what"] for problem in said.record["problems"])


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"label": "a"}, ["label", "a"]),
        ({"label": [None] * 6}, ["label", "none at all"]),
        ({"label": ["a", "b", "b", "b", "b", "b"]}, ["a"]),
    ],
)
def test_classify_refuses_labels_it_cannot_learn_from(changed, words, run, study, tmp_path):
    write_sheet(study, read_sheet(study).assign(**changed))
    result = tmp_path / "result.json"
    said = run("classify", study / "sheet.csv", "--label", "label", "--points", 5, "-o", result, "--json")
    assert said.code == 1
    assert all(word in said.record["error"]["message"] for word in words)
    assert not result.exists()


def test_samples_without_a_label_are_left_out_and_named(run, study):
    write_sheet(study, read_sheet(study).assign(label=["a", None, "a", "b", "a", "b"]))
    words = ("--points", 5, "--permutations", 0, "--repeats", 1)
    said = run("classify", study / "sheet.csv", "--label", "label", *words, "--json")
    assert (said.code, said.record["n_samples"]) == (0, 5)
    assert "1 of 6 samples have no label and were left out: s2." in said.record["warnings"]


@pytest.mark.parametrize("option", ["--label", "--group", "--batch", "--adjust"])
def test_classify_names_the_columns_there_are(option, run, study):
    words = ["classify", study / "sheet.csv", "--points", 5, "--json"]
    words += [option, "lable"] if option == "--label" else ["--label", "label", option, "patiend"]
    said = run(*words)
    assert said.code == 1
    message = said.record["error"]["message"]
    assert "Did you mean" in message
    assert ("label" if option == "--label" else "patient") in message


def test_markers_that_partly_differ_are_a_warning_that_names_the_file(run, study, tmp_path):
    cells = pd.read_csv(study / "s5.csv").rename(columns={"CD8": "CD8a"})
    cells.to_csv(study / "s5.csv", index=False)
    said = run("embed", study / "sheet.csv", "-o", tmp_path / "e.lot", "--points", 5, "--json")
    assert (said.code, said.record["n_markers"]) == (0, 2)
    assert any("s5.csv" in sentence and "CD8" in sentence for sentence in said.record["warnings"])


def test_an_unknown_marker_is_offered_a_known_one(run, study, tmp_path):
    said = run("embed", study / "sheet.csv", "-o", tmp_path / "e.lot", "--markers", "CD3,CD44")
    assert said.code == 1
    assert "CD44" in said.err and "CD4" in said.err


@pytest.mark.parametrize("damage", ["cut", "foreign", "missing"])
@pytest.mark.parametrize("command", ["project", "interpolate"])
def test_a_broken_embedding_is_named(damage, command, run, study, tmp_path, embedding_file):
    path, out = tmp_path / "broken.lot", tmp_path / "out"
    out.mkdir()
    if damage == "cut":
        path.write_bytes(embedding_file.read_bytes()[:500])
    elif damage == "foreign":
        shutil.copy(study / "s1.csv", path)
    words = {"project": [study / "sheet.csv"], "interpolate": ["--weights", "s1=1"]}[command]
    said = run(command, path, *words, "-o", out / "new.csv", "--json")
    assert said.code == 1
    assert "broken.lot" in said.record["error"]["message"]
    assert names_in(out) == set()


def test_projecting_other_markers_is_refused(run, study, tmp_path, embedding_file):
    said = run("project", embedding_file, study / "sheet.csv", "-o", tmp_path / "new.lot", "--json")
    assert said.code == 1
    assert "marker" in said.record["error"]["message"]
    assert not (tmp_path / "new.lot").exists()


def test_all_problems_of_a_sheet_come_at_once(run, study):
    for sample in ("s2", "s5"):
        (study / f"{sample}.csv").unlink()
    message = run("embed", study / "sheet.csv", "-o", study / "e.lot", "--json").record["error"]["message"]
    assert "s2.csv" in message and "s5.csv" in message
