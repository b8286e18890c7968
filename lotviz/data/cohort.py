"""The cohort: a table of samples and, on demand, the cells of each; and where cells may come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lotviz.data.memory import free_memory, require_memory
from lotviz.data.problems import CohortError, Problem, did_you_mean, listed
from lotviz.data.transforms.transform import AnyTransform

if TYPE_CHECKING:
    from lotviz.data.genes.components import Components


_COPIES = 3  # of the values of a sample at once: as read, transformed, and what a check makes of them
_LITTLE = 16 * 2**20  # bytes; to ask how much is free takes longer than to read so few
_LARGE = 768 * 2**20  # bytes; of larger samples only the wanted cells are taken into memory


class CellSource(Protocol):
    """Where the cells of a cohort are read from, one sample at a time; safe to call from several threads."""

    def read(self, sample: str) -> NDArray[np.float32]:
        """Raw values of a sample's cells, (n, d), columns in the order of `Cohort.markers`."""

    def populations(self, sample: str) -> NDArray[Any] | None:
        """Return the population of every cell, (n,) of str, where the cohort knows it."""

    def where(self, sample: str, cell: int | None = None) -> str:
        """Name the file of a sample, and the row of one of its cells (counted from 0), as its owner knows them."""


@runtime_checkable
class SparingSource(CellSource, Protocol):
    """A source that can read some cells of a sample without taking memory for the others."""

    def read_some(self, sample: str, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Raw values of the cells at `rows` (increasing) of a sample, (len(rows), d)."""


@runtime_checkable
class TransformingSource(CellSource, Protocol):
    """A source that can transform cells while it reads them."""

    def transformed(
        self, sample: str, transform: AnyTransform, columns: tuple[int, ...] | None = None
    ) -> NDArray[np.float32] | None:
        """Return transformed values of a sample's cells, of some columns if given, (n, d); None to `read` them first.

        That is where nothing would be gained, and where some raw value is NaN or infinite. Otherwise bit for bit those
        of the transform called with what `read` returns.
        """


def read_some(source: CellSource, sample: str, rows: NDArray[np.intp]) -> NDArray[np.float32]:
    """Return raw values of the cells at `rows` (increasing) of a sample, sparing memory where the source can."""
    return source.read_some(sample, rows) if isinstance(source, SparingSource) else source.read(sample)[rows]


@dataclass(frozen=True, eq=False)
class ArraySource:
    """Cells held in memory: `cells[sample]` is (n, d) raw values, `labels[sample]` the population of each."""

    cells: Mapping[str, NDArray[Any]]
    labels: Mapping[str, NDArray[Any]] | None = None

    def read(self, sample: str) -> NDArray[np.float32]:
        """Read the raw values of a sample, (n, d)."""
        return np.array(self.cells[sample], dtype=np.float32)

    def populations(self, sample: str) -> NDArray[Any] | None:
        """Return the population of every cell of a sample, where it is known."""
        return None if self.labels is None else np.asarray(self.labels[sample])

    def where(self, sample: str, cell: int | None = None) -> str:
        """Name the place of a sample or of one of its cells."""
        return f"sample {sample}" if cell is None else f"sample {sample}, cell {cell + 1}"


@dataclass(frozen=True, eq=False)
class MarkerSubset:
    """Another source, with only some of its markers."""

    source: CellSource
    columns: tuple[int, ...]

    def read(self, sample: str) -> NDArray[np.float32]:
        """Read the raw values of a sample, (n, d)."""
        return np.ascontiguousarray(self.source.read(sample)[:, list(self.columns)])

    def read_some(self, sample: str, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Read the raw values of some cells of a sample, (len(rows), d)."""
        return np.ascontiguousarray(read_some(self.source, sample, rows)[:, list(self.columns)])

    def transformed(
        self, sample: str, transform: AnyTransform, columns: tuple[int, ...] | None = None
    ) -> NDArray[np.float32] | None:
        """Return transformed values of a sample's cells where the other source can do so, as `TransformingSource`."""
        if not isinstance(self.source, TransformingSource):
            return None
        chosen = self.columns if columns is None else tuple(self.columns[column] for column in columns)
        return self.source.transformed(sample, transform, chosen)

    def populations(self, sample: str) -> NDArray[Any] | None:
        """Return the population of every cell of a sample, where it is known."""
        return self.source.populations(sample)

    def where(self, sample: str, cell: int | None = None) -> str:
        """Name the place of a sample or of one of its cells."""
        return self.source.where(sample, cell)


@dataclass(frozen=True, eq=False)
class Cohort:
    """All samples of a study: what is known of them, and their cells, read on demand.

    Parameters
    ----------
    name
        What to call the cohort on a page or in a report.
    samples
        One row a sample, index "sample" of unique strings, the metadata columns as found.
    markers
        The d measured markers, in the order of the columns of the cells.
    cell_counts
        Number of cells by sample.
    source
        Where raw cells are read from.
    transform
        Applied to raw values by `cells`; one for all markers, or one for each in their order.
    problems
        Warnings found while reading.
    origin
        The path as given, or how the cohort was simulated.
    synthetic
        True for cells that were never measured.
    truth
        What a simulated cohort was planted with; None for a measured one.
    channels
        Every channel that could be read from all samples, markers or not; empty where only the markers are known.
    components
        Where the markers are components of genes: their loadings, in the order of the markers.
    compensated
        Whether the light of other dyes was taken out of the values, by a spillover matrix; None where no file has such
        a matrix, or files differ.
    """

    name: str
    samples: pd.DataFrame
    markers: tuple[str, ...]
    cell_counts: pd.Series
    source: CellSource
    transform: AnyTransform
    problems: tuple[Problem, ...] = ()
    origin: str = ""
    synthetic: bool = False
    truth: Mapping[str, Any] | None = None
    channels: tuple[str, ...] = ()
    components: Components | None = None
    compensated: bool | None = None

    @property
    def n_markers(self) -> int:
        """The number of markers, d."""
        return len(self.markers)

    @property
    def total_cells(self) -> int:
        """The number of cells of all samples."""
        return int(self.cell_counts.sum())

    def raw(self, sample: str, *, limit: int | None = None, seed: int = 0) -> NDArray[np.float32]:
        """Cells of a sample as measured, (n, d), before the transform and unchecked.

        Parameters
        ----------
        limit
            At most so many cells, drawn without replacement with `seed`, in their order in the file. Of a large
            sample only these are taken into memory.

        Raises
        ------
        CohortError
            For an unknown sample, or cells that do not fit into memory.
        """
        self._require(sample)
        count = int(self.cell_counts[sample])
        few = limit is not None and limit < count
        if few and self._bytes(count) > _LARGE:
            return read_some(self.source, sample, _draw(count, limit, seed))
        self._require_room(sample)
        raw = self.source.read(sample)
        return raw[_draw(len(raw), limit, seed)] if few else raw

    def affordable(self, sample: str) -> int | None:
        """Return how many cells of a sample fit into memory; None where all do."""
        count = int(self.cell_counts[sample])
        if self._bytes(count) <= _LITTLE:
            return None
        free = free_memory()
        return None if self._bytes(count) <= free else max(1, int(count * free / self._bytes(count)))

    def _bytes(self, count: int) -> int:
        return _COPIES * 4 * count * self.n_markers

    def cells(self, sample: str, *, limit: int | None = None, seed: int = 0) -> NDArray[np.float32]:
        """Cells of a sample in transformed marker units, (n, d).

        Parameters
        ----------
        limit
            At most so many cells, drawn without replacement with `seed`, in their order in the file.

        Raises
        ------
        CohortError
            For an unknown sample, or naming file, cell and marker of the first NaN or infinite value.
        """
        count = int(self.cell_counts[sample]) if sample in self.cell_counts.index else 0
        if limit is not None and limit < count and self._bytes(count) > _LARGE:
            raw = self.raw(sample, limit=limit, seed=seed)
            self._require_finite(sample, raw)
            return self.transform(raw)
        if (limit is None or limit >= count) and (whole := self._transformed(sample)) is not None:
            return whole
        raw = self.raw(sample)
        self._require_finite(sample, raw)
        if limit is not None and limit < len(raw):
            raw = raw[_draw(len(raw), limit, seed)]
        return self.transform(raw)

    def _transformed(self, sample: str) -> NDArray[np.float32] | None:
        self._require(sample)
        if not isinstance(self.source, TransformingSource):
            return None
        self._require_room(sample)
        return self.source.transformed(sample, self.transform)

    def chosen(self, sample: str, *, limit: int | None = None, seed: int = 0) -> NDArray[np.intp]:
        """Positions in the file of the cells that `cells` returns for the same limit and seed."""
        self._require(sample)
        return _draw(int(self.cell_counts[sample]), limit, seed)

    def populations(self, sample: str, *, limit: int | None = None, seed: int = 0) -> NDArray[Any] | None:
        """Return the population of each cell that `cells` returns for the same limit and seed, where known."""
        self._require(sample)
        labels = self.source.populations(sample)
        return None if labels is None else labels[_draw(len(labels), limit, seed)]

    def column(self, name: str) -> pd.Series:
        """Return a metadata column by sample.

        Raises
        ------
        CohortError
            When there is no such column, naming those there are.
        """
        if name not in self.samples.columns:
            what = f"Expected a column {name}, found {listed(map(str, self.samples.columns), 30)}."
            fix = did_you_mean(name, map(str, self.samples.columns)) or "Name one of these."
            raise CohortError(Problem(self.origin or self.name, what, fix))
        return self.samples[name]

    def select(self, *, markers: Sequence[str] | None = None, samples: Sequence[str] | None = None) -> Cohort:
        """Return the same cohort with some of its markers or samples, in the order given.

        Raises
        ------
        CohortError
            Naming every unknown, repeated or missing choice.
        """
        chosen_samples = list(self.samples.index) if samples is None else list(samples)
        chosen_markers = self.markers if markers is None else tuple(markers)
        problems = [
            *_choice_problems(self, "sample", chosen_samples, list(self.samples.index)),
            *_choice_problems(self, "marker", chosen_markers, self.markers),
        ]
        if problems:
            raise CohortError(*problems)
        place = {marker: column for column, marker in enumerate(self.markers)}
        columns = tuple(place[marker] for marker in chosen_markers)
        unchanged = chosen_markers == self.markers
        return replace(
            self,
            samples=self.samples.loc[chosen_samples],
            cell_counts=self.cell_counts.loc[chosen_samples],
            markers=chosen_markers,
            source=self.source if unchanged else MarkerSubset(self.source, columns),
            transform=self.transform if unchanged else self.transform.select(chosen_markers),
            components=None if self.components is None else self.components.choose(chosen_markers),
        )

    def _require(self, sample: str) -> None:
        if sample not in self.samples.index:
            fix = did_you_mean(sample, self.samples.index) or f"The samples are {listed(self.samples.index)}."
            what = f"Expected a sample of the cohort, found {sample}."
            raise CohortError(Problem(self.origin or self.name, what, fix))

    def _require_room(self, sample: str) -> None:
        needed = self._bytes(int(self.cell_counts[sample]))
        if needed > _LITTLE:
            require_memory(needed, self.source.where(sample), "Choose fewer markers, or fewer cells per sample.")

    def _require_finite(self, sample: str, raw: NDArray[np.float32]) -> None:
        if not np.isfinite(raw).all():
            raise CohortError(*not_finite(self.source, sample, raw, self.markers))


def not_finite(
    source: CellSource, sample: str, raw: NDArray[np.float32], markers: Sequence[str]
) -> tuple[Problem, ...]:
    """One problem for each marker with NaN or infinite values, naming the first such cell."""
    problems = []
    for column in np.flatnonzero(~np.isfinite(raw).all(axis=0)).tolist():
        bad = np.flatnonzero(~np.isfinite(raw[:, column]))
        kind = "NaN" if np.isnan(raw[bad[0], column]) else "infinity"
        problems.append(
            Problem(
                f"{source.where(sample, int(bad[0]))}, marker {markers[column]}",
                f"Expected a finite number, found {kind} (in {len(bad)} of {len(raw)} cells of the sample).",
                "Remove these cells or fill in their values, or leave the marker out.",
            )
        )
    return tuple(problems)


def _draw(count: int, limit: int | None, seed: int) -> NDArray[np.intp]:
    if limit is None or limit >= count:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, size=limit, replace=False))


def _choice_problems(cohort: Cohort, kind: str, wanted: Sequence[str], known: Sequence[str]) -> list[Problem]:
    where, there = cohort.origin or cohort.name, set(known)
    problems = [
        Problem(
            where,
            f"Expected a {kind} of the cohort, found {name}.",
            did_you_mean(name, known) or f"The {kind}s are {listed(known, 40)}.",
        )
        for name in wanted
        if name not in there
    ]
    if len(set(wanted)) < len(wanted):
        twice = sorted({name for name in wanted if list(wanted).count(name) > 1})
        problems.append(Problem(where, f"Expected every {kind} once, found {listed(twice)} twice.", "Name it once."))
    if not wanted:
        problems.append(Problem(where, f"Expected at least one {kind}, found none.", f"Choose one {kind} or more."))
    return problems
