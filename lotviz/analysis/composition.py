"""Who becomes whom: shares of populations in each sample, and the mass between them from sample to sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from lotviz.analysis.regions import Regions, nearest_regions, require_own

if TYPE_CHECKING:
    from lotviz.transport.embedding import LOTEmbedding

OTHER = "not named"


@dataclass(frozen=True, eq=False)
class Composition:
    """Populations of two samples A and B, and the mass between them.

    Attributes
    ----------
    a, b
        The two samples.
    names
        The k populations.
    share_a, share_b
        Share of the cells in each, shape (k,), sums to 1.
    table
        Mass that goes from population (row, in A) to population (column, in B), shape (k, k); rows sum to
        `share_a`, columns to `share_b`.
    """

    a: str
    b: str
    names: tuple[str, ...]
    share_a: NDArray[np.float64]
    share_b: NDArray[np.float64]
    table: NDArray[np.float64]

    @property
    def change(self) -> NDArray[np.float64]:
        """Share in B minus share in A, shape (k,)."""
        return self.share_b - self.share_a

    @property
    def moved(self) -> float:
        """Mass that ends in another population than it began in; the change of the shares asks for part of it."""
        return float(1.0 - np.trace(self.table))

    @property
    def growing(self) -> str:
        """The population that gains most."""
        return self.names[int(np.argmax(self.change))]

    @property
    def shrinking(self) -> str:
        """The population that loses most."""
        return self.names[int(np.argmin(self.change))]


def cell_populations(embedding: LOTEmbedding, sample: str, *, regions: Regions | None = None) -> NDArray[np.object_]:
    """Name the population of every used cell: as the cohort does, or its nearest region if regions are given.

    Returns
    -------
    Shape (n,).

    Raises
    ------
    ValueError
        The cohort names no populations and no regions were given.
    """
    if regions is not None:
        require_own(embedding, regions)
        return np.asarray(regions.names, dtype=object)[nearest_regions(embedding.scaled_cells(sample), regions)]
    given = embedding.populations(sample)
    if given is None:
        raise ValueError(
            f"Expected populations of the cells of {sample!r}, found none in the cohort. Give regions instead."
        )
    labels = pd.Series(np.asarray(given, dtype=object))
    return np.asarray(labels.where(labels.notna(), OTHER).astype(str), dtype=object)


def population_names(embedding: LOTEmbedding, *, regions: Regions | None = None) -> tuple[str, ...]:
    """All populations of the cohort, the most frequent first (every sample counts the same)."""
    return tuple(population_shares(embedding, regions=regions).columns)


def population_shares(embedding: LOTEmbedding, *, regions: Regions | None = None) -> pd.DataFrame:
    """Share of each population among the used cells of each sample: samples x populations, rows sum to 1."""
    shares = {
        sample: pd.Series(cell_populations(embedding, sample, regions=regions)).value_counts(normalize=True)
        for sample in embedding.samples.index
    }
    table = pd.DataFrame(shares).T.reindex(embedding.samples.index).fillna(0.0).astype(np.float64)
    order = table.mean().sort_values(ascending=False, kind="stable").index
    return pd.DataFrame(table[order])


def mass_table(
    plans: tuple[sparse.csr_matrix | sparse.csr_array, sparse.csr_matrix | sparse.csr_array],
    masses: ArrayLike,
    labels: tuple[ArrayLike, ArrayLike],
    *,
    names: Sequence[str],
) -> NDArray[np.float64]:
    """Mass between the populations of two samples, glued through the reference; shape (k, k).

    ``sum_i (P^A_pi P^B_qi) / a_i`` where ``P_pi`` is the mass of population p at reference point i: no pair of
    cells is formed.

    Parameters
    ----------
    plans
        Couplings of A (m, n_A) and B (m, n_B).
    masses
        Masses of the reference points, shape (m,).
    labels
        Population of each cell of A and of B.
    names
        The k populations, in the order of rows and columns.
    """
    parts = [
        sparse.csr_array(plan) @ indicator(label, names) for plan, label in zip(plans, labels, strict=True)
    ]  # (m, k) each
    return np.asarray(parts[0].T @ (parts[1] / np.asarray(masses, dtype=np.float64)[:, None]))


def sample_names(labels: Sequence[ArrayLike]) -> tuple[str, ...]:
    """Return the populations among the labels of some samples, the most frequent first."""
    counts = pd.Series(np.concatenate([np.asarray(each, dtype=object) for each in labels])).value_counts(sort=True)
    return tuple(str(name) for name in counts.index)


def indicator(labels: ArrayLike, names: Sequence[str]) -> NDArray[np.float64]:
    """Return which population each cell is of, (n,), (k) -> (n, k) of 0 and 1."""
    return (np.asarray(labels, dtype=object)[:, None] == np.asarray(names, dtype=object)[None, :]).astype(np.float64)


def composition(embedding: LOTEmbedding, a: str, b: str, *, regions: Regions | None = None) -> Composition:
    """Compare the populations of samples A and B and find the mass that moves between them.

    Parameters
    ----------
    embedding
        Holds both samples.
    a, b
        Names of the two samples.
    regions
        Regions to use as populations; default the populations named in the cohort.
    """
    labels = (
        cell_populations(embedding, a, regions=regions),
        cell_populations(embedding, b, regions=regions),
    )
    names = regions.names if regions is not None else sample_names(labels)
    plans = (embedding.plans[embedding.index(a)], embedding.plans[embedding.index(b)])
    share_a, share_b = (indicator(label, names).mean(axis=0) for label in labels)
    # a sample registered with itself is the identity: nothing becomes anything else
    table = np.diag(share_a) if a == b else mass_table(plans, embedding.masses, labels, names=names)
    return Composition(
        a=a,
        b=b,
        names=names,
        share_a=share_a,
        share_b=share_b,
        table=table,
    )
