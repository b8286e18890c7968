"""Sparse counts: normalised by cell, log1p, and the genes that vary most among pooled cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

TARGET = 10_000.0
_LOG_BELOW = 20.0
_BINS = 20

Scale = Literal["counts", "unlogged", "log", "centred"]
TAKEN_FOR = {
    "counts": f"counts: every cell is normalised to {TARGET:,.0f} in all, then log1p",
    "unlogged": f"counts that were corrected: every cell is normalised to {TARGET:,.0f} in all, then log1p",
    "log": "normalised and logarithmic already (no whole numbers, none large): they are used as they are",
    "centred": "centred or scaled already (some are negative): they are used as they are",
}


def looks_counted(values: ArrayLike) -> bool:
    """Whether values are counts: whole numbers, none negative, some above 1.

    Examples
    --------
    >>> looks_counted([[0, 3], [1, 0]]), looks_counted([[0.5]]), looks_counted([[0, 1]])
    (True, False, False)
    """
    found = np.asarray(values)
    if not found.size or not np.isfinite(found).all():
        return False
    return bool(found.min() >= 0 and found.max() > 1 and (found == np.round(found)).all())


def scale_of(values: ArrayLike) -> Scale:
    """Return what values are taken for, from some of them."""
    found = np.asarray(values)
    if looks_counted(found):
        return "counts"
    if found.size and found.min() < 0:
        return "centred"
    return "log" if not found.size or found.max() < _LOG_BELOW else "unlogged"


def log_normalised(counts: sparse.csr_matrix, target: float = TARGET) -> sparse.csr_matrix:
    """Return counts, (n, genes), normalised to the same total in every cell, then log1p; an empty cell stays empty.

    Examples
    --------
    >>> log_normalised(sparse.csr_matrix([[1.0, 3.0]]), target=4.0).toarray().round(4)
    array([[0.6931, 1.3863]])
    """
    matrix = sparse.csr_matrix(counts, dtype=np.float64, copy=True)
    totals = np.asarray(matrix.sum(axis=1)).ravel()
    factors = np.divide(target, totals, out=np.zeros_like(totals), where=totals > 0)
    matrix.data *= np.repeat(factors, np.diff(matrix.indptr))
    matrix.data = np.log1p(matrix.data)
    return matrix


def prepared(values: sparse.csr_matrix, scale: Scale) -> sparse.csr_matrix:
    """Values of cells as components are fitted on them, (n, genes), float64."""
    if scale in ("counts", "unlogged"):
        return log_normalised(values)
    return sparse.csr_matrix(values, dtype=np.float64)


@dataclass(eq=False)
class Moments:
    """Weighted mean and mean square of every gene, added up block by block."""

    genes: int
    weight: float = 0.0
    total: Any = 0.0
    squares: Any = 0.0

    def add(self, values: sparse.csr_matrix, weights: NDArray[np.float64]) -> None:
        """Add cells, (n, genes), with their weights, (n,)."""
        self.weight += float(weights.sum())
        self.total = self.total + values.T @ weights
        self.squares = self.squares + values.multiply(values).T @ weights

    @property
    def mean(self) -> NDArray[np.float64]:
        """Mean of every gene, (genes,)."""
        return np.asarray(self.total / self.weight)

    @property
    def variance(self) -> NDArray[np.float64]:
        """Variance of every gene, (genes,)."""
        return np.asarray(np.maximum(self.squares / self.weight - self.mean**2, 0.0))


def variable_genes(moments: Moments, count: int, *, logged: bool = True) -> NDArray[np.intp]:
    """Return the positions of the genes that vary most for their mean, increasing.

    The dispersion (variance over mean) is compared with that of genes of similar mean, in 20 bins.

    Parameters
    ----------
    moments
        Of the normalised values before the logarithm; of the values themselves where `logged` is False.
    count
        How many genes; those that never vary are not among them.
    logged
        False for centred values, of which the variance alone is compared.

    Notes
    -----
    Source: Satija et al. 2015, as in Seurat's first method; the same genes as scanpy's flavor "seurat".
    """
    mean, variance = moments.mean, moments.variance
    usable = variance > 1e-12 * np.maximum(1.0, mean**2)
    score = _binned_dispersion(mean, variance, usable) if logged else variance
    score = np.where(usable & np.isfinite(score), score, -np.inf)
    order = np.argsort(-score, kind="stable")[: min(count, int(usable.sum()))]
    return np.sort(order)


def _binned_dispersion(
    mean: NDArray[np.float64], variance: NDArray[np.float64], usable: NDArray[np.bool_]
) -> NDArray[np.float64]:
    dispersion = np.full_like(mean, np.nan)
    dispersion[usable] = np.log(variance[usable] / mean[usable])
    level = np.log1p(mean)
    # bins over all genes, as pandas.cut makes them: equal width, closed on the right
    edges = np.linspace(level.min(), level.max(), _BINS + 1)
    bins = np.clip(np.searchsorted(edges, level, side="left") - 1, 0, _BINS - 1)
    scored = np.full_like(mean, np.nan)
    for number in np.unique(bins[usable]):
        here = usable & (bins == number)
        found = dispersion[here]
        spread = found.std(ddof=1) if len(found) > 1 else 0.0
        scored[here] = (found - found.mean()) / spread if spread > 0 else 1.0
    return scored
