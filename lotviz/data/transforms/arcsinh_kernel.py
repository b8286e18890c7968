"""arcsinh in float32, written so that the compiler takes 8 or 16 values at a time; importing it compiles it or fails.

With a = |x| / 2 and s = sqrt(a^2 + 1/4), half of what stands in the logarithm is h = a + s, and arcsinh |x| is
log h + log 2. h is taken apart as 2^(k-1) m with m between 0.4125 and 0.825, so that arcsinh |x| = k log 2 + log 2m and
log 2m = 2 artanh((m - 1/2) / (m + 1/2)). Where k is 0 the fraction is a / (s + 1/2) as well, in which nothing cancels:
small values keep all their places. Both fractions are prepared and one is divided out, as a branch would keep the
compiler from vectors. 2 artanh(t) / t is a polynomial in t^2: the near-minimax one of degree 3 where 2m < 1.65, within
2e-8, of which the first coefficient is 2.

a^2 must not overflow: the functions that compute return the largest |x| / 2 as bits of an integer (infinity and NaN are
above all numbers there), and values from `TOO_LARGE` on are left to the caller.
"""

from __future__ import annotations

import math

import numpy as np
from numba import float32, int32, njit, types, uint32, uint64, void
from numpy.typing import NDArray

TOO_LARGE = np.float32(2.0**60)

_C1, _C2, _C3 = (np.float32(value) for value in (0.6666801218118394, 0.3988947995007961, 0.3144271250430587))
_QUARTER, _HALF = np.float32(0.25), np.float32(0.5)
# A float32 is exponent (8 bits, biased) and mantissa (23 bits): as an integer 2^23 stands for a factor of 2.
_EXPONENT = np.int32(-1 << 23)
_LOWEST = np.int32(np.float32(0.4125).view(np.int32))
_LOG_2 = np.float32(math.log(2.0) / (1 << 23))
_EIGHT, _HIGH, _LOW = np.uint32(8), np.uint32(0xFF00FF00), np.uint32(0x00FF00FF)
_SIXTEEN = np.uint32(16)
_SHORT, _FIRST, _SECOND, _THIRD = np.uint64(0xFFFF), np.uint64(16), np.uint64(32), np.uint64(48)
_FLOATS = types.Array(float32, 1, "C", readonly=True)
_BITS = types.Array(uint32, 1, "C", readonly=True)
_FOURS = types.Array(uint64, 1, "C", readonly=True)


@njit(float32(float32), forceinline=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _arcsinh_of_twice(x: np.float32) -> float:
    a = abs(x)
    s = np.float32(np.sqrt(a * a + _QUARTER))
    h = np.float32(a + s)
    bits = h.view(np.int32)
    octaves = np.int32(np.int32(bits - _LOWEST) & _EXPONENT)  # k 2^23
    m = np.int32(bits - octaves).view(np.float32)
    near = octaves == 0
    above = a if near else m - _HALF
    below = s + _HALF if near else m + _HALF
    t = above / below
    z = t * t
    p = ((_C3 * z + _C2) * z + _C1) * z
    # nowhere a sum of two products: which of them is fused with the sum would be the compiler's choice, and so the bits
    return math.copysign((p * t + (t + t)) + np.float32(octaves) * _LOG_2, x)


@njit(int32(_FLOATS, float32, float32[::1]), cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def of_floats(values: NDArray[np.float32], half: np.float32, result: NDArray[np.float32]) -> np.int32:
    """Write arcsinh(2 * half * values) to `result`, both (n,); `half` is 0.5 / cofactor."""
    largest = np.int32(0)
    for i in range(values.size):
        x = np.float32(values[i] * half)
        result[i] = _arcsinh_of_twice(x)
        largest = max(largest, np.float32(abs(x)).view(np.int32))
    return largest


@njit(int32(_BITS, float32, float32[::1]), cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def of_swapped_floats(values: NDArray[np.uint32], half: np.float32, result: NDArray[np.float32]) -> np.int32:
    """Do the same to floats of the other byte order, given as the integers of their bits."""
    largest = np.int32(0)
    for i in range(values.size):
        bits = values[i]
        halves = np.uint32(np.uint32(bits << _SIXTEEN) | np.uint32(bits >> _SIXTEEN))
        high, low = np.uint32(np.uint32(halves << _EIGHT) & _HIGH), np.uint32(np.uint32(halves >> _EIGHT) & _LOW)
        x = np.float32(np.uint32(high | low).view(np.float32) * half)
        result[i] = _arcsinh_of_twice(x)
        largest = max(largest, np.float32(abs(x)).view(np.int32))
    return largest


@njit(void(_FOURS, _FLOATS, float32[::1]), cache=True, nogil=True, error_model="numpy")
def of_integers(fours: NDArray[np.uint64], table: NDArray[np.float32], result: NDArray[np.float32]) -> None:
    """Write what stands in a table (65536,) for integers of 16 bits to `result`, (4 n,).

    They are read four at a time, (n,), the first one in the lowest bits: the processor is busiest with reading.
    """
    for i in range(fours.size):
        four = fours[i]
        result[4 * i] = table[four & _SHORT]
        result[4 * i + 1] = table[(four >> _FIRST) & _SHORT]
        result[4 * i + 2] = table[(four >> _SECOND) & _SHORT]
        result[4 * i + 3] = table[four >> _THIRD]
