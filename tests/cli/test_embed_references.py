"""`lotviz embed` with every kind of reference, and with several numbers of points at once."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lotviz.cli import values
from lotviz.transport import LOTEmbedding
from lotviz.transport.reference_choice import EMBEDDING, KINDS, SAMPLE
from lotviz.transport.reference_file import TABLES
from tests.cli.conftest import names_in


@pytest.fixture
def points_file(tmp_path, small_cohort):
    table = pd.DataFrame(small_cohort.cells(small_cohort.samples.index[0])[:9], columns=list(small_cohort.markers))
    path = tmp_path / "points.csv"
    table.assign(mass=np.arange(1, 10)).to_csv(path, index=False)
    return path


def test_the_words_are_those_of_the_package():
    assert values.REFERENCES == KINDS
    assert (*TABLES, EMBEDDING) == values.REFERENCE_FILES
    assert values.SAMPLE == SAMPLE


@pytest.mark.parametrize("kind", [*KINDS, "sample"])
def test_every_kind_is_made_and_saved(run, tmp_path, cohort_folder, small_cohort, kind):
    word = f"sample:{small_cohort.samples.index[3]}" if kind == "sample" else kind
    said = run("embed", cohort_folder, "-o", tmp_path / "a.lot", "--points", 9, "--reference", word, "--json")
    embedding = LOTEmbedding.load(tmp_path / "a.lot")
    assert (said.code, said.record["n_points"]) == (0, 9)
    assert (embedding.reference.kind, embedding.reference.seed) == (kind, 0)
    assert embedding.parameters["reference"] == word
    assert said.record.get("certificate") == embedding.reference.details.get("certificate")


def test_the_certificate_of_a_barycenter_is_told(run, tmp_path, cohort_folder):
    words = ("embed", cohort_folder, "-o", tmp_path / "a.lot", "--points", 9, "--reference", "barycenter")
    said = run(*words)
    objectives = LOTEmbedding.load(tmp_path / "a.lot").reference.details["certificate"]["objectives"]
    assert (
        f"barycenter to 200 cells of each sample: {objectives[-1]:.4g}, from {objectives[0]:.4g} at its start; no"
        in said.out
    )


def test_a_file_of_points_is_the_reference(run, tmp_path, cohort_folder, points_file):
    said = run("embed", cohort_folder, "-o", tmp_path / "a.lot", "--reference", points_file, "--json")
    assert said.record["n_points"] == 9
    np.testing.assert_allclose(LOTEmbedding.load(tmp_path / "a.lot").masses, np.arange(1, 10) / 45)


def test_the_reference_of_an_embedding_is_used_again(run, tmp_path, cohort_folder, embedding_file):
    said = run("embed", cohort_folder, "-o", tmp_path / "a.lot", "--reference", embedding_file, "--json")
    again, before = LOTEmbedding.load(tmp_path / "a.lot"), LOTEmbedding.load(embedding_file)
    assert said.record["n_points"] == 12
    assert again.reference.points.tobytes() == before.reference.points.tobytes()


def test_several_sizes_write_a_file_each(run, tmp_path, cohort_folder):
    said = run("embed", cohort_folder, "-o", tmp_path / "study.lot", "--points", "9,4", "--json")
    assert names_in(tmp_path) == {"study-9.lot", "study-4.lot"}
    record = said.record
    assert record["n_points"] == 9
    assert [entry["n_points"] for entry in record["embeddings"]] == [9, 4]
    assert [entry["output"] for entry in record["embeddings"]] == [str(tmp_path / f"study-{k}.lot") for k in (9, 4)]
    assert {name: record["embeddings"][0][name] for name in record if name not in ("warnings", "embeddings")} == {
        name: record[name] for name in record if name not in ("warnings", "embeddings")
    }
    run("embed", cohort_folder, "-o", tmp_path / "four", "--points", 4)
    one, several = LOTEmbedding.load(tmp_path / "four"), LOTEmbedding.load(tmp_path / "study-4.lot")
    assert one.maps.tobytes() == several.maps.tobytes()


def test_several_sizes_for_a_person(run, tmp_path, cohort_folder):
    said = run("embed", cohort_folder, "-o", tmp_path / "study.lot", "--points", "9,4")
    assert "12 samples on 9 reference points" in said.out
    assert said.out.rstrip().endswith(f"Written to {tmp_path / 'study-4.lot'}.")
    assert "28 of 28: " in said.err


def test_no_size_is_begun_when_one_may_not_be_written(run, tmp_path, cohort_folder):
    (tmp_path / "study-4.lot").write_text("mine")
    said = run("embed", cohort_folder, "-o", tmp_path / "study.lot", "--points", "9,4", "--json")
    assert (said.code, names_in(tmp_path)) == (1, {"study-4.lot"})
    assert said.record["error"]["problems"][0]["where"] == str(tmp_path / "study-4.lot")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--reference", "sample:P99"), "found none called P99"),
        (("--reference", "no_such.csv"), "found nothing there"),
        (("--reference", "no_such.lot"), "found nothing there"),
        (("--reference", "points.csv", "--points", "4,8"), "one number of points with a reference from a file"),
    ],
)
def test_references_that_cannot_be_used_are_refused(run, tmp_path, cohort_folder, words, message):
    said = run("embed", cohort_folder, "-o", tmp_path / "a.lot", *words, "--json")
    assert said.code == 1
    assert message in said.record["error"]["message"]
    assert names_in(tmp_path) == set()


def test_the_reference_is_never_overwritten(run, tmp_path, cohort_folder, embedding_file):
    before = embedding_file.read_bytes()
    said = run("embed", cohort_folder, "-o", embedding_file, "--reference", embedding_file, "--overwrite", "--json")
    assert said.code == 1
    assert "inputs are never altered" in said.record["error"]["message"]
    assert embedding_file.read_bytes() == before
