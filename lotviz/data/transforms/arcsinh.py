"""arcsinh of many values: compiled, and numpy's where nothing can be compiled."""

from __future__ import annotations

import functools
import math
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

FLOAT, SHORT = np.dtype(np.float32), np.dtype(np.uint16)
_LARGEST_SHORT = np.float32(2**16 - 1)
SWAPPED_FLOAT, SWAPPED_SHORT = FLOAT.newbyteorder(), SHORT.newbyteorder()


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
    kernels, half = compiled(), np.float32(0.5 / cofactor)
    if kernels is None or half == 0 or not math.isfinite(half):
        floats = values.astype(np.float32, copy=False)
        np.arcsinh(floats / np.float32(cofactor), out=result)
        return bool(np.isfinite(floats).all())
    flat, dtype = result.reshape(-1), values.dtype
    if dtype in (SHORT, SWAPPED_SHORT) and computed(dtype, half, kernels):
        kernel = kernels.of_shorts if dtype == SHORT else kernels.of_swapped_shorts
        kernel(_in_a_row(values).view(SHORT), half, flat)
        return True
    if dtype == SWAPPED_FLOAT:
        stored = _in_a_row(values)
        largest = kernels.of_swapped_floats(stored.view(np.uint32), half, flat)
    else:
        stored = _in_a_row(values if dtype == FLOAT else values.astype(FLOAT))
        largest = kernels.of_floats(stored, half, flat)
    return bool(largest < kernels.TOO_LARGE.view(np.int32)) or _of_large(stored, cofactor, flat, kernels.TOO_LARGE)


def computed(dtype: np.dtype[Any], half: np.float32, kernels: ModuleType) -> bool:
    """Whether the kernels take values of this type, and such a cofactor."""
    if half == 0 or not math.isfinite(half):
        return False
    if dtype in (SHORT, SWAPPED_SHORT):
        return bool(_LARGEST_SHORT * half < kernels.TOO_LARGE)
    return dtype in (FLOAT, SWAPPED_FLOAT)


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
def compiled() -> ModuleType | None:
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
