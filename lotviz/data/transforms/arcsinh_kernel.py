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
import os
from typing import Any

import numpy as np
from numba import float32, int32, int64, njit, types, uint8, uint16, uint32, void
from numba.core.typing import signature
from numpy.typing import NDArray

TOO_LARGE = np.float32(2.0**60)

_C1, _C2, _C3 = (np.float32(value) for value in (0.6666801218118394, 0.3988947995007961, 0.3144271250430587))
_QUARTER, _HALF = np.float32(0.25), np.float32(0.5)
# A float32 is exponent (8 bits, biased) and mantissa (23 bits): as an integer 2^23 stands for a factor of 2.
_EXPONENT = np.int32(-1 << 23)
_LOWEST = np.int32(np.float32(0.4125).view(np.int32))
_LOG_2 = np.float32(math.log(2.0) / (1 << 23))
_EIGHT, _HIGH, _LOW = np.uint32(8), np.uint32(0xFF00FF00), np.uint32(0x00FF00FF)
_SIXTEEN, _BYTE = np.uint32(16), np.uint16(8)
_FLOATS = types.Array(float32, 1, "C", readonly=True)
_BITS = types.Array(uint32, 1, "C", readonly=True)
_SHORTS = types.Array(uint16, 1, "C", readonly=True)
_COLUMNS = types.Array(int64, 1, "C", readonly=True)


@njit(float32(float32), forceinline=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _arcsinh_of_twice(a: np.float32) -> np.float32:  # a >= 0
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
    return (p * t + (t + t)) + np.float32(octaves) * _LOG_2


@njit(int32(_FLOATS, float32, float32[::1]), cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def of_floats(values: NDArray[np.float32], half: np.float32, result: NDArray[np.float32]) -> np.int32:
    """Write arcsinh(2 * half * values) to `result`, both (n,); `half` is 0.5 / cofactor."""
    largest = np.int32(0)
    for i in range(values.size):
        x = np.float32(values[i] * half)
        a = np.float32(abs(x))
        result[i] = math.copysign(_arcsinh_of_twice(a), x)
        largest = max(largest, a.view(np.int32))
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
        a = np.float32(abs(x))
        result[i] = math.copysign(_arcsinh_of_twice(a), x)
        largest = max(largest, a.view(np.int32))
    return largest


@njit(void(_SHORTS, float32, float32[::1]), cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def of_shorts(values: NDArray[np.uint16], half: np.float32, result: NDArray[np.float32]) -> None:
    """Do the same to integers of 16 bits, none of them too large; they have no sign."""
    for i in range(values.size):
        result[i] = _arcsinh_of_twice(np.float32(np.float32(values[i]) * half))


@njit(void(_SHORTS, float32, float32[::1]), cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def of_swapped_shorts(values: NDArray[np.uint16], half: np.float32, result: NDArray[np.float32]) -> None:
    """Do the same to integers of 16 bits of the other byte order."""
    for i in range(values.size):
        bits = values[i]
        x = np.uint16(np.uint16(bits << _BYTE) | np.uint16(bits >> _BYTE))
        result[i] = _arcsinh_of_twice(np.float32(np.float32(x) * half))


AS_FLOATS, AS_SWAPPED_FLOATS, AS_SHORTS, AS_SWAPPED_SHORTS = range(4)

if hasattr(os, "pread"):
    # ssize_t pread(int descriptor, void *buffer, size_t count, off_t offset)
    _PREAD = signature(types.intp, types.intc, types.CPointer(uint8), types.uintp, int64)
    _pread: Any = types.ExternalFunction("pread", _PREAD)

    @njit(int32(uint8[::1], types.intc, int64), cache=True, nogil=True, error_model="numpy")
    def _filled(raw: NDArray[np.uint8], descriptor: int, at: int) -> np.int32:
        """Read from an open file until `raw` is full; no when it ends before or cannot be read."""
        done = 0
        while done < raw.size:
            count = _pread(descriptor, raw[done:].ctypes, raw.size - done, at + done)
            if count <= 0:
                return np.int32(0)
            done += count
        return np.int32(1)

    @njit(nogil=True, error_model="numpy")
    def _pick(table, channels, columns, picked):  # type: ignore[no-untyped-def]  # of 2 or of 4 bytes
        kept, low = columns.size, columns[0]
        neighbours = (np.diff(columns) == 1).all()
        for i in range(table.size // channels):
            row, into = table[i * channels : (i + 1) * channels], picked[i * kept : (i + 1) * kept]
            if neighbours:
                part = row[low : low + kept]
                for j in range(kept):
                    into[j] = part[j]
            else:
                for j in range(kept):
                    into[j] = row[np.uint64(columns[j])]  # unsigned: not asked whether it counts from the end

    @njit(
        int32(types.intc, int64, int64, int64, int64, _COLUMNS, float32, uint8[::1], uint8[::1], float32[::1]),
        cache=True,
        nogil=True,
        error_model="numpy",
        fastmath={"contract"},
    )
    def of_file(
        descriptor: int,
        start: int,
        stored: int,
        channels: int,
        rows: int,
        columns: NDArray[np.int64],
        half: np.float32,
        raw: NDArray[np.uint8],
        chosen: NDArray[np.uint8],
        result: NDArray[np.float32],
    ) -> np.int32:
        """Do the same to a table in an open file, a block at a time; -1 where it cannot be read to its end.

        Parameters
        ----------
        descriptor, start
            The file, and its byte the table begins with.
        stored, channels
            How values are stored, and the columns of the table.
        rows
            Rows of a block.
        columns
            Which ones are taken, in this order; none for all of them.
        raw, chosen
            Memory for a block, and for the chosen columns of one: rows * channels and rows * len(columns) values.
        result
            (n * len(columns),), or (n * channels,).
        """
        width = 4 if stored <= AS_SWAPPED_FLOATS else 2
        kept = columns.size if columns.size else channels
        left, first, largest = result.size // kept, 0, np.int32(0)
        while left > 0:
            count = min(rows, left)
            block = raw[: count * channels * width]
            if not _filled(block, descriptor, start):
                return np.int32(-1)
            if columns.size:
                picked = chosen[: count * kept * width]
                if width == 4:
                    _pick(block.view(np.uint32), channels, columns, picked.view(np.uint32))
                else:
                    _pick(block.view(np.uint16), channels, columns, picked.view(np.uint16))
                block = picked
            into = result[first : first + count * kept]
            if stored == AS_FLOATS:
                largest = max(largest, of_floats(block.view(np.float32), half, into))
            elif stored == AS_SWAPPED_FLOATS:
                largest = max(largest, of_swapped_floats(block.view(np.uint32), half, into))
            elif stored == AS_SHORTS:
                of_shorts(block.view(np.uint16), half, into)
            else:
                of_swapped_shorts(block.view(np.uint16), half, into)
            start, first, left = start + count * channels * width, first + count * kept, left - count
        return largest
