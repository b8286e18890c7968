"""From components back to genes: exact linear maps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lotviz.analysis.genes import gene_displacement, gene_intercept, gene_weights, top_genes
from lotviz.data.genes.components import Components


def components(seed: int, k: int, genes: int) -> Components:
    rng = np.random.default_rng(seed)
    loadings = np.linalg.qr(rng.normal(size=(genes, k)))[0].T
    return Components(
        names=tuple(f"PC{number}" for number in range(1, k + 1)),
        genes=tuple(f"g{number}" for number in range(genes)),
        loadings=loadings,
        means=rng.normal(size=genes),
        variances=np.ones(k),
        total_variance=float(genes),
        samples=("a",),
        n_cells=10,
        seed=seed,
        scale="counts",
    )


@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(5, 30))
@settings(deadline=None, max_examples=40)
def test_the_score_by_genes_is_the_score_by_components(seed, k, genes):
    found, rng = components(seed, k, genes), np.random.default_rng(seed + 1)
    cells, weights = rng.normal(size=(7, genes)), rng.normal(size=(2, 3, k))
    by_components = np.einsum("abk,nk->abn", weights, found.scores(cells))
    by_genes = gene_weights(found, weights) @ cells.T + gene_intercept(found, weights)[..., None]
    np.testing.assert_allclose(by_genes, by_components, atol=1e-9)


@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(5, 30))
@settings(deadline=None, max_examples=40)
def test_a_displacement_of_genes_has_the_scores_it_came_from(seed, k, genes):
    found, rng = components(seed, k, genes), np.random.default_rng(seed + 1)
    cells, moved = rng.normal(size=(7, genes)), rng.normal(size=(7, k))
    there = cells + gene_displacement(found, moved)
    np.testing.assert_allclose(found.scores(there) - found.scores(cells), moved, atol=1e-9)
    # nothing moves that the components do not see
    rest = gene_displacement(found, moved) @ (np.eye(genes) - found.loadings.T @ found.loadings)
    np.testing.assert_allclose(rest, 0, atol=1e-9)


def test_chosen_components_translate_like_zero_weights_on_the_others():
    found = components(3, 4, 12)
    np.testing.assert_allclose(
        gene_weights(found.choose(["PC3", "PC1"]), [2.0, 5.0]), gene_weights(found, [5.0, 0.0, 2.0, 0.0]), atol=1e-12
    )


def test_top_genes_by_size_of_either_sign():
    table = top_genes(components(1, 2, 5), [0.1, -3.0, 2.0, 0.0, 0.2], count=2)
    assert table["gene"].tolist() == ["g1", "g2"]
    assert table["value"].tolist() == [-3.0, 2.0]


def test_wrong_shapes_are_refused():
    found = components(1, 2, 5)
    with pytest.raises(ValueError, match=r"Expected one value for each of 2 components, found shape \(3,\)"):
        gene_weights(found, [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"Expected one value for each of 5 genes, found shape \(2,\)"):
        top_genes(found, [1.0, 2.0])
