"""The LOT embedding of a cohort: every sample as one vector, and everything needed to trace it back to cells."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array

from lotviz.data.choices import require_among
from lotviz.data.cohort import Cohort
from lotviz.data.genes.components import Components
from lotviz.data.problems import CohortError, Problem, did_you_mean, listed
from lotviz.data.transforms.transform import AnyTransform, Scaling
from lotviz.transport.arithmetic import Level, combine
from lotviz.transport.barycenter import Barycenter, barycenter
from lotviz.transport.cells import CellStore
from lotviz.transport.checking import check
from lotviz.transport.progress import Progress
from lotviz.transport.reference import Reference
from lotviz.transport.registration import Registration
from lotviz.transport.synthetic import SyntheticSample
from lotviz.transport.trajectory import Manner, Stop, along, between
from lotviz.transport.validity import Validity

if TYPE_CHECKING:
    import anndata as ad

Part = Literal["full", "shift", "shape"]


@dataclass(frozen=True, eq=False)
class Split:
    """Maps split into what all reference points share and what they do not; the two add up to the maps.

    Attributes
    ----------
    shift
        Mean of the cells of each sample, (N, d), scaled.
    shape
        Maps minus that mean, (N, m, d), scaled.
    """

    shift: NDArray[np.float64]
    shape: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LOTEmbedding:
    """Every sample of a cohort, transported to one reference.

    Attributes
    ----------
    samples
        One row a sample, index "sample", with the metadata of the cohort.
    markers
        The d markers.
    transform
        The transform the cells are in.
    reference, scaling
        The reference, and how markers are scaled before distances are taken.
    maps
        Mean of the cells each reference point is moved to, (N, m, d), scaled.
    plans
        For each sample the mass from reference point to used cell, (m, n), sparse; of many samples, those of a file
        or of a run with a store are read when they are asked for.
    costs, residuals, dual_gaps
        For each sample as in `Coupling`, (N,), scaled units squared.
    variances
        Total variance of the used cells of each sample, (N,), scaled units squared.
    n_cells, n_cells_used
        How many cells each sample has, and how many were transported, (N,).
    cell_store
        Reads the used cells, one sample at a time.
    parameters, versions, sample_hashes
        How the embedding was made: choices, versions of the software, SHA-256 of each sample's used cells.
    warnings
        What to know before trusting it, as sentences.
    seconds
        How long it took.
    name, origin, synthetic
        What the cohort is called, where it was read from, and whether it was ever measured.
    components
        Where the markers are components of genes: their loadings, in the order of the markers; otherwise None.
    """

    samples: pd.DataFrame
    markers: tuple[str, ...]
    transform: AnyTransform
    reference: Reference
    scaling: Scaling
    maps: NDArray[np.float64]
    plans: Sequence[csr_array]
    costs: NDArray[np.float64]
    residuals: NDArray[np.float64]
    dual_gaps: NDArray[np.float64]
    variances: NDArray[np.float64]
    n_cells: NDArray[np.int64]
    n_cells_used: NDArray[np.int64]
    cell_store: CellStore
    parameters: Mapping[str, Any]
    versions: Mapping[str, str]
    sample_hashes: Mapping[str, str]
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0
    name: str = ""
    origin: str = ""
    synthetic: bool = False
    components: Components | None = None

    @property
    def masses(self) -> NDArray[np.float64]:
        """Masses of the reference points, (m,)."""
        return self.reference.masses

    @property
    def vectors(self) -> NDArray[np.float64]:
        """Every sample as one vector, (N, m * d); distances of vectors are LOT distances."""
        return (np.sqrt(self.masses)[:, None] * self.maps).reshape(len(self.maps), -1)

    @property
    def residual_shares(self) -> NDArray[np.float64]:
        """Share of each sample's variance that its maps cannot see, (N,), from 0 to 1."""
        spread = self.variances > 0
        return np.divide(self.residuals, self.variances, out=np.zeros_like(self.residuals), where=spread)

    @property
    def residual_share(self) -> float:
        """Mean over samples of the share of variance that the maps cannot see, from 0 to 1."""
        return float(self.residual_shares.mean())

    def index(self, sample: str) -> int:
        """Return the row of a sample.

        Raises
        ------
        CohortError
            There is no such sample.
        """
        (row,) = self.samples.index.get_indexer_for(pd.Index([sample]))  # by a table, made once
        if row >= 0:
            return int(row)
        known = [str(name) for name in self.samples.index]
        if sample not in known:
            hint = did_you_mean(str(sample), known) or f"The samples are {listed(known, 20)}."
            raise CohortError(Problem("embedding", f"Expected an embedded sample, found {sample}.", hint))
        return known.index(sample)

    def plan(self, sample: str) -> csr_array:
        """Return the mass from reference point to used cell of a sample, (m, n), sparse."""
        return self.plans[self.index(sample)]

    def cells(self, sample: str) -> NDArray[np.float32]:
        """Read the used cells of a sample, (n, d), transformed marker units."""
        self.index(sample)
        return self.cell_store.read(sample)

    def scaled_cells(self, sample: str) -> NDArray[np.float64]:
        """Read the used cells of a sample, (n, d), in the scaled space the maps live in."""
        return self.scaling.apply(self.cells(sample))

    def populations(self, sample: str) -> NDArray[Any] | None:
        """Read the population of each used cell of a sample, (n,), or None where unknown."""
        self.index(sample)
        return self.cell_store.populations(sample)

    def split(self) -> Split:
        """Split the maps into the shift of each sample and its shape."""
        shift = np.einsum("i,kij->kj", self.masses, self.maps)  # (m) x (N, m, d) -> (N, d)
        return Split(shift, self.maps - shift[:, None, :])

    def distances(self, part: Part = "full") -> NDArray[np.float64]:
        """Measure the distance of every pair of samples: LOT distance, or its shift or shape part.

        Parameters
        ----------
        part
            "full", "shift" (distance of means) or "shape" (the rest); full² = shift² + shape².

        Returns
        -------
            Distances, (N, N), scaled units.

        Raises
        ------
        ValueError
            `part` is none of the three.
        """
        from scipy.spatial.distance import pdist, squareform

        require_among("part", part, get_args(Part))
        split = self.split()
        weighted = np.sqrt(self.masses)[:, None] * (self.maps if part == "full" else split.shape)
        rows = split.shift if part == "shift" else weighted.reshape(len(weighted), -1)
        return squareform(pdist(rows))

    def registration(self, first: str, second: str) -> Registration:
        """Register two samples through the reference; the displacement leads from the first to the second."""
        a, b = self.index(first), self.index(second)
        displacement = self.maps[b] - self.maps[a]
        squared = float(self.masses @ np.square(displacement).sum(axis=1))
        return Registration(
            first=first,
            second=second,
            masses=self.masses,
            first_plan=self.plans[a],
            second_plan=self.plans[b],
            displacement=displacement,
            marker_displacement=displacement * self.scaling.scale,
            cost=0.0 if a == b else squared + float(self.residuals[a] + self.residuals[b]),
        )

    def interpolate(
        self,
        weights: Mapping[str, float],
        n_cells: int | None = None,
        seed: int = 0,
        *,
        manner: Manner = "lines",
        progress: Progress | None = None,
        cancel: threading.Event | None = None,
    ) -> SyntheticSample:
        """Mix samples cell by cell over glued tuples of their cells; `progress` and `cancel` as in `project`.

        Parameters
        ----------
        weights
            Weight of each sample, from 0 to 1, summing to one. A weight of one gives that sample's own cells.
        n_cells
            How many cells to draw; None gives the exact glued pairs with their masses, for at most two samples
            ("lines"), or as many as the sample of largest weight has ("kinds").
        seed
            Chooses the partners of the cells of the sample of largest weight.
        manner
            "lines": glued cells are mixed in straight lines, as the maps are. "kinds": each cell is a measured one
            moved with its kind, so that no cell lies between populations; nearer to held-out samples.

        Raises
        ------
        CohortError
            The weights are not convex or name an unknown sample, or `n_cells` is missing for more than two.
        """
        return between(self, weights, n_cells=n_cells, seed=seed, manner=manner, progress=progress, cancel=cancel)

    def along(self, stops: Sequence[Stop], at: float, **choices: Any) -> SyntheticSample:
        """Make the sample at a place along ordered samples (dose, time); see `transport.trajectory.along`."""
        return along(self, stops, at, **choices)

    def combine(
        self, weights: Mapping[str, float], n_cells: int | None = None, seed: int = 0, *, level: Level = "maps"
    ) -> SyntheticSample:
        """Combine samples with weights of any sign, such as A + B - C; ask for the `validity` of the result.

        Parameters
        ----------
        weights
            Weight of each sample, from -100 to 100, summing to one.
        n_cells
            How many cells; None takes all used cells of the sample of largest weight ("maps"), or the exact pairs of
            two samples ("cells").
        seed
            Chooses the partners of cells.
        level
            "maps": the cells of the sample of largest weight move by what the maps say, and keep their spread.
            "cells": glued cells are combined, y_A + y_B - y_C, and their spreads add up.
        """
        return combine(self, weights, n_cells=n_cells, seed=seed, level=level)

    def validity(
        self,
        sample: SyntheticSample,
        *,
        seed: int = 0,
        progress: Progress | None = None,
        cancel: threading.Event | None = None,
    ) -> Validity:
        """Embed a synthetic sample again and look for its cells among the measured ones; see `transport.checking`."""
        return check(self, sample, seed=seed, progress=progress, cancel=cancel)

    def barycenter(self, weights: Mapping[str, float] | None = None) -> Barycenter:
        """Average samples in the embedding; all with the same weight when `weights` is None."""
        return barycenter(self, weights)

    def project(
        self,
        cohort: Cohort,
        *,
        workers: int = 2,
        progress: Progress | None = None,
        cancel: threading.Event | None = None,
    ) -> LOTEmbedding:
        """Transport the samples of another cohort to the same reference, with the same scaling and draw of cells.

        Parameters
        ----------
        cohort
            Samples with at least the markers of this embedding, in the same transform; where they are components of
            genes, read with `components=embedding.components`.
        workers
            How many threads; the result does not depend on it.
        progress
            Called with (done, total, message).
        cancel
            Set it to stop, also within a sample.

        Returns
        -------
            The embedding of the other cohort, comparable with this one.

        Raises
        ------
        CohortError
            A marker is missing, the transform or the components differ, or a sample is not usable.
        Cancelled
            `cancel` was set.
        """
        from lotviz.transport.batch import project  # batch builds embeddings, so it imports this module

        return project(self, cohort, workers=workers, progress=progress, cancel=cancel)

    def summary(self) -> dict[str, Any]:
        """Return the figures of the embedding, as `lotviz embed --json` prints them."""
        return {
            "n_samples": len(self.samples),
            "n_points": self.reference.n_points,
            "n_markers": len(self.markers),
            "n_cells": int(self.n_cells.sum()),
            "n_cells_used": int(self.n_cells_used.sum()),
            "seconds": self.seconds,
            "residual_share": self.residual_share,
            "warnings": list(self.warnings),
        }

    def to_anndata(self) -> ad.AnnData:
        """Return samples x (reference point, marker), so that scanpy works on patients as it does on cells.

        `from_anndata` restores the embedding from it, also after it was written as h5ad; the cells are not in it.
        """
        from lotviz.transport.export import to_anndata  # export builds embeddings, so it imports this module

        return to_anndata(self)

    @classmethod
    def from_anndata(cls, adata: ad.AnnData, *, cohort: Cohort | None = None) -> LOTEmbedding:
        """Restore the embedding that `to_anndata` made an AnnData of; every number comes back bit for bit.

        Parameters
        ----------
        adata
            As made by `to_anndata`, in memory or read from h5ad. Samples may have been chosen, and columns of `obs`
            added or changed, since; `X` may have been altered, the maps are taken from layer "maps".
        cohort
            The cohort that was embedded, to read cells from; without it, asking for cells is an error.

        Returns
        -------
            The embedding.

        Raises
        ------
        EmbeddingFileError
            `adata` was not made by `to_anndata`, is of a newer version, or was altered beyond repair.
        CohortError
            `cohort` is another one than was embedded.
        """
        from lotviz.transport.export import from_anndata

        return from_anndata(adata, cohort=cohort)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the embedding, with the used cells of every sample, to one file; `.lot` is the usual ending.

        Raises
        ------
        EmbeddingFileError
            The file cannot be written; what was there before is left as it was.
        """
        from lotviz.transport.embedding_file import save

        return save(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> LOTEmbedding:
        """Open an embedding; cells are read from the file when they are asked for.

        Raises
        ------
        EmbeddingFileError
            The file is missing, cut off, of another kind, or of a newer version.
        """
        from lotviz.transport.embedding_file import load

        return load(path)
