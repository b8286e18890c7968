from __future__ import annotations

from dataclasses import replace

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from lotviz.data import CohortError, Transform, simulate
from lotviz.transport import EmbeddingFileError, LOTEmbedding, embed
from tests.transport.clouds import cloud, cohort_of

ARRAYS = ("maps", "costs", "residuals", "dual_gaps", "variances", "n_cells", "n_cells_used", "vectors", "masses")
PLAIN = (
    *("markers", "transform", "parameters", "versions", "sample_hashes", "warnings", "seconds"),
    *("name", "origin", "synthetic"),
)


def assert_same(found, embedding):
    """Every number and every word, bit for bit."""
    for name in ARRAYS:
        assert getattr(found, name).tobytes() == getattr(embedding, name).tobytes(), name
        assert getattr(found, name).dtype == getattr(embedding, name).dtype, name
    for name in PLAIN:
        assert getattr(found, name) == getattr(embedding, name), name
    pd.testing.assert_frame_equal(found.samples, embedding.samples, check_exact=True)
    for mine, theirs in (
        (found.reference.points, embedding.reference.points),
        (found.scaling.center, embedding.scaling.center),
        (found.scaling.scale, embedding.scaling.scale),
    ):
        assert mine.tobytes() == theirs.tobytes()
    assert (found.reference.kind, found.reference.seed) == (embedding.reference.kind, embedding.reference.seed)
    for mine, theirs in zip(found.plans, embedding.plans, strict=True):
        assert isinstance(mine, csr_array)
        assert mine.shape == theirs.shape
        for part in ("data", "indices", "indptr"):
            np.testing.assert_array_equal(getattr(mine, part), getattr(theirs, part))


def through_h5ad(adata, folder):
    adata.write_h5ad(folder / "patients.h5ad")
    return ad.read_h5ad(folder / "patients.h5ad")


@pytest.fixture
def made(embedding):
    return embedding.to_anndata()


@pytest.fixture
def odd():
    """A sample table with every type and every name that h5ad has trouble with."""
    cells = {"A/1": cloud(1, 6, 2), "B": cloud(2, 5, 2), "C": cloud(3, 7, 2)}
    table = {
        "n_cells": [1, 2, 3],
        "costs": ["low", None, "high"],
        "dose (ng/ml)": [0.5, np.nan, 2.0],
        "_index": [True, False, True],
        "sample": ["x", "y", "z"],
        "": [3, 1, 2],
        "unknown": np.array([None] * 3, dtype=object),
        "mixed": np.array(["x", 3, None], dtype=object),
        "whole": pd.array([1, None, 3], dtype="Int64"),
        "real": pd.array([1.5, None, 2.5], dtype="Float64"),
        "truth": pd.array([True, None, False], dtype="boolean"),
        "text": pd.array(["x", None, "y"], dtype="string"),
        "grade": pd.Categorical(["low", "high", None], categories=["low", "mid", "high"], ordered=True),
        "number": pd.Categorical([2, 1, 2]),
        "day": pd.Categorical(pd.to_datetime(["2024-01-02", None, "2024-01-03"])),
        "seen": pd.to_datetime(["2024-07-02", None, "2024-01-03"]).tz_localize("Europe/Berlin"),
        "took": pd.to_timedelta(["1 day", None, "2 hours"]),
        "small": np.array([1, 2, 3], dtype=np.uint8),
    }
    cohort = cohort_of(cells, **table)
    twice = cohort.samples.rename(columns={"small": "number"})
    return embed(replace(cohort, samples=twice), points=3)


# What it holds


def test_it_has_samples_by_point_and_marker(embedding, made):
    assert made.shape == (6, 120)
    assert list(made.obs_names) == list(embedding.samples.index)
    numbers = ["costs", "residuals", "dual_gaps", "variances", "n_cells", "n_cells_used"]
    assert list(made.obs.columns) == [*embedding.samples.columns, *numbers]
    for name in numbers:
        np.testing.assert_array_equal(made.obs[name], getattr(embedding, name))
    np.testing.assert_array_equal(made.X, embedding.vectors)
    row = made.var.iloc[6 * 3 + 2]
    assert (row["point"], row["marker"]) == (3, embedding.markers[2])
    assert row["mass"] == embedding.masses[3]
    one = made[:, made.var.marker == embedding.markers[2]]
    np.testing.assert_array_equal(one.layers["maps"], embedding.maps[:, :, 2])
    assert made.var_names.is_unique


def test_altering_it_leaves_the_embedding_alone(patients):
    embedding = embed(patients, points=5)
    before, data = embedding.maps.copy(), embedding.plans[0].data.copy()
    made = embedding.to_anndata()
    found = LOTEmbedding.from_anndata(made)
    made.layers["maps"] *= 2
    made.uns["lotviz"]["plans"]["00000"].data[:] = 0
    for one in (embedding, found):
        np.testing.assert_array_equal(one.maps, before)
        np.testing.assert_array_equal(one.plans[0].data, data)


# And back


def test_it_comes_back_bit_for_bit(embedding, made, tmp_path):
    assert_same(LOTEmbedding.from_anndata(made), embedding)
    read = through_h5ad(made, tmp_path)
    assert_same(LOTEmbedding.from_anndata(read), embedding)
    assert_same(LOTEmbedding.from_anndata(through_h5ad(read, tmp_path)), embedding)


def test_odd_columns_come_back_as_they_were(odd, tmp_path):
    made = odd.to_anndata()
    assert made.obs["n_cells"].tolist() == [1, 2, 3]
    assert made.obs["n_cells_"].tolist() == [6, 5, 7]
    assert_same(LOTEmbedding.from_anndata(made), odd)
    assert_same(LOTEmbedding.from_anndata(through_h5ad(made, tmp_path)), odd)


def test_a_table_without_columns_comes_back(tmp_path):
    bare = embed(cohort_of({"A": cloud(1, 6, 2), "B": cloud(2, 5, 2)}), points=3)
    assert_same(LOTEmbedding.from_anndata(through_h5ad(bare.to_anndata(), tmp_path)), bare)


def test_a_loaded_and_a_projected_embedding_come_back(embedding, patients, tmp_path):
    loaded = LOTEmbedding.load(embedding.save(tmp_path / "patients.lot"))
    assert_same(LOTEmbedding.from_anndata(loaded.to_anndata()), embedding)
    projected = embedding.project(patients.select(samples=["P3"]))
    assert_same(LOTEmbedding.from_anndata(projected.to_anndata()), projected)


def test_it_does_without_cells_what_needs_none(embedding, made):
    found = LOTEmbedding.from_anndata(made)
    np.testing.assert_array_equal(found.distances("shape"), embedding.distances("shape"))
    assert found.registration("P1", "P2").cost == embedding.registration("P1", "P2").cost
    assert found.summary() == embedding.summary()


def test_chosen_samples_come_back_in_their_order(embedding, made, tmp_path):
    chosen = made[["P5", "P2"]].copy()
    for found in (
        LOTEmbedding.from_anndata(made[["P5", "P2"]]),
        LOTEmbedding.from_anndata(through_h5ad(chosen, tmp_path)),
    ):
        rows = [embedding.index("P5"), embedding.index("P2")]
        np.testing.assert_array_equal(found.maps, embedding.maps[rows])
        np.testing.assert_array_equal(found.residuals, embedding.residuals[rows])
        pd.testing.assert_frame_equal(found.samples, embedding.samples.iloc[rows])
        assert (found.plan("P2") != embedding.plan("P2")).nnz == 0
        assert set(found.sample_hashes) == {"P5", "P2"}


def test_what_was_added_or_changed_in_obs_is_taken_over(embedding, made, tmp_path):
    made.obs["cluster"] = pd.Categorical(list("aabbab"))
    made.obs["age"] = made.obs["age"] + 1
    del made.obs["batch"]
    for found in (LOTEmbedding.from_anndata(made), LOTEmbedding.from_anndata(through_h5ad(made, tmp_path))):
        assert list(found.samples.columns) == [
            *(name for name in embedding.samples.columns if name != "batch"),
            "cluster",
        ]
        assert list(found.samples["cluster"]) == list("aabbab")
        assert found.samples["age"].tolist() == (embedding.samples["age"] + 1).tolist()
        pd.testing.assert_series_equal(found.samples["label"], embedding.samples["label"])
        assert found.samples.index.name == "sample"


# The cells


def test_asking_for_cells_says_which_cohort_is_needed(embedding, made):
    found = LOTEmbedding.from_anndata(made)
    words = (
        rf'sample P3: Expected the cells of the sample, found none.*Read the cohort "{embedding.name}".*cohort=cohort'
    )
    for ask in (found.cells, found.scaled_cells):
        with pytest.raises(CohortError, match=words):
            ask("P3")
    with pytest.raises(CohortError, match="Expected the populations of cells of the sample, found none"):
        found.populations("P3")
    with pytest.raises(CohortError, match="Expected an embedded sample, found p3"):
        found.cells("p3")


def test_the_place_of_the_cohort_is_named():
    one = embed(replace(cohort_of({"A": cloud(1, 6, 2), "B": cloud(2, 5, 2)}), origin="/data/sheet.csv"), points=3)
    with pytest.raises(CohortError, match=r'Read the cohort "clouds" \(from "/data/sheet.csv"\) and give it'):
        LOTEmbedding.from_anndata(one.to_anndata()).cells("A")


def test_with_its_cohort_it_does_all_an_embedding_does(patients, tmp_path):
    thinned = embed(patients, points=10, cells_per_sample=70, seed=4)
    more_markers = patients.select(markers=patients.markers[::-1])
    found = LOTEmbedding.from_anndata(through_h5ad(thinned.to_anndata(), tmp_path), cohort=more_markers)
    for sample in thinned.samples.index:
        assert found.cells(sample).tobytes() == thinned.cells(sample).tobytes()
        assert list(found.populations(sample)) == list(thinned.populations(sample))
    mixed = {"P1": 0.5, "P2": 0.3, "P3": 0.2}
    np.testing.assert_array_equal(found.interpolate(mixed, 50).cells, thinned.interpolate(mixed, 50).cells)
    assert found.save(tmp_path / "a.lot").read_bytes() == thinned.save(tmp_path / "b.lot").read_bytes()


def test_another_cohort_is_refused(made, patients):
    other = simulate("patients", samples=6, cells=150, markers=6, seed=2)
    with pytest.raises(CohortError, match=r"sample P1: Expected the cells that were embedded, found other cells"):
        LOTEmbedding.from_anndata(made, cohort=other).cells("P1")
    fewer = simulate("patients", samples=6, cells=140, markers=6, seed=1)
    with pytest.raises(CohortError, match="sample P1: Expected 150 cells, as were embedded, found 140") as refused:
        LOTEmbedding.from_anndata(made, cohort=fewer)
    assert len(refused.value.problems) == 6
    with pytest.raises(CohortError, match="transform of the embedding"):
        LOTEmbedding.from_anndata(made, cohort=replace(patients, transform=Transform("arcsinh", 150)))
    with pytest.raises(CohortError, match="Expected a sample of the cohort, found P2"):
        LOTEmbedding.from_anndata(made, cohort=patients.select(samples=["P1"]))


# What is not ours


def held(**changes):
    def change(adata):
        adata.uns["lotviz"] = adata.uns["lotviz"] | changes

    return change


def without(*path):
    def change(adata):
        part = adata.uns["lotviz"]
        for name in path[:-1]:
            part = part[name]
        del part[path[-1]]

    return change


def written(place, name, value):
    return lambda adata: getattr(adata, place).__setitem__(name, value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda adata: adata.uns.clear(), r'without its uns\["lotviz"\]\. Make it with to_anndata'),
        (written("uns", "lotviz", "text"), r'without its uns\["lotviz"\]'),
        (held(format="another"), r'without its uns\["lotviz"\]'),
        (held(version="1"), r'without its uns\["lotviz"\]'),
        (held(version=3), "version 2 or older, found version 3: it was made by a newer lotviz. Update lotviz"),
        (held(made="{"), "contents that do not fit together"),
        (held(made="[" * 100_000), "contents that do not fit together"),
        (held(made="[]"), "contents that do not fit together"),
        (held(made="{}"), r"contents that do not fit together \('markers'\)"),
        *((without(name), "contents that do not fit together") for name in ("made", "reference", "scaling", "plans")),
        (without("plans", "00002"), r"contents that do not fit together \('00002'\)"),
        (without("scaling", "center"), "contents that do not fit together"),
        (lambda adata: adata.layers.pop("maps"), "contents that do not fit together"),
        (lambda adata: adata.obs.pop("residuals"), "no column residuals in obs"),
        (written("obs", "costs", "much"), "obs costs of shape .* and dtype object"),
        (written("obs", "costs", np.nan), "obs costs that are not finite numbers"),
        (written("obs", "n_cells_used", 7), r"a plan that is not sparse float64 of shape \(20, 7\)"),
        (written("layers", "maps", np.zeros((6, 120), dtype=np.float32)), 'layer "maps" of shape .* dtype float32'),
        (written("layers", "maps", np.full((6, 120), np.inf)), 'layer "maps" that are not finite'),
        (held(scaling={"center": np.zeros(6), "scale": np.zeros(6)}), "a scaling that is not positive"),
        (held(scaling={"center": np.zeros(5), "scale": np.ones(6)}), r"scaling of shape \(5,\)"),
        (held(reference={"points": np.zeros((20, 6)), "masses": np.full(20, 1.0)}), "masses.* sum to 1"),
        (held(plans={f"{k:05}": np.zeros((20, 150)) for k in range(6)}), "a plan that is not sparse"),
        (
            lambda adata: setattr(adata, "obs_names", list("abcdef")),
            "found also a, b, c, d, e, f. Give samples the names",
        ),
        (
            lambda adata: setattr(adata, "var_names", adata.var_names[::-1]),
            r"20 reference points x 6 markers\) in their",
        ),
    ],
)
def test_what_does_not_fit_is_refused(made, change, words):
    change(made)
    with pytest.raises(EmbeddingFileError, match=words) as refused:
        LOTEmbedding.from_anndata(made)
    assert str(refused.value).startswith("Expected ")


def test_other_things_and_parts_are_refused(made):
    for wrong, words in (
        ("patients.h5ad", "found str. Read the file with anndata.read_h5ad first"),
        (ad.AnnData(np.zeros((2, 3))), r'without its uns\["lotviz"\]'),
        (made[:, :50], r"all 120 variables .*, found 50 that differ. Choose among samples"),
        (made[[]], "found no sample"),
    ):
        with pytest.raises(EmbeddingFileError, match=words):
            LOTEmbedding.from_anndata(wrong)


@pytest.mark.filterwarnings("ignore:Observation names are not unique")  # the test asks for it
def test_a_sample_twice_is_refused(made):
    with pytest.raises(EmbeddingFileError, match="a sample twice"):
        LOTEmbedding.from_anndata(made[["P1", "P2", "P1"]])


def test_a_plan_with_cells_it_does_not_have_is_refused(made):
    made.uns["lotviz"]["plans"]["00001"].indices[0] = 999
    with pytest.raises(EmbeddingFileError, match="contents that do not fit together"):
        LOTEmbedding.from_anndata(made)


# Other tools


def test_scanpy_works_on_patients_as_it_does_on_cells():
    import scanpy as sc

    embedding = embed(simulate("patients", samples=14, cells=120, markers=5, effect=3.0, seed=2), points=12)
    made = embedding.to_anndata()
    sc.pp.pca(made, n_comps=5)
    sc.pp.neighbors(made, n_neighbors=4)
    sc.tl.umap(made, random_state=0)
    assert made.obsm["X_umap"].shape == (14, 2)
    assert np.isfinite(made.obsm["X_umap"]).all()
    # the distances scanpy sees are LOT distances
    np.testing.assert_allclose(
        np.square(made.X - made.X.mean(axis=0)).sum(), np.square(embedding.distances()).sum() / (2 * 14)
    )
    assert_same(LOTEmbedding.from_anndata(made), embedding)
