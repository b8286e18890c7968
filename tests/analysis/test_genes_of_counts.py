"""From a file of counts to the genes of a score: planted genes come out, and the score is the same by genes."""

from __future__ import annotations

import anndata
import numpy as np
import pytest

from lotviz.analysis import fit_model, marker_change
from lotviz.analysis.genes import change_genes, gene_displacement, gene_score, model_genes, region_genes
from lotviz.analysis.regions import regions
from lotviz.data import CohortError, read_cohort
from lotviz.data.genes.counts import log_normalised
from lotviz.transport import embed
from tests.counts_cohort import PLANTED, write_counts


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write_counts(tmp_path_factory.mktemp("counts") / "study.h5ad")


@pytest.fixture(scope="module", params=["zscore", "none"])
def embedding(request, written):
    return embed(read_cohort(written, components=6, genes=50), points=10, scale=request.param)


@pytest.fixture(scope="module")
def model(embedding):
    return fit_model(embedding, embedding.samples["condition"])


@pytest.fixture(scope="module")
def gene_maps(written, embedding):
    """Mean of the log-normalised genes of the cells each reference point is moved to, (N, m, genes), from the file."""
    data = anndata.read_h5ad(written)
    values = log_normalised(data.X).toarray()[:, data.var_names.get_indexer(list(embedding.components.genes))]
    names = data.obs["sample"].to_numpy()
    cells = {name: values[names == name] for name in embedding.samples.index}
    return np.stack([embedding.plan(name) @ cells[name] / embedding.masses[:, None] for name in cells])


def test_the_score_by_genes_is_the_score_by_components(embedding, model, gene_maps):
    by_genes = gene_score(model, embedding).score(gene_maps)
    components = embedding.components
    maps = embedding.scaling.apply((gene_maps - components.means) @ components.loadings.T)
    np.testing.assert_allclose(by_genes, model.score(maps), atol=1e-9)
    moved = model.score(embedding.maps)  # abundance is no matter of genes
    np.testing.assert_allclose(by_genes, moved, atol=1e-4)  # cells at rest are float32


def test_planted_genes_come_out_on_top(embedding, model):
    for by in ("weight", "pattern"):
        table = model_genes(model, embedding, by=by, count=4)
        assert list(table.columns) == ["gene", "weight", "shape", "pattern"]
        assert set(table["gene"][:3]) == set(PLANTED)
        assert (table[["weight", "pattern"]][:3] > 0).all(axis=None)
        assert abs(table[by][3]) < 0.5 * table[by][:3].min()  # and the next is far
    changed = change_genes(embedding, "P0", "P1", count=3)
    assert set(changed["gene"]) == set(PLANTED)
    assert (changed["shift"] > 0).all()


def test_the_tables_are_those_of_the_dense_weights(embedding, model):
    masses, score = embedding.masses, gene_score(model, embedding)
    table = model_genes(model, embedding, count=None).set_index("gene").loc[list(score.genes)]
    shift = score.weights.sum(axis=0)
    rest = (score.weights - masses[:, None] * shift) / np.sqrt(masses)[:, None]
    np.testing.assert_allclose(table["weight"], shift, atol=1e-12)
    np.testing.assert_allclose(table["shape"], np.sqrt(np.square(rest).sum(axis=0)), atol=1e-9)
    moved = (embedding.maps[1] - embedding.maps[0]) * embedding.scaling.scale @ embedding.components.loadings
    changed = change_genes(embedding, "P0", "P1", count=None).set_index("gene").loc[list(score.genes)]
    np.testing.assert_allclose(changed["shift"], masses @ moved, atol=1e-9)
    np.testing.assert_allclose(changed["shape"] ** 2, masses @ np.square(moved - masses @ moved), atol=1e-9)
    by_marker = marker_change(embedding, "P0", "P1")
    np.testing.assert_allclose(changed["shift"], gene_displacement(embedding.components, by_marker.shift), atol=1e-9)


def test_regions_add_up_to_the_weights_of_all_cells(embedding, model):
    found = region_genes(model, embedding, regions(embedding, k=2), count=None)
    whole = model_genes(model, embedding, count=None).set_index("gene")["weight"]
    np.testing.assert_allclose(found.groupby("gene")["weight"].sum().loc[whole.index], whole, atol=1e-9)
    few = region_genes(model, embedding, regions(embedding, k=2), by="pattern", count=6)
    assert set(few["gene"]) == set(PLANTED)  # in either region


def test_measured_markers_have_no_genes(small_cohort):
    plain = embed(small_cohort, points=8)
    with pytest.raises(CohortError, match="Expected an embedding on components of genes, found one on measured"):
        model_genes(fit_model(plain, plain.samples["label"]), plain)


def test_a_model_of_another_embedding_is_refused(embedding, small_cohort):
    plain = embed(small_cohort, points=8)
    with pytest.raises(ValueError, match="Expected a model fitted on this embedding"):
        gene_score(fit_model(plain, plain.samples["label"]), embedding)
