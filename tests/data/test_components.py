"""Components fitted on pooled cells: against scanpy, samples of the same weight, reproducible, loadings kept."""

from __future__ import annotations

import anndata
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from scipy import sparse

from lotviz.data import CohortError, read_cohort
from lotviz.data.genes import components as components_module
from lotviz.data.genes.components import fit_components, principal_axes_of, refit
from lotviz.data.genes.counts import log_normalised

pytestmark = pytest.mark.filterwarnings("ignore:Writing zarr v2 data:UserWarning")  # the tests write it
GENES = 260
CELLS = {"a": 150, "b": 90, "c": 110}


@pytest.fixture(scope="module")
def counts() -> sparse.csr_matrix:
    """Counts of three programs of genes, cells of the samples mixed."""
    rng = np.random.default_rng(8)
    programs = rng.gamma(0.3, 1.0, (3, GENES))
    kinds = rng.integers(0, 3, sum(CELLS.values()))
    return sparse.csr_matrix(rng.poisson(3 * programs[kinds]).astype(np.float32))


@pytest.fixture
def written(tmp_path, counts):
    def write(form="h5ad", *, x=None, **layers):
        names = np.random.default_rng(1).permutation(np.repeat(list(CELLS), list(CELLS.values())))
        obs = pd.DataFrame({"sample": names}, index=[f"c{number}" for number in range(len(names))])
        var = pd.DataFrame(index=[f"g{number}" for number in range(GENES)])
        data = anndata.AnnData(counts if x is None else x, obs=obs, var=var, layers=layers)
        path = tmp_path / f"study.{form}"
        data.write_h5ad(path) if form == "h5ad" else data.write_zarr(path)
        return path, names

    return write


def said(cohort) -> str:
    return " ".join(str(problem) for problem in cohort.problems)


def same_but_sign(found, expected, tolerance):
    signs = np.sign((found * expected).sum(axis=0))
    np.testing.assert_allclose(found * signs, expected, atol=tolerance)


def test_one_sample_agrees_with_scanpy(tmp_path, counts):
    obs = pd.DataFrame({"sample": ["a"] * counts.shape[0]}, index=[f"c{n}" for n in range(counts.shape[0])])
    data = anndata.AnnData(counts, obs=obs)
    data.write_h5ad(tmp_path / "one.h5ad")
    cohort = read_cohort(tmp_path / "one.h5ad", components=5, genes=100)
    oracle = anndata.AnnData(counts.astype(np.float64))
    sc.pp.normalize_total(oracle, target_sum=1e4)
    sc.pp.log1p(oracle)
    sc.pp.highly_variable_genes(oracle, n_top_genes=100, flavor="seurat")
    sc.pp.pca(oracle, n_comps=5, svd_solver="arpack")
    same_but_sign(cohort.cells("a").astype(np.float64), oracle.obsm["X_pca"], 2e-4)
    ratio = cohort.components.variances / cohort.components.total_variance
    np.testing.assert_allclose(ratio, oracle.uns["pca"]["variance_ratio"], rtol=1e-3)


def test_scores_of_scattered_cells_are_those_of_the_loadings(written, counts):
    path, names = written()
    cohort = read_cohort(path, components=4, genes=80)
    found = cohort.components
    assert cohort.markers == found.names == ("PC1", "PC2", "PC3", "PC4")
    assert cohort.transform.kind == "none"
    np.testing.assert_allclose(found.loadings @ found.loadings.T, np.eye(4), atol=1e-9)
    assert (np.diff(found.variances) <= 0).all()
    columns = [int(gene[1:]) for gene in found.genes]
    values = log_normalised(counts).toarray()[:, columns]
    for name, count in CELLS.items():
        expected = (values[names == name] - found.means) @ found.loadings.T
        assert cohort.cells(name).shape == (count, 4)
        np.testing.assert_allclose(cohort.cells(name), expected, atol=1e-4)


def test_every_sample_has_the_same_weight(written, counts):
    path, names = written()
    found = read_cohort(path, components=3, genes=80).components
    values = log_normalised(counts).toarray()[:, [int(gene[1:]) for gene in found.genes]]
    expected = np.mean([values[names == name].mean(axis=0) for name in CELLS], axis=0)
    np.testing.assert_allclose(found.means, expected, atol=1e-5)


def test_two_readings_give_the_same_components_from_every_layout(written, counts):
    expected = read_cohort(written()[0], components=3, genes=80).components
    for form, layout in (("h5ad", sparse.csc_matrix), ("zarr", sparse.csr_matrix), ("h5ad", np.asarray)):
        values = counts.toarray() if layout is np.asarray else layout(counts)
        found = read_cohort(written(form, x=values)[0], components=3, genes=80).components
        assert found.genes == expected.genes
        np.testing.assert_allclose(found.loadings, expected.loadings, atol=1e-8)


def test_components_of_a_training_fold_see_nothing_else(written, counts):
    path, names = written()
    cohort = read_cohort(path, components=3, genes=80)
    fold = refit(cohort, ["a", "c"], variable=80)
    assert fold.components.samples == ("a", "c")
    assert fold.components.n_cells == CELLS["a"] + CELLS["c"]
    changed = counts.toarray()
    changed[names == "b"] = 9
    other = refit(read_cohort(written(x=sparse.csr_matrix(changed))[0], components=3), ["a", "c"], variable=80)
    np.testing.assert_array_equal(fold.components.loadings, other.components.loadings)
    assert not np.allclose(fold.components.means, cohort.components.means)


def test_new_samples_are_scored_by_the_components_of_others(written):
    path, _ = written()
    cohort = read_cohort(path, components=3, genes=80)
    again = read_cohort(path, components=cohort.components)
    np.testing.assert_array_equal(again.cells("a"), cohort.cells("a"))
    few = cohort.select(markers=["PC3", "PC1"])
    assert few.components.names == ("PC3", "PC1")
    np.testing.assert_array_equal(few.components.loadings, cohort.components.loadings[[2, 0]])
    assert read_cohort(path, components=3, markers=["PC2"]).components.names == ("PC2",)


def test_genes_that_are_not_there_are_named(written, tmp_path):
    components = read_cohort(written()[0], components=3, genes=80).components
    obs = pd.DataFrame({"sample": ["a"] * 9}, index=[f"c{n}" for n in range(9)])
    anndata.AnnData(np.ones((9, 2)), obs=obs, var=pd.DataFrame(index=["u", "v"])).write_h5ad(tmp_path / "o.h5ad")
    with pytest.raises(CohortError, match="Expected the 80 genes of the components, found none of g"):
        read_cohort(tmp_path / "o.h5ad", components=components)


def test_what_was_taken_for_granted_is_said(written, counts):
    text = said(read_cohort(written()[0], components=3, genes=80))
    assert "3 components of 80 genes are used as markers" in text
    assert "The values were taken for counts: every cell is normalised to 10,000 in all, then log1p." in text
    assert "fitted on all samples, without looking at labels" in text
    logged = log_normalised(counts)
    cohort = read_cohort(written(x=logged)[0], components=3, genes=80)
    assert "normalised and logarithmic already" in said(cohort)
    again = read_cohort(written(x=logged, counts=counts)[0], components=3, genes=80)
    assert "X holds no counts; the counts in layers/counts are used." in said(again)
    np.testing.assert_allclose(again.cells("a"), cohort.cells("a"), atol=1e-3)


def test_one_file_a_sample_and_other_tables(written, counts, tmp_path):
    path, names = written()
    whole = read_cohort(path, components=3, genes=80)
    rows = []
    for name in CELLS:
        obs = pd.DataFrame(index=[f"c{n}" for n in range(CELLS[name])])
        order = list(range(GENES)) if name == "a" else list(range(GENES))[::-1]
        var = pd.DataFrame(index=[f"g{number}" for number in order])
        anndata.AnnData(counts[names == name][:, order], obs=obs, var=var).write_h5ad(tmp_path / f"{name}.h5ad")
        rows.append(f"{name},{name}.h5ad")
    (tmp_path / "sheet.csv").write_text("sample,file\n" + "\n".join(rows))
    apart = read_cohort(tmp_path / "sheet.csv", components=3, genes=80)
    for name in CELLS:
        np.testing.assert_allclose(apart.cells(name), whole.cells(name), atol=1e-4)


@pytest.mark.parametrize(("components", "genes"), [(0, 10), (20, 10), (5, 0), (-1, 10)])
def test_impossible_numbers_are_refused(written, components, genes):
    with pytest.raises(CohortError, match="Expected"):
        read_cohort(written()[0], components=components, genes=genes)


def test_values_that_are_not_finite_are_refused(written, counts):
    values = log_normalised(counts).toarray()
    values[3, 4] = np.nan
    with pytest.raises(CohortError, match="found NaN or infinity"):
        read_cohort(written(x=values)[0], components=3, genes=80)


def test_the_sparse_axes_are_those_of_the_dense_problem():
    rng = np.random.default_rng(2)
    spread = sparse.diags_array(1 + 20 * 0.5 ** np.arange(520))  # the first axes stand apart, as in real cells
    values = sparse.random(600, 520, density=0.05, random_state=3, format="csr") @ spread
    weights = rng.random(600)
    weights /= weights.sum()
    axes, variances = principal_axes_of(values.tocsr(), weights, 6)
    dense = values.toarray()
    centred = (dense - weights @ dense) * np.sqrt(weights)[:, None]
    _, singular, expected = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(variances, singular[:6] ** 2, rtol=1e-8)
    same_but_sign(axes.T, expected[:6].T, 1e-6)
    assert (axes[np.arange(6), np.abs(axes).argmax(axis=1)] > 0).all()


def test_fitting_takes_few_cells_of_a_large_sample(written):
    path, _ = written()
    source = read_cohort(path, components=3, genes=80).source.source
    fitted = fit_components(
        source, list(CELLS), genes=source.markers, cell_counts=CELLS, components=3, variable=80, cells_per_sample=50
    )
    assert fitted.n_cells == 150


def test_values_of_another_kind_than_the_components_were_fitted_on_are_refused(written, counts):
    components = read_cohort(written()[0], components=3, genes=80).components
    path, _ = written(x=log_normalised(counts))
    with pytest.raises(CohortError, match=r"fitted on, counts, found values taken for normalised and logarithmic alre"):
        read_cohort(path, components=components)
    logged = read_cohort(path, components=3, genes=80).components
    with pytest.raises(CohortError, match=r"fitted on, normalised and .*, found values taken for counts"):
        read_cohort(written()[0], components=logged)
    assert read_cohort(written()[0], components=components).components is not None
    few = counts.copy()
    few.data = np.minimum(few.data, 1)  # no gene has two molecules: still counts
    assert read_cohort(written(x=few)[0], components=components).n_markers == 3
    corrected = counts.copy()
    corrected.data = corrected.data * 7.5
    assert read_cohort(written(x=corrected)[0], components=components).n_markers == 3


def test_totals_over_other_genes_are_said(written, counts, tmp_path):
    components = read_cohort(written()[0], components=3, genes=80).components
    assert components.n_genes == GENES
    assert "scores may be shifted" not in said(read_cohort(written()[0], components=components))
    chosen = [int(gene[1:]) for gene in components.genes]
    obs = pd.DataFrame({"sample": ["a"] * counts.shape[0]}, index=[f"c{n}" for n in range(counts.shape[0])])
    few = anndata.AnnData(counts[:, chosen], obs=obs, var=pd.DataFrame(index=list(components.genes)))
    few.write_h5ad(tmp_path / "few.h5ad")
    text = said(read_cohort(tmp_path / "few.h5ad", components=components))
    assert "normalised to its total over 80 genes, where the components were fitted over 260" in text


def test_some_cells_of_a_sample_have_the_scores_they_have_among_all(written, monkeypatch):
    source = read_cohort(written()[0], components=3, genes=80).source
    rows = np.array([0, 7, 8, 60])
    monkeypatch.setattr(components_module, "BLOCK", 3)
    np.testing.assert_array_equal(source.read("a", rows), source.read("a")[rows])
    assert source.read("a", rows[:0]).shape == (0, 3)
