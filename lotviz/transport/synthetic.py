"""A synthetic sample, always labelled so, and the files it is written to."""

from __future__ import annotations

import json
import os
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lotviz.data.transforms import Transform
from lotviz.transport.files import replace_file

SYNTHETIC_MARK = "synthetic: computed by lotviz, never measured"


@dataclass(frozen=True, eq=False)
class SyntheticSample:
    """Cells that were never measured, mixed from glued cells of measured samples.

    Attributes
    ----------
    cells
        Cells, (N, d), transformed marker units.
    masses
        Mass of each cell, (N,), summing to one; equal unless these are the exact pairs of two samples.
    origins
        For each sample the positions among its used cells that were mixed, (N,).
    weights
        Weight of each sample, summing to one.
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
    """

    cells: NDArray[np.float32]
    masses: NDArray[np.float64]
    origins: Mapping[str, NDArray[np.intp]]
    weights: Mapping[str, float]
    seed: int
    markers: tuple[str, ...]
    transform: Transform
    populations: NDArray[Any] | None = None
    cohort: str = ""

    @property
    def recipe(self) -> dict[str, Any]:
        """How the sample was made, as it is written into every file."""
        return {
            "synthetic": SYNTHETIC_MARK,
            "cohort": self.cohort,
            "weights": dict(self.weights),
            "seed": self.seed,
            "cells": len(self.cells),
            "masses": "equal" if self._equal_masses else "column mass",
            "transform": self.transform.describe(),
        }

    def write(self, path: str | os.PathLike[str], *, values: Literal["transformed", "raw"] = "transformed") -> Path:
        """Write the cells with the synthetic mark and the recipe in the file's own metadata.

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
        """
        target = Path(path)
        writer = _WRITERS.get(target.suffix.lower())
        if writer is None:
            raise ValueError(
                f"Expected a file ending in {', '.join(_WRITERS)}, found {target.name}. Change the ending."
            )
        if values not in ("transformed", "raw"):
            raise ValueError(f'Expected values "transformed" or "raw", found {values!r}. Choose one of them.')
        cells = self.cells if values == "transformed" else self.transform.inverse(self.cells)
        recipe = self.recipe | {"values": values}
        replace_file(target, lambda temporary: writer(self, cells, recipe, temporary))
        return target

    @property
    def _equal_masses(self) -> bool:
        return bool(np.ptp(self.masses) <= 1e-12 * self.masses.max())

    def _table(self, cells: NDArray[np.float32]) -> pd.DataFrame:
        table = pd.DataFrame(cells, columns=list(self.markers))
        if not self._equal_masses:
            table[self._beside_markers("mass")] = self.masses
        if self.populations is not None:
            table[self._beside_markers("cell_type")] = self.populations
        return table

    def _beside_markers(self, name: str) -> str:
        """Return a column name that no marker has."""
        return name if name not in self.markers else self._beside_markers(f"{name}_synthetic")


def _write_parquet(sample: SyntheticSample, cells: NDArray[np.float32], recipe: Mapping[str, Any], path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(sample._table(cells), preserve_index=False)
    mark = {b"synthetic": SYNTHETIC_MARK.encode(), b"lotviz_recipe": json.dumps(recipe).encode()}
    pq.write_table(table.replace_schema_metadata({**(table.schema.metadata or {}), **mark}), path)


def _write_csv(sample: SyntheticSample, cells: NDArray[np.float32], recipe: Mapping[str, Any], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(f"# {SYNTHETIC_MARK} {json.dumps(recipe)}\n")
        sample._table(cells).to_csv(file, index=False)


def _write_h5ad(sample: SyntheticSample, cells: NDArray[np.float32], recipe: Mapping[str, Any], path: Path) -> None:
    import anndata as ad

    names = [f"synthetic-{row}" for row in range(len(cells))]
    obs = pd.DataFrame({"mass": sample.masses}, index=pd.Index(names, name="cell"))
    if sample.populations is not None:
        obs["cell_type"] = pd.Categorical(sample.populations)
    uns = {"synthetic": SYNTHETIC_MARK, "lotviz_recipe": json.dumps(recipe)}
    ad.AnnData(cells, obs=obs, var=pd.DataFrame(index=list(sample.markers)), uns=uns).write_h5ad(path)


def _write_fcs(sample: SyntheticSample, cells: NDArray[np.float32], recipe: Mapping[str, Any], path: Path) -> None:
    import flowio

    columns, names = cells, list(sample.markers)
    if not sample._equal_masses:
        columns = np.column_stack([cells, sample.masses.astype(np.float32)])
        names = [*names, sample._beside_markers("mass")]
    events = array("f")  # not a list: a float of Python takes eight times the memory
    events.frombytes(np.ascontiguousarray(columns, dtype=np.float32).tobytes())
    short = [name.replace(",", " ") for name in names]  # FCS 3.1 allows no comma in $PnN
    keywords = {"synthetic": SYNTHETIC_MARK, "lotviz_recipe": json.dumps(recipe)}
    with path.open("wb") as file:
        flowio.create_fcs(file, events, short, opt_channel_names=names, metadata_dict=keywords)


_WRITERS: dict[str, Callable[[SyntheticSample, NDArray[np.float32], Mapping[str, Any], Path], None]] = {
    ".parquet": _write_parquet,
    ".csv": _write_csv,
    ".h5ad": _write_h5ad,
    ".fcs": _write_fcs,
}
