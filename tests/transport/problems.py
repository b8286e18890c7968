"""Small random transport problems with everything in them that upsets solvers: a seed is a problem, always the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np

from tests.transport.clouds import cloud

LARGEST_M, LARGEST_N, LARGEST_D = 60, 150, 12
_SHUFFLE = 137  # prime to the number of combinations: any run of seeds meets all kinds evenly

Sizes = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class TransportProblem:
    """Points x (m, d) with masses a (m,), cells y (n, d) with masses b (n,), all float64.

    Attributes
    ----------
    kind
        What is peculiar about it, in words.
    tie_free
        Whether there is one optimal plan only, so that maps can be compared.
    spread
        Length of a typical difference between cells, whatever the outliers.
    """

    seed: int
    kind: str
    x: np.ndarray
    y: np.ndarray
    a: np.ndarray
    b: np.ndarray
    tie_free: bool
    spread: float


def problem(seed: int) -> TransportProblem:
    """Make the problem of a seed: a shape, a pair of clouds, masses and a place in space."""
    kinds = list(product(_SHAPES, _CLOUDS, _MASSES, _PLACES))
    shape, clouds, masses, place = kinds[seed * _SHUFFLE % len(kinds)]
    rng = np.random.default_rng([seed, 20251022])
    m, n, d = _SHAPES[shape](rng)
    x, y = _CLOUDS[clouds](rng, (m, n, d))
    a, b = _MASSES[masses](rng, m), _MASSES[masses](rng, len(y))
    x, y, unit = _PLACES[place](rng, x, y)
    return TransportProblem(
        seed=seed,
        kind=f"{shape}, {clouds}, {masses}, {place}",
        x=x,
        y=y,
        a=a,
        b=b,
        tie_free=clouds in _TIE_FREE and not (clouds == "an outlier" and (d == 1 or masses == "very unequal masses")),
        spread=unit * np.sqrt(d),
    )


def _size(rng: np.random.Generator, smallest: int, largest: int) -> int:
    return int(rng.integers(smallest, largest + 1))


def _many_cells(rng: np.random.Generator) -> Sizes:
    m = _size(rng, 1, LARGEST_M)
    return m, _size(rng, m, LARGEST_N), _size(rng, 1, LARGEST_D)


def _few_cells(rng: np.random.Generator) -> Sizes:
    m = _size(rng, 2, LARGEST_M)
    return m, _size(rng, 1, m - 1), _size(rng, 1, LARGEST_D)


def _as_many(rng: np.random.Generator) -> Sizes:
    m = _size(rng, 1, LARGEST_M)
    return m, m, _size(rng, 1, LARGEST_D)


def _one(rng: np.random.Generator) -> Sizes:
    if rng.random() < 0.5:
        return _size(rng, 1, LARGEST_M), 1, _size(rng, 1, LARGEST_D)
    return 1, _size(rng, 1, LARGEST_N), _size(rng, 1, LARGEST_D)


def _most(rng: np.random.Generator) -> Sizes:
    return LARGEST_M, LARGEST_N, _size(rng, 1, LARGEST_D)


_SHAPES: dict[str, Callable[[np.random.Generator], Sizes]] = {
    "more cells": _many_cells,
    "fewer cells": _few_cells,
    "as many": _as_many,
    "one point or cell": _one,
    "many of both": _most,
}


def _general(rng: np.random.Generator, sizes: Sizes) -> tuple[np.ndarray, np.ndarray]:
    m, n, d = sizes
    x, y = (cloud(int(seed), size, d) for seed, size in zip(rng.integers(2**31, size=2), (m, n), strict=True))
    unit = np.median(np.abs(np.concatenate([x, y]))) or 1.0
    return x / unit, y / unit


def _clusters(rng: np.random.Generator, sizes: Sizes) -> tuple[np.ndarray, np.ndarray]:
    """Three places, within which cells differ by a thousandth of the way between them."""
    m, n, d = sizes
    places = rng.normal(size=(3, d))
    x, y = (places[rng.integers(3, size=size)] + 1e-3 * rng.normal(size=(size, d)) for size in (m, n))
    return x, y


def _rounded(rng: np.random.Generator, sizes: Sizes) -> tuple[np.ndarray, np.ndarray]:
    x, y = _general(rng, sizes)
    digits = int(rng.integers(0, 3))
    return x.round(digits), y.round(digits)


def _lattice(rng: np.random.Generator, sizes: Sizes) -> tuple[np.ndarray, np.ndarray]:
    m, n, d = sizes
    return rng.integers(-1, 2, size=(m, d)).astype(float), rng.integers(-1, 2, size=(n, d)).astype(float)


def _repeated(rng: np.random.Generator, sizes: Sizes) -> tuple[np.ndarray, np.ndarray]:
    """Several times the same cells, some of them exactly on reference points: costs of zero."""
    x, y = _general(rng, sizes)
    pool = np.concatenate([x, y[: 1 + len(y) // 3]])
    return x, pool[rng.integers(len(pool), size=len(y))]


def _identical(rng: np.random.Generator, sizes: Sizes) -> tuple[np.ndarray, np.ndarray]:
    x, _ = _general(rng, sizes)
    return x, x[rng.permutation(len(x))]


def _constant(rng: np.random.Generator, sizes: Sizes) -> tuple[np.ndarray, np.ndarray]:
    x, y = _general(rng, sizes)
    return (x if rng.random() < 0.5 else np.repeat(x[:1], len(x), axis=0)), np.repeat(y[:1], len(y), axis=0)


def _outlier(rng: np.random.Generator, sizes: Sizes) -> tuple[np.ndarray, np.ndarray]:
    x, y = _general(rng, sizes)
    direction = rng.normal(size=y.shape[1])
    y[rng.integers(len(y))] += 1e4 * direction / np.linalg.norm(direction)
    return x, y


def _line(rng: np.random.Generator, sizes: Sizes) -> tuple[np.ndarray, np.ndarray]:
    """All points on one line: their order along it is the plan."""
    m, n, d = sizes
    direction = rng.normal(size=d)
    return np.outer(rng.normal(size=m), direction), np.outer(rng.normal(size=n), direction)


_CLOUDS: dict[str, Callable[[np.random.Generator, Sizes], tuple[np.ndarray, np.ndarray]]] = {
    "general": _general,
    "tight clusters": _clusters,
    "rounded": _rounded,
    "on a lattice": _lattice,
    "repeated cells": _repeated,
    "identical clouds": _identical,
    "identical cells": _constant,
    "an outlier": _outlier,
    "on a line": _line,
}
# Of identical cells plans differ, maps do not: there is only one place to go.
# With an outlier, exchanging neighbours on a line (d = 1), or light ones, changes less than the last digit of its cost.
_TIE_FREE = {"general", "tight clusters", "identical clouds", "identical cells", "an outlier", "on a line"}


def _normalised(masses: np.ndarray) -> np.ndarray:
    return masses / masses.sum()


def _very_unequal(rng: np.random.Generator, size: int) -> np.ndarray:
    """From the lightest to the heaviest a factor of a thousand million."""
    decades = rng.uniform(-9, 0, size=size)
    if size > 1:
        decades[rng.permutation(size)[:2]] = -9, 0
    return _normalised(10.0**decades)


_MASSES: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "equal masses": lambda rng, size: np.full(size, 1 / size),
    "unequal masses": lambda rng, size: _normalised(rng.gamma(2.0, size=size) + 0.01),
    "counted masses": lambda rng, size: _normalised(rng.integers(1, 5, size=size).astype(float)),
    "very unequal masses": _very_unequal,
}

Placed = tuple[np.ndarray, np.ndarray, float]


def _here(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> Placed:
    return x, y, 1.0


def _far(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> Placed:
    return x + 1e6, y + 1e6, 1.0


def _apart(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> Placed:
    return x, y + 1e6 * rng.choice([-1, 1], size=y.shape[1]), 1.0


def _tiny(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> Placed:
    return 1e-12 * x, 1e-12 * y, 1e-12


def _huge(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> Placed:
    return 1e12 * x, 1e12 * y, 1e12


_PLACES: dict[str, Callable[[np.random.Generator, np.ndarray, np.ndarray], Placed]] = {
    "at the origin": _here,
    "both 1e6 away": _far,
    "1e6 apart": _apart,
    "in units of 1e-12": _tiny,
    "in units of 1e12": _huge,
}
