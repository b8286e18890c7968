"""Where an interaction sits: by region and marker, by marker, by region, and in the abundance of regions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lotviz.analysis.abundance import half_a_cell
from lotviz.analysis.interaction_entries import Entries, entries
from lotviz.analysis.interaction_statistic import crossed, crossed_mean
from lotviz.analysis.interaction_units import Units
from lotviz.analysis.regions import Regions

MORE, LESS, DIFFERENT, NONE = "more than additive", "less than additive", "different", "not shown"


@dataclass(frozen=True, eq=False)
class Space:
    """The maps of the wells of a study, and what is needed to speak of them in marker units.

    Attributes
    ----------
    maps
        Shape (n, m, d), scaled; m parts of the reference, see `WellMaps`.
    masses
        Of the parts, shape (m,).
    scale
        Marker units of one scaled unit, shape (d,).
    markers
        Names of the d markers.
    """

    maps: NDArray[np.float64]
    masses: NDArray[np.float64]
    scale: NDArray[np.float64]
    markers: tuple[str, ...]

    def summed(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Weighted sums of the maps, weights (blocks, n) -> (blocks, m, d)."""
        return np.asarray(np.tensordot(weights, self.maps, axes=1))

    def vectors(self, maps: NDArray[np.float64]) -> NDArray[np.float64]:
        """Lay maps (units, m, d) out as vectors whose inner product is that of the embedding, (units, m * d)."""
        return np.asarray((np.sqrt(self.masses)[:, None] * maps).reshape(len(maps), -1))

    def by_region(self, maps: NDArray[np.float64], regions: Regions) -> NDArray[np.float64]:
        """Mean over the points of each region by mass, marker units, (units, m, d) -> (units, k, d)."""
        weights = regions.indicator * self.masses[None, :]
        means = np.einsum("km,umd->ukd", weights / weights.sum(axis=1, keepdims=True), maps)
        return np.asarray(means * self.scale)

    def by_marker(self, maps: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean over all points by mass, which is that over all cells; marker units, (units, m, d) -> (units, d)."""
        return np.asarray(np.einsum("m,umd->ud", self.masses, maps) * self.scale)


def words_for(
    excess: NDArray[np.float64], additive: NDArray[np.float64], adjusted_p: NDArray[np.float64], *, level: float
) -> NDArray[np.object_]:
    """Name each entry: further in the direction the drugs have together, less far, or not shown; shape (q,)."""
    words = np.where(excess * additive > 0.0, MORE, LESS).astype(object)
    return np.where(adjusted_p <= 1.0 - level, words, NONE)


def region_marker_table(
    space: Space, units: Units, regions: Regions, *, level: float, seed: int
) -> tuple[pd.DataFrame, Entries]:
    """Interaction of every region and marker, the clearest first.

    Columns region, marker, additive (A + B, each against control), observed (A+B against control), excess (observed
    minus additive) with low and high, p, adjusted_p and words; marker units.
    """
    study = units.study
    excess = units.of(space.by_region(space.summed(study.excess), regions)).reshape(len(units), -1)
    found = entries(excess / np.tile(space.scale, len(regions.names)), units.groups, level=level, seed=seed)
    scale = np.tile(space.scale, len(regions.names))
    additive = _mean(space.by_region(space.summed(study.additive), regions), units).ravel()
    frame = pd.DataFrame(
        {
            "region": np.repeat(np.asarray(regions.names, dtype=object), len(space.markers)),
            "marker": np.tile(np.asarray(space.markers, dtype=object), len(regions.names)),
            **_columns(found, additive, scale, level=level),
        }
    )
    return _clearest_first(frame, found), found


def marker_table(space: Space, units: Units, headline: Units, *, level: float, seed: int) -> pd.DataFrame:
    """Interaction of every marker over all cells, and the part of the statistic it carries; that with most first.

    Columns marker, additive, observed, excess, low, high, p, adjusted_p, words, carried; `carried` sums to the
    statistic over markers, squared scaled units.
    """
    study = units.study
    maps = space.summed(study.excess)
    found = entries(units.of(space.by_marker(maps)) / space.scale, units.groups, level=level, seed=seed)
    additive = _mean(space.by_marker(space.summed(study.additive)), units)
    shared = headline.of(maps)
    grams = np.einsum("m,umd,vmd->duv", space.masses, shared, shared, optimize=True)
    frame = pd.DataFrame({"marker": space.markers, **_columns(found, additive, space.scale, level=level)})
    frame["carried"] = [crossed_mean(gram, headline.groups) for gram in grams]
    order = np.argsort(-frame["carried"].to_numpy(), kind="stable")
    return frame.iloc[order].reset_index(drop=True)


def region_table(
    space: Space, units: Units, headline: Units, *, regions: Regions, level: float, seed: int
) -> pd.DataFrame:
    """Part of the statistic that each region carries, whether it is more than nothing, and its size; the most first.

    Columns region, mass (share of the reference), carried (sums to the statistic), size (root of the squared mean
    displacement of a cell of the region, scaled units), p, adjusted_p (Holm).
    """
    shared, many = (of.of(space.summed(of.study.excess)) for of in (headline, units))
    rows = []
    for number, name in enumerate(regions.names):
        inside = regions.labels == number
        root = np.sqrt(space.masses[inside])[:, None]
        vectors = [(root * maps[:, inside]).reshape(len(maps), -1) for maps in (shared, many)]
        carried = crossed_mean(vectors[0] @ vectors[0].T, headline.groups)
        tested = crossed(vectors[1], units.groups, unit=units.unit, level=level, seed=seed)
        mass = float(space.masses[inside].sum())
        rows.append((name, mass, carried, float(np.sqrt(max(carried, 0.0) / mass)), tested.p))
    frame = pd.DataFrame(rows, columns=["region", "mass", "carried", "size", "p"])
    frame["adjusted_p"] = holm(frame["p"].to_numpy(dtype=np.float64))
    order = np.argsort(-frame["carried"].to_numpy(), kind="stable")
    return frame.iloc[order].reset_index(drop=True)


def holm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correct p for their number, Holm 1979.

    Examples
    --------
    >>> holm(np.array([0.01, 0.5, 0.04])).tolist()
    [0.03, 0.5, 0.08]
    """
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p))))
    found = np.empty(len(p))
    found[order] = np.minimum(steps, 1.0)
    return found


def composition_table(
    shares: NDArray[np.float64],
    n_cells: NDArray[np.int64],
    units: Units,
    *,
    names: Sequence[str],
    level: float,
    seed: int,
) -> pd.DataFrame:
    """Shares of regions or populations under each condition, what A and B predict together, and the excess of A+B.

    Additivity is that of logarithms: what multiplies the share of a region under A and under B multiplies it by both
    under A+B. So no predicted share is negative; the predicted ones are made to sum to 1.

    Parameters
    ----------
    shares
        Of each region in each well, shape (n, k).
    n_cells
        Cells of each well, shape (n,).

    names
        Of the k regions or populations.

    Returns
    -------
    Columns region, control, a, b, predicted, observed (means over lines), log_ratio (logarithm of observed over
    predicted, before predicted shares are made to sum to 1) with low and high, p, adjusted_p; in the order of the
    names.
    """
    study = units.study
    logs = np.log(shares + half_a_cell(n_cells))
    found = entries(units.of(study.excess @ logs), units.groups, level=level, seed=seed)
    expected = np.exp(study.predicted @ logs)
    levels = [study.over_lines(weights @ shares) for weights in study.weights]
    return pd.DataFrame(
        {
            "region": list(names),
            "control": levels[0],
            "a": levels[1],
            "b": levels[2],
            "predicted": study.over_lines(expected / expected.sum(axis=1, keepdims=True)),
            "observed": levels[3],
            "log_ratio": found.mean,
            "low": found.low,
            "high": found.high,
            "p": found.p,
            "adjusted_p": found.adjusted_p,
        }
    )


def _mean(values: NDArray[np.float64], units: Units) -> NDArray[np.float64]:
    return units.study.over_lines(values)


def _columns(
    found: Entries, additive: NDArray[np.float64], scale: NDArray[np.float64], *, level: float
) -> dict[str, NDArray[np.float64] | NDArray[np.object_]]:
    return {
        "additive": additive,
        "observed": additive + found.mean * scale,
        "excess": found.mean * scale,
        "low": found.low * scale,
        "high": found.high * scale,
        "p": found.p,
        "adjusted_p": found.adjusted_p,
        "words": words_for(found.mean, additive, found.adjusted_p, level=level),
    }


def _clearest_first(frame: pd.DataFrame, found: Entries) -> pd.DataFrame:
    # equal adjusted p are many: the single one decides, then the size
    order = np.lexsort((-np.abs(found.mean), np.nan_to_num(found.p, nan=1.0), np.nan_to_num(found.adjusted_p, nan=1.0)))
    return frame.iloc[order].reset_index(drop=True)
