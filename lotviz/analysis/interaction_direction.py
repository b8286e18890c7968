"""Which way an interaction goes: along the additive effect of the drugs, against it, or neither."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from lotviz.analysis.interaction_places import DIFFERENT, LESS, MORE, NONE
from lotviz.analysis.interaction_statistic import FEWEST_FOR_INTERVAL, crossed_mean


@dataclass(frozen=True)
class Direction:
    """An interaction beside the additive effect E = A + B - 2 control, both crossed over units: no noise in them.

    Attributes
    ----------
    additive_size
        Size |E| of the additive effect, scaled units; NaN where it does not stand out of the noise.
    gap
        Size |D| of the interaction over that of the additive effect; 0 where the statistic is not above 0.
    along
        <D, E> / <E, E>: 0.5 where A+B goes half as far again as additivity predicts, -1 where it does nothing.
    low, high
        Interval of `along`, NaN with too few units.
    along_share
        Share of the squared interaction that lies along E, 0 to 1; the rest leads elsewhere.
    words
        "more than additive", "less than additive", "different" (not along E) or "not shown".
    """

    additive_size: float
    gap: float
    along: float
    low: float
    high: float
    along_share: float
    words: str


def direction_of(
    excess: NDArray[np.float64],
    additive: NDArray[np.float64],
    groups: NDArray[np.intp],
    *,
    p: float,
    level: float = 0.95,
) -> Direction:
    """Compare the interaction of units with their additive effect.

    Parameters
    ----------
    excess, additive
        Vectors D and E of the units, shape (n, p) each.
    groups
        As in `crossed`.
    p
        Of the interaction: without evidence of one, no direction is named.
    level
        Of the interval.

    Notes
    -----
    D and E hold noise of the same wells; the products of different units do not. The interval is that of a jackknife
    over units, with Student's t.
    """
    both = (excess @ excess.T, excess @ additive.T, additive @ additive.T)
    size, shared, squared = (crossed_mean(gram, groups) for gram in both)
    if not squared > 0.0:
        unknown = float("nan")
        return Direction(unknown, unknown, unknown, unknown, unknown, unknown, DIFFERENT if p <= 1 - level else NONE)
    along = shared / squared
    low, high = _interval(both[1], both[2], groups, along=along, level=level)
    share = float(np.clip(along**2 * squared / size, 0.0, 1.0)) if size > 0.0 else float("nan")
    words = NONE
    if p <= 1.0 - level:
        words = MORE if low > 0.0 else LESS if high < 0.0 else DIFFERENT
    gap = float(np.sqrt(max(size, 0.0) / squared))
    return Direction(float(np.sqrt(squared)), gap, float(along), low, high, share, words)


def _interval(
    shared: NDArray[np.float64],
    squared: NDArray[np.float64],
    groups: NDArray[np.intp],
    *,
    along: float,
    level: float,
) -> tuple[float, float]:
    sizes = np.bincount(groups)[groups]
    inside = sizes >= FEWEST_FOR_INTERVAL
    if not inside.any():
        return float("nan"), float("nan")
    left = np.full(len(groups), np.nan)
    for unit in np.flatnonzero(inside):
        kept = np.arange(len(groups)) != unit
        rest = np.ix_(kept, kept)
        left[unit] = crossed_mean(shared[rest], groups[kept]) / crossed_mean(squared[rest], groups[kept])
    variance = 0.0
    for group in np.unique(groups[inside]):
        members = left[groups == group]
        variance += (len(members) - 1) / len(members) * float(np.square(members - members.mean()).sum())
    freedom = int(inside.sum()) - len(np.unique(groups[inside]))
    reach = float(stats.t.ppf(0.5 + level / 2.0, freedom)) * float(np.sqrt(variance))
    return along - reach, along + reach
