"""Densities of one marker: the small curves that show where cells lie."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter1d

from lotviz.data.choices import require_at_least


def density_grid(values: ArrayLike, *, cover: float = 0.998, steps: int = 160) -> NDArray[np.float64]:
    """Return evenly spaced places that span the share `cover` of the values, with a margin; shape (steps,)."""
    require_at_least(2, steps=steps)
    tail = 50 * (1 - cover)
    low, high = np.percentile(np.asarray(values, dtype=np.float64), [tail, 100 - tail])
    margin = 0.08 * (high - low) or 1.0
    return np.linspace(low - margin, high + margin, steps)


def density(
    values: ArrayLike, grid: NDArray[np.float64], *, masses: ArrayLike | None = None, smooth: float = 0.02
) -> NDArray[np.float64]:
    """Estimate the density of values on a grid by a histogram smoothed with a Gaussian.

    Values beyond the grid count towards its first or last place, so that nothing is hidden.

    Parameters
    ----------
    values
        Shape (n,).
    grid
        Evenly spaced places, shape (k,).
    masses
        Mass of each value, shape (n,); equal if None.
    smooth
        Standard deviation of the Gaussian, as a share of the length of the grid.

    Returns
    -------
    Shape (k,); it integrates to 1 over the grid.

    Examples
    --------
    >>> grid = np.linspace(-3, 3, 121)
    >>> curve = density(np.random.default_rng(0).normal(size=20_000), grid)
    >>> round(float(curve.sum() * (grid[1] - grid[0])), 6), round(float(curve.max()), 1)
    (1.0, 0.4)
    """
    step = grid[1] - grid[0]
    places = np.rint((np.asarray(values, dtype=np.float64) - grid[0]) / step)
    bins = np.clip(places, 0, len(grid) - 1).astype(np.intp)
    counts = np.bincount(bins, weights=None if masses is None else np.asarray(masses), minlength=len(grid))
    curve = gaussian_filter1d(counts.astype(np.float64), smooth * len(grid), mode="nearest")
    return np.asarray(curve / (curve.sum() * step))
