"""From components back to genes: what a weight on components says of each gene, and how far each gene moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from lotviz.analysis.model import LinearModel
from lotviz.analysis.regions import Regions, region_pattern, region_weights, require_own
from lotviz.data.genes.components import Components
from lotviz.data.problems import CohortError, Problem

if TYPE_CHECKING:
    from lotviz.transport.embedding import LOTEmbedding

GeneOrder = Literal["weight", "shape", "pattern"]


@dataclass(frozen=True, eq=False)
class GeneScore:
    """A linear score of samples by genes, ``intercept + sum(weights * X)``: the transport of a model by components.

    Attributes
    ----------
    genes
        Names of the genes.
    weights
        Shape (m, genes), by log-normalised unit.
    intercept
        Added to every score.
    """

    genes: tuple[str, ...]
    weights: NDArray[np.float64]
    intercept: float

    def score(self, maps: ArrayLike) -> NDArray[np.float64]:
        """Score maps of genes X, (..., m, genes) -> (...): the mean of the cells each reference point is moved to."""
        return np.asarray(self.intercept + np.einsum("...mg,mg->...", np.asarray(maps, dtype=np.float64), self.weights))


def gene_score(model: LinearModel, embedding: LOTEmbedding) -> GeneScore:
    """Translate a fitted model from components, scaled, to genes, log-normalised.

    Raises
    ------
    CohortError
        When the embedding is not on components of genes.
    ValueError
        When the model is of other markers than the embedding.
    """
    components = components_of(embedding, model)
    weights = model.weights / embedding.scaling.scale  # (m, k), by unit of each component
    start = model.intercept - float(np.sum(weights * embedding.scaling.center))
    intercept = start + float(gene_intercept(components, weights).sum())
    return GeneScore(components.genes, gene_weights(components, weights), intercept)


def model_genes(
    model: LinearModel, embedding: LOTEmbedding, *, by: GeneOrder = "weight", count: int | None = 20
) -> pd.DataFrame:
    """Return the genes a model weighs most: columns gene, weight, shape, pattern.

    The weight is what the score gains when every cell of a sample gains one log-normalised unit of the gene; shape is
    the size of the weights that are left, which some cells feel and others do not. The pattern (Haufe 2014) is how far
    the mean of the gene moves when the score rises by one: a weight may be large only to cancel noise.

    Parameters
    ----------
    by
        The column whose largest values come first, either sign.
    count
        How many genes; None for all.

    Raises
    ------
    CohortError, ValueError
        As `gene_score`.
    """
    components, scale = components_of(embedding, model), embedding.scaling.scale
    table = pd.DataFrame(
        {
            "gene": components.genes,
            "weight": gene_weights(components, model.shift_weights / scale),
            "shape": _length(components, model.shape_weights / scale / np.sqrt(model.masses)[:, None]),
            "pattern": gene_displacement(components, model.masses @ model.pattern * scale),
        }
    )
    return _largest(table, table[by], count)


def region_genes(
    model: LinearModel,
    embedding: LOTEmbedding,
    regions: Regions,
    *,
    by: Literal["weight", "pattern"] = "weight",
    count: int | None = 20,
) -> pd.DataFrame:
    """Return the genes a model weighs most in regions of cells: columns region, gene, weight, pattern.

    The weight is what the score gains when all points of the region gain one log-normalised unit of the gene, the
    pattern how far the gene moves there when the score rises by one.

    Parameters
    ----------
    by
        The column whose largest values come first, either sign.
    count
        How many pairs of region and gene; None for all.

    Raises
    ------
    CohortError, ValueError
        As `gene_score`.
    """
    require_own(embedding, regions)
    components, scale = components_of(embedding, model), embedding.scaling.scale
    table = pd.DataFrame(
        {
            "region": np.repeat(np.asarray(regions.names, dtype=object), len(components.genes)),
            "gene": np.tile(np.asarray(components.genes, dtype=object), len(regions.names)),
            "weight": gene_weights(components, region_weights(model, regions) / scale).ravel(),
            "pattern": gene_displacement(components, region_pattern(model, regions) * scale).ravel(),
        }
    )
    return _largest(table, table[by], count)


def change_genes(embedding: LOTEmbedding, a: str, b: str, *, count: int | None = 20) -> pd.DataFrame:
    """Return the genes that change most from sample A to sample B: columns gene, shift, shape.

    The shift is that of the mean over all cells, shape the root mean square of the rest of the displacement, both in
    log-normalised units and as far as the components see them; as `marker_change` says it of markers.

    Parameters
    ----------
    count
        How many genes, those of largest shift and shape together; None for all.

    Raises
    ------
    CohortError
        When the embedding is not on components of genes, or there is no such sample.
    """
    components, masses = components_of(embedding), np.asarray(embedding.masses, dtype=np.float64)
    moved = (embedding.maps[embedding.index(b)] - embedding.maps[embedding.index(a)]) * embedding.scaling.scale
    shift = masses @ moved  # (m) x (m, k) -> (k,)
    table = pd.DataFrame(
        {
            "gene": components.genes,
            "shift": gene_displacement(components, shift),
            "shape": _length(components, np.sqrt(masses)[:, None] * (moved - shift)),
        }
    )
    return _largest(table, np.hypot(table["shift"], table["shape"]), count)


def components_of(embedding: LOTEmbedding, model: LinearModel | None = None) -> Components:
    """Return the components an embedding, and a model fitted on it, are on.

    Raises
    ------
    CohortError
        When the embedding is not on components of genes.
    ValueError
        When the model is of other markers.
    """
    if embedding.components is None:
        what = "Expected an embedding on components of genes, found one on measured markers."
        raise CohortError(Problem(embedding.name or "embedding", what, "Read the cohort with components=30."))
    if model is not None and model.markers != tuple(embedding.markers):
        raise ValueError("Expected a model fitted on this embedding, found one of other markers. Fit it again.")
    return embedding.components


def gene_weights(components: Components, weights: ArrayLike) -> NDArray[np.float64]:
    """Translate weights on components to weights on genes, (..., k) -> (..., genes).

    The score of a cell is the same by both: w . z = (w L) . (x - means), for loadings L.

    Parameters
    ----------
    weights
        By unit of each component; weights on scaled markers are divided by `Scaling.scale` first.

    Raises
    ------
    ValueError
        When there are not as many weights as components.
    """
    return _through(components, weights)


def gene_intercept(components: Components, weights: ArrayLike) -> NDArray[np.float64]:
    """Return what is added to (w L) . x to make it the score w . z of the same cell, (..., k) -> (...)."""
    return -np.asarray(gene_weights(components, weights) @ components.means)


def gene_displacement(components: Components, displacement: ArrayLike) -> NDArray[np.float64]:
    """Translate a displacement on components to one of the genes, (..., k) -> (..., genes), log-normalised units.

    It is the part of the movement that the components see: dx = dz L; its own scores are dz again.

    Raises
    ------
    ValueError
        When there are not as many displacements as components.
    """
    return _through(components, displacement)


def top_genes(components: Components, values: ArrayLike, *, count: int = 20) -> pd.DataFrame:
    """Return the genes with the largest values, either sign: columns gene, value.

    Parameters
    ----------
    values
        One value a gene, as from `gene_weights` or `gene_displacement`, shape (genes,).
    count
        How many.
    """
    found = np.asarray(values, dtype=np.float64)
    if found.shape != (len(components.genes),):
        raise ValueError(f"Expected one value for each of {len(components.genes)} genes, found shape {found.shape}.")
    order = np.argsort(-np.abs(found), kind="stable")[:count]
    return pd.DataFrame({"gene": [components.genes[place] for place in order], "value": found[order]})


def _length(components: Components, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Length of the values of every gene over the points, (m, k) -> (genes,), without holding (m, genes)."""
    products = values.T @ values  # (k, k)
    squared = np.einsum("kg,kl,lg->g", components.loadings, products, components.loadings, optimize=True)
    return np.asarray(np.sqrt(np.maximum(squared, 0.0)))


def _largest(table: pd.DataFrame, size: ArrayLike, count: int | None) -> pd.DataFrame:
    order = np.argsort(-np.abs(np.asarray(size, dtype=np.float64)), kind="stable")[:count]
    return table.iloc[order].reset_index(drop=True)


def _through(components: Components, values: ArrayLike) -> NDArray[np.float64]:
    found = np.asarray(values, dtype=np.float64)
    count = len(components.names)
    if found.ndim == 0 or found.shape[-1] != count:
        raise ValueError(f"Expected one value for each of {count} components, found shape {found.shape}.")
    return np.asarray(found @ components.loadings)  # (..., k) -> (..., genes)
