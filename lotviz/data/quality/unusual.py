"""What the values of a cohort say against it: saturated or constant markers, samples unlike the others, batches apart.

Everything here works on a few numbers of every sample and marker, never on cells.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import fdtrc

from lotviz.data.problems import Problem, listed
from lotviz.data.quality.designs import named
from lotviz.data.transforms.deciding import TRANSFORMED_BELOW

Array = NDArray[np.float64]
Reasons = tuple[tuple[str, float], ...]  # marker, how much higher it lies, in transformed units

SATURATED = 0.01  # of the cells at the highest value: beyond it the top of the marker is lost
CUT_OFF = 0.05  # of the cells at a lowest value that is not 0
PILED = 0.5  # more of the cells at the lowest value than in most samples
FEWEST_SAMPLES = 6  # below it no sample can be called unlike the others
FEWEST_CELLS = 20  # below it the shape of a marker is not known
_FEWEST_TO_PILE = 100  # cells
RARE = 0.15  # of the samples; more than that are a group, not outliers
_EVERY = 10**9
_NAMED = 4  # markers of an outlying sample
_FEWEST_AT_MARGIN = 5  # cells at the highest value
_FEWEST_CUT = 20  # cells at the lowest
_CLASS = 5  # samples that make a median of a class
# Typical distances. Of all markers together; of the one that is farthest, times sqrt(2 log(N d)): the more are looked
# at, the farther the farthest lies by chance. Chosen on simulated cohorts without a fault: 3 of 100 name a sample.
_ALL_MARKERS, _ONE_MARKER = 2.6, 2.1
_FEWEST_TO_SCALE = 100  # cells
_FAR_BELOW, _HALF = 20.0, 0.5
_VISIBLE = 0.35  # of the range of a marker: what a picture shows
_BATCH_VISIBLE = 0.25
_APART = 3.0  # standard deviations within a batch
_SURE = 0.001
_IN_BATCH = 3  # samples


@dataclass(frozen=True, eq=False)
class Profiles:
    """What is known of every sample and marker: N samples, L levels, d markers.

    Parameters
    ----------
    names
        The samples.
    markers
        The markers.
    counts
        Cells of each sample, (N,).
    quantiles
        In transformed units at evenly spaced levels, (N, L, d); NaN where a sample has no finite value.
    low, high
        Lowest and highest raw value, (N, d).
    at_low, at_high
        Share of the cells at just that value, beyond the share at the value next to it, (N, d).
    """

    names: tuple[str, ...]
    markers: tuple[str, ...]
    counts: NDArray[np.int64]
    quantiles: NDArray[np.float32]
    low: Array
    high: Array
    at_low: Array
    at_high: Array

    @property
    def spread(self) -> Array:
        """The range of each marker that holds four fifths of the cells, on average over the samples, (d,).

        No less than half that of the median marker: where hardly a cell is stained, little looks like much.
        """
        tenth = self.quantiles.shape[1] // 10
        spread = _mean(self.quantiles[:, -1 - tenth] - self.quantiles[:, tenth])
        return np.maximum(spread, max(0.5 * float(np.median(spread)), 1e-9))


def _mean(values: NDArray[np.floating]) -> Array:
    """Mean over samples, (N, d) -> (d,), of what is known; 0 where nothing is."""
    known = np.isfinite(values)
    return np.where(known, values, 0).sum(axis=0, dtype=np.float64) / np.maximum(known.sum(axis=0), 1)


# ---- constant, saturated, cut off --------------------------------------------------------------------------------


def constant_markers(profiles: Profiles, where: str) -> list[Problem]:
    """Return the problems of markers with one value: in the whole cohort, and in some samples."""
    many = profiles.counts > 1
    known = np.isfinite(profiles.low) & np.isfinite(profiles.high)
    low = np.where(known, profiles.low, np.inf).min(axis=0, initial=np.inf)
    high = np.where(known, profiles.high, -np.inf).max(axis=0, initial=-np.inf)
    everywhere = (low == high) & many.any()
    problems = []
    if everywhere.any():
        names = listed((profiles.markers[column] for column in np.flatnonzero(everywhere)), _EVERY)
        some = f"Marker {names} has" if everywhere.sum() == 1 else f"The markers {names} have"
        what = f"{some} the same value in every cell of the cohort."
        problems.append(Problem(where, what, "Leave it out: it says nothing.", "warning"))
    alone = (profiles.low == profiles.high) & (profiles.counts >= FEWEST_CELLS)[:, None] & ~everywhere
    if alone.any():
        what = f"Expected different values in every sample, found one value only for {_by_marker(profiles, alone)}."
        fix = "Check that it was stained and exported there."
        problems.append(Problem(where, what, fix, "warning", _samples(profiles, alone)))
    return problems


def saturated_markers(profiles: Profiles, where: str) -> list[Problem]:
    """Return the problem of cells heaped at the highest value of a marker."""
    full = (profiles.at_high >= SATURATED) & (profiles.at_high * profiles.counts[:, None] >= _FEWEST_AT_MARGIN)
    if not full.any():
        return []
    found = _by_marker(profiles, full, share=profiles.at_high)
    what = f"Expected few cells at the highest value of a marker, found {found}."
    fix = "The detector was saturated or values were cut off: read differences at the top of these markers with care."
    return [Problem(where, what, fix, "warning", _samples(profiles, full))]


def piled_markers(profiles: Profiles, where: str, *, said: Collection[str] = ()) -> list[Problem]:
    """Return the problem of cells heaped at the lowest value: in a few samples, or at a value that is not 0.

    Zeros in every sample are no fault: mass cytometry counts, and a dim signal is often no signal at all. Samples that
    are `said` already to be unlike the others are not named again.
    """
    if not profiles.names:
        return []
    measured = profiles.low < profiles.high
    usual = np.median(profiles.at_low, axis=0)
    apart = np.median(np.abs(profiles.at_low - usual), axis=0)
    limit = usual + np.maximum(PILED, 8 * apart) + 1 / np.sqrt(np.maximum(profiles.counts, 1))[:, None]
    lone = measured & (profiles.at_low > limit) & (profiles.counts >= _FEWEST_TO_PILE)[:, None]
    lone &= (lone.mean(axis=0) <= RARE) & (len(profiles.names) >= FEWEST_SAMPLES)
    lone &= ~np.isin(profiles.names, list(said))[:, None]
    cells = profiles.at_low * profiles.counts[:, None]
    cut = measured & (profiles.at_low >= CUT_OFF) & (profiles.low != 0) & (cells >= _FEWEST_CUT)
    piled = lone | cut
    if not piled.any():
        return []
    found = _by_marker(profiles, piled, share=profiles.at_low)
    what = f"Expected few cells at the lowest value of a marker, found {found}."
    fix = "Values may have been cut off at export, or staining failed: export without limits, or leave the marker out."
    return [Problem(where, what, fix, "warning", _samples(profiles, piled))]


def _samples(profiles: Profiles, flagged: NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(profiles.names[row] for row in np.flatnonzero(flagged.any(axis=1)))


def _by_marker(profiles: Profiles, flagged: NDArray[np.bool_], *, share: Array | None = None) -> str:
    """Say which markers are flagged in which samples, and up to which share of the cells."""
    parts = []
    for column in np.flatnonzero(flagged.any(axis=0)):
        rows = np.flatnonzero(flagged[:, column])
        names = "all samples" if len(rows) == len(flagged) else listed((profiles.names[row] for row in rows), _EVERY)
        most = "" if share is None else f"up to {share[rows, column].max():.0%} of cells, "
        parts.append(f"{profiles.markers[column]} ({most}{names})")
    return listed(parts, _EVERY)


def mixed_scales(profiles: Profiles, where: str) -> list[Problem]:
    """Return the problem of samples that were transformed before export while others hold raw intensities.

    In at least half of their markers nothing exceeds what a transform leaves, where another sample reaches at least
    `_FAR_BELOW` times as high. A dim marker alone is no sign, and of few cells the highest says little.
    """
    highest = np.maximum(np.abs(profiles.low), np.abs(profiles.high))  # (N, d)
    judged = (profiles.counts >= _FEWEST_TO_SCALE) & np.isfinite(highest).all(axis=1)
    if judged.sum() < 2:
        return []
    tops = highest[judged].max(axis=0)
    small = judged[:, None] & (highest < TRANSFORMED_BELOW) & (highest * _FAR_BELOW < tops)
    samples = np.flatnonzero(small.mean(axis=1) >= _HALF)
    if not len(samples):
        return []
    columns = small[samples].any(axis=0)
    names = tuple(profiles.names[row] for row in samples)
    top = np.where(small[samples], highest[samples], 0).max()
    what = (
        f"Expected all samples on one scale, found values up to {top:.3g} in {listed(names, _EVERY)}, where others "
        f"reach {tops[columns].min():.3g} and more ({columns.sum()} of {len(columns)} markers)."
    )
    fix = "They look as if they had been transformed before export: export all samples raw, or leave these out."
    return [Problem(where, what, fix, "warning", names)]


# ---- samples unlike the others -----------------------------------------------------------------------------------


def outlying_samples(profiles: Profiles, columns: Sequence[pd.Series | None] = ()) -> dict[str, Reasons]:
    """Name the samples whose markers lie far from those of all others, each with the markers that make it so.

    The distance of a sample's marker is the mean difference of its quantiles from the median of the samples, of all
    or of its own class, batch or patient, whichever is closest: groups that really differ are no outliers. Its unit
    is the distance that is typical of the marker, with what the number of cells explains.

    Parameters
    ----------
    columns
        Class, batch, patient of each sample, where they are known.

    Returns
    -------
    Sample -> (marker, how much higher it lies, in transformed units), the most unusual marker first.
    """
    rows = np.flatnonzero((profiles.counts >= FEWEST_CELLS) & np.isfinite(profiles.quantiles).all(axis=(1, 2)))
    if len(rows) < FEWEST_SAMPLES:
        return {}
    names = [profiles.names[row] for row in rows]
    values = profiles.quantiles[rows, 2::4].astype(np.float64)  # (N, L / 4, d)
    apart = _nearest(values, [column.reindex(names) for column in columns if column is not None])  # (N, L / 4, d)
    distance = np.abs(apart).mean(axis=1)  # (N, d)
    spread = profiles.spread
    noise = (0.5 * spread) ** 2 / profiles.counts[rows, None] + (0.03 * spread) ** 2
    unusual = distance / np.sqrt(np.median(distance, axis=0) ** 2 + noise)  # (N, d)
    strict = 1 + 1 / len(rows)  # of few samples the typical distance is known badly
    farthest = _ONE_MARKER * np.sqrt(2 * np.log(unusual.size)) * strict
    lone = (unusual >= farthest) & (distance >= _VISIBLE * spread)
    found = np.flatnonzero(lone.any(axis=1) | (unusual.mean(axis=1) >= _ALL_MARKERS * strict))
    if len(found) > max(1, RARE * len(rows)):
        return {}
    return {names[row]: _reasons(unusual[row], apart[row].mean(axis=0), profiles.markers) for row in found}


def _nearest(values: Array, known: Sequence[pd.Series]) -> Array:
    """Differences from the median of all samples or of an own group, whichever is closest for a marker."""
    apart = values - np.median(values, axis=0)
    for column in known:
        sizes = column.value_counts()
        for name in sizes.index[sizes >= _CLASS]:
            rows = np.flatnonzero(column == name)
            own = values[rows] - np.median(values[rows], axis=0)
            closer = np.abs(own).mean(axis=1) < np.abs(apart[rows]).mean(axis=1)
            apart[rows] = np.where(closer[:, None], own, apart[rows])
    return apart


def _reasons(unusual: Array, shift: Array, markers: Sequence[str]) -> Reasons:
    order = np.argsort(-unusual, kind="stable")[:_NAMED]
    kept = [column for column in order if unusual[column] >= 0.5 * unusual[order[0]]]
    return tuple((markers[column], float(shift[column])) for column in kept)


def outlying_problem(outlying: Mapping[str, Reasons], n_samples: int, *, where: str) -> list[Problem]:
    """Return the problem of samples unlike the others, naming the markers that make them so."""
    if not outlying:
        return []
    parts = [f"{name} ({listed(_moved(*reason) for reason in reasons)})" for name, reasons in outlying.items()]
    far = "lies" if len(outlying) == 1 else "lie"
    what = f"{len(outlying)} of {n_samples} samples {far} far from all others: {listed(parts, _EVERY)}."
    fix = "Look at how they were stained and measured, and leave them out if something went wrong."
    return [Problem(where, what, fix, "warning", tuple(outlying))]


def _moved(marker: str, shift: float) -> str:
    """Say how far a marker moved.

    Examples
    --------
    >>> _moved("CD3", -1.204)
    'CD3 1.2 lower'
    """
    return f"{marker} {abs(shift):.2g} {'lower' if shift < 0 else 'higher'}"


# ---- batches apart -----------------------------------------------------------------------------------------------


def shifted_batches(
    profiles: Profiles, batch: pd.Series, label: pd.Series | None = None
) -> list[tuple[str, str, float]]:
    """Name the markers that lie apart between batches, far more than within, the farthest first.

    The means of a marker in all samples are fitted by batch and class together, so that a group with more samples in
    one batch is not taken for that batch.

    Returns
    -------
    (marker, batch, how much higher it lies there than in the others, in transformed units) of each.
    """
    names = pd.Index(profiles.names)
    usable = (profiles.counts >= FEWEST_CELLS) & np.isfinite(profiles.quantiles).all(axis=(1, 2))
    batches = batch.reindex(names).where(usable)
    batches = batches.where(batches.map(batches.value_counts()) >= _IN_BATCH)
    known = batches.notna().to_numpy()
    if batches.nunique() < 2:
        return []
    values = profiles.quantiles[known].mean(axis=1, dtype=np.float64)  # (N, d)
    classes = pd.Series("", index=names) if label is None else label.reindex(names).fillna("")
    reduced = pd.get_dummies(classes[known]).to_numpy(np.float64)
    full = np.hstack([pd.get_dummies(batches[known]).to_numpy(np.float64), reduced])
    ranks = [int(np.linalg.matrix_rank(design)) for design in (reduced, full)]
    extra, left = ranks[1] - ranks[0], len(values) - ranks[1]
    if extra < batches.nunique() - 1 or left < _IN_BATCH:
        return []  # batch and class cannot be told apart: said already
    inside, outside = _unexplained(full, values), _unexplained(reduced, values)
    within = np.sqrt(inside / left)
    ratio = (outside - inside) / extra / np.maximum(inside / left, 1e-12)
    sure = fdtrc(extra, left, ratio) * len(profiles.markers) < _SURE
    effects = np.linalg.lstsq(full, values, rcond=None)[0][: batches.nunique()]  # (batches, d)
    shifts = _from_the_others(effects)
    place = np.abs(shifts).argmax(axis=0)
    shift = np.take_along_axis(shifts, place[None], axis=0)[0]
    apart = sure & (np.abs(shift) >= _APART * within) & (np.abs(shift) >= _BATCH_VISIBLE * profiles.spread)
    codes = sorted(batches.dropna().unique())
    order = sorted(np.flatnonzero(apart), key=lambda column: -abs(shift[column]))
    return [(profiles.markers[column], codes[place[column]], float(shift[column])) for column in order]


def _unexplained(design: Array, values: Array) -> Array:
    """Sum of squares that a design leaves, (N, p) and (N, d) -> (d,)."""
    fitted = design @ np.linalg.lstsq(design, values, rcond=None)[0]
    return np.asarray(((values - fitted) ** 2).sum(axis=0))


def _from_the_others(effects: Array) -> Array:
    """Difference of each batch from the mean of the other batches, (b, d) -> (b, d)."""
    count = len(effects)
    return np.asarray((effects - effects.mean(axis=0)) * count / (count - 1))


def shifted_problem(
    shifts: Sequence[tuple[str, str, float]], profiles: Profiles, batch: pd.Series, *, where: str
) -> list[Problem]:
    """Return the problem of markers that lie apart between batches."""
    if not shifts:
        return []
    parts = [f"{_moved(marker, shift)} in {named(str(batch.name), place)}" for marker, place, shift in shifts]
    lie = "lies" if len(shifts) == 1 else "lie"
    what = (
        f"{len(shifts)} of {len(profiles.markers)} markers {lie} apart between values of {batch.name}, far more than "
    )
    what += f"within one: {listed(parts, _EVERY)}."
    fix = f"Name {batch.name} as the batch and compare the groups within each, or leave these markers out."
    most = shifts[0][1]
    return [Problem(where, what, fix, "warning", tuple(name for name in profiles.names if batch.get(name) == most))]
