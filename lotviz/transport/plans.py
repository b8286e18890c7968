"""Sparse plans of many samples, of which only the last ones asked for are in memory."""

from __future__ import annotations

import mmap
import os
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from io import FileIO
from pathlib import Path
from typing import Any, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from lotviz.transport.archive import ArchiveWriter

_REMEMBERED_BYTES = 64_000_000


class RememberedPlans(Sequence[csr_array]):
    """The plan of each sample, read when it is asked for; safe to use from several threads.

    Parameters
    ----------
    read
        Reads the plan of the sample at a position, (m, n), sparse.
    count
        How many samples there are.
    budget
        The plans asked for last are kept until they take so many bytes.
    """

    def __init__(self, read: Callable[[int], csr_array], count: int, budget: int = _REMEMBERED_BYTES) -> None:
        self._read = read
        self._count = count
        self._budget = budget
        self._held: dict[int, csr_array] = {}  # the one asked for last stands last
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, position: int) -> csr_array: ...

    @overload
    def __getitem__(self, position: slice) -> tuple[csr_array, ...]: ...

    def __getitem__(self, position: int | slice) -> csr_array | tuple[csr_array, ...]:
        """Return the plan at a position, or those of a slice."""
        places = range(self._count)[position]
        return tuple(self._plan(place) for place in places) if isinstance(places, range) else self._plan(places)

    def __iter__(self) -> Iterator[csr_array]:
        """Read the plans one after another and remember none: each is needed once."""
        return (self._read(place) for place in range(self._count))

    def _plan(self, place: int) -> csr_array:
        with self._lock:
            held = self._held.pop(place, None)
            if held is not None:
                self._held[place] = held
                return held
        plan = self._read(place)
        with self._lock:
            self._held[place] = plan
            while sum(_size(held) for held in self._held.values()) > self._budget:
                del self._held[next(iter(self._held))]
        return plan


class _Place(NamedTuple):
    """Where a plan lies in the temporary file: its arrays stand one after another."""

    offset: int
    shape: tuple[int, int]
    parts: tuple[tuple[np.dtype[Any], int], ...]


class GatheredPlans:
    """The plans of a cohort while it is transported: in memory, or in a temporary file that has no name.

    The file belongs to this object alone: nobody else can remove it, and it is gone with the object, or with the
    process however that ends. A plan for which the disk has no room stays in memory.

    Parameters
    ----------
    count
        How many samples there are.
    folder
        Where the temporary file is made; None keeps all plans in memory.
    """

    def __init__(self, count: int, folder: Path | None = None) -> None:
        self._count = count
        self._held: dict[int, csr_array] = {}
        self._places: dict[int, _Place] = {}
        self._lock = threading.Lock()
        self._file = None if folder is None else _temporary_file(folder)
        if self._file is not None:
            weakref.finalize(self, self._file.close)

    def keep(self, position: int, plan: csr_array) -> None:
        """Keep the plan of the sample at a position."""
        with self._lock:
            place = None if self._file is None else _written(self._file, plan)
            if place is None:
                self._held[position] = plan
            else:
                self._places[position] = place

    def read(self, position: int) -> csr_array:
        """Return the plan of the sample at a position, bit for bit as it was kept."""
        if self._file is None or position in self._held:
            return self._held[position]
        place, parts = self._places[position], []
        with mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ) as file:
            start = place.offset
            for dtype, length in place.parts:
                parts.append(np.frombuffer(file, dtype, length, start).copy())
                start += parts[-1].nbytes
        return csr_array(tuple(parts), shape=place.shape)

    def plans(self) -> Sequence[csr_array]:
        """Return all plans, in the order of their positions."""
        if self._file is None:
            return tuple(self._held[position] for position in range(self._count))
        return RememberedPlans(self.read, self._count)


def write_plan(archive: ArchiveWriter, name: str, plan: csr_array) -> None:
    """Add a plan to an archive."""
    archive.array(f"{name}/data", plan.data.astype(np.float64, copy=False))
    archive.array(f"{name}/indices", plan.indices.astype(np.int64))
    archive.array(f"{name}/indptr", plan.indptr.astype(np.int64))


def plan_of(data: NDArray[np.float64], indices: NDArray[Any], indptr: NDArray[Any], n_cells: int) -> csr_array:
    """Return the plan these arrays make, (m, n).

    Raises
    ------
    ValueError
        They make none.
    """
    plan = csr_array((data, indices, indptr), shape=(len(indptr) - 1, n_cells))
    plan.check_format(full_check=True)
    return plan


def _size(plan: csr_array) -> int:
    return int(plan.data.nbytes + plan.indices.nbytes + plan.indptr.nbytes)


def _temporary_file(folder: Path) -> FileIO | None:
    try:
        return tempfile.TemporaryFile(dir=folder, buffering=0)
    except OSError:
        return None


def _written(file: FileIO, plan: csr_array) -> _Place | None:
    """Add a plan to the end of the file; None when the disk has no room for it."""
    parts = (plan.data, plan.indices, plan.indptr)
    try:
        offset = file.seek(0, os.SEEK_END)
        for part in parts:
            rest = memoryview(part.tobytes())
            while rest:
                rest = rest[file.write(rest) :]
    except OSError:
        return None
    return _Place(offset, plan.shape, tuple((part.dtype, len(part)) for part in parts))
