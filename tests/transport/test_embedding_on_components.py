"""Embeddings of counts on components: the loadings travel with them, and other components are refused."""

from __future__ import annotations

import json
import zipfile
from dataclasses import fields, replace

import anndata
import numpy as np
import pytest

from lotviz.data import CohortError, read_cohort, refit
from lotviz.data.genes.record import digest_of
from lotviz.transport import EmbeddingFileError, LOTEmbedding, embed
from tests.counts_cohort import NAMES, write_counts
from tests.transport.test_embedding_file import header_with, npy, rewritten


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("counts")
    write_counts(folder / "study.h5ad")
    write_counts(folder / "new.h5ad", samples=3, seed=5, genes=NAMES[::-1], prefix="N")
    return folder


@pytest.fixture(scope="module")
def cohort(folder):
    return read_cohort(folder / "study.h5ad", components=4, genes=40)


@pytest.fixture(scope="module")
def embedding(cohort):
    return embed(cohort, points=8)


@pytest.fixture
def saved(embedding, tmp_path):
    return embedding.save(tmp_path / "counts.lot")


def assert_same(found, expected):
    """Every number and every word, bit for bit."""
    for one in fields(expected):
        mine, theirs = getattr(found, one.name), getattr(expected, one.name)
        if isinstance(theirs, np.ndarray):
            assert (mine.dtype, mine.shape, mine.tobytes()) == (theirs.dtype, theirs.shape, theirs.tobytes()), one.name
        else:
            assert (type(mine), mine) == (type(theirs), theirs), one.name


def test_the_file_keeps_the_components_bit_for_bit(cohort, embedding, saved, tmp_path):
    loaded = LOTEmbedding.load(saved)
    assert embedding.components is cohort.components
    assert_same(loaded.components, cohort.components)
    assert loaded.save(tmp_path / "again.lot").read_bytes() == saved.read_bytes()


def test_only_files_with_components_ask_for_a_newer_version(embedding, saved, tmp_path):
    plain = replace(embedding, components=None).save(tmp_path / "plain.lot")
    for path, version in ((saved, 3), (plain, 1)):
        with zipfile.ZipFile(path) as file:
            assert json.loads(file.read("header.json"))["version"] == version
    assert LOTEmbedding.load(plain).components is None


def test_anndata_keeps_them_with_their_genes(embedding, cohort, tmp_path):
    made = embedding.to_anndata()
    held = made.uns["lotviz"]["components"]
    assert list(held["genes"]) == list(cohort.components.genes)
    assert held["loadings"].shape == (4, 40)
    assert_same(LOTEmbedding.from_anndata(made).components, cohort.components)
    made.write_h5ad(tmp_path / "e.h5ad")
    again = LOTEmbedding.from_anndata(anndata.read_h5ad(tmp_path / "e.h5ad"), cohort=cohort)
    assert_same(again.components, cohort.components)
    np.testing.assert_array_equal(again.cells("P0"), embedding.cells("P0"))


def test_anndata_with_other_loadings_is_refused(embedding):
    made = embedding.to_anndata()
    made.uns["lotviz"]["components"]["loadings"][0] *= -1
    with pytest.raises(EmbeddingFileError, match="other components than were saved"):
        LOTEmbedding.from_anndata(made)


def test_new_samples_are_placed_on_the_same_components(folder, embedding, saved):
    loaded = LOTEmbedding.load(saved)
    same = read_cohort(folder / "study.h5ad", components=loaded.components)
    np.testing.assert_array_equal(loaded.project(same).maps, embedding.maps)
    new = read_cohort(folder / "new.h5ad", components=loaded.components)  # its genes are in another order
    projected = loaded.project(new)
    assert_same(projected.components, embedding.components)
    shift = projected.split().shift - embedding.split().shift[:3]
    assert np.abs(shift).max() < 0.5  # the same kinds of patients
    assert projected.samples["condition"].tolist() == ["control", "case", "control"]


def test_components_of_the_same_names_but_other_loadings_are_refused(folder, embedding, cohort, saved):
    own = read_cohort(folder / "new.h5ad", components=4, genes=40)
    assert own.markers == embedding.markers
    words = (
        "Expected the components of the embedding, 4 components of 40 genes fitted on 8 samples, found others of the "
        "same names: 4 components of 40 genes fitted on 3 samples, with other loadings. "
        "Read the cohort with components=embedding.components"
    )
    with pytest.raises(CohortError) as refused:
        embedding.project(own)
    assert words in str(refused.value)
    with pytest.raises(CohortError, match="with other loadings"):
        embed(own, reference=str(saved))
    with pytest.raises(CohortError, match="with other loadings"):
        LOTEmbedding.from_anndata(embedding.to_anndata(), cohort=refit(cohort, ["P0", "P1"]))


def test_measured_markers_called_like_components_are_refused(cohort, embedding):
    measured = replace(cohort, components=None)
    with pytest.raises(CohortError, match=r"Expected 4 components of 40 genes .* as in the embedding, found measured"):
        embedding.project(measured)
    with pytest.raises(CohortError, match=r"found 4 components of 40 genes .*Read the cohort without components\."):
        embed(measured, points=8).project(cohort)


def test_some_of_the_components(folder, cohort, tmp_path):
    few = embed(cohort.select(markers=["PC3", "PC1"]), points=6)
    loaded = LOTEmbedding.load(few.save(tmp_path / "few.lot"))
    np.testing.assert_array_equal(loaded.components.loadings, cohort.components.loadings[[2, 0]])
    np.testing.assert_array_equal(loaded.project(cohort).maps, few.maps)  # chosen from all of them
    new = read_cohort(folder / "study.h5ad", components=loaded.components)
    np.testing.assert_allclose(loaded.project(new).maps, few.maps, atol=1e-5)


def test_the_digest_tells_all_that_scores_depend_on(cohort):
    found = cohort.components
    changed = [
        replace(found, loadings=-found.loadings),
        replace(found, means=found.means + 1e-9),
        replace(found, genes=found.genes[::-1]),
        replace(found, names=found.names[::-1]),
        replace(found, scale="log"),
        found.choose(["PC1"]),
    ]
    assert len({digest_of(one) for one in [found, *changed]}) == 1 + len(changed)
    assert digest_of(replace(found, n_cells=1, seed=9, samples=("x",))) == digest_of(found)


def changed_record(**changes):
    def change(members):
        header = json.loads(members["header.json"])
        header["components"] |= changes
        members["header.json"] = json.dumps(header).encode()

    return change


def array(name, values):
    return lambda members: members.update({f"components/{name}.npy": npy(values)})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (header_with(components=[]), "do not fit together"),
        (header_with(components=None), "do not fit together"),
        (changed_record(names=["PC1", "PC2", "PC3", "PC9"]), "components of other names than the markers"),
        (changed_record(genes=[]), r"components/loadings\.npy with shape \(4, 40\)"),
        (changed_record(genes=["g"] * 40), "a gene twice"),
        (changed_record(genes=[f"h{k}" for k in range(40)]), "other components than were saved"),
        (changed_record(genes=[["g"]] * 40), "do not fit together"),
        (changed_record(scale="sqrt"), "values of an unknown kind"),
        (changed_record(scale=[]), "do not fit together"),
        (changed_record(digest=""), "other components than were saved"),
        (changed_record(n_cells=None), "do not fit together"),
        (array("loadings", np.zeros((4, 40))), "not orthonormal"),
        (array("means", np.full(40, np.nan)), "not finite"),
        (array("means", np.zeros(40)), "other components than were saved"),
        (array("variances", np.zeros(3)), r"components/variances\.npy with shape \(3,\)"),
        (lambda members: members.pop("components/means.npy"), "no components/means.npy"),
    ],
)
def test_components_that_do_not_fit_are_refused(saved, change, words):
    rewritten(saved, change)
    with pytest.raises(EmbeddingFileError, match=words) as refused:
        LOTEmbedding.load(saved)
    assert "counts.lot" in str(refused.value)


def test_loadings_that_declare_more_than_they_hold_take_no_memory(saved):
    huge = 10**12
    honest = npy(np.zeros((4, 40)))
    data = honest.replace(b"(4, 40), }" + b" " * 11, f"(4, {huge}), }}".encode())
    assert str(huge).encode() in data
    rewritten(saved, lambda members: members.update({"components/loadings.npy": data}))
    with pytest.raises(EmbeddingFileError, match=r"components/loadings\.npy"):
        LOTEmbedding.load(saved)
