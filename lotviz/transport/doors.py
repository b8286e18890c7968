"""What the transport room accepts: points, masses and sizes are checked here, before memory is taken."""

from __future__ import annotations

from math import fsum

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Dense cost, dense plan and the network of POT's simplex: 25 to 33 bytes per arc were measured at large sizes.
_BYTES_PER_ARC = 33
# Our own simplex keeps lists for every cell, its coordinates in two precisions, and scores of one block of cells.
_BYTES_PER_CELL = 600
_COPIES_OF_CELLS = 6
_CELLS_IN_A_BLOCK = 256
_LITTLE = 16_000_000  # bytes that are taken without a look at how much is free, which costs more time than they do
_MASS_TOLERANCE = 1e-6


class TransportMemoryError(MemoryError):
    """A transport problem needs more memory than is free."""


def as_points(values: ArrayLike, name: str) -> NDArray[np.float64]:
    """Check that `values` are finite points.

    Parameters
    ----------
    values
        Points, (n, d).
    name
        How messages call them.

    Returns
    -------
        The points, (n, d), float64, C order.

    Raises
    ------
    ValueError
        The array is not numeric, not two-dimensional, empty, or holds NaN or infinite values.
    """
    points = np.asarray(values)
    if points.dtype.kind not in "fiub":
        raise ValueError(f"Expected `{name}` to be numbers, found dtype {points.dtype}. Convert them to float.")
    if points.ndim != 2:
        raise ValueError(f"Expected `{name}` to have shape (points, markers), found {points.shape}. Reshape it.")
    if not points.shape[0]:
        raise ValueError(f"Expected `{name}` to hold at least one point, found none. Leave empty samples out.")
    if not points.shape[1]:
        raise ValueError(f"Expected `{name}` to have at least one marker, found none. Choose markers.")
    points = np.ascontiguousarray(points, dtype=np.float64)
    finite = np.isfinite(points)
    if not finite.all():
        row, column = np.argwhere(~finite)[0]
        raise ValueError(
            f"Expected `{name}` to be finite, found {points[row, column]} in row {row}, column {column}. "
            "Remove the row or fill the value in."
        )
    return points


def as_masses(masses: ArrayLike | None, size: int, name: str) -> NDArray[np.float64]:
    """Check that `masses` are positive and sum to one; None gives equal masses.

    Parameters
    ----------
    masses
        Masses, (size,), or None.
    size
        How many points they belong to.
    name
        How messages call them.

    Returns
    -------
        The masses, (size,), summing to one.

    Raises
    ------
    ValueError
        Wrong shape, a mass that is not positive and finite, or a sum other than one.
    """
    if masses is None:
        return np.full(size, 1.0 / size)
    given = np.asarray(masses)
    if given.dtype.kind not in "fiub" or given.shape != (size,):
        raise ValueError(
            f"Expected `{name}` to be {size} numbers, one per point, found shape {given.shape} and dtype "
            f"{given.dtype}. Give one mass per point, or None for equal masses."
        )
    checked = given.astype(np.float64)
    wrong = np.flatnonzero(~(np.isfinite(checked) & (checked > 0)))
    if wrong.size:
        raise ValueError(
            f"Expected `{name}` to be positive, found {checked[wrong[0]]} at position {wrong[0]}"
            f" ({wrong.size} such). Leave points without mass out."
        )
    total = fsum(checked)  # exactly rounded: the same whatever the order
    if abs(total - 1) > _MASS_TOLERANCE:
        raise ValueError(f"Expected `{name}` to sum to 1, found {total:.9g}. Divide them by their sum.")
    return checked / total


def transport_bytes(m: int, n: int, d: int, solver: str) -> int:
    """Return an upper bound on the memory that one transport problem takes.

    Parameters
    ----------
    m, n, d
        How many reference points, cells and markers.
    solver
        "simplex", "pot" or "entropic".

    Returns
    -------
        Bytes.
    """
    if solver != "simplex":
        return _BYTES_PER_ARC * m * n
    per_cell = _BYTES_PER_CELL + 8 * _COPIES_OF_CELLS * d
    return (m + n) * per_cell + 8 * _CELLS_IN_A_BLOCK * max(m, n)


def require_memory(needed: int, what: str, advice: str) -> None:
    """Refuse work that needs more memory than is free.

    Parameters
    ----------
    needed
        Bytes the work will take.
    what
        What takes them, in the user's words.
    advice
        What to do instead.

    Raises
    ------
    TransportMemoryError
        More bytes are needed than the system has free.
    """
    if needed <= _LITTLE:
        return
    import psutil

    free = psutil.virtual_memory().available
    if needed > free:
        raise TransportMemoryError(
            f"Expected {what} to fit into {free / 1e9:.1f} GB of free memory, found that it needs "
            f"{needed / 1e9:.1f} GB. {advice}"
        )
