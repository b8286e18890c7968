"""arcsinh of many values: compiled, and numpy's where nothing can be compiled."""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

_OF_INTEGERS = 2.0**16  # no value of 16 bits is larger


def arcsinh(values: NDArray[np.float32], cofactor: float) -> NDArray[np.float32]:
    """Return arcsinh(values / cofactor), any shape, within 5 units in the last place.

    On one machine the same value always gives the same bits, wherever it stands. The first call after an installation
    compiles for a second.

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

    The bits are those of `arcsinh`, whatever the values are stored as: floats of 32 bits in either byte order and
    integers of 16 bits are taken as they stand, anything else as float32 first.

    Parameters
    ----------
    values
        Numbers of any shape and type.
    result
        An array of its own, of the same shape, row by row in memory (C order).
    """
    kernels, half = _compiled(), np.float32(0.5 / cofactor)
    if kernels is None or not np.isfinite(half) or half == 0:
        floats = values.astype(np.float32, copy=False)
        np.arcsinh(floats / np.float32(cofactor), out=result)
        return bool(np.isfinite(floats).all())
    swapped = values.dtype == np.dtype(np.float32).newbyteorder()
    short = values.dtype == np.uint16 and _OF_INTEGERS * float(half) < kernels.TOO_LARGE
    if swapped or short:
        stored = np.require(values, requirements=("C", "A")).reshape(-1)
        kernel = kernels.of_swapped_floats if swapped else kernels.of_shorts
        largest = kernel(stored.view(np.uint32) if swapped else stored, half, result.reshape(-1))
    else:
        stored = np.require(values, np.float32, requirements=("C", "A")).reshape(-1)
        largest = kernels.of_floats(stored, half, result.reshape(-1))
    if largest < kernels.TOO_LARGE.view(np.int32):
        return True
    floats = stored.astype(np.float32, copy=False)
    with np.errstate(over="ignore"):
        places = np.flatnonzero(~(np.abs(floats * half) < kernels.TOO_LARGE))
    _of_large(floats, places, cofactor, result.reshape(-1))
    return bool(np.isfinite(floats[places]).all())


def _of_large(
    values: NDArray[np.float32], places: NDArray[np.intp], cofactor: float, result: NDArray[np.float32]
) -> None:
    """Write what no kernel computes: the arcsinh of very large values, infinity and NaN."""
    result[places] = np.arcsinh(values[places].astype(np.float64) / cofactor)


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
