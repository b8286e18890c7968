"""Average patients: the average of a group, and how two of them differ, patient by patient as the unit."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lotviz.analysis.embedded import as_cohort
from lotviz.analysis.labels import label_texts
from lotviz.analysis.neighbours import units_of
from lotviz.analysis.reduction import part_vectors
from lotviz.analysis.region_values import region_values
from lotviz.analysis.regions import Regions, require_own
from lotviz.data.choices import require_at_least, require_seed
from lotviz.data.problems import CohortError, Problem

if TYPE_CHECKING:
    from lotviz.transport.embedding import LOTEmbedding, Part

PERMUTATIONS = 999
LEAST = 2  # patients of each group
HOLDS = 0.05


@dataclass(frozen=True, eq=False)
class GroupDifference:
    """The second group's average less the first's, by region and marker.

    Attributes
    ----------
    groups
        Names of the two.
    patients
        How many patients each average is over; the pairs, twice, when patients are compared with themselves.
    paired
        Whether each patient's samples of the two groups are compared with each other.
    left_out
        Patients that were left out: in a comparison within patients those with one group only, else those with both.
    names, markers
        Of the k regions and the d markers.
    values
        Difference of the averages, (k, d), marker units; positive where the second group is higher.
    low, high
        95 % t interval of each, (k, d); NaN where there are too few patients for one.
    p
        Of each, (k, d), with all k * d looked at: the largest standardised difference of permuted patients is as
        large (Westfall and Young); at most 5 % of studies without any difference have one below 0.05.
    distance
        LOT distance of the two averages.
    by_chance
        The same in the mean over permuted patients.
    distance_p
        Share of the permutations, the true one included, whose averages are as far apart.
    shift_share
        Share of the squared distance that all points share; the rest is shape.
    part
        Which part of the maps was looked at.
    """

    groups: tuple[str, str]
    patients: tuple[int, int]
    paired: bool
    left_out: int
    names: tuple[str, ...]
    markers: tuple[str, ...]
    values: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    p: NDArray[np.float64]
    distance: float
    by_chance: float
    distance_p: float
    shift_share: float
    part: Part

    def table(self) -> pd.DataFrame:
        """Columns region, marker, difference, low, high, p; the surest first."""
        frame = pd.DataFrame(
            {
                "region": np.repeat(np.asarray(self.names, dtype=object), len(self.markers)),
                "marker": np.tile(np.asarray(self.markers, dtype=object), len(self.names)),
                "difference": self.values.ravel(),
                "low": self.low.ravel(),
                "high": self.high.ravel(),
                "p": self.p.ravel(),
            }
        )
        order = np.lexsort((-np.abs(frame["difference"].to_numpy()), frame["p"].to_numpy()))
        return frame.iloc[order].reset_index(drop=True)


def group_weights(
    labels: Sequence[Hashable] | pd.Series,
    which: str,
    groups: Sequence[Hashable] | pd.Series | None = None,
    *,
    names: Sequence[str],
) -> dict[str, float]:
    """Weight of each sample in the average of a group: every patient the same, however many samples there are of him.

    Parameters
    ----------
    labels
        Group of each sample, (N,).
    which
        The group.
    groups
        The patient of each sample; each for itself when None.
    names
        Of the samples, (N,).

    Raises
    ------
    CohortError
        No sample is of this group.

    Examples
    --------
    >>> group_weights(["a", "a", "a", "b"], "a", ["P", "P", "Q", "R"], names=["1", "2", "3", "4"])
    {'1': 0.25, '2': 0.25, '3': 0.5}
    """
    members = np.flatnonzero(label_texts(labels) == which)
    if not len(members):
        raise _refusal(f"Expected samples of {which}, found none.", "Choose a group that has samples.")
    units = units_of(groups, len(names))[members]
    _, inverse, counts = np.unique(units, return_inverse=True, return_counts=True)
    weights = 1 / (len(counts) * counts[inverse])
    return {str(names[int(row)]): float(weight) for row, weight in zip(members, weights, strict=True)}


def group_difference(
    embedding: LOTEmbedding,
    label: str,
    groups: tuple[str, str],
    *,
    regions: Regions,
    group: str | None = None,
    part: Part = "full",
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> GroupDifference:
    """Compare the average patients of two groups.

    Parameters
    ----------
    embedding
        N samples.
    label
        The column that names the groups.
    groups
        The two: differences are the second less the first.
    regions
        By which to look.
    group
        The column of patients; every sample is one when None.
    part
        "full", or only the "shift" all cells share or the "shape", the rest.
    permutations
        Of patients between the groups, or of the two groups within patients.
    seed
        Of the permutations.

    Returns
    -------
        The difference, with its uncertainty over patients.

    Raises
    ------
    CohortError
        Fewer than two patients in a group, or the two are the same.

    Notes
    -----
    Samples are averaged within patient and group first. Where more than half of the patients have samples in both
    groups, and at least two, they are compared with themselves: paired t, and signs are turned at random. Otherwise
    Welch's t, and patients are dealt anew.
    Source: Westfall and Young 1993, single step.
    """
    require_own(embedding, regions)
    require_at_least(1, permutations=permutations)
    require_seed(seed)
    if groups[0] == groups[1]:
        raise _refusal(f"Expected two groups, found {groups[0]} twice.", "Choose two different groups.")
    table = region_values(embedding, regions, part=part)
    vectors = part_vectors(np.asarray(embedding.maps, dtype=np.float64), embedding.masses, part)
    both = np.concatenate([table.reshape(len(table), -1), vectors.reshape(len(table), -1)], axis=1)
    columns = as_cohort(embedding)
    texts = label_texts(columns.column(label))
    owners = units_of(columns.column(group) if group else None, len(texts))
    means, sides, paired, left_out = _patients(both, texts, owners, groups)
    counts = (int((sides == 0).sum()), int((sides == 1).sum()))
    if min(counts) < LEAST:
        few = groups[int(counts[1] < counts[0])]
        what = f"Expected at least {LEAST} patients in each group, found {min(counts)} in {few}."
        raise _refusal(what, "Choose groups with more patients.")
    cells = table[0].size
    rng = np.random.default_rng(seed)
    deals = _deals(sides, paired=paired, count=permutations, rng=rng)
    compare = _paired if paired else _welch
    values, error, freedom = compare(means[:, :cells], sides)
    t = _standardised(values, error)
    largest = np.array([np.abs(_standardised(*compare(means[:, :cells], deal)[:2])).max() for deal in deals])
    p = (1 + (largest[:, None] >= np.abs(t)[None, :] - 1e-9).sum(axis=0)) / (permutations + 1)
    gram = means[:, cells:] @ means[:, cells:].T
    distance = _apart(gram, sides)
    random = np.array([_apart(gram, deal) for deal in deals])
    reach = _quantile(freedom) * error
    shape = table.shape[1:]
    moved = (_ends(sides) @ means[:, cells:]).reshape(len(embedding.masses), -1)  # (m, d)
    shift = float(np.square(np.sqrt(embedding.masses) @ moved).sum())
    return GroupDifference(
        groups=groups,
        patients=counts,
        paired=paired,
        left_out=left_out,
        names=tuple(regions.names),
        markers=tuple(regions.markers),
        values=values.reshape(shape),
        low=(values - reach).reshape(shape),
        high=(values + reach).reshape(shape),
        p=p.reshape(shape),
        distance=distance,
        by_chance=float(random.mean()),
        distance_p=float((1 + (random >= distance * (1 - 1e-9)).sum()) / (permutations + 1)),
        shift_share=shift / distance**2 if distance > 0 else 0.0,
        part=part,
    )


def _patients(
    rows: NDArray[np.float64], texts: NDArray[np.object_], owners: NDArray[np.intp], groups: tuple[str, str]
) -> tuple[NDArray[np.float64], NDArray[np.intp], bool, int]:
    """Average within patient and group: means, (P, c), and the group of each, (P,); of pairs, in turn."""
    found: list[dict[int, NDArray[np.float64]]] = []
    for name in groups:
        own = texts == name
        found.append({int(owner): rows[own & (owners == owner)].mean(axis=0) for owner in np.unique(owners[own])})
    first, second = found
    both = sorted(set(first) & set(second))
    everyone = set(first) | set(second)
    paired = len(both) >= LEAST and 2 * len(both) > len(everyone)
    if paired:
        means = [side[owner] for owner in both for side in found]
        return np.array(means), np.tile([0, 1], len(both)), True, len(everyone) - len(both)
    alone = [[side[owner] for owner in sorted(set(side) - set(both))] for side in found]
    sides = np.repeat([0, 1], [len(alone[0]), len(alone[1])])
    return np.array([*alone[0], *alone[1]]), sides, False, len(both)


def _deals(sides: NDArray[np.intp], *, paired: bool, count: int, rng: np.random.Generator) -> list[NDArray[np.intp]]:
    """Deal the groups anew: among all patients, or within each."""
    if not paired:
        return [rng.permutation(sides) for _ in range(count)]
    turned = rng.integers(0, 2, size=(count, len(sides) // 2))
    return [np.stack([turn, 1 - turn], axis=1).ravel() for turn in turned]


def _welch(
    means: NDArray[np.float64], sides: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Difference, its standard error and its degrees of freedom, by column."""
    first, second = means[sides == 0], means[sides == 1]
    parts = [side.var(axis=0, ddof=1) / len(side) for side in (first, second)]
    error = parts[0] + parts[1]
    inner = parts[0] ** 2 / (len(first) - 1) + parts[1] ** 2 / (len(second) - 1)
    freedom = np.divide(error**2, inner, out=np.ones_like(error), where=inner > 0)
    return second.mean(axis=0) - first.mean(axis=0), np.sqrt(error), freedom


def _paired(
    means: NDArray[np.float64], sides: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Do the same within patients, whose two rows stand beside each other."""
    sign = np.where(sides[1::2] == 1, 1.0, -1.0)[:, None]
    moved = sign * (means[1::2] - means[::2])
    error = moved.std(axis=0, ddof=1) / np.sqrt(len(moved))
    return moved.mean(axis=0), error, np.full(means.shape[1], len(moved) - 1.0)


def _standardised(values: NDArray[np.float64], error: NDArray[np.float64]) -> NDArray[np.float64]:
    floor = 1e-9 * max(float(error.max(initial=0)), float(np.abs(values).max(initial=0)), np.finfo(float).tiny)
    return np.asarray(values / np.maximum(error, floor))


def _ends(sides: NDArray[np.intp]) -> NDArray[np.float64]:
    """Weights that make the second average less the first, (P,)."""
    return np.where(sides == 1, 1 / (sides == 1).sum(), -1 / (sides == 0).sum())


def _apart(gram: NDArray[np.float64], sides: NDArray[np.intp]) -> float:
    """Distance of the averages of the two groups, from the inner products of all patients, (P, P)."""
    weights = _ends(sides)
    return float(np.sqrt(np.maximum(weights @ gram @ weights, 0.0)))


def _quantile(freedom: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.stats import t

    return np.asarray(t.ppf(0.975, freedom))


def _refusal(what: str, fix: str) -> CohortError:
    return CohortError(Problem("group averages", what, fix))
