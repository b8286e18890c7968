"""Principal components of genes, fitted on pooled cells of every sample alike; their scores are a cohort's markers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, svds

from lotviz.data.cohort import CellSource, Cohort
from lotviz.data.genes.counts import TAKEN_FOR, Moments, Scale, prepared, scale_of, variable_genes
from lotviz.data.genes.fit_check import require_fit
from lotviz.data.genes.pooled import BLOCK, blocks_of, pooled_cells
from lotviz.data.problems import CohortError, Problem
from lotviz.data.sources import Found, Kept

CELLS_PER_SAMPLE = 2_000
_POOLED = 50_000
_SMALL = 500
_TOLERANCE = 1e-9
_CHOICE = "Choose another number of components or genes, or other samples."


@dataclass(frozen=True, eq=False)
class Components:
    """Principal components of genes: the score of a cell x is loadings (x - means).

    Attributes
    ----------
    names
        What the k components are called: PC1, PC2, ...
    genes
        The genes they are made of.
    loadings
        Orthonormal rows, shape (k, genes); the largest entry of each row is positive.
    means
        Mean of every gene over the pooled cells, log-normalised units, shape (genes,).
    variances
        Variance of the pooled cells along each component, shape (k,), decreasing.
    total_variance
        Variance of the pooled cells over all these genes.
    samples
        The samples they were fitted on.
    n_cells
        How many cells of them were pooled.
    seed
        Of the draw of these cells.
    scale
        What the values were taken for: "counts", "unlogged", "log" or "centred".
    n_genes
        Over how many genes the total of a cell was taken; 0 where that is not known.
    """

    names: tuple[str, ...]
    genes: tuple[str, ...]
    loadings: NDArray[np.float64]
    means: NDArray[np.float64]
    variances: NDArray[np.float64]
    total_variance: float
    samples: tuple[str, ...]
    n_cells: int
    seed: int
    scale: Scale
    n_genes: int = 0

    def scores(self, values: sparse.csr_matrix | NDArray[Any]) -> NDArray[np.float64]:
        """Scores of cells, (n, genes) log-normalised -> (n, k)."""
        return np.asarray(values @ self.loadings.T - self.means @ self.loadings.T)

    def choose(self, names: Sequence[str]) -> Components:
        """Return some of the components, in the order given."""
        chosen = [self.names.index(name) for name in names]
        return replace(self, names=tuple(names), loadings=self.loadings[chosen], variances=self.variances[chosen])


@dataclass(frozen=True, eq=False)
class ComponentSource:
    """Scores of the cells of another source.

    Parameters
    ----------
    source
        Where the genes are read from.
    genes
        All genes of the source, the total of a cell is taken over.
    """

    source: CellSource
    genes: tuple[str, ...]
    components: Components
    kept: Kept = field(default_factory=Kept)

    def read(self, sample: str, rows: NDArray[np.intp] | None = None) -> NDArray[np.float32]:
        """Read the scores of a sample, or of some of its cells, (n, k)."""
        if rows is None:
            return self.kept.get(sample, lambda: self._scores(blocks_of(self.source, sample)))
        parts = [rows[start : start + BLOCK] for start in range(0, max(1, len(rows)), BLOCK)]
        return self._scores(pooled_cells(self.source, {sample: part}) for part in parts)

    def populations(self, sample: str) -> NDArray[Any] | None:
        """Return the population of every cell of a sample, where it is known."""
        return self.source.populations(sample)

    def where(self, sample: str, cell: int | None = None) -> str:
        """Name the place of a sample or of one of its cells."""
        return self.source.where(sample, cell)

    def _scores(self, cells: Iterable[sparse.csr_matrix]) -> NDArray[np.float32]:
        place = {name: number for number, name in enumerate(self.genes)}
        columns = np.array([place[gene] for gene in self.components.genes])
        blocks = [self.components.scores(prepared(block, self.components.scale)[:, columns]) for block in cells]
        scores = np.concatenate(blocks).astype(np.float32)
        scores.setflags(write=False)  # handed to every later reader of the sample
        return scores


def fit_components(
    source: CellSource,
    samples: Sequence[str],
    *,
    genes: Sequence[str],
    cell_counts: Mapping[str, int],
    components: int = 30,
    variable: int = 2_000,
    cells_per_sample: int = CELLS_PER_SAMPLE,
    seed: int = 0,
) -> Components:
    """Fit principal components on pooled cells of these samples only, each sample with the same weight.

    Counts are normalised by cell and log1p; the genes that vary most are chosen among the same cells. No label is
    looked at. The same source, samples and seed give the same components.

    Parameters
    ----------
    source
        Reads all `genes` of a sample.
    samples
        The samples to fit on: all of a cohort, or those of a training fold.
    genes
        Names of the columns of the source.
    cell_counts
        Number of cells by sample.
    components
        How many components.
    variable
        How many genes they are made of.
    cells_per_sample
        At most so many cells of a sample, fewer of each where there are many samples (50,000 in all).
    seed
        Of the draw of these cells.

    Raises
    ------
    CohortError
        When there are fewer cells or varying genes than components, or a value is not finite.
    """
    limit = max(1, min(cells_per_sample, _POOLED // max(1, len(samples))))
    draws = {name: _draw(int(cell_counts[name]), limit, seed) for name in samples}
    draws = {name: rows for name, rows in draws.items() if len(rows)}
    where = source.where(samples[0]).split(", sample ")[0] if len(samples) else "cohort"
    if components < 1 or variable < 1 or not draws:
        what = f"Expected a component, a gene and a cell at least, found {components}, {variable} and {len(draws)}."
        raise CohortError(Problem(where, what, _CHOICE))
    scale = scale_of(pooled_cells(source, _first(draws)).data)
    chosen = _chosen_genes(source, draws, scale, genes=len(genes), variable=variable)
    pooled = sparse.vstack([block[:, chosen] for _, block in _prepared_blocks(source, draws, scale)], format="csr")
    most = min(pooled.shape[0] - 1, len(chosen))
    if components > most:
        what = f"Expected at most {most} components of {len(chosen)} varying genes and {pooled.shape[0]:,} cells, "
        raise CohortError(Problem(where, f"{what}found {components} asked for.", _CHOICE))
    weights = np.concatenate([_weights(rows, len(draws)) for rows in draws.values()])
    means = np.asarray(pooled.T @ weights)
    loadings, variances = principal_axes_of(pooled, weights, components)
    return Components(
        names=tuple(f"PC{number}" for number in range(1, len(loadings) + 1)),
        genes=tuple(genes[column] for column in chosen),
        loadings=loadings,
        means=means,
        variances=variances,
        total_variance=float(weights @ np.asarray(pooled.multiply(pooled).sum(axis=1)).ravel() - means @ means),
        samples=tuple(samples),
        n_cells=pooled.shape[0],
        seed=seed,
        scale=scale,
        n_genes=len(genes),
    )


def principal_axes_of(
    values: sparse.csr_matrix, weights: NDArray[np.float64], count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Principal axes of weighted sparse cells, centred without making them dense.

    Parameters
    ----------
    values
        Cells, shape (n, genes).
    weights
        Of the cells, sum 1, shape (n,).
    count
        How many axes, k.

    Returns
    -------
    axes
        Orthonormal rows, shape (k, genes), the largest entry of each positive.
    variances
        Along each axis, shape (k,), decreasing.
    """
    roots, means = np.sqrt(weights), np.asarray(values.T @ weights)
    if min(values.shape) <= _SMALL or 3 * count > min(values.shape):
        axes, variances = _exact_axes(values, weights, count)
    else:
        operator = LinearOperator(
            values.shape,
            matvec=lambda v: roots * (values @ v.ravel() - means @ v.ravel()),
            rmatvec=lambda u: values.T @ (roots * u.ravel()) - means * (roots @ u.ravel()),
            dtype=np.float64,
        )
        start = np.random.default_rng(0).standard_normal(min(values.shape))  # ARPACK's own start is not fixed
        _, singular, axes = svds(operator, k=count, v0=start, tol=_TOLERANCE, return_singular_vectors="vh")
        order = np.argsort(-singular)
        axes, variances = axes[order], singular[order] ** 2
    largest = np.abs(axes).argmax(axis=1)
    return axes * np.sign(axes[np.arange(len(axes)), largest])[:, None], variances


def _exact_axes(
    values: sparse.csr_matrix, weights: NDArray[np.float64], count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    means = np.asarray(values.T @ weights)
    if values.shape[0] <= values.shape[1]:
        centred = (values.toarray() - means) * np.sqrt(weights)[:, None]
        _, singular, axes = np.linalg.svd(centred, full_matrices=False)
        return axes[:count], singular[:count] ** 2
    weighted = values.multiply(weights[:, None]).tocsr()
    covariance = np.asarray((values.T @ weighted).toarray()) - np.outer(means, means)
    found, axes = np.linalg.eigh(covariance)
    return axes.T[::-1][:count].copy(), np.maximum(found[::-1][:count], 0.0)


def on_components(
    found: Found, *, components: int | Components, variable: int = 2_000, seed: int = 0, where: str = ""
) -> Found:
    """Return what was found on disk with scores on components in place of its genes, and what was taken for granted.

    Parameters
    ----------
    components
        How many to fit on all samples; or those of another cohort, used as they are.

    Raises
    ------
    CohortError
        When they cannot be fitted, or a gene of the others is not there.
    """
    source = found.source(found.markers)
    samples = list(found.samples.index)
    if isinstance(components, Components):
        doubts = require_fit(components, found, source, where=where)
        fitted = components
    else:
        doubts = ()
        fitted = fit_components(
            source,
            samples,
            genes=found.markers,
            cell_counts=found.counts,
            components=components,
            variable=variable,
            seed=seed,
        )
    return replace(
        found,
        markers=fitted.names,
        left_out={},
        lacking={},
        components=fitted,
        source=lambda chosen: ComponentSource(source, found.markers, fitted.choose(chosen)),
        problems=(*found.problems, *_notes(fitted, samples, where), *doubts),
    )


def refit(cohort: Cohort, samples: Sequence[str], **choices: Any) -> Cohort:
    """Return a cohort on components with those fitted again on some samples only, such as a training fold.

    Parameters
    ----------
    choices
        As for `fit_components`; as many components and genes and the same seed when not given.

    Raises
    ------
    CohortError
        When the cohort is not on components.
    """
    source = cohort.source
    if not isinstance(source, ComponentSource):
        what = "Expected a cohort on components of genes, found one on measured markers."
        raise CohortError(Problem(cohort.origin or cohort.name, what, "Read it with components=30."))
    before = source.components
    given = {"components": len(before.names), "variable": len(before.genes), "seed": before.seed, **choices}
    fitted = fit_components(
        source.source,
        samples,
        genes=source.genes,
        cell_counts={str(name): int(count) for name, count in cohort.cell_counts.items()},
        **given,
    )
    return replace(
        cohort,
        markers=fitted.names,
        components=fitted,
        source=ComponentSource(source.source, source.genes, fitted),
    )


def _notes(fitted: Components, samples: Sequence[str], where: str) -> tuple[Problem, ...]:
    share = fitted.variances.sum() / fitted.total_variance if fitted.total_variance > 0 else 0.0
    what = (
        f"{len(fitted.names)} components of {len(fitted.genes):,} genes are used as markers: {share:.0%} of the "
        f"variance of {fitted.n_cells:,} pooled cells. The values were taken for {TAKEN_FOR[fitted.scale]}."
    )
    made = Problem(where, what, "Name another layer or number of components if this is not right.", "warning")
    if not set(samples) & set(fitted.samples):
        return (made,)
    what = "The components are fitted on all samples, without looking at labels, also where scores are cross-validated."
    fix = "Fit them on the training samples (lotviz.data.genes.components.refit) to measure without this."
    return (made, Problem(where, what, fix, "warning"))


def _draw(count: int, limit: int, seed: int) -> NDArray[np.intp]:
    if count <= limit:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, size=limit, replace=False))


def _weights(rows: NDArray[np.intp], n_samples: int) -> NDArray[np.float64]:
    return np.full(len(rows), 1.0 / (n_samples * len(rows)))


def _first(draws: Mapping[str, NDArray[np.intp]]) -> dict[str, NDArray[np.intp]]:
    """Return some cells of up to eight samples spread over the cohort."""
    names = list(draws)
    places = np.unique(np.linspace(0, len(names) - 1, min(8, len(names))).astype(int))
    return {names[place]: draws[names[place]][:100] for place in places}


def _chosen_genes(
    source: CellSource, draws: Mapping[str, NDArray[np.intp]], scale: Scale, *, genes: int, variable: int
) -> NDArray[np.intp]:
    moments = Moments(genes)
    for weights, block in _prepared_blocks(source, draws, scale):
        if scale != "centred":
            block.data = np.expm1(block.data)
        moments.add(block, weights)
    return variable_genes(moments, variable, logged=scale != "centred")


def _prepared_blocks(
    source: CellSource, draws: Mapping[str, NDArray[np.intp]], scale: Scale
) -> Iterator[tuple[NDArray[np.float64], sparse.csr_matrix]]:
    """Yield prepared cells with their weights, some samples at a time."""
    group: dict[str, NDArray[np.intp]] = {}
    for position, (name, rows) in enumerate(draws.items()):
        group[name] = rows
        if sum(map(len, group.values())) >= BLOCK or position == len(draws) - 1:
            weights = np.concatenate([_weights(rows, len(draws)) for rows in group.values()])
            yield weights, prepared(pooled_cells(source, group), scale)
            group = {}
