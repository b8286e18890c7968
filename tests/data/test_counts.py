"""Normalising, log1p and the choice of variable genes, against scanpy."""

from __future__ import annotations

import anndata
import numpy as np
import pytest
import scanpy as sc
from scipy import sparse

from lotviz.data.genes.counts import Moments, log_normalised, looks_counted, prepared, scale_of, variable_genes


@pytest.fixture(scope="module")
def counts() -> sparse.csr_matrix:
    rng = np.random.default_rng(4)
    rates = rng.gamma(0.5, 2.0, 300)
    return sparse.csr_matrix(rng.poisson(rates * rng.gamma(2.0, 0.5, (400, 1)) * rng.gamma(1.0, 1.0, (400, 300))))


def test_normalising_agrees_with_scanpy(counts):
    data = anndata.AnnData(counts.astype(np.float64))
    sc.pp.normalize_total(data, target_sum=1e4)
    sc.pp.log1p(data)
    np.testing.assert_allclose(log_normalised(counts).toarray(), data.X.toarray(), rtol=1e-12)


def test_every_cell_has_the_same_total_and_an_empty_one_none():
    values = sparse.csr_matrix([[1, 2, 3], [0, 0, 0], [7, 0, 0]])
    totals = np.expm1(log_normalised(values).toarray()).sum(axis=1)
    np.testing.assert_allclose(totals, [1e4, 0, 1e4])
    assert values.toarray()[0].tolist() == [1, 2, 3]


def test_variable_genes_agree_with_scanpy(counts):
    data = anndata.AnnData(log_normalised(counts))
    sc.pp.highly_variable_genes(data, n_top_genes=60, flavor="seurat")
    moments = Moments(300)
    values = log_normalised(counts)
    values.data = np.expm1(values.data)
    for start in range(0, 400, 150):
        block = values[start : start + 150]
        moments.add(block, np.full(block.shape[0], 1 / 400))
    found = variable_genes(moments, 60)
    np.testing.assert_array_equal(found, np.flatnonzero(data.var["highly_variable"]))


def test_genes_that_never_vary_are_not_chosen():
    moments = Moments(3)
    moments.add(sparse.csr_matrix([[1.0, 5.0, 0.0], [2.0, 5.0, 0.0]]), np.full(2, 0.5))
    assert variable_genes(moments, 3).tolist() == [0]
    assert variable_genes(moments, 3, logged=False).tolist() == [0]


@pytest.mark.parametrize(
    ("values", "scale"),
    [([0, 1, 7], "counts"), ([0.0, 1.5, 7.2], "log"), ([0.0, 1.5, 700.2], "unlogged"), ([-1.0, 2.0], "centred")],
)
def test_what_values_are_taken_for(values, scale):
    assert scale_of(values) == scale
    assert looks_counted(values) == (scale == "counts")


def test_only_counts_are_normalised(counts):
    logged = log_normalised(counts)
    np.testing.assert_array_equal(prepared(logged, "log").toarray(), logged.toarray())
    np.testing.assert_array_equal(prepared(counts, "counts").toarray(), logged.toarray())
