"""arcsinh of many values: compiled, and numpy's where nothing can be compiled."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from io import FileIO
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

_FLOAT, _SHORT = np.dtype(np.float32), np.dtype(np.uint16)
_BLOCK = 2**20  # bytes of a file between computing: smaller ones are copied slowly, larger ones leave the cache
_PIECE = 2**26  # bytes between which the interpreter is asked whether to go on
_LINE = 64  # bytes of a line of the cache
_LARGEST_SHORT = np.float32(2**16 - 1)
_SWAPPED_FLOAT, _SWAPPED_SHORT = _FLOAT.newbyteorder(), _SHORT.newbyteorder()


def arcsinh(values: NDArray[np.float32], cofactor: float) -> NDArray[np.float32]:
    """Return arcsinh(values / cofactor), any shape, within 5 units in the last place.

    On one machine the same value always gives the same bits, wherever it stands. The first call after an installation
    compiles for some seconds.

    Examples
    --------
    >>> arcsinh(np.float32([0.0, -5.0]), 5.0).round(4)
    array([ 0.    , -0.8814], dtype=float32)
    """
    result = np.empty(values.shape, dtype=np.float32)
    arcsinh_into(values, cofactor, result)
    return result


def arcsinh_into(values: NDArray[Any], cofactor: float, result: NDArray[np.float32]) -> bool:
    """Write arcsinh(values / cofactor) to `result`, and say whether all values are finite.

    The bits are those of `arcsinh`, whatever the values are stored as: floats of 32 bits and integers of 16 bits in
    either byte order are taken as they stand, anything else is made float32 first.

    Parameters
    ----------
    values
        Numbers of any shape and type.
    result
        An array of its own, of the same shape, row by row in memory (C order).
    """
    kernels, half = _compiled(), np.float32(0.5 / cofactor)
    if kernels is None or half == 0 or not math.isfinite(half):
        floats = values.astype(np.float32, copy=False)
        np.arcsinh(floats / np.float32(cofactor), out=result)
        return bool(np.isfinite(floats).all())
    flat, dtype = result.reshape(-1), values.dtype
    if dtype in (_SHORT, _SWAPPED_SHORT) and _computed(dtype, half, kernels):
        kernel = kernels.of_shorts if dtype == _SHORT else kernels.of_swapped_shorts
        kernel(_in_a_row(values).view(_SHORT), half, flat)
        return True
    if dtype == _SWAPPED_FLOAT:
        stored = _in_a_row(values)
        largest = kernels.of_swapped_floats(stored.view(np.uint32), half, flat)
    else:
        stored = _in_a_row(values if dtype == _FLOAT else values.astype(_FLOAT))
        largest = kernels.of_floats(stored, half, flat)
    return bool(largest < kernels.TOO_LARGE.view(np.int32)) or _of_large(stored, cofactor, flat, kernels.TOO_LARGE)


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


def arcsinh_of_file(handle: FileIO, table: StoredTable, cofactor: float, result: NDArray[np.float32]) -> bool:
    """Write arcsinh(values / cofactor) of a table in a file to `result`, or say no.

    Reading and computing alternate in one compiled function, so that threads wait for one another only between pieces
    of 64 MB. The bits are those of `arcsinh`. No is said, and `result` left with anything, where the values are of a
    type that is not read so, where one is not finite or larger than the kernel computes, where the file ends too early
    or cannot be read, and on systems that cannot do it: whoever reads it in another way finds out which.

    Parameters
    ----------
    handle
        The open file, unbuffered; its position is neither used nor moved.
    result
        (n, number of wanted columns), row by row in memory (C order).
    """
    kernels, half = _compiled(), np.float32(0.5 / cofactor)
    if kernels is None or not hasattr(kernels, "of_file") or not _computed(table.dtype, half, kernels):
        return False
    stored = (_FLOAT, _SWAPPED_FLOAT, _SHORT, _SWAPPED_SHORT).index(table.dtype)
    row, wanted = table.columns * table.dtype.itemsize, np.array(table.wanted or (), np.int64)
    rows = max(1, min(_BLOCK // row, len(result)))
    raw, chosen = aligned(rows * row), aligned(rows * len(wanted) * table.dtype.itemsize)
    step = max(1, _PIECE // row)
    for first in range(0, len(result), step):
        into = result[first : first + step].reshape(-1)
        start = table.start + first * row
        largest = kernels.of_file(handle.fileno(), start, stored, table.columns, rows, wanted, half, raw, chosen, into)
        if not 0 <= largest < kernels.TOO_LARGE.view(np.int32):
            return False
    return True


def _computed(dtype: np.dtype[Any], half: np.float32, kernels: ModuleType) -> bool:
    """Whether the kernels take values of this type, and such a cofactor."""
    if half == 0 or not math.isfinite(half):
        return False
    if dtype in (_SHORT, _SWAPPED_SHORT):
        return bool(_LARGEST_SHORT * half < kernels.TOO_LARGE)
    return dtype in (_FLOAT, _SWAPPED_FLOAT)


def aligned(count: int) -> NDArray[np.uint8]:
    """Return memory for `count` bytes from the start of a cache line on: systems copy there up to twice as fast."""
    memory = np.empty(count + _LINE, np.uint8)
    return memory[-memory.ctypes.data % _LINE :][:count]


def _in_a_row(values: NDArray[Any]) -> NDArray[Any]:
    whole = values.flags.c_contiguous and values.flags.aligned
    return (values if whole else np.require(values, requirements=("C", "A"))).reshape(-1)


def _of_large(stored: NDArray[Any], cofactor: float, result: NDArray[np.float32], bound: np.float32) -> bool:
    """Write what no kernel computes, the arcsinh of very large values, infinity and NaN; say whether all are finite."""
    values = stored.astype(np.float32, copy=False)
    with np.errstate(over="ignore"):
        places = np.flatnonzero(~(np.abs(values * np.float32(0.5 / cofactor)) < bound))
    result[places] = np.arcsinh(values[places].astype(np.float64) / cofactor)
    return bool(np.isfinite(values[places]).all())


@functools.cache
def _compiled() -> ModuleType | None:
    """Return the kernels, None where this machine cannot have them: that is the same for the whole process."""
    try:
        from numba.core.errors import NumbaError
    except ImportError:
        return None
    try:
        from lotviz.data.transforms import arcsinh_kernel
    except (NumbaError, ImportError, OSError, RuntimeError):
        return None
    return arcsinh_kernel
