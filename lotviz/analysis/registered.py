"""A registration at three levels, pairs of cells, reference points and populations, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lotviz.analysis.composition import Composition, cell_populations, composition, indicator
from lotviz.analysis.cost_shares import CostShares, cost_shares
from lotviz.analysis.displacement import MarkerChange, marker_change
from lotviz.analysis.population_shift import PopulationShift, population_shift
from lotviz.analysis.regions import Regions
from lotviz.data.problems import Problem
from lotviz.transport.registration import Registration

if TYPE_CHECKING:
    from lotviz.transport.embedding import LOTEmbedding

LOSSY = 2.0  # times the cohort's median residual share: above it the maps miss too much of a sample to read arrows


@dataclass(frozen=True, eq=False)
class Registered:
    """Two samples registered, and what the registration says of markers, populations and cost.

    Attributes
    ----------
    registration
        Cells glued through the reference.
    change
        Shift and shape of the markers.
    composition
        Which population became which, and what grew.
    shifts
        How the markers of each population shift, with errors.
    costs
        The cost shared out over cells and markers.
    cost_table
        The cost by population of the first sample and marker; sums to the cost.
    cautions
        What to know before trusting it.
    """

    registration: Registration
    change: MarkerChange
    composition: Composition
    shifts: PopulationShift
    costs: CostShares
    cost_table: pd.DataFrame
    cautions: tuple[Problem, ...]

    def record(self) -> dict[str, Any]:
        """Return all figures by name, as `lotviz register --json` prints them."""
        parts, change, registration = self.composition, self.change, self.registration
        residual_a, residual_b = change.residual_share
        return {
            "a": parts.a,
            "b": parts.b,
            "cost": registration.cost,
            "distance": change.distance,
            "squared_distance": change.distance**2,
            "shift_share": change.shift_share,
            "shape_share": 1.0 - change.shift_share if change.distance > 0 else 0.0,
            "residual_share": {"a": residual_a, "b": residual_b},
            "n_pairs": registration.n_pairs,
            "populations": list(parts.names),
            "share_a": parts.share_a,
            "share_b": parts.share_b,
            "change": parts.change,
            "mass_table": parts.table,
            "moved": parts.moved,
            "markers": change.table().to_dict(orient="records"),
            "population_shifts": self.shifts.table().to_dict(orient="records"),
            "cost_by_marker": dict(zip(self.costs.markers, self.costs.by_marker.tolist(), strict=True)),
            "cost_by_population": dict(self.cost_table.sum(axis=1)),
            "warnings": [str(caution) for caution in self.cautions],
        }


def registered(embedding: LOTEmbedding, a: str, b: str, *, regions: Regions | None = None) -> Registered:
    """Register sample A with sample B and say what follows from it.

    Parameters
    ----------
    embedding
        Holds both samples, with their cells.
    a, b
        Names of the two samples.
    regions
        Regions to use as populations; default the populations named in the cohort.

    Raises
    ------
    CohortError
        A sample is unknown.
    ValueError
        The cohort names no populations and no regions were given.
    """
    parts, costs = composition(embedding, a, b, regions=regions), cost_shares(embedding, a, b)
    labels = cell_populations(embedding, a, regions=regions)
    return Registered(
        registration=embedding.registration(a, b),
        change=marker_change(embedding, a, b),
        composition=parts,
        shifts=population_shift(embedding, a, b, regions=regions),
        costs=costs,
        cost_table=costs.by_population(labels, parts.names),
        cautions=registration_cautions(embedding, (a, b)),
    )


def registration_cautions(embedding: LOTEmbedding, samples: tuple[str, ...]) -> tuple[Problem, ...]:
    """Warn of samples whose residual share is more than twice the cohort's median: their maps miss too much."""
    median = float(np.median(embedding.residual_shares))
    found = []
    for sample in dict.fromkeys(samples):
        share = float(embedding.residual_shares[embedding.index(sample)])
        if share > LOSSY * median:
            what = f"The map misses {100 * share:.0f} % of its variance (cohort median {100 * median:.0f} %)."
            fix = "Use more reference points before reading the arrows."
            found.append(Problem(sample, what, fix, severity="warning", samples=(sample,)))
    return tuple(found)


def pairs_table(
    embedding: LOTEmbedding,
    registration: Registration,
    *,
    cells: int | None = None,
    seed: int = 0,
    regions: Regions | None = None,
) -> pd.DataFrame:
    """Return glued pairs of cells, a row each.

    Columns cell_a and cell_b (positions among the used cells), point, mass, population_a and population_b where they
    are known, and two columns a marker, "CD4, a" and "CD4, b", in transformed marker units.

    Parameters
    ----------
    embedding
        Holds the samples, with their cells.
    registration
        Of two of its samples.
    cells
        How many pairs are drawn, all of the same mass; None for all pairs with their exact mass.
    seed
        Of the draw.
    regions
        Regions to use as populations, where the cohort names none.

    Raises
    ------
    TransportMemoryError
        There are more pairs than fit into free memory.
    """
    pairs = registration.pairs() if cells is None else registration.sample_pairs(cells, seed)
    table: dict[str, Any] = {"cell_a": pairs.first, "cell_b": pairs.second, "point": pairs.point, "mass": pairs.mass}
    ends = {"a": (registration.first, pairs.first), "b": (registration.second, pairs.second)}
    for end, (sample, rows) in ends.items():
        if regions is not None or embedding.populations(sample) is not None:
            table[f"population_{end}"] = cell_populations(embedding, sample, regions=regions)[rows].astype(str)
    clouds = {end: embedding.cells(sample)[rows] for end, (sample, rows) in ends.items()}
    return pd.DataFrame({**table, **_marker_columns(embedding.markers, clouds)})


def points_table(embedding: LOTEmbedding, registration: Registration) -> pd.DataFrame:
    """Return the reference points, a row each: point, mass, and where each lies in both samples by marker.

    Two columns a marker, "CD4, a" and "CD4, b", in transformed marker units; their difference is the displacement.
    """
    maps = {
        end: embedding.scaling.undo(embedding.maps[embedding.index(sample)])
        for end, sample in (("a", registration.first), ("b", registration.second))
    }
    table = {"point": np.arange(len(registration.masses)), "mass": registration.masses}
    return pd.DataFrame({**table, **_marker_columns(embedding.markers, maps)})


def flows_table(embedding: LOTEmbedding, registration: Registration, *, regions: Regions | None = None) -> pd.DataFrame:
    """Return what goes from population to population, a row each that mass goes between, the largest first.

    Columns from, to, mass (of all), share (of the population it comes from), and by marker the mean displacement of
    that mass, "CD4, moved", in transformed marker units. Masses sum to one, and mass times displacement to the shift
    of the mean.
    """
    parts = composition(embedding, registration.first, registration.second, regions=regions)
    moved = _flow_displacement(embedding, registration, parts, regions)
    rows, columns = np.nonzero(parts.table > 0)
    names = np.asarray(parts.names, dtype=object)
    table = pd.DataFrame(
        {
            "from": names[rows],
            "to": names[columns],
            "mass": parts.table[rows, columns],
            "share": parts.table[rows, columns] / parts.share_a[rows],
            **{f"{marker}, moved": moved[rows, columns, c] for c, marker in enumerate(embedding.markers)},
        }
    )
    return table.sort_values("mass", ascending=False, kind="stable").reset_index(drop=True)


def _flow_displacement(
    embedding: LOTEmbedding, registration: Registration, parts: Composition, regions: Regions | None
) -> NDArray[np.float64]:
    """Return the mean displacement of the mass between populations, (k, k, d), marker units; NaN where there is none.

    Summed over reference points, as in `population_shift`: ``(P^A_pi Y^B_qi - P^B_qi Y^A_pi) / a_i``.
    """
    samples, count = (registration.first, registration.second), len(parts.names)
    sums = np.zeros((count, count, len(embedding.markers)))
    if registration.identity:
        return sums
    plans = [registration.first_plan, registration.second_plan]
    cells = [np.asarray(embedding.cells(sample), dtype=np.float64) for sample in samples]
    members = [indicator(cell_populations(embedding, sample, regions=regions), parts.names) for sample in samples]
    masses = [np.asarray(plan @ inside) for plan, inside in zip(plans, members, strict=True)]  # (m, k) each
    over = registration.masses[:, None]
    for marker in range(sums.shape[2]):
        first, second = (
            np.asarray(plan @ (inside * y[:, [marker]])) for plan, inside, y in zip(plans, members, cells, strict=True)
        )
        sums[:, :, marker] = (masses[0] / over).T @ second - (first / over).T @ masses[1]
    with np.errstate(invalid="ignore", divide="ignore"):
        return sums / parts.table[:, :, None]


def _marker_columns(markers: tuple[str, ...], clouds: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {f"{marker}, {end}": cloud[:, c] for c, marker in enumerate(markers) for end, cloud in clouds.items()}
