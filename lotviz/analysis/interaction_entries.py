"""Many figures at once: mean over units, interval, and p that knows how many were looked at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from lotviz.analysis.interaction_statistic import sign_flips

FLIPS_NEEDED = 32  # below, flips cannot reach 0.05 for the largest of many
FLIPPED, ORDERED = "largest |t| of all under sign flips", "Benjamini-Hochberg over t tests"


@dataclass(frozen=True, eq=False)
class Entries:
    """Figures of q entries over the units of a study; every array has the shape of an entry list, (q,).

    Attributes
    ----------
    mean
        Mean over groups of the mean over their units.
    low, high
        Interval of each by itself, by Student's t.
    p
        Of each by itself.
    adjusted_p
        With all q taken into account, as `correction` says.
    correction
        How that was done; "" where there are too few units for any p.
    """

    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    p: NDArray[np.float64]
    adjusted_p: NDArray[np.float64]
    correction: str


def entries(values: NDArray[np.float64], groups: NDArray[np.intp], *, level: float = 0.95, seed: int = 0) -> Entries:
    """Test many figures against zero, and correct for their number.

    Parameters
    ----------
    values
        Shape (n, q): one row a unit. Entries should be of one scale, for the corrected p compares them.
    groups
        Group of each unit, shape (n,): units scatter about the mean of their group, and groups count the same.
    level, seed
        As in `crossed`.

    Notes
    -----
    The largest ``|t|`` over all entries under sign flips of whole units (Westfall and Young 1993; Nichols and Holmes
    2002) holds the chance of any false finding, whatever the entries have to do with each other. The variance in t is
    that entry's own plus the median of all, so that a few units do not make a small difference large by chance (Tusher
    et al. 2001); the same constant enters every flip, so the p stays exact. With few units there are too few flips:
    then the share of false findings is held instead (Benjamini and Hochberg 1995).
    """
    n, freedom = len(values), len(values) - len(np.unique(groups))
    mean = _mean(values, groups)
    if freedom < 1:
        unknown = np.full(values.shape[1], np.nan)
        return Entries(mean, unknown, unknown, unknown, unknown, "")
    error = np.sqrt(_squared_error(np.square(values).sum(axis=0), mean_by_group(values, groups), groups))
    flat = error <= 1e-12 * (1.0 + np.abs(mean))
    safe = np.where(flat, 1.0, error)
    reach = float(stats.t.ppf(0.5 + level / 2.0, freedom)) * error
    p = np.where(flat, np.where(np.abs(mean) > 1e-12, 0.0, 1.0), 2.0 * stats.t.sf(np.abs(mean) / safe, freedom))
    flips = sign_flips(np.zeros(n, dtype=np.intp), seed=seed)
    if len(flips) >= FLIPS_NEEDED:
        return Entries(mean, mean - reach, mean + reach, p, _largest(values, groups, flips), FLIPPED)
    return Entries(mean, mean - reach, mean + reach, p, stats.false_discovery_control(p), ORDERED)


def mean_by_group(values: NDArray[np.float64], groups: NDArray[np.intp]) -> NDArray[np.float64]:
    """Mean of the units of each group, shape (n, q) -> (groups, q)."""
    indicator = (np.unique(groups)[:, None] == groups[None, :]).astype(np.float64)
    return np.asarray(indicator @ values / indicator.sum(axis=1, keepdims=True))


def _mean(values: NDArray[np.float64], groups: NDArray[np.intp]) -> NDArray[np.float64]:
    return np.asarray(mean_by_group(values, groups).mean(axis=0))


def _squared_error(
    squares: NDArray[np.float64], means: NDArray[np.float64], groups: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Squared standard error of the mean over groups, with one variance for the units of all groups."""
    sizes = np.bincount(np.unique(groups, return_inverse=True)[1]).astype(np.float64)
    within = squares - np.einsum("g,g...->...", sizes, np.square(means))
    variance = np.maximum(within, 0.0) / (sizes.sum() - len(sizes))
    return np.asarray(variance * (1.0 / sizes).sum() / len(sizes) ** 2)


def _largest(values: NDArray[np.float64], groups: NDArray[np.intp], flips: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of the flips whose largest |t| is as large as that of each entry, shape (q,)."""
    squares = np.square(values).sum(axis=0)
    steady = float(np.median(squares)) / len(values) ** 2  # unchanged by flips
    steady = max(steady, np.finfo(float).tiny)
    observed = None
    exceeded = np.zeros(values.shape[1])
    for signs in flips:
        means = mean_by_group(signs[:, None] * values, groups)
        found = np.abs(means.mean(axis=0)) / np.sqrt(_squared_error(squares, means, groups) + steady)
        observed = found if observed is None else observed
        exceeded += found.max() >= observed * (1.0 - 1e-9)
    return np.asarray(exceeded / len(flips))
