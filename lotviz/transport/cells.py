"""Where the used cells of an embedding are read from: one sample at a time, remembered while memory allows."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lotviz.data.cohort import Cohort
from lotviz.data.problems import CohortError, Problem

_REMEMBERED_BYTES = 256_000_000


class CellStore(Protocol):
    """Reads the cells that were transported, in transformed marker units."""

    def read(self, sample: str) -> NDArray[np.float32]:
        """Return the used cells of a sample, (n, d)."""

    def populations(self, sample: str) -> NDArray[Any] | None:
        """Return the population of every used cell, (n,), or None where unknown."""


@dataclass(frozen=True, eq=False)
class CohortCells:
    """The used cells, drawn anew from the cohort by the same limit and seed.

    Attributes
    ----------
    cohort
        Where the cells are.
    limit
        At most so many cells of a sample; None for all.
    seed
        The seed of the draw.
    hashes
        What the cells were when they were transported; a sample that differs is refused.
    """

    cohort: Cohort
    limit: int | None
    seed: int
    hashes: dict[str, str]

    def read(self, sample: str) -> NDArray[np.float32]:
        """Draw the used cells of a sample anew, (n, d)."""
        cells = self.cohort.cells(sample, limit=self.limit, seed=self.seed)
        if hash_of(cells) != self.hashes[sample]:
            what = "Expected the cells that were embedded, found other cells: the file has changed since."
            raise CohortError(Problem(f"sample {sample}", what, "Embed the cohort again."))
        return cells

    def populations(self, sample: str) -> NDArray[Any] | None:
        """Read the population of every used cell, (n,), or None where unknown."""
        return self.cohort.populations(sample, limit=self.limit, seed=self.seed)


@dataclass(frozen=True, eq=False)
class RememberedCells:
    """Another store, keeping what it has read until `budget` bytes are held; safe to use from several threads."""

    store: CellStore
    budget: int = _REMEMBERED_BYTES
    _held: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self, sample: str) -> NDArray[np.float32]:
        """Return the used cells of a sample, (n, d), not to be written to."""
        with self._lock:
            held = self._held.get(sample)
        if held is not None:
            return held
        cells = self.store.read(sample)
        cells.setflags(write=False)  # the same array is handed out again
        with self._lock:
            if sum(part.nbytes for part in self._held.values()) + cells.nbytes <= self.budget:
                self._held[sample] = cells
        return cells

    def populations(self, sample: str) -> NDArray[Any] | None:
        """Return the population of every used cell, (n,), or None where unknown."""
        return self.store.populations(sample)


def unremembered(store: CellStore) -> CellStore:
    """Return the store beneath one that remembers, for reading every sample just once."""
    return store.store if isinstance(store, RememberedCells) else store


def hash_of(cells: NDArray[np.float32]) -> str:
    """Return the SHA-256 of cells and their shape, as hexadecimal digits."""
    little = np.ascontiguousarray(cells, dtype="<f4")
    return hashlib.sha256(repr(little.shape).encode() + little.tobytes()).hexdigest()
