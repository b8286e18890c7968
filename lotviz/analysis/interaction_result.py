"""What was found of an interaction: size, certainty, direction and place, and how to do it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lotviz.analysis.interaction_design import Study
from lotviz.analysis.interaction_direction import Direction
from lotviz.analysis.interaction_maps import WellMaps
from lotviz.analysis.interaction_readouts import ReadoutExcess, Readouts, median_excess, share_excess
from lotviz.analysis.interaction_statistic import Crossed
from lotviz.analysis.interaction_units import Units
from lotviz.analysis.regions import Regions
from lotviz.data.problems import CohortError, Problem, did_you_mean, listed


@dataclass(frozen=True, eq=False)
class BarycenterComparison:
    """The comparison of the published method: A+B with the barycenter of A and B. Not a test of additivity.

    Attributes
    ----------
    distance
        ``|L_AB - (L_A + L_B) / 2|`` of the means over lines, scaled units.
    under_additivity
        What it is when A and B add up exactly: ``|(L_A + L_B) / 2 - L_C|``, half the additive effect; not zero.
    """

    distance: float
    under_additivity: float


@dataclass(frozen=True, eq=False)
class Profiles:
    """Maps of the four conditions and of the additive prediction, means over lines; (m, d) each, scaled.

    Attributes
    ----------
    control, a, b, observed
        Of control, A, B and A+B.
    predicted
        ``A + B - control``.
    round_trip_gap
        How far the prediction moves when it is embedded again, scaled units: 0 where it is a valid map, as sums of
        maps need not be. Compare with the additive effect.
    """

    control: NDArray[np.float64]
    a: NDArray[np.float64]
    b: NDArray[np.float64]
    observed: NDArray[np.float64]
    predicted: NDArray[np.float64]
    round_trip_gap: float

    @property
    def excess(self) -> NDArray[np.float64]:
        """Mean interaction D, observed minus predicted, (m, d)."""
        return np.asarray(self.observed - self.predicted)


@dataclass(frozen=True, eq=False)
class Interaction:
    """How far A+B departs from what A and B add up to, against the scatter of lines or replicates.

    Attributes
    ----------
    control, a, b, both
        The four conditions.
    column, by, replicate, plate
        The columns that were used; None where there is none.
    crossed
        The statistic of the headline: what the lines share where there are several, else the replicates of the line.
    within_lines
        The same within lines, over their replicates: some interaction in these lines, be it of one kind or not. None
        where no line has replicates, and where there is one line: then it is the headline.
    direction
        Size and direction beside the additive effect.
    per_unit
        One row a unit of the headline: statistic (its mean product with the others; their mean is the statistic),
        along (how far it goes along the additive effect of the others), blocks.
    table
        Region x marker, the clearest first: columns region, marker, additive, observed, excess, low, high, p,
        adjusted_p, words; marker units.
    by_marker, by_region
        Columns as `table` for whole markers, and for regions mass, carried, size, p, adjusted_p. `carried` sums to the
        statistic.
    composition
        Shares of the regions: columns region, control, a, b, predicted, observed, log_ratio, low, high, p, adjusted_p.
    correction
        How many figures are corrected for in `adjusted_p` of `table` and `by_marker`.
    tested_over
        Units of the tables and readouts.
    regions
        The regions.
    markers
        The markers.
    profiles
        Maps of the conditions and of the prediction.
    maps
        Maps of the wells, and which populations were coupled with themselves.
    abundance
        Shares of the populations, columns as `composition`; None where whole clouds were coupled. What is coupled
        within populations does not depend on how many cells each has: this table says that.
    barycenter
        The comparison of the published method.
    study
        The wells and how they were matched.
    readouts
        Shares and medians of every well.
    level
        Of all intervals.
    notes
        What was found rather than named, as sentences.
    warnings
        Doubts, as sentences.
    parameters, versions, sample_hashes
        What is needed to do it again.
    """

    control: str
    a: str
    b: str
    both: str
    column: str
    by: str | None
    replicate: str | None
    plate: str | None
    crossed: Crossed
    within_lines: Crossed | None
    direction: Direction
    per_unit: pd.DataFrame
    table: pd.DataFrame
    by_marker: pd.DataFrame
    by_region: pd.DataFrame
    composition: pd.DataFrame
    correction: str
    tested_over: Units
    regions: Regions
    markers: tuple[str, ...]
    profiles: Profiles
    maps: WellMaps
    abundance: pd.DataFrame | None
    barycenter: BarycenterComparison
    study: Study
    readouts: Readouts
    level: float
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    parameters: Mapping[str, Any]
    versions: Mapping[str, str]
    sample_hashes: Mapping[str, str]

    @property
    def statistic(self) -> float:
        """Squared size of the interaction without the noise in it, squared scaled units."""
        return self.crossed.statistic

    @property
    def low(self) -> float:
        """Lower end of the interval of the statistic."""
        return self.crossed.low

    @property
    def high(self) -> float:
        """Upper end of the interval of the statistic."""
        return self.crossed.high

    @property
    def p(self) -> float:
        """Probability of a statistic as large if A and B add up."""
        return self.crossed.p

    @property
    def unit(self) -> str:
        """What was counted as one observation: "line" or "replicate"."""
        return self.crossed.unit

    @property
    def n_units(self) -> int:
        """How many of them."""
        return self.crossed.n_units

    @property
    def abundance_p(self) -> float:
        """Smallest p of a population's share, corrected for all of them; NaN where whole clouds were coupled."""
        return float("nan") if self.abundance is None else float(self.abundance["adjusted_p"].min())

    @property
    def additive_gap(self) -> float:
        """Size of the interaction over the size of the additive effect, neither with noise in it."""
        return self.direction.gap

    @property
    def sign(self) -> str:
        """What positive means, in words."""
        return (
            f"statistic: above 0 where {self.both} differs from {self.a} + {self.b} - {self.control}, around 0 (also "
            "below) where they add up. along, and excess times additive: positive where A+B goes further than both "
            "effects together (more than additive), negative where it goes less far."
        )

    def share(self, region: str) -> ReadoutExcess:
        """Additive, Bliss and highest-single-agent excess of the share of a region.

        Raises
        ------
        CohortError
            There is no such region.
        """
        number = _position(region, self.regions.names, "region")
        return share_excess(self.readouts, self.tested_over, number, name=region, level=self.level)

    def share_of_population(self, population: str) -> ReadoutExcess:
        """Additive, Bliss and highest-single-agent excess of the share of a population.

        Raises
        ------
        CohortError
            There is no such population; none is known where whole clouds were coupled.
        """
        number = _position(population, self.maps.populations, "population")
        readouts = replace(self.readouts, shares=self.maps.shares)
        return share_excess(readouts, self.tested_over, number, name=population, level=self.level)

    def median(self, marker: str, *, region: str | None = None) -> ReadoutExcess:
        """Additive and highest-single-agent excess of the median of a marker, over all cells or within a region.

        Raises
        ------
        CohortError
            There is no such marker or region.
        """
        column = _position(marker, self.markers, "marker")
        number = None if region is None else _position(region, self.regions.names, "region")
        name = marker if region is None else f"{marker} in {region}"
        return median_excess(self.readouts, self.tested_over, marker=column, region=number, name=name, level=self.level)

    def to_json(self) -> dict[str, Any]:
        """Return the result in the fixed shape of ``lotviz interact --json``."""
        return {
            "statistic": self.statistic,
            "low": self.low,
            "high": self.high,
            "p": self.p,
            "unit": self.unit,
            "n_units": self.n_units,
            "smallest_p": self.crossed.smallest_p,
            "within_lines": None if self.within_lines is None else self.within_lines.to_json(),
            "direction": self.direction.words,
            "along": self.direction.along,
            "additive_gap": self.additive_gap,
            "by_marker": _by_name(self.by_marker, "marker"),
            "by_region": {
                name: {**figures, "abundance": abundance, "markers": markers}
                for (name, figures), abundance, markers in zip(
                    _by_name(self.by_region, "region").items(),
                    (_by_name(self.composition, "region")[name] for name in self.by_region["region"]),
                    (
                        _by_name(self.table[self.table["region"] == name].drop(columns="region"), "marker")
                        for name in self.by_region["region"]
                    ),
                    strict=True,
                )
            },
            "within_populations": list(self.maps.names),
            "abundance": None if self.abundance is None else _by_name(self.abundance, "region"),
            "sign": self.sign,
            "warnings": list(self.warnings),
        }

    def to_record(self) -> dict[str, Any]:
        """Everything, JSON-able: `to_json` with the design, readouts, parameters, versions and hashes of the input."""
        shares = [self.share(name) for name in self.regions.names]
        medians = [self.median(marker) for marker in self.markers]
        return {
            **self.to_json(),
            "control": self.control,
            "a": self.a,
            "b": self.b,
            "both": self.both,
            "columns": {name: getattr(self, name) for name in ("column", "by", "replicate", "plate")},
            "notes": list(self.notes),
            "method": self.crossed.method,
            "correction": self.correction,
            "tested_over": self.tested_over.unit,
            "per_unit": self.per_unit.to_dict(orient="records"),
            "blocks": [
                {"block": name, "line": self.study.lines[line]}
                for name, line in zip(self.study.names, self.study.line_of, strict=True)
            ],
            "samples": list(self.study.samples),
            "readouts": {one.name: _readout_record(one) for one in (*shares, *medians)},
            "barycenter": {
                "distance": self.barycenter.distance,
                "under_additivity": self.barycenter.under_additivity,
                "note": "not a test of additivity",
            },
            "round_trip_gap": self.profiles.round_trip_gap,
            "parameters": dict(self.parameters),
            "versions": dict(self.versions),
            "sample_hashes": dict(self.sample_hashes),
        }


def _by_name(frame: pd.DataFrame, key: str) -> dict[str, dict[str, Any]]:
    rows = [{str(name): value for name, value in row.items()} for row in frame.to_dict(orient="records")]
    return {str(row.pop(key)): row for row in rows}


def _readout_record(one: ReadoutExcess) -> dict[str, Any]:
    return {"levels": one.levels, "n_units": one.n_units, "unit": one.unit, "excess": one.table.to_dict(orient="index")}


def _position(name: str, known: tuple[str, ...], kind: str) -> int:
    if name not in known:
        there = f"The {kind}s are {listed(known, 40)}." if known else f"This study was asked without {kind}s."
        fix = did_you_mean(name, known) or there
        raise CohortError(Problem("interaction", f"Expected a {kind} of the study, found {name}.", fix))
    return known.index(name)
