"""arcsinh of a table of numbers in a file, read and computed block by block by one compiled function."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from io import FileIO
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lotviz.data.transforms.arcsinh import FLOAT, SHORT, SWAPPED_FLOAT, SWAPPED_SHORT, compiled, computed

_BLOCK = 2**20  # bytes of a file between computing: smaller ones are copied slowly, larger ones leave the cache
_PIECE = 2**26  # bytes between which the interpreter is asked whether to go on
_SHARED = 2**22  # bytes of a result that two threads share: those of less are done before a second one has started
_LINE = 64  # bytes of a line of the cache
_STORED = (FLOAT, SWAPPED_FLOAT, SHORT, SWAPPED_SHORT)  # in the order of the kernel's numbers for them


@dataclass(frozen=True)
class StoredTable:
    """Numbers in a file, row by row without gaps: its byte they begin with, their type, and which columns are wanted.

    Parameters
    ----------
    start
        Byte of the file.
    dtype
        Type and byte order of all numbers.
    columns
        The table has so many.
    wanted
        Which ones, in which order; None for all.
    """

    start: int
    dtype: np.dtype[Any]
    columns: int
    wanted: tuple[int, ...] | None = None

    @property
    def row(self) -> int:
        """Bytes of a row."""
        return self.columns * self.dtype.itemsize

    def from_row(self, row: int) -> StoredTable:
        """Return the table that begins with this row."""
        return replace(self, start=self.start + row * self.row)


def arcsinh_of_file(handle: FileIO, table: StoredTable, cofactor: float, result: NDArray[np.float32]) -> bool:
    """Write arcsinh(values / cofactor) of a table in a file to `result`, or say no.

    Reading and computing alternate in one compiled function, so that threads wait for one another only between pieces
    of 64 MB. A call that comes while no other is under way shares a large table with a thread of its own. The bits are
    those of `arcsinh`. No is said, and `result` left with anything, where the values are of a type that is not read
    so, where one is not finite or larger than the kernel computes, where the file ends too early or cannot be read, and
    on systems that cannot do it: whoever reads it in another way finds out which.

    Parameters
    ----------
    handle
        The open file, unbuffered; its position is neither used nor moved.
    result
        (n, number of wanted columns), row by row in memory (C order).
    """
    kernels, half = compiled(), np.float32(0.5 / cofactor)
    if kernels is None or not hasattr(kernels, "of_file") or not computed(table.dtype, half, kernels):
        return False
    with _UNDER_WAY.one_more() as alone:
        if not alone or result.nbytes < _SHARED or _processors() == 1:
            return _Share(handle, table, half, result).run(kernels)
        middle = len(result) // 2
        shares = [
            _Share(handle, table, half, result[:middle]),
            _Share(handle, table.from_row(middle), half, result[middle:]),
        ]
        thread = threading.Thread(target=shares[1].run, args=(kernels,), name="second half of a file")
        try:
            thread.start()
        except RuntimeError:  # this process may have no more of them
            return all(share.run(kernels) for share in shares)
        try:
            shares[0].run(kernels)
        finally:
            thread.join()  # the file it reads from is closed next
        return all(share.done for share in shares)


def aligned(count: int) -> NDArray[np.uint8]:
    """Return memory for `count` bytes from the start of a cache line on: systems copy there up to twice as fast."""
    memory = np.empty(count + _LINE, np.uint8)
    return memory[-memory.ctypes.data % _LINE :][:count]


@dataclass
class _Counter:
    """How many calls are under way in all threads."""

    calls: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def one_more(self) -> Iterator[bool]:
        """Count a call while it is under way; whether there was no other when it came."""
        with self.lock:
            self.calls += 1
            alone = self.calls == 1
        try:
            yield alone
        finally:
            with self.lock:
                self.calls -= 1


_UNDER_WAY = _Counter()


class _Share:
    """Rows that one thread transforms; whoever makes it takes the memory, which a new thread would have to ask for."""

    def __init__(self, handle: FileIO, table: StoredTable, half: np.float32, result: NDArray[np.float32]) -> None:
        self.handle, self.table, self.half, self.result = handle, table, half, result
        self.wanted = np.array(table.wanted or (), np.int64)
        self.rows = max(1, min(_BLOCK // table.row, len(result)))
        self.raw = aligned(self.rows * table.row)
        self.chosen = aligned(self.rows * len(self.wanted) * table.dtype.itemsize)
        self.done = False

    def run(self, kernels: ModuleType) -> bool:
        """Transform them, and say whether that was possible."""
        descriptor, columns, step = self.handle.fileno(), self.table.columns, max(1, _PIECE // self.table.row)
        how = (_STORED.index(self.table.dtype), columns, self.rows, self.wanted, self.half, self.raw, self.chosen)
        for first in range(0, len(self.result), step):
            into = self.result[first : first + step].reshape(-1)
            largest = kernels.of_file(descriptor, self.table.from_row(first).start, *how, into)
            if not 0 <= largest < kernels.TOO_LARGE.view(np.int32):
                return False
        self.done = True
        return True


def _processors() -> int:
    """Return on how many processors this process may run."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
