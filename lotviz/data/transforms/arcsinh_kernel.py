"""arcsinh in float32, written so that the compiler takes 8 or 16 values at a time; importing it compiles it or fails.

With a = |x| / 2 and w = a^2, half of what stands in the logarithm is h = a + sqrt(w + 1/4), and arcsinh |x| is
log h + log 2. Halves do not overflow. h is taken apart as 2^k (1 + m) with 1 + m between sqrt(1/2) and sqrt(2), and
log(1 + m) is a polynomial; below 0.7, where h is too near to 1/2, arcsinh itself is one, in w. Both are computed for
every value and one is taken, as a branch would keep the compiler from vectors.

Coefficients: least maximal error of log(1 + m) (3.4e-8) and of arcsinh(x) / x (4.1e-8 of it), by weighted least squares
(Lawson 1961). In all, at most 4 units in the last place, one of them the cofactor's.
"""

from __future__ import annotations

import math

import numpy as np
from numba import float32, njit, types, void
from numpy.typing import NDArray

_LOG = tuple(
    np.float32(value)
    for value in (
        *(0.9999998139340492, -0.5000066741797994, 0.33336181767370515, -0.249593427535379),
        *(0.19873052707341018, -0.17333483338250494, 0.1641994872087844, -0.10102132196307097),
    )
)
_NEAR = tuple(
    np.float32(value * 4**power)  # of w = x^2 / 4
    for power, value in enumerate(
        (-0.16666266226692072, 0.07487674380364993, -0.04338730003057174, 0.024546641486401784, -0.008603451154718372),
        start=1,
    )
)
_L0, _L1, _L2, _L3, _L4, _L5, _L6, _L7 = _LOG
_N0, _N1, _N2, _N3, _N4 = _NEAR
_QUARTER, _HALF, _ONE, _TWO = (np.float32(value) for value in (0.25, 0.5, 1.0, 2.0))
_BOUND = np.float32(0.35)  # of a
_INFINITE = np.float32(np.inf)
# A float32 is exponent (8 bits, biased) and mantissa (23 bits): as an integer 2^23 stands for a factor of 2.
_OCTAVE = np.int32(1 << 23)
_EXPONENT = np.int32(-1 << 23)
_LOWEST = np.int32(np.float32(0.5**0.5).view(np.int32))
_LOG_2 = np.float32(math.log(2.0) / (1 << 23))

_READ = types.Array(float32, 1, "C", readonly=True)


@njit(void(_READ, float32, float32[::1]), cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def arcsinh_into(values: NDArray[np.float32], half: np.float32, result: NDArray[np.float32]) -> None:
    """Write arcsinh(2 * half * values) to `result`, both (n,); `half` is 0.5 / cofactor."""
    for i in range(values.size):
        x = values[i] * half
        a = abs(x)
        w = a * a
        # the smaller one is the root, until w becomes infinite: then the other is as good
        h = np.float32(a + min(np.sqrt(w + _QUARTER), a + _HALF))
        bits = h.view(np.int32)
        octaves = np.int32(np.int32(bits - _LOWEST + _OCTAVE) & _EXPONENT)  # (k + 1) 2^23
        m = _TWO * np.int32(bits - octaves).view(np.float32) - _ONE
        p = _L7
        p = p * m + _L6
        p = p * m + _L5
        p = p * m + _L4
        p = p * m + _L3
        p = p * m + _L2
        p = p * m + _L1
        p = p * m + _L0
        far = p * m + np.float32(octaves) * _LOG_2
        q = (((_N4 * w + _N3) * w + _N2) * w + _N1) * w + _N0
        near = (a + a) + (a + a) * (q * w)
        size = near if a < _BOUND else far
        result[i] = math.copysign(size if a < _INFINITE else a, x)  # infinite and NaN stay what they are
