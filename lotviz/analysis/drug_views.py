"""What the pictures of a drug study show: a verdict, what would have been missed, single lines, populations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, stats

from lotviz.analysis.interaction_design import KINDS
from lotviz.analysis.interaction_result import Interaction
from lotviz.data.choices import require_among

if TYPE_CHECKING:
    from lotviz.transport.embedding import LOTEmbedding

Kind = Literal["no", "these lines", "somewhere", "numbers", "too few", "yes"]
POWER = 0.8


def drug_verdict(found: Interaction) -> Kind:
    """Answer whether A and B add up, from p alone.

    Returns
    -------
    "no": the lines (or replicates) share an interaction. "these lines": there is one in these lines, which are too few
    to speak of others. "somewhere": none as a whole, but in a region and marker, corrected for all. "too few": nothing
    these few could show would exclude chance. "numbers": the share of a population departs, corrected for all of them,
    and nothing else was shown. "yes": nothing speaks against additivity.
    """
    usual = 1.0 - found.level
    if found.p <= usual:
        return "no"
    enough = bool(np.isfinite(found.crossed.smallest_p)) and found.crossed.smallest_p <= usual
    if found.within_lines is not None and found.within_lines.p <= usual and not enough:
        return "these lines"
    if bool((found.table["adjusted_p"] <= usual).any()):
        return "somewhere"
    if found.abundance_p <= usual:
        return "numbers"
    return "yes" if enough else "too few"


def smallest_found(found: Interaction, *, power: float = POWER) -> float:
    """Find the departure of one marker in one region that would have been found, had one looked there alone.

    The median over all regions and markers of the size, marker units, at which a t test at 1 - level over the units of
    the tables has this power. Smaller ones would more often have been missed; corrected for many, it takes more. NaN
    where there are too few units for any interval.
    """
    units = found.tested_over
    freedom = len(units) - len(np.unique(units.groups))
    if freedom < 1:
        return float("nan")
    reach = float(stats.t.ppf(0.5 + found.level / 2.0, freedom))
    errors = (found.table["high"] - found.table["excess"]).to_numpy(dtype=np.float64) / reach
    return float(np.median(errors)) * _shift_with(power, freedom, reach)


def _shift_with(power: float, freedom: int, reach: float) -> float:
    """Shift, in standard errors, at which |t| exceeds `reach` with this probability (noncentral t)."""
    # P(T > reach) = E[Phi(shift - reach * S)], S the estimated over the true standard error, over its quantiles
    spread = np.sqrt(stats.chi2.ppf((np.arange(2000) + 0.5) / 2000, freedom) / freedom)

    def short_of(shift: float) -> float:
        return float(stats.norm.cdf(shift - reach * spread).mean()) - power

    return float(optimize.brentq(short_of, 0.0, 4.0 * reach + 10.0))


def not_excluded(found: Interaction) -> float:
    """Size of an interaction at the upper end of its interval, over that of the additive effect; NaN if unknown."""
    if not np.isfinite(found.high):
        return float("nan")
    return float(np.sqrt(max(found.high, 0.0)) / found.direction.additive_size)


# ---- single lines ------------------------------------------------------------------------------------------------


def departures_by_line(
    embedding: LOTEmbedding, found: Interaction, *, region: str | None = None, marker: str | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Departure of A+B from additivity, line by line and replicate by replicate.

    Parameters
    ----------
    embedding, found
        The embedding, and what was found in it.
    region
        Of the cells of this region; default of all cells.
    marker
        Of this marker, marker units: the mean over the points of the region by mass. Default along the interaction
        that the other lines share (the other replicates, where there is one line), of length 1, scaled units: nothing
        is learnt from the line it is said of. There the part of a region is its sum, so that regions add up.

    Returns
    -------
    One row a line (columns line, departure, low, high, replicates; an interval where there are three replicates or
    more, by Student's t), and one row a replicate (columns line, replicate, departure). Positive: higher than
    predicted, or further in the direction of the interaction.

    Raises
    ------
    ValueError
        There is no such region or marker.
    """
    if region is not None:
        require_among("region", region, found.regions.names)
    if marker is not None:
        require_among("marker", marker, found.markers)
    study, masses = found.study, found.maps.masses
    excess = np.tensordot(study.excess, found.maps.maps, axes=1)  # (blocks, parts, d)
    inside = _points(found, region)
    if marker is None:
        values = _along_others(excess, study.line_of, masses, inside)
    else:
        column = found.markers.index(marker)
        weights = np.where(inside, masses, 0.0) / masses[inside].sum()
        values = excess[:, :, column] @ weights * float(np.asarray(embedding.scaling.scale)[column])
    single = pd.DataFrame(
        {"line": [study.lines[line] for line in study.line_of], "replicate": study.names, "departure": values}
    )
    rows = [_line_row(name, values[study.line_of == line], found.level) for line, name in enumerate(study.lines)]
    return pd.DataFrame(rows, columns=["line", "departure", "low", "high", "replicates"]), single


def _points(found: Interaction, region: str | None) -> NDArray[np.bool_]:
    labels = found.maps.regions(found.regions).labels
    return np.ones(len(labels), dtype=bool) if region is None else labels == found.regions.names.index(region)


def _along_others(
    excess: NDArray[np.float64], lines: NDArray[np.intp], masses: NDArray[np.float64], inside: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Product of each block's excess with the direction of those of other lines, (blocks, m, d) -> (blocks,)."""
    several = len(np.unique(lines)) > 1
    values = np.zeros(len(excess))
    for block, own in enumerate(excess):
        others = excess[lines != lines[block]] if several else np.delete(excess, block, axis=0)
        mean = others.mean(axis=0)
        length = float(np.sqrt(masses @ np.square(mean).sum(axis=1)))
        if length > 0.0:
            values[block] = float(masses[inside] @ (own * mean)[inside].sum(axis=1)) / length
    return values


def _line_row(name: str, values: NDArray[np.float64], level: float) -> tuple[str, float, float, float, int]:
    count, mean = len(values), float(values.mean())
    if count < 3:
        return name, mean, np.nan, np.nan, count
    reach = float(stats.t.ppf(0.5 + level / 2.0, count - 1)) * float(values.std(ddof=1)) / np.sqrt(count)
    return name, mean, mean - reach, mean + reach, count


def region_homes(found: Interaction) -> dict[str, tuple[str, float]]:
    """Find the population that most of each region is of, and its share of it; empty where whole clouds were coupled.

    A region is made of markers, so cells whose marker changes leave it; a population keeps its cells. What changes in
    regions and not in populations is a change of state, not of number.
    """
    maps, regions = found.maps, found.regions
    held = np.zeros((len(regions.names), len(maps.names)))
    if not maps.names:
        return {}
    np.add.at(held, (regions.labels[maps.points], maps.groups), maps.masses)
    return {
        region: (maps.names[int(row.argmax())], float(row.max() / row.sum()))
        for region, row in zip(regions.names, held, strict=True)
        if row.sum() > 0
    }


def expected_levels(levels: Mapping[str, float]) -> dict[str, float]:
    """Return what three models expect of A+B: additivity, Bliss independence, the highest single agent.

    Parameters
    ----------
    levels
        Mean readout under control, a, b and both, as in `ReadoutExcess.levels`. Bliss multiplies fractions of the
        control and is NaN where there is none.

    Examples
    --------
    >>> expected_levels({"control": 0.4, "a": 0.2, "b": 0.3, "both": 0.1})
    {'additive': 0.1, 'bliss': 0.15, 'highest single agent': 0.2}
    """
    control, a, b = levels["control"], levels["a"], levels["b"]
    strongest = a if abs(a - control) >= abs(b - control) else b
    bliss = a / control * b if control > 0.0 else float("nan")
    return {"additive": round(a + b - control, 12), "bliss": round(bliss, 12), "highest single agent": strongest}


def wells_under(found: Interaction, condition: str, *, line: str | None = None) -> tuple[str, ...]:
    """Name the wells of the study under one of its conditions ("control", "a", "b", "both"), of one line or of all."""
    study, kind = found.study, KINDS.index(condition)
    blocks = np.ones(len(study.names), dtype=bool)
    if line is not None:
        blocks = study.line_of == study.lines.index(line)
    used = (np.abs(study.weights[:, blocks]).sum(axis=(0, 1)) > 0) & (study.kinds == kind)
    return tuple(name for name, inside in zip(study.samples, used, strict=True) if inside)
