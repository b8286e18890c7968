"""Cells on disk, one file a sample or one long table: read a sample at a time, kept in memory while they are few."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lotviz.data.markers import Instrument
from lotviz.data.marks import Said
from lotviz.data.problems import Problem
from lotviz.data.transforms.transform import AnyTransform

if TYPE_CHECKING:
    from lotviz.data.cohort import CellSource
    from lotviz.data.genes.components import Components

# Cells kept in memory between two reads of the same sample; larger cohorts are read again.
KEPT_BYTES = 256 * 2**20


class SampleFile(Protocol):
    """A file that holds the cells of one sample."""

    @property
    def where(self) -> str:
        """How the owner calls the file."""

    @property
    def markers(self) -> tuple[str, ...]:
        """All channels of numbers."""

    @property
    def n_cells(self) -> int:
        """The number of cells."""

    @property
    def notes(self) -> tuple[tuple[str, str], ...]:
        """What is odd about the file, and what to do about it."""

    @property
    def raw_file(self) -> bool:
        """Whether the file is as the instrument wrote it."""

    @property
    def said(self) -> Said:
        """What the file says of itself."""

    def read(self, markers: tuple[str, ...], rows: NDArray[np.intp] | None = None) -> NDArray[np.float32]:
        """Read the named channels of all cells, or of those at `rows` (increasing), (n, d)."""

    def populations(self) -> NDArray[Any] | None:
        """Return the population of every cell, where the file says so."""


@runtime_checkable
class TransformingFile(SampleFile, Protocol):
    """A file whose cells can be transformed while they are read."""

    def transformed(self, markers: tuple[str, ...], transform: AnyTransform) -> NDArray[np.float32] | None:
        """Return transformed values of the named channels, (n, d); None where `read` must come first."""


@dataclass(eq=False)
class Kept:
    """Arrays read lately, the oldest forgotten once they take more than `limit` bytes; shared by threads."""

    limit: int = KEPT_BYTES
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def holds(self, key: str) -> bool:
        """Return whether the array of this key is kept."""
        with self.lock:
            return key in self.arrays

    def get(self, key: str, read: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """Return the array of this key, read unless it is kept."""
        with self.lock:
            if key in self.arrays:
                self.arrays[key] = self.arrays.pop(key)
                return self.arrays[key]
        array = read()
        with self.lock:
            self.arrays[key] = array
            while len(self.arrays) > 1 and sum(kept.nbytes for kept in self.arrays.values()) > self.limit:
                self.arrays.pop(next(iter(self.arrays)))
            if array.nbytes > self.limit:
                self.arrays.pop(key)
        return array


@dataclass(frozen=True, eq=False)
class FileSource:
    """One file a sample, all read for the same markers."""

    files: Mapping[str, SampleFile]
    markers: tuple[str, ...]
    kept: Kept = field(default_factory=Kept)

    def read(self, sample: str) -> NDArray[np.float32]:
        """Read the raw values of a sample, (n, d)."""
        return self.kept.get(sample, lambda: _read_only(self.files[sample].read(self.markers)))

    def read_some(self, sample: str, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Read the raw values of some cells of a sample (increasing), (len(rows), d)."""
        return self.files[sample].read(self.markers, rows)

    def transformed(
        self, sample: str, transform: AnyTransform, columns: tuple[int, ...] | None = None
    ) -> NDArray[np.float32] | None:
        """Return transformed values of a sample's cells, of some columns if given, (n, d), as `TransformingSource`.

        None also where the raw values are at hand, or will be: those of samples so small that all can be kept.
        """
        file = self.files[sample]
        if self._all_kept or self.kept.holds(sample) or not isinstance(file, TransformingFile):
            return None
        markers = self.markers if columns is None else tuple(self.markers[column] for column in columns)
        return file.transformed(markers, transform)

    @cached_property
    def _all_kept(self) -> bool:
        cells = sum(file.n_cells for file in self.files.values())
        return 4 * cells * len(self.markers) <= self.kept.limit

    def populations(self, sample: str) -> NDArray[Any] | None:
        """Return the population of every cell of a sample, where it is known."""
        return self.files[sample].populations()

    def where(self, sample: str, cell: int | None = None) -> str:
        """Name the place of a sample or of one of its cells."""
        file = self.files[sample].where
        return file if cell is None else f"{file}, cell {cell + 1}"


class LongTable(Protocol):
    """A table of the cells of all samples."""

    @property
    def where(self) -> str:
        """How the owner calls the file."""

    @property
    def markers(self) -> tuple[str, ...]:
        """All columns of numbers."""

    @property
    def n_cells(self) -> int:
        """The number of rows."""

    @property
    def said(self) -> Said:
        """What the file says of itself."""

    def read(self, rows: NDArray[np.intp], markers: tuple[str, ...]) -> NDArray[np.float32]:
        """Read the named columns of some rows (increasing), (n, d)."""

    def populations(self, rows: NDArray[np.intp]) -> NDArray[Any] | None:
        """Return the population of each of these rows, where the table says so."""


@dataclass(frozen=True, eq=False)
class TableFile:
    """A table that holds the cells of one sample."""

    table: LongTable
    notes: tuple[tuple[str, str], ...] = ()
    raw_file: bool = False

    @property
    def where(self) -> str:
        """How the owner calls the file."""
        return self.table.where

    @property
    def markers(self) -> tuple[str, ...]:
        """The columns of numbers."""
        return self.table.markers

    @property
    def n_cells(self) -> int:
        """The rows of the table."""
        return self.table.n_cells

    @property
    def said(self) -> Said:
        """What the file says of itself."""
        return self.table.said

    def read(self, markers: tuple[str, ...], rows: NDArray[np.intp] | None = None) -> NDArray[np.float32]:
        """Read all rows, or some (increasing), (n, d)."""
        return self.table.read(np.arange(self.n_cells) if rows is None else rows, markers)

    def populations(self) -> NDArray[Any] | None:
        """Return the population of every row, where a column says so."""
        return self.table.populations(np.arange(self.n_cells))


@dataclass(frozen=True, eq=False)
class LongSource:
    """One table for all samples; `codes` (cells of all samples,) says which sample each row belongs to."""

    table: LongTable
    samples: tuple[str, ...]
    codes: NDArray[np.int32]
    markers: tuple[str, ...]
    kept: Kept = field(default_factory=lambda: Kept(KEPT_BYTES // 4))  # the table may be kept whole

    def rows(self, sample: str) -> NDArray[np.intp]:
        """Rows of the table that are cells of this sample, increasing."""
        return np.flatnonzero(self.codes == self.samples.index(sample))

    def peek(self) -> NDArray[np.float32] | None:
        """Read some values from a few places of the table, (n, d); None where it would take whole samples."""
        read: Callable[[tuple[str, ...]], NDArray[np.float32]] | None = getattr(self.table, "peek", None)
        return None if read is None else read(self.markers)

    def read(self, sample: str) -> NDArray[np.float32]:
        """Read the raw values of a sample, (n, d)."""
        return self.kept.get(sample, lambda: _read_only(self.table.read(self.rows(sample), self.markers)))

    def read_some(self, sample: str, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Read the raw values of some cells of a sample (increasing), (len(rows), d)."""
        return self.table.read(self.rows(sample)[rows], self.markers)

    def populations(self, sample: str) -> NDArray[Any] | None:
        """Return the population of every cell of a sample, where it is known."""
        return self.table.populations(self.rows(sample))

    def where(self, sample: str, cell: int | None = None) -> str:
        """Name the place of a sample or of one of its cells."""
        place = f"{self.table.where}, sample {sample}"
        return place if cell is None else f"{place}, row {self.rows(sample)[cell] + 1}"


@dataclass(frozen=True, eq=False)
class Found:
    """What a reader found on disk, before markers and transform are chosen.

    Parameters
    ----------
    samples
        The sample table, index "sample".
    counts
        Cells by sample.
    markers
        Every channel that could be read from all samples.
    left_out
        Channels that are no markers unless asked for, and why.
    source
        Makes the source of the cells for the chosen markers.
    problems
        Warnings.
    lacking
        For each channel that some files lack, these files.
    instrument
        What the names of the channels say it was measured with.
    components
        Where the markers are components of genes: their loadings.
    synthetic
        Whether any file says that its cells were never measured.
    compensated
        See `Cohort.compensated`.
    """

    samples: pd.DataFrame
    counts: Mapping[str, int]
    markers: tuple[str, ...]
    left_out: Mapping[str, str]
    source: Callable[[tuple[str, ...]], CellSource]
    problems: tuple[Problem, ...] = ()
    lacking: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    instrument: Instrument = "unknown"
    components: Components | None = None
    synthetic: bool = False
    compensated: bool | None = None


def _read_only(values: NDArray[np.float32]) -> NDArray[np.float32]:
    # the array is handed to every later reader of the sample
    values.setflags(write=False)
    return values
