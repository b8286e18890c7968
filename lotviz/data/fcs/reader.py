"""FCS files of FCS 2.0 to 3.2: opened to their channels and number of cells, read block by block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lotviz.data.fcs.events import arcsinh_of_stored, read_as_stored, stored_blocks
from lotviz.data.fcs.layout import Layout, channel_names, find_layout
from lotviz.data.fcs.spillover import Spillover, find_spillover
from lotviz.data.fcs.text import DataSet, damaged, read_data_sets
from lotviz.data.markers import marker_names
from lotviz.data.marks import NOTHING_SAID, Said, names_written, one_line, said_in
from lotviz.data.problems import CohortError, Problem
from lotviz.data.transforms.transform import AnyTransform, Transform

# What taking a damaged file apart may raise beyond what is looked for, depending on which byte is damaged.
_DAMAGE = (ArithmeticError, LookupError, MemoryError, OSError, TypeError, ValueError, np.linalg.LinAlgError)

Note = tuple[str, str]


@dataclass(frozen=True, eq=False)
class FcsFile:
    """One data set of an FCS file, opened but not read.

    Parameters
    ----------
    path, where
        The file, and how its owner calls it.
    markers
        Names of all channels, in the order of the file.
    n_cells
        Number of events.
    layout
        Where and how the values are stored.
    notes
        Warnings about how the file is read.
    spillover
        The spillover matrix it carries, and whether `read` applies it.
    left_uncompensated
        Whether it carries one that cannot be applied.
    data_sets
        How many data sets the file holds.
    said
        What the file says of itself.
    """

    path: Path
    where: str
    markers: tuple[str, ...]
    n_cells: int
    layout: Layout = field(repr=False)
    notes: tuple[Note, ...] = ()
    spillover: Spillover | None = None
    left_uncompensated: bool = False
    data_sets: int = 1
    said: Said = NOTHING_SAID

    @property
    def raw_file(self) -> bool:
        """Whether the file is as the instrument wrote it: any but one that lotviz wrote."""
        return not self.said.own

    def read(self, markers: tuple[str, ...], rows: NDArray[np.intp] | None = None) -> NDArray[np.float32]:
        """Values of the named channels, linear ($PnE, $PnG) and compensated where `spillover` says so, (n, d).

        Parameters
        ----------
        rows
            Only these cells, increasing; memory is taken for them alone.

        Raises
        ------
        CohortError
            When the file is not what it was when it was opened.
        """
        chosen = self._places(markers)
        with _undamaged(self.where), np.errstate(all="ignore"):  # senseless numbers end in infinity, reported later
            values = np.empty((self.n_cells if rows is None else len(rows), len(chosen)), np.float32)
            plain = self._plain(chosen) and rows is None
            if not (plain and read_as_stored(self.path, self.layout, chosen, values)):
                for cells, found in self._blocks(chosen, rows):
                    values[cells] = found
            return values

    def transformed(self, markers: tuple[str, ...], transform: AnyTransform) -> NDArray[np.float32] | None:
        """Return transformed values of the named channels, (n, d), the file gone through once.

        They are bit for bit those of `transform(read(markers))`, which takes longer: here every block of the file is
        transformed while it is in the cache of the processor.

        Returns
        -------
        numpy.ndarray or None
            None where some raw value is NaN or infinite; `read` shows which.

        Raises
        ------
        CohortError
            As for `read`.
        """
        chosen = self._places(markers)
        with _undamaged(self.where), np.errstate(all="ignore"):
            values = np.empty((self.n_cells, len(chosen)), np.float32)
            if self._at_once(chosen, transform, values):
                return values
            finite = all(transform.into(found, values[cells]) for cells, found in self._blocks(chosen))
            return values if finite else None

    def _at_once(self, chosen: Sequence[int], transform: AnyTransform, values: NDArray[np.float32]) -> bool:
        """Write transformed values where one compiled function can read and transform them, or say no."""
        if not (isinstance(transform, Transform) and transform.kind == "arcsinh" and self._plain(chosen)):
            return False
        return arcsinh_of_stored(self.path, self.layout, chosen, cofactor=transform.cofactor, values=values)

    def _places(self, markers: tuple[str, ...]) -> list[int]:
        """Return which channels the named ones are."""
        return list(range(len(markers))) if markers == self.markers else [self.markers.index(name) for name in markers]

    def _plain(self, chosen: Sequence[int]) -> bool:
        """Whether the values of these channels are what is stored of them alone."""
        spillover = self.spillover if self.spillover and self.spillover.applied else None
        compensated = set(spillover.columns if spillover else ())
        as_stored = all(self.layout.channels[column].as_stored for column in chosen)
        return as_stored and not compensated & set(chosen) and len(set(chosen)) == len(chosen)

    def _blocks(
        self, chosen: Sequence[int], rows: NDArray[np.intp] | None = None
    ) -> Iterator[tuple[slice, NDArray[Any]]]:
        """Yield which cells and their values, (cells, len(chosen)) of whatever type, overwritten by the next.

        Cells are counted among `rows` where these are given.
        """
        if not chosen:
            return
        if self._plain(chosen):
            yield from _some(stored_blocks(self.path, self.layout, chosen), rows)
            return
        spillover = self.spillover if self.spillover and self.spillover.applied else None
        if spillover and not set(chosen) & set(spillover.columns):
            spillover = None
        # a channel is compensated with all others of the matrix, wanted or not, and these come first
        columns = list(dict.fromkeys([*(spillover.columns if spillover else ()), *chosen]))
        place = {column: number for number, column in enumerate(columns)}
        scaled = [column for column in columns if not self.layout.channels[column].as_stored]
        for cells, stored in _some(stored_blocks(self.path, self.layout, columns), rows):
            linear = stored.astype(np.float64)
            for column in scaled:
                linear[:, place[column]] = self.layout.channels[column].linear(stored[:, place[column]])
            if spillover:
                among = slice(len(spillover.columns))
                linear[:, among] = spillover.compensate(linear[:, among])
            yield cells, linear.take([place[column] for column in chosen], axis=1)

    def populations(self) -> NDArray[Any] | None:
        """None: FCS files hold numbers only."""
        return None


def _some(
    blocks: Iterable[tuple[slice, NDArray[Any]]], rows: NDArray[np.intp] | None
) -> Iterator[tuple[slice, NDArray[Any]]]:
    """Keep some rows (increasing) of consecutive blocks: where they belong among these rows, and their values."""
    for cells, values in blocks:
        if rows is None:
            yield cells, values
            continue
        low, high = np.searchsorted(rows, [cells.start, cells.stop])
        if high > low:
            yield slice(int(low), int(high)), values[rows[low:high] - cells.start]


def open_fcs(path: Path, where: str, *, compensate: bool | None = None, dataset: int = 1) -> FcsFile:
    """Open an FCS file: its channels and number of cells, its data section checked to be whole.

    Parameters
    ----------
    path, where
        The file, and how its owner calls it.
    compensate
        Whether its spillover matrix is applied; when None, see `find_spillover`.
    dataset
        Which data set of the file, counted from 1.

    Raises
    ------
    CohortError
        When the file is no FCS file, is damaged or cut short, stores histograms instead of cells, has no such data
        set, or no spillover matrix where one must be applied.
    """
    with _undamaged(where):
        data_sets, whole = read_data_sets(path, where)
        data_set = _chosen(data_sets, dataset, where)
        layout, notes = find_layout(data_set)
        channels, stains = channel_names(layout)
        written = names_written(data_set.keywords)
        own = written is not None and _still_true(written, stains)
        spillover, about_spillover = find_spillover(data_set, channels, stains, compensate=compensate)
        return FcsFile(
            path=path,
            where=where,
            markers=written if written and own else marker_names(channels, stains),
            n_cells=layout.n_cells,
            layout=layout,
            notes=(*notes, *about_spillover, *_about_data_sets(len(data_sets), dataset, whole=whole)),
            spillover=spillover,
            left_uncompensated=spillover is None and bool(about_spillover),
            data_sets=len(data_sets),
            said=replace(said_in(data_set.keywords), own=own),
        )


def _still_true(names: Sequence[str], stains: Sequence[str]) -> bool:
    """Whether names that lotviz wrote are those of the channels: another program may have changed these since."""
    return len(names) == len(stains) and all(
        one_line(name) in ("", stain) for name, stain in zip(names, stains, strict=True)
    )


def _chosen(data_sets: Sequence[DataSet], dataset: int, where: str) -> DataSet:
    if 1 <= dataset <= len(data_sets):
        return data_sets[dataset - 1]
    what = f"Expected data set {dataset} in the file, found {len(data_sets)}."
    raise CohortError(Problem(where, what, f"Write a number from 1 to {len(data_sets)} after the #, or none."))


def _about_data_sets(count: int, dataset: int, *, whole: bool) -> Iterator[Note]:
    if count > 1:
        fix = "Write the file's name with #2 after it in the sheet to use the second, and so on."
        yield f"holds {count} data sets, of which number {dataset} was read", fix
    if not whole:
        yield "announces another data set, which is not there", "Copy the file again if it should hold several."


@contextmanager
def _undamaged(where: str) -> Iterator[None]:
    """Turn what is raised while a damaged file is taken apart into the problem of that file."""
    try:
        yield
    except CohortError:
        raise
    except _DAMAGE as error:
        raise CohortError(damaged(where, f"{type(error).__name__}: {error}")) from error
