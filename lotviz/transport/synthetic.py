"""A synthetic sample, always labelled so, and the files it is written to."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict

import numpy as np
from numpy.typing import NDArray

from lotviz.data.formats import write_cells
from lotviz.data.marks import SYNTHETIC_MARK
from lotviz.data.transforms.transform import AnyTransform
from lotviz.transport.validity import Validity

if TYPE_CHECKING:
    from lotviz.transport.embedding import LOTEmbedding


@dataclass(frozen=True, eq=False)
class SyntheticSample:
    """Cells that were never measured, made of glued cells of measured samples.

    Attributes
    ----------
    cells
        Cells, (N, d), transformed marker units.
    masses
        Mass of each cell, (N,), summing to one; equal unless these are the exact pairs of two samples.
    origins
        For each sample the positions among its used cells that were mixed, (N,); where a sample's own cells were
        moved, those of that sample only.
    weights
        Weight of each sample, summing to one; negative ones only in combinations beyond the samples.
    seed
        The seed of the draw.
    markers
        Names of the d columns.
    transform
        The transform the cells are in.
    populations
        Population of the cell of the sample of largest weight, (N,), or None where unknown.
    cohort
        Name of the cohort the samples are of.
    method
        How cells were made, in words.
    details
        Further choices by name, as they are written into files.
    inputs
        SHA-256 of the used cells of each sample.
    versions
        Of the software that embedded the samples.
    embedding
        Parameters of the embedding, and the SHA-256 of its reference.
    intended
        Where the maps of this sample are meant to be, (m, d), scaled; None where nothing was meant.
    validity
        Whether it can be trusted, once that was looked at; see `LOTEmbedding.validity`.
    """

    cells: NDArray[np.float32]
    masses: NDArray[np.float64]
    origins: Mapping[str, NDArray[np.intp]]
    weights: Mapping[str, float]
    seed: int
    markers: tuple[str, ...]
    transform: AnyTransform
    populations: NDArray[Any] | None = None
    cohort: str = ""
    method: str = "glued cells mixed in straight lines"
    details: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    embedding: Mapping[str, Any] = field(default_factory=dict)
    intended: NDArray[np.float64] | None = None
    validity: Validity | None = None

    @property
    def recipe(self) -> dict[str, Any]:
        """How the sample was made, as it is written into every file."""
        return {
            "synthetic": SYNTHETIC_MARK,
            "cohort": self.cohort,
            "method": self.method,
            "weights": dict(self.weights),
            **self.details,
            "seed": int(self.seed),
            "cells": len(self.cells),
            "different_cells": self.different_cells,
            "masses": "equal" if self._equal_masses else "column mass",
            "transform": self.transform.describe(),
            "inputs": dict(self.inputs),
            "versions": dict(self.versions),
            "embedding": dict(self.embedding),
            "validity": None if self.validity is None else self.validity.record(),
        }

    def write(self, path: str | os.PathLike[str], *, values: Literal["transformed", "raw"] = "transformed") -> Path:
        """Write the cells with the synthetic mark and the recipe in the file's own metadata.

        Markers are named as `lotviz.data.write_cells` names them.

        Parameters
        ----------
        path
            A file ending in .parquet, .csv, .h5ad or .fcs; replaced as a whole, or left as it was.
        values
            Transformed marker values, or raw ones by the inverse of the transform.

        Returns
        -------
            The path.

        Raises
        ------
        ValueError
            The file's ending, or `values`, is not known.
        CohortError
            A value is infinite: it has no raw value.
        """
        if values not in ("transformed", "raw"):
            raise ValueError(f'Expected values "transformed" or "raw", found {values!r}. Choose one of them.')
        return write_cells(
            path,
            self.cells if values == "transformed" else self.transform.inverse(self.cells),
            self.markers,
            synthetic=True,
            about=self.recipe | {"values": values},
            populations=self.populations,
            beside=None if self._equal_masses else {"mass": self.masses},
        )

    @property
    def different_cells(self) -> int:
        """How many of the cells are different: more can be drawn than there are pairs to draw from."""
        rows = np.ascontiguousarray(self.cells)
        return len(np.unique(rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1])))))

    @property
    def _equal_masses(self) -> bool:
        return bool(np.ptp(self.masses) <= 1e-12 * self.masses.max())


class Origin(TypedDict):
    """What a synthetic sample owes to its embedding, as arguments of `SyntheticSample`."""

    markers: tuple[str, ...]
    transform: AnyTransform
    cohort: str
    inputs: Mapping[str, str]
    versions: Mapping[str, str]
    embedding: Mapping[str, Any]


def origin_of(embedding: LOTEmbedding, names: Iterable[str]) -> Origin:
    """Return what every sample that is made of these samples of an embedding says of it."""
    return Origin(
        markers=embedding.markers,
        transform=embedding.transform,
        cohort=embedding.name,
        inputs={name: embedding.sample_hashes[name] for name in names},
        versions=dict(embedding.versions),
        embedding={**embedding.parameters, "reference_sha256": embedding.reference.digest},
    )
