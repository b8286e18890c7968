"""How the files of a cohort are understood: components of genes, columns of a sheet, compensation."""

from __future__ import annotations

import json

import numpy as np
import pytest

from lotviz.cli import values
from lotviz.cli.arguments import build_parser
from lotviz.data import read_cohort
from lotviz.data.tables.columns import SHEET_ROLES
from lotviz.transport import LOTEmbedding
from tests.counts_cohort import NAMES, write_counts
from tests.data.fcs_builder import fcs_bytes

ON_COMPONENTS = ("--components", 4, "--genes", 40)
QUICK = ("--points", 8, "--folds", 2, "--repeats", 1, "--permutations", 0)
MATRIX = "2,FITC-A,PE-A,1,0.2,0.1,1"


@pytest.fixture(scope="module")
def counts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("counts")
    write_counts(folder / "study.h5ad")
    write_counts(folder / "new.h5ad", samples=3, seed=5, genes=NAMES[::-1], prefix="N")
    return folder


@pytest.fixture
def tubes(tmp_path):
    """A German sheet of two FCS files with a spillover matrix, and what the detectors saw."""
    seen = np.random.default_rng(0).exponential(1000, (200, 2)).astype(np.float32)
    for name in "ab":
        (tmp_path / f"{name}.fcs").write_bytes(fcs_bytes(seen, names=["FITC-A", "PE-A"], more={"SPILL": MATRIX}))
    (tmp_path / "sheet.csv").write_text("Nummer,Röhrchen,Messung,Ablage\n1,a,a.fcs,x\n2,b,b.fcs,y\n", encoding="utf-8")
    return tmp_path / "sheet.csv", seen


def test_counts_are_embedded_and_new_samples_projected_on_the_same_components(run, counts, tmp_path):
    said = run("embed", counts / "study.h5ad", *ON_COMPONENTS, "--points", 8, "-o", tmp_path / "a.lot", "--json")
    assert said.code == 0, said.err
    assert (said.record["n_samples"], said.record["n_markers"]) == (8, 4)
    assert any("4 components of 40 genes are used as markers" in sentence for sentence in said.record["warnings"])
    embedding = LOTEmbedding.load(tmp_path / "a.lot")
    assert (embedding.markers, len(embedding.components.genes)) == (("PC1", "PC2", "PC3", "PC4"), 40)

    said = run("project", tmp_path / "a.lot", counts / "new.h5ad", "-o", tmp_path / "b.lot", "--json")
    assert said.code == 0, said.err
    projected = LOTEmbedding.load(tmp_path / "b.lot")
    expected = embedding.project(read_cohort(counts / "new.h5ad", components=embedding.components))
    np.testing.assert_array_equal(projected.maps, expected.maps)
    np.testing.assert_array_equal(projected.components.loadings, embedding.components.loadings)


def test_an_embedding_as_reference_brings_its_components(run, counts, tmp_path):
    run("embed", counts / "study.h5ad", *ON_COMPONENTS, "--points", 8, "-o", tmp_path / "a.lot")
    words = ("embed", counts / "new.h5ad", "--reference", tmp_path / "a.lot", "-o", tmp_path / "b.lot")
    said = run(*words, "--json")
    assert said.code == 0, said.err
    first, second = (LOTEmbedding.load(tmp_path / name).components for name in ("a.lot", "b.lot"))
    np.testing.assert_array_equal(second.loadings, first.loadings)
    said = run(*words, "--components", 4, "--overwrite")
    assert said.code == 1
    assert "Expected the components of the embedding that is the reference, found others asked for." in said.err


def test_genes_that_are_missing_are_named(run, counts, tmp_path):
    write_counts(tmp_path / "few.h5ad", samples=2, genes=NAMES[:20])
    run("embed", counts / "study.h5ad", *ON_COMPONENTS, "--points", 8, "-o", tmp_path / "a.lot")
    said = run("project", tmp_path / "a.lot", tmp_path / "few.h5ad", "-o", tmp_path / "b.lot", "--json")
    assert said.code == 1
    assert "Expected the 40 genes of the components, found none of g" in said.record["error"]["message"]
    assert not (tmp_path / "b.lot").exists()


def test_counts_are_validated_and_classified_on_components(run, counts, tmp_path):
    said = run("validate", counts / "study.h5ad", *ON_COMPONENTS, "--json")
    assert (said.code, said.record["markers"]) == (0, 4)
    result = tmp_path / "result.json"
    words = ("classify", counts / "study.h5ad", *ON_COMPONENTS, "--label", "condition", *QUICK)
    said = run(*words, "-o", result, "--json")
    assert said.code == 0, said.err
    fixed = {"label", "n_samples", "n_groups", "classes", "scores", "difference", "permutation_p", "batch", "warnings"}
    assert set(said.record) == fixed
    assert said.record["scores"]["lot"]["balanced_accuracy"]["mean"] > 0.8  # eight samples, two folds
    assert any("fitted on all samples" in sentence for sentence in json.loads(result.read_text())["warnings"])


def test_genes_without_components_are_refused(run, counts, tmp_path):
    said = run("embed", counts / "study.h5ad", "--genes", 40, "-o", tmp_path / "a.lot")
    assert said.code == 1
    assert "--genes: Expected the number of components beside that of genes, found none." in said.err


def test_too_many_components_are_refused_with_how_many_there_may_be(run, counts, tmp_path):
    said = run("embed", counts / "study.h5ad", "--components", 500, "-o", tmp_path / "a.lot")
    assert said.code == 1
    assert "Expected at most 60 components" in said.err


def test_columns_of_a_sheet_are_named(run, tubes):
    sheet, _ = tubes
    assert run("validate", sheet).code == 1  # Messung is no name for a file
    said = run("validate", sheet, "--columns", "sample=Röhrchen,file=Messung", "--json")
    assert (said.code, said.record["samples"], said.record["markers"]) == (0, 2, 2)
    said = run("validate", sheet, "--columns", "file=Mesung", "--json")
    assert said.code == 1
    assert any("Did you mean Messung?" in problem["fix"] for problem in said.record["problems"])


def test_compensation_is_chosen_for_embed_and_project(run, tubes, tmp_path):
    sheet, seen = tubes
    named = ("--columns", "sample=Röhrchen,file=Messung")
    dyes = np.linalg.solve(np.array([[1, 0.2], [0.1, 1]]).T, seen.T).T
    for choice, expected in (("no", seen), ("yes", dyes), ("auto", dyes)):
        words = (*named, "--compensate", choice, "-o", tmp_path / f"{choice}.lot")
        said = run("embed", sheet, "--points", 4, "--transform", "none", *words)
        assert said.code == 0, said.err
        np.testing.assert_allclose(LOTEmbedding.load(tmp_path / f"{choice}.lot").cells("a"), expected, rtol=1e-3)
    again = tmp_path / "again.lot"
    said = run("project", tmp_path / "no.lot", sheet, *named, "--compensate", "no", "-o", again)
    assert said.code == 0, said.err
    np.testing.assert_allclose(LOTEmbedding.load(again).cells("b"), seen, rtol=1e-3)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sample=Probe,file=Datei", {"sample": "Probe", "file": "Datei"}),
        (" file = Datei ", {"file": "Datei"}),
        ("sample=a,b,file=c=d", {"sample": "a,b", "file": "c=d"}),
        ("file=x,sample=profile=1", {"file": "x", "sample": "profile=1"}),
    ],
)
def test_columns_are_read_as_written(text, expected):
    assert build_parser().parse_args(["validate", "study", "--columns", text]).columns == expected


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--columns", "Probe"], "roles and columns like sample=Probe,file=Datei, found 'Probe'"),
        (["--columns", "sampel=Probe"], "roles and columns like sample=Probe,file=Datei"),
        (["--columns", "sample="], "roles and columns like sample=Probe,file=Datei"),
        (["--columns", "sample=a,sample=b"], "Expected every role once"),
        (["--compensate", "maybe"], "invalid choice: 'maybe'"),
        (["--components", "0"], "whole number of at least 1, found '0'"),
        (["--genes", "many"], "whole number of at least 1, found 'many'"),
    ],
)
def test_wrong_words_are_refused(words, message, refuse):
    assert message in refuse("validate", "study", *words)


def test_roles_are_those_of_the_data_room():
    assert values.COLUMN_ROLES == SHEET_ROLES
