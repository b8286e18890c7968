"""arcsinh of many values: compiled, and numpy's where nothing can be compiled."""

from __future__ import annotations

import functools
import math
import sys
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LITTLE = sys.byteorder == "little"
_FLOAT, _SHORT = np.dtype(np.float32), np.dtype(np.uint16)
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

    The bits are those of `arcsinh`, whatever the values are stored as: floats of 32 bits in either byte order are taken
    as they stand, integers of 16 bits are looked up, and anything else is made float32 first.

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
    if dtype in (_SHORT, _SWAPPED_SHORT) and _LITTLE:
        _look_up(_in_a_row(values), _table(cofactor, swapped=dtype == _SWAPPED_SHORT), flat, kernels)
        return True
    if dtype == _SWAPPED_FLOAT:
        stored = _in_a_row(values)
        largest = kernels.of_swapped_floats(stored.view(np.uint32), half, flat)
    else:
        stored = _in_a_row(values if dtype == _FLOAT else values.astype(_FLOAT))
        largest = kernels.of_floats(stored, half, flat)
    return bool(largest < kernels.TOO_LARGE.view(np.int32)) or _of_large(stored, cofactor, flat, kernels.TOO_LARGE)


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


@functools.lru_cache(maxsize=16)  # tables of 256 kB
def _table(cofactor: float, *, swapped: bool) -> NDArray[np.float32]:
    """Return the arcsinh of each integer of 16 bits, (65536,), at the integer that its bytes are read as."""
    integers = np.arange(2**16, dtype=np.uint16)
    table = arcsinh((integers.byteswap() if swapped else integers).astype(np.float32), cofactor)
    table.setflags(write=False)
    return table


def _look_up(
    integers: NDArray[np.uint16], table: NDArray[np.float32], result: NDArray[np.float32], kernels: ModuleType
) -> None:
    fours = len(integers) // 4 * 4
    kernels.of_integers(_in_a_row(integers[:fours].view(np.uint64)), table, result)
    result[fours:] = table[integers[fours:].view(np.uint16)]


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
