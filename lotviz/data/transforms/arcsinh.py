"""arcsinh of many values: compiled, and numpy's where nothing can be compiled."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

_Kernel = Callable[[NDArray[np.float32], np.float32, NDArray[np.float32]], None]


def arcsinh(values: NDArray[np.float32], cofactor: float) -> NDArray[np.float32]:
    """Return arcsinh(values / cofactor), any shape, within 4 units in the last place.

    On one machine the same value always gives the same bits, wherever it stands. The first call after an installation
    compiles for a second.

    Examples
    --------
    >>> arcsinh(np.float32([0.0, -5.0]), 5.0).round(4)
    array([ 0.    , -0.8814], dtype=float32)
    """
    kernel = _compiled()
    half = np.float32(0.5 / cofactor)
    if kernel is None or not np.isfinite(half) or half == 0:
        return np.arcsinh(values / np.float32(cofactor))
    result = np.empty(values.shape, dtype=np.float32)
    kernel(np.require(values, requirements=("C", "A")).reshape(-1), half, result.reshape(-1))
    return result


@functools.cache
def _compiled() -> _Kernel | None:
    """Return the kernel, None where this machine cannot have it: that is the same for the whole process."""
    try:
        from numba.core.errors import NumbaError
    except ImportError:
        return None
    try:
        from lotviz.data.transforms.arcsinh_kernel import arcsinh_into
    except (NumbaError, ImportError, OSError, RuntimeError):
        return None
    kernel: Any = arcsinh_into
    return kernel
