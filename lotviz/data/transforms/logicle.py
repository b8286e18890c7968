"""The logicle scale of fluorescence: linear around zero, logarithmic far from it, with a width that fits the data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

_HALVINGS = 60


@dataclass(frozen=True)
class Logicle:
    """Parameters of the logicle scale, in the letters of its authors.

    Parameters
    ----------
    T
        Raw value at the top of the scale.
    W
        Decades of the linear part: the wider the spread around zero, the larger.
    M
        Decades of the whole scale.
    A
        Decades more for negative values.

    Raises
    ------
    ValueError
        For parameters without a scale: T and M are positive, 0 <= W <= M / 2, -W <= A <= M - 2 W.

    Notes
    -----
    Values are in decades: T lies at M, and zero at (W + A) M / (M + A); values below zero mirror those above it.
    Gating-ML and FlowUtils divide this by M.
    Source: Moore and Parks 2012, Cytometry A 81A:273-277; Parks, Roederer and Moore 2006, Cytometry A 69A:541-551.

    Examples
    --------
    >>> Logicle(T=1000, W=1, M=4, A=0).scaled(np.array([0.0, 1000.0])).round(6)
    array([1., 4.])
    """

    T: float = 262_144.0
    W: float = 0.5
    M: float = 4.5
    A: float = 0.0

    def __post_init__(self) -> None:
        T, W, M, A = (float(value) for value in (self.T, self.W, self.M, self.A))
        whole = all(map(np.isfinite, (T, W, M, A))) and T > 0 and M > 0
        if not (whole and 0 <= W <= M / 2 and -W <= A <= M - 2 * W):
            raise ValueError(
                f"Expected T and M above 0, W from 0 to M/2 and A from -W to M-2W, found T={T:g}, W={W:g}, M={M:g}, "
                f"A={A:g}. For most cytometers T=262144, W=0.5, M=4.5, A=0 will do."
            )
        for name, value in zip("TWMA", (T, W, M, A), strict=True):
            object.__setattr__(self, name, value)

    def scaled(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """Raw values to decades, any shape; what is no finite number stays as it is."""
        return self._finite(values, self._solved)

    def raw(self, scaled: NDArray[np.floating]) -> NDArray[np.float64]:
        """Decades back to raw values, any shape; what is no finite number stays as it is."""
        return self._finite(
            scaled, lambda decades: _flowutils().logicle_inverse(decades / self.M, None, **self._letters)
        )

    def _solved(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Solve the biexponential equation for a row of finite numbers, in decades."""
        size = np.abs(raw)
        found = _flowutils().logicle(size, None, **self._letters)
        # FlowUtils answers -1, and says nothing, where its iteration does not converge: next to zero for W = 0
        lost = np.flatnonzero(found < 0)
        if lost.size:
            found[lost] = self._bisected(size[lost])
        zero = (self.W + self.A) / (self.M + self.A)
        return np.where(raw < 0, 2 * zero - found, found) * self.M

    def _bisected(self, size: NDArray[np.float64]) -> NDArray[np.float64]:
        """Solve the equation for numbers that are not negative by halving, as slow as it is sure."""
        low = np.full(size.shape, (self.W + self.A) / (self.M + self.A))
        high = low + 1.0
        while (short := _flowutils().logicle_inverse(high, None, **self._letters) < size).any():
            high = np.where(short, high + 1.0, high)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            below = _flowutils().logicle_inverse(middle, None, **self._letters) < size
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return (low + high) / 2

    @property
    def _letters(self) -> dict[str, float]:
        return {"t": self.T, "w": self.W, "m": self.M, "a": self.A}

    @staticmethod
    def _finite(
        values: NDArray[np.floating], function: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    ) -> NDArray[np.float64]:
        """Apply a function of FlowUtils to a row of finite numbers: to others it answers -1, and says nothing."""
        given = np.asarray(values, dtype=np.float64)
        flat = given.reshape(-1)
        finite = np.isfinite(flat)
        if finite.all():
            return np.asarray(function(flat), dtype=np.float64).reshape(given.shape)
        return np.where(finite, function(np.where(finite, flat, 0.0)), flat).reshape(given.shape)


def _flowutils() -> ModuleType:
    from flowutils import transforms  # type: ignore[import-untyped]  # imported here: only for those who use the scale

    return transforms


def width_of(negative: float, T: float, M: float) -> float:
    """Return the width W that gives a negative value the room it needs.

    Parameters
    ----------
    negative
        A low value of the negative population: the 5 % quantile of the values below zero. Zero when there are none.

    Notes
    -----
    Source: Parks, Roederer and Moore 2006, W = (M - log10(T / |r|)) / 2; kept between 0 and M / 2.

    Examples
    --------
    >>> round(width_of(-262.144, 262144.0, 4.5), 6)
    0.75
    """
    if negative >= 0:
        return 0.0
    return float(np.clip((M - np.log10(T / -negative)) / 2, 0.0, M / 2))
