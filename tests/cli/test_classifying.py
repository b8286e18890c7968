"""Every way to put the question, from the shell; and models that are kept."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
import pytest

QUICK = ("--points", 6, "--repeats", 1, "--permutations", 3)


@pytest.fixture
def embedded(run, cohort_folder, tmp_path):
    assert run("embed", cohort_folder, "-o", tmp_path / "study.lot", "--points", 16).code == 0
    return tmp_path / "study.lot"


def test_a_solved_embedding_can_be_asked(run, embedded):
    said = run("classify", embedded, "--label", "label", *QUICK[2:], "--json")
    assert said.code == 0, said.err
    assert said.record["n_samples"] == 12
    assert {"lot", "abundances", "quantiles"} <= set(said.record["scores"])


@pytest.mark.parametrize(
    "words",
    [
        *[("--points", 8), ("--markers", "CD3"), ("--transform", "none"), ("--cofactor", 150), ("--components", 3)],
        *[("--rename", "CD3=CD8"), ("--columns", "sample=x"), ("--compensate", "no"), ("--skip-unreadable",)],
        *[("--sample-key", "x"), ("--population-key", "x"), ("--layer", "X"), ("--cells-per-sample", 10)],
    ],
)
def test_what_an_embedding_has_settled_is_not_asked_again(run, embedded, words):
    said = run("classify", embedded, "--label", "label", *words, "--json")
    assert said.code == 1
    assert words[0] in said.record["error"]["message"]


def test_a_model_is_kept_and_scores_new_samples(run, cohort_folder, tmp_path):
    model, scores = tmp_path / "study.lotmodel", tmp_path / "scores.json"
    said = run("classify", cohort_folder, "--label", "label", *QUICK, "--model", model, "--json")
    assert (said.code, said.record["model"]) == (0, str(model)), said.err
    said = run("score", model, cohort_folder, "-o", scores, "--json")
    assert said.code == 0, said.err
    assert said.record["classes"] == ["control", "case"]
    assert len(said.record["samples"]) == 12
    one = said.record["samples"][0]
    assert {"sample", "class", "score", "low", "high", "agreement", "distance", "as_far", "seen"} <= set(one)
    written = json.loads(scores.read_text())
    assert written["parameters"]["label"] == "label"
    assert set(written["sample_hashes"]) == {one["sample"] for one in written["samples"]}
    person = run("score", model, cohort_folder)
    assert person.out.splitlines()[0] == "label: a score above 0 speaks for case."


def test_result_and_model_need_two_names(run, cohort_folder, tmp_path):
    same = tmp_path / "one"
    said = run("classify", cohort_folder, "--label", "label", *QUICK, "-o", same, "--model", same, "--json")
    assert said.code == 1
    assert not same.exists()
    (tmp_path / "in").mkdir()
    words = ("-o", tmp_path / "in" / ".." / "one", "--model", same)
    assert run("classify", cohort_folder, "--label", "label", *QUICK, *words).code == 1
    assert not same.exists()


def test_a_file_that_is_no_model_is_refused(run, embedded, cohort_folder):
    said = run("score", embedded, cohort_folder, "--json")
    assert said.code == 1
    assert "another kind of file" in said.record["error"]["message"]


def altered(cohort_folder, tmp_path):
    """The cohort with a dose, and two arms for each of its donors."""
    study = tmp_path / "study"
    shutil.copytree(cohort_folder, study)
    table = pd.read_csv(study / "samples.csv")
    count = np.arange(len(table))
    more = table.assign(dose=count**1.1, donor=count // 2, arm=np.where(count % 2, "after", "before"))
    more.to_csv(study / "samples.csv", index=False)
    return study


def test_numbers_are_estimated(run, tmp_path, cohort_folder):
    study = altered(cohort_folder, tmp_path)
    said = run("classify", study, "--label", "dose", *QUICK, "--json")
    assert said.code == 0, said.err
    assert said.record["classes"] == []
    assert {"r2", "correlation", "mae"} <= set(said.record["scores"]["lot"])
    assert 0 < said.record["permutation_p"] <= 1


@pytest.mark.parametrize("words", [("--paired", "yes"), ("--adjust", "age"), ("--controls", "label=control")])
def test_a_kept_model_meets_single_samples(run, cohort_folder, tmp_path, words):
    model = tmp_path / "study.lotmodel"
    words = (*words, "--batch", "batch") if "--controls" in words else words
    said = run("classify", cohort_folder, "--label", "label", *QUICK, *words, "--model", model, "--json")
    assert said.code == 1
    assert not model.exists()


@pytest.mark.parametrize("label", ["dose", "arm"])
def test_that_a_model_cannot_be_kept_is_said_before_anything_is_measured(run, cohort_folder, tmp_path, label):
    study, result = altered(cohort_folder, tmp_path), tmp_path / "r.json"
    options = ("--group", "donor", "-o", result, "--model", tmp_path / "study.lotmodel")
    said = run("classify", study, "--label", label, *options, *QUICK, "--json")
    assert said.code == 1
    assert "told apart sample by sample" in said.record["error"]["message"]
    assert not result.exists()


def test_the_record_of_numbers_is_written(run, cohort_folder, tmp_path):
    study, result = altered(cohort_folder, tmp_path), tmp_path / "r.json"
    said = run("classify", study, "--label", "dose", "--group", "donor", *QUICK, "-o", result, "--json")
    assert said.code == 0, said.err
    assert len(json.loads(result.read_text())["per_sample"]) == 12


def test_options_reach_the_result(run, cohort_folder, tmp_path):
    words = ("--estimator", "svm", "--no-abundance", "--paired", "no", "--folds", 2, "-o", tmp_path / "r.json")
    said = run("classify", cohort_folder, "--label", "label", *QUICK, *words, "--json")
    assert said.code == 0, said.err
    parameters = json.loads((tmp_path / "r.json").read_text())["parameters"]
    assert (parameters["estimator"], "abundance" in parameters["blocks"], parameters["paired"]) == ("svm", False, False)
