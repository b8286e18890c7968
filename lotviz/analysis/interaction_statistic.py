"""The crossed statistic: how large an effect is, without the noise that squares add; its p by sign flips, its interval.

Units (lines, or replicates of a line) are independent. ``<D_r, D_s>`` of two different units has the expectation of
the squared size of what they share, whatever their noise; ``|D|^2`` has that plus the noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

EXACT_UNITS = 12  # all sign flips are gone through up to here: 2,048 of them
RANDOM_FLIPS = 4999  # beyond, so many are drawn
FEWEST_FOR_INTERVAL = 3
_ROUND_OFF = 1e-9
_JUST_ABOVE = 1e-3  # of the statistic: where p excludes zero and the standard error does not


@dataclass(frozen=True)
class Crossed:
    """A squared size, without noise in it.

    Attributes
    ----------
    statistic
        Mean of <D_r, D_s> over pairs of different units, squared scaled units; may be negative where there is nothing.
    low, high
        Interval of it; NaN where there are too few units.
    p
        Probability of a statistic as large if the effect is zero; NaN where there are too few units.
    smallest_p
        The smallest p that so many units can give.
    n_units, unit
        How many independent units, and what they are: "line" or "replicate".
    method
        How p was found, in words.
    """

    statistic: float
    low: float
    high: float
    p: float
    smallest_p: float
    n_units: int
    unit: str
    method: str

    def to_json(self) -> dict[str, Any]:
        """Return the figures by name."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def crossed_mean(gram: NDArray[np.float64], groups: NDArray[np.intp]) -> float:
    """Mean over groups of the mean of <D_r, D_s>, r != s within a group; NaN where no group has two units.

    Parameters
    ----------
    gram
        Inner products of units, shape (n, n); of two different effects it need not be symmetric.
    groups
        Group of each unit, shape (n,), integers from 0.

    Examples
    --------
    >>> noisy = np.array([[5.0, 1.0], [1.0, 5.0]])
    >>> crossed_mean(noisy, np.zeros(2, dtype=int))
    1.0
    """
    return float((pair_weights(groups) * gram).sum()) if _pairs(groups) else float("nan")


def pair_weights(groups: NDArray[np.intp]) -> NDArray[np.float64]:
    """Weight of each pair of units in the crossed mean, shape (n, n), zero on the diagonal; they sum to 1."""
    same = (groups[:, None] == groups[None, :]) & ~np.eye(len(groups), dtype=bool)
    sizes = np.bincount(groups)[groups]
    whole = len(np.unique(groups[sizes > 1]))
    return np.where(same, 1.0 / np.maximum(sizes * (sizes - 1.0), 1.0)[:, None], 0.0) / max(whole, 1)


def _pairs(groups: NDArray[np.intp]) -> bool:
    return bool((np.bincount(groups) > 1).any())


def crossed(
    vectors: NDArray[np.float64], groups: NDArray[np.intp], *, unit: str, level: float = 0.95, seed: int = 0
) -> Crossed:
    """Measure the squared size of what the units of a group share, with p by sign flips and an interval.

    Parameters
    ----------
    vectors
        One effect a unit, shape (n, p), in coordinates whose inner product is the one meant.
    groups
        Units of which group are crossed, shape (n,): all 0 to ask what all share.
    unit
        What a unit is, for the record.
    level
        Of the interval.
    seed
        Of the flips, where there are too many to go through.

    Notes
    -----
    Under the null hypothesis each unit's effect is as likely as its opposite: with the same noise in all four wells,
    ``(A+B + control) - (A + B)`` is the difference of two sums that differ by nothing. The share of flips of the
    signs that give a statistic as large is then an exact p (Fisher's randomisation; the crossed product is that of
    Walther et al. 2016). The interval reaches zero or less exactly where p is above 1 - level. On Gaussian units it
    held the planted size in 93 to 100 of 100 studies, 98 on average (3 to 24 units, three spectra of noise, effects of
    any direction, from none to twenty standard deviations of chance), and in 87 where nearly all of the noise lay along
    the effect. An approximation by Dempster's F, which could give small p with three to five units, was tried: it
    called 8 to 15 of 100 additive studies interacting at 0.05.
    """
    gram = vectors @ vectors.T
    statistic = crossed_mean(gram, groups)
    n = len(vectors)
    if not np.isfinite(statistic):
        return Crossed(statistic, np.nan, np.nan, np.nan, np.nan, n, unit, "too few units")
    flips = sign_flips(groups, seed=seed)
    weighted = pair_weights(groups) * gram
    drawn = np.einsum("bi,ij,bj->b", flips, weighted, flips, optimize=True)
    tolerance = _ROUND_OFF * float(np.abs(weighted).sum())
    p = float((drawn >= statistic - tolerance).mean())
    low, high = _interval(gram, groups, drawn, p=p, level=level)
    return Crossed(statistic, low, high, p, 1.0 / len(flips), n, unit, flips_in_words(groups))


def flips_in_words(groups: NDArray[np.intp]) -> str:
    """Say how the signs are flipped."""
    free = _free_signs(groups)
    return "all sign flips" if free < EXACT_UNITS else f"{RANDOM_FLIPS + 1:,} sign flips"


def _free_signs(groups: NDArray[np.intp]) -> int:
    """Signs that matter: flipping all units of a group together changes no product within it."""
    sizes = np.bincount(groups)
    return int((sizes[sizes > 1] - 1).sum())


def sign_flips(groups: NDArray[np.intp], *, seed: int = 0) -> NDArray[np.float64]:
    """All sign patterns that differ in their products within groups, or many of them; the first changes nothing.

    Returns
    -------
    Shape (flips, n), of 1 and -1.
    """
    first = np.array([np.flatnonzero(groups == group)[0] for group in np.unique(groups)])
    free = np.setdiff1d(np.arange(len(groups)), first)
    if len(free) < EXACT_UNITS:
        bits = (np.arange(2 ** len(free))[:, None] >> np.arange(len(free))[None, :]) & 1
        signs = np.ones((len(bits), len(groups)))
        signs[:, free] = 1.0 - 2.0 * bits
        return signs
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(RANDOM_FLIPS + 1, len(groups)))
    signs[0] = 1.0
    return signs


def _interval(
    gram: NDArray[np.float64], groups: NDArray[np.intp], drawn: NDArray[np.float64], *, p: float, level: float
) -> tuple[float, float]:
    """Interval that reaches zero exactly where p is above 1 - level.

    What p excludes is excluded; beyond, Student's t with the jackknife's standard error, upward at least that of the
    flips, and on the scale of the root where the statistic stands out: its noise grows with it.
    """
    statistic = float(drawn[0])
    spread, freedom = _jackknife(gram, groups)
    if not np.isfinite(spread):
        return float("nan"), float("nan")
    t = float(stats.t.ppf(0.5 + level / 2.0, freedom))
    chance = _by_chance(gram, groups)
    high = statistic + t * max(spread, chance)
    if statistic > chance:
        high = max(high, (np.sqrt(statistic) + t * spread / (2.0 * np.sqrt(statistic))) ** 2)
    by_flips = statistic - float(np.quantile(drawn, level, method="higher"))
    if p > 1.0 - level:
        return min(by_flips, 0.0), max(high, 0.0)
    return max(statistic - t * spread, _JUST_ABOVE * statistic), high


def _by_chance(gram: NDArray[np.float64], groups: NDArray[np.intp]) -> float:
    """Find the standard error the crossed mean would have without an effect, from what units differ from each other."""
    same = (groups[:, None] == groups[None, :]) / np.bincount(groups)[groups]
    rest = np.eye(len(groups)) - same
    sizes = np.maximum(np.bincount(groups)[groups], 2)
    weighted = pair_weights(groups) * (rest @ gram @ rest) * (sizes / (sizes - 1.0))
    return float(np.sqrt(2.0 * np.square(weighted).sum()))


def _jackknife(gram: NDArray[np.float64], groups: NDArray[np.intp]) -> tuple[float, float]:
    """Find the standard error of the crossed mean by leaving out one unit at a time, and its degrees of freedom."""
    crossed_groups = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    crossed_groups = [members for members in crossed_groups if len(members) > 1]
    if min(len(members) for members in crossed_groups) >= FEWEST_FOR_INTERVAL:
        parts = [_variance(gram[np.ix_(members, members)]) for members in crossed_groups]
        freedom = sum(len(members) - 1 for members in crossed_groups)
        return float(np.sqrt(sum(parts))) / len(parts), freedom
    if len(crossed_groups) < FEWEST_FOR_INTERVAL:
        return float("nan"), 1.0
    means = [crossed_mean(gram[np.ix_(members, members)], np.zeros(len(members), int)) for members in crossed_groups]
    return float(np.std(means, ddof=1) / np.sqrt(len(means))), len(means) - 1.0


def _variance(gram: NDArray[np.float64]) -> float:
    """Jackknife variance of the crossed mean of one group; too large by up to twice where the effect is zero."""
    n = len(gram)
    off = gram - np.diag(np.diag(gram))
    left = (off.sum() - 2.0 * off.sum(axis=1)) / ((n - 1.0) * (n - 2.0))
    return float((n - 1.0) / n * np.square(left - left.mean()).sum())
