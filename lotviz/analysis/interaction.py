"""Do two drugs add up? The interaction of A and B in LOT space, with its certainty, its direction and its place."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lotviz.analysis.interaction_columns import Columns, columns_of
from lotviz.analysis.interaction_design import Study, study_of, wells_of
from lotviz.analysis.interaction_direction import direction_of
from lotviz.analysis.interaction_maps import WellMaps, maps_of_wells
from lotviz.analysis.interaction_places import Space, composition_table, marker_table, region_marker_table, region_table
from lotviz.analysis.interaction_readouts import read_wells
from lotviz.analysis.interaction_result import BarycenterComparison, Interaction, Profiles
from lotviz.analysis.interaction_statistic import FEWEST_FOR_INTERVAL, Crossed, crossed
from lotviz.analysis.interaction_units import (
    Units,
    for_many_figures,
    lines_or_replicates,
    replicates_within_lines,
)
from lotviz.analysis.regions import Regions, require_own
from lotviz.analysis.regions import regions as find_regions
from lotviz.data.choices import require_seed
from lotviz.data.problems import CohortError, Problem, listed
from lotviz.data.versions import installed
from lotviz.transport.coupling import solve
from lotviz.transport.progress import Progress, part_of, stop_if

if TYPE_CHECKING:
    from lotviz.transport.embedding import LOTEmbedding

_PACKAGES = ("lotviz", "numpy", "scipy", "scikit-learn", "pandas")
_USUAL_LEVEL = 0.05


def interaction(
    embedding: LOTEmbedding,
    *,
    control: object,
    a: object,
    b: object,
    both: object,
    column: str | None = None,
    by: str | None = None,
    replicate: str | None = None,
    plate: str | None = None,
    regions: Regions | None = None,
    whole_clouds: bool = False,
    seed: int = 0,
    level: float = 0.95,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> Interaction:
    """Measure the interaction ``D = L_AB - L_A - L_B + L_C`` of two drugs: zero where they add up.

    The statistic is the mean of ``<D_r, D_s>`` over pairs of different units. A unit is a line (a patient, a culture)
    where there are several, a replicate of the one line otherwise. Unlike ``|D|^2`` it holds no noise: under
    additivity its expectation is zero. Where the cohort names populations, L couples each of them with its own part of
    the reference: what the cells are is compared as if all wells had the same composition, and composition beside it.

    Parameters
    ----------
    embedding
        Holds the wells; their vectors are what is added and subtracted.
    control, a, b, both
        The values of the four conditions. The control is that of A, of B and of A+B.
    column
        The column that holds them; found by itself where exactly one holds all four.
    by
        The column of the line or patient; found where one column is called so (line, patient, donor).
    replicate
        The column that matches wells: those of a line with the same value are compared with each other. Found where
        one column is called so and each of its values has all four. Without one, the wells of a plate are matched,
        or those of a line in their order.
    plate
        The column of the plate; found where one is called so. A drug is compared with the control on its own plate.
    regions
        Regions to say where; default those of `lotviz.analysis.regions`.
    whole_clouds
        Couple whole clouds even where the cohort names populations, for the vectors of the embedding itself.
    seed
        Of the regions and of the sign flips, where there are too many to go through.
    level
        Of the intervals.
    progress
        Called with (done, total, message).
    cancel
        Set it to stop.

    Returns
    -------
    Interaction
        Statistic in squared scaled units; tables in marker units. Positive excess: higher than additivity predicts.

    Raises
    ------
    CohortError
        A condition, column or label is missing, two conditions are one, or there are no replicates.
    Cancelled
        `cancel` was set.

    Notes
    -----
    Source of the crossed product: Walther et al. 2016 (crossnobis); the published method compares A+B with the
    barycenter of A and B instead, which is not a test of additivity (see `BarycenterComparison`).

    Whole clouds of unlike composition exchange cells between populations, in ways that depend on where the drugs have
    moved them: that is noise, and vectors of drugs that add up exactly need not. Measured in 200 simulated additive
    studies each (tests/benchmark/interaction.py), within populations and, in brackets, with whole clouds: 8 lines x 3
    replicates, the interval held 0 in 96.5 % (89.5 %) and p was at most 0.05 in 3.5 % (10.5 %), its distribution
    uniform with Kolmogorov-Smirnov p 0.75 (0.08); 6 replicates of one line 97 % (94.5 %), 3 % (5.5 %), 0.31 (0.80);
    8 lines x 3 on plates that differ much 96.5 % (90.5 %), 3.5 % (9.5 %), 0.44 (0.26).
    """
    require_seed(seed)
    if regions is not None:
        require_own(embedding, regions)
    if not 0.5 <= level < 1.0:
        what = f"Expected a level from 0.5 to below 1, found {level}."
        raise CohortError(Problem("interaction", what, "0.95 is usual."))
    columns = columns_of(
        embedding.samples, (control, a, b, both), column=column, by=by, replicate=replicate, plate=plate
    )
    study = study_of(wells_of(embedding.samples, columns), columns)
    parts = find_regions(embedding, seed=seed) if regions is None else regions
    stop_if(cancel)
    n = len(study.samples)
    readouts = read_wells(embedding, study, parts, progress=part_of(progress, 0, 3 * n), cancel=cancel)
    maps = maps_of_wells(
        embedding, study, whole_clouds=whole_clouds, progress=part_of(progress, n, 3 * n), cancel=cancel
    )
    inside = maps.regions(parts)
    space = Space(
        maps=maps.maps,
        masses=maps.masses,
        scale=np.asarray(embedding.scaling.scale, dtype=np.float64),
        markers=tuple(embedding.markers),
    )
    headline, many = lines_or_replicates(study), for_many_figures(study)
    inner = replicates_within_lines(study) if len(study.lines) > 1 else None
    excess = space.vectors(space.summed(study.excess))
    additive = space.vectors(space.summed(study.additive))
    found = _crossed(excess, headline, level, seed)
    within = None if inner is None else _crossed(excess, inner, level, seed)
    asked: dict[str, Any] = {"level": level, "seed": seed}
    table, entries = region_marker_table(space, many, inside, **asked)
    direction_units = many if len(headline) < FEWEST_FOR_INTERVAL else headline
    profiles = _profiles(embedding, maps, study)
    return Interaction(
        control=columns.conditions[0],
        a=columns.conditions[1],
        b=columns.conditions[2],
        both=columns.conditions[3],
        column=columns.condition,
        by=columns.by,
        replicate=columns.replicate,
        plate=columns.plate,
        crossed=found,
        within_lines=within,
        direction=direction_of(
            direction_units.of(excess), direction_units.of(additive), direction_units.groups, p=found.p, level=level
        ),
        per_unit=_per_unit(headline, excess, additive),
        table=table,
        by_marker=marker_table(space, many, headline, **asked),
        by_region=region_table(space, many, headline, regions=inside, **asked),
        composition=composition_table(readouts.shares, readouts.n_cells, many, names=parts.names, **asked),
        correction=entries.correction,
        tested_over=many,
        regions=parts,
        markers=tuple(embedding.markers),
        profiles=profiles,
        maps=maps,
        abundance=_abundance(maps, many, **asked),
        barycenter=_barycenter(embedding, profiles),
        study=study,
        readouts=readouts,
        level=level,
        notes=(*columns.notes, *_about_coupling(maps)),
        warnings=_warnings(study, found, within, many, table, level=level),
        parameters={
            **_parameters(columns),
            **asked,
            "regions": len(parts.names),
            "matched_by": study.matched_by,
            "whole_clouds": not maps.names,
        },
        versions={package: installed(package) for package in _PACKAGES},
        sample_hashes={
            name: embedding.sample_hashes[name] for name in study.samples if name in embedding.sample_hashes
        },
    )


def _crossed(vectors: NDArray[np.float64], units: Units, level: float, seed: int) -> Crossed:
    return crossed(units.of(vectors), units.groups, unit=units.unit, level=level, seed=seed)


def _per_unit(units: Units, excess: NDArray[np.float64], additive: NDArray[np.float64]) -> pd.DataFrame:
    d, e = units.of(excess), units.of(additive)
    others = max(len(units) - 1, 1)
    own, effects = d @ d.T, d @ e.T
    squared = e @ e.T
    of_others = squared.sum(axis=1) - np.diag(squared)
    along = np.full(len(units), np.nan)  # where nothing moves
    np.divide(effects.sum(axis=1) - np.diag(effects), of_others, out=along, where=of_others != 0)
    blocks = [int((units.study.line_of == line).sum()) for line in range(len(units.study.lines))]
    return pd.DataFrame(
        {
            "unit": units.names,
            "statistic": (own.sum(axis=1) - np.diag(own)) / others,
            "along": along,
            "blocks": blocks if units.unit == "line" else np.ones(len(units), dtype=int),
        }
    )


def _abundance(maps: WellMaps, units: Units, *, level: float, seed: int) -> pd.DataFrame | None:
    if not maps.names:
        return None
    return composition_table(
        maps.shares, maps.counts.sum(axis=1), units, names=maps.populations, level=level, seed=seed
    )


def _about_coupling(maps: WellMaps) -> Iterator[str]:
    if not maps.names:
        yield "Whole clouds are coupled: a change of composition is seen as displacement too."
        return
    yield f"Cells are coupled within their {len(maps.names)} populations; how many cells each has is tested beside it."
    if maps.taken_together:
        yield f"Not in every well, so taken together: {listed(maps.taken_together, 5)}."


def _profiles(embedding: LOTEmbedding, maps: WellMaps, study: Study) -> Profiles:
    def mean(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return maps.by_point(study.over_lines(np.tensordot(weights, maps.maps, axes=1)))

    control, a, b, both = (mean(weights) for weights in study.weights)
    predicted = mean(study.predicted)
    masses = np.asarray(embedding.masses, dtype=np.float64)
    again = solve(embedding.reference.points, predicted, masses, masses).maps
    return Profiles(control, a, b, both, predicted, _length(embedding, again - predicted))


def _barycenter(embedding: LOTEmbedding, profiles: Profiles) -> BarycenterComparison:
    middle = (profiles.a + profiles.b) / 2.0
    return BarycenterComparison(
        _length(embedding, profiles.observed - middle), _length(embedding, middle - profiles.control)
    )


def _length(embedding: LOTEmbedding, maps: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.asarray(embedding.masses, dtype=np.float64) @ np.square(maps).sum(axis=1)))


def _parameters(columns: Columns) -> dict[str, object]:
    names = ("control", "a", "b", "both")
    return {
        **dict(zip(names, columns.conditions, strict=True)),
        "column": columns.condition,
        "by": columns.by,
        "replicate": columns.replicate,
        "plate": columns.plate,
    }


def _warnings(
    study: Study, found: Crossed, within: Crossed | None, many: Units, table: pd.DataFrame, *, level: float
) -> tuple[str, ...]:
    said = list(study.warnings)
    if not study.matched_by:
        said.append(
            "Wells of a line are matched in the order of the sample table: no column says which belong together."
        )
    if found.unit == "replicate":
        said.append("One line: the replicates are the units, and nothing is said of other lines.")
    if np.isfinite(found.smallest_p) and found.smallest_p > _USUAL_LEVEL:
        what = f"{found.n_units} {found.unit}s cannot give a p below {found.smallest_p:.3g}, whatever they show"
        said.append(f"{what}{'; see what is said within lines.' if within is not None else '.'}")
    if not np.isfinite(found.low):
        said.append(f"{found.n_units} {found.unit}s are too few for an interval: there is none.")
    if many.unit != found.unit:
        said.append("The tables are tested over the replicates of these lines: there are too few lines for that.")
    clear = table[table["adjusted_p"] <= 1.0 - level]
    if found.p > 1.0 - level and len(clear):
        names = listed((f"{row.marker} in {row.region}" for row in clear.itertuples()), 3)
        said.append(f"As a whole no interaction is shown, but by region and marker one is, corrected for all: {names}.")
    return tuple(dict.fromkeys(said))
