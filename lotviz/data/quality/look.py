"""One look through all cells of a cohort, a sample at a time: its problems, and the numbers small pictures need."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from lotviz.data.cohort import Cohort, not_finite
from lotviz.data.problems import CohortError, Problem, listed
from lotviz.data.quality.designs import class_column, design_notes, design_problems, role_column
from lotviz.data.quality.fingerprints import Fingerprint, copied, fingerprint
from lotviz.data.quality.unusual import (
    Profiles,
    Reasons,
    constant_markers,
    mixed_scales,
    outlying_problem,
    outlying_samples,
    piled_markers,
    saturated_markers,
    shifted_batches,
    shifted_problem,
)
from lotviz.data.read import FEW_CELLS
from lotviz.data.transforms.deciding import TRANSFORMED_BELOW, transformed_twice

Progress = Callable[[int, int, str], None]

LEVELS = (np.arange(64) + 0.5) / 64  # of the quantiles that are kept
LOOKED_AT = 1000  # cells of a sample its quantiles are taken from
UNEQUAL = 20  # times fewer or more cells than the median sample
_DISTINCT = 20  # values; a marker with fewer is a count or a class, and its extremes are no margin
_IN_A_SENTENCE = 40  # samples with their numbers; all are in the samples of the problem


@dataclass(frozen=True, eq=False)
class Quality:
    """What one look through a cohort found, with what its pictures are drawn from.

    Parameters
    ----------
    problems
        Errors first, then the heaviest; at most one of a kind, its samples listed inside.
    notes
        What was noticed of the design and needs no decision, as sentences.
    profiles
        Cells, quantiles, range and margins of each sample that could be read.
    outlying
        Samples unlike all others: each with its markers and how much higher they lie, in transformed units.
    shifted
        Markers that lie apart between batches: marker, batch, how much higher it lies there.
    """

    problems: tuple[Problem, ...]
    notes: tuple[str, ...]
    profiles: Profiles
    outlying: Mapping[str, Reasons] = field(default_factory=dict)
    shifted: tuple[tuple[str, str, float], ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the cohort can be used: no problem is an error."""
        return not any(problem.severity == "error" for problem in self.problems)

    def values(self, marker: str, sample: str, count: int = 512) -> NDArray[np.float64]:
        """Return evenly spaced quantiles of a sample's marker, in transformed units: a stand-in for its cells.

        Returns
        -------
        Shape (count,), ascending; empty for a sample that could not be read.
        """
        if sample not in self.profiles.names:
            return np.empty(0)
        column = self.profiles.markers.index(marker)
        known = self.profiles.quantiles[self.profiles.names.index(sample), :, column]
        if not np.isfinite(known).all():
            return np.empty(0)
        return np.interp((np.arange(count) + 0.5) / count, LEVELS, known)


@dataclass(frozen=True, eq=False)
class _Look:
    """What is kept of one sample."""

    count: int
    whole: bool  # every value is finite
    quantiles: NDArray[np.float32]  # (L, d), raw
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    at_low: NDArray[np.float64]
    at_high: NDArray[np.float64]
    cells: Fingerprint


def look_through(cohort: Cohort, *, progress: Progress | None = None, cancel: threading.Event | None = None) -> Quality:
    """Find every problem of a cohort's cells and metadata: reads every sample once and keeps a few numbers of it.

    Parameters
    ----------
    progress
        Called with samples done, samples in all, and what is being done.
    cancel
        When set, the look stops after the current sample and says so.
    """
    names = list(cohort.samples.index)
    looks: dict[str, _Look] = {}
    problems: list[Problem] = []
    for done, name in enumerate(names):
        if cancel is not None and cancel.is_set():
            what = f"The check was stopped after {done} of {len(names)} samples."
            problems.append(Problem(cohort.origin, what, "Run it again for the others.", "warning"))
            break
        if progress is not None:
            progress(done, len(names), f"Checking {name}")
        problems += _look_at(cohort, str(name), looks)
    if progress is not None:
        progress(len(names), len(names), "Checked")
    return _judged(cohort, looks, problems)


def _look_at(cohort: Cohort, name: str, looks: dict[str, _Look]) -> list[Problem]:
    """Look at one sample; return what makes it unusable."""
    fitting = cohort.affordable(name)
    try:
        raw = cohort.raw(name, limit=fitting)
    except CohortError as error:
        return [replace(problem, samples=problem.samples or (name,)) for problem in error.problems]
    where = cohort.source.where(name)
    if not len(raw):
        return [Problem(where, "Expected cells, found none.", "Remove the sample, or read it again.", samples=(name,))]
    looks[name] = _looked_at(raw)
    thinned = [] if fitting is None else [_thinned(where, name, fitting, int(cohort.cell_counts[name]))]
    if looks[name].whole:
        return thinned
    found = not_finite(cohort.source, name, raw, cohort.markers)
    return [*thinned, *(replace(problem, samples=(name,)) for problem in found)]


def _thinned(where: str, name: str, looked_at: int, count: int) -> Problem:
    what = f"{looked_at:,} of {count:,} cells were looked at, drawn at random: all do not fit into memory."
    return Problem(where, what, "Choose fewer cells per sample when comparing, or fewer markers.", "warning", (name,))


def _looked_at(raw: NDArray[np.float32]) -> _Look:
    """Range and fingerprint of all cells of a sample, (n, d); quantiles and margins of some, drawn with a seed."""
    low, high, whole = _range(raw)
    some = raw
    if len(raw) > LOOKED_AT:
        some = raw[np.random.default_rng(0).choice(len(raw), size=LOOKED_AT, replace=False)]
    ordered = np.ascontiguousarray(some.T) if whole else np.where(np.isfinite(some), some, np.nan).T  # (d, k)
    ordered = np.sort(ordered, axis=1)  # NaN last
    finite = np.full(len(ordered), len(some)) if whole else np.isfinite(ordered).sum(axis=1)
    # The nearest rank, not a mean of two: a transform then may come before it or after it.
    ranks = np.minimum((LEVELS[:, None] * finite).astype(np.intp), np.maximum(finite - 1, 0))  # (L, d)
    at_low, at_high = _heaped(ordered, finite)
    return _Look(
        count=len(raw),
        whole=whole,
        quantiles=ordered[np.arange(len(ordered)), ranks],
        low=low,
        high=high,
        at_low=at_low,
        at_high=at_high,
        cells=fingerprint(raw),
    )


def _range(raw: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64], bool]:
    """Lowest and highest finite value of each marker, inf and -inf where there is none; whether all are finite."""
    with np.errstate(invalid="ignore"):
        low, high = raw.min(axis=0).astype(np.float64), raw.max(axis=0).astype(np.float64)
    if np.isfinite(low).all() and np.isfinite(high).all():
        return low, high, True
    finite = np.isfinite(raw)
    low, high = np.where(finite, raw, np.inf).min(axis=0), np.where(finite, raw, -np.inf).max(axis=0)
    return low.astype(np.float64), high.astype(np.float64), False


def _heaped(ordered: NDArray[np.float32], finite: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Shares of the values at the lowest and the highest, beyond those at the next value, of each row of (d, k)."""
    rows = np.arange(len(ordered))
    last = np.maximum(finite - 1, 0)

    def at(places: NDArray[np.intp]) -> NDArray[np.intp]:
        """Count the values that equal the one at a place of each row."""
        return np.count_nonzero(ordered == ordered[rows, places][:, None], axis=1)

    lowest, highest = at(np.zeros_like(last)), at(last)
    next_low, next_high = at(np.minimum(lowest, last)), at(np.maximum(last - highest, 0))
    many = np.count_nonzero(ordered[:, 1:] != ordered[:, :-1], axis=1) + 1 >= _DISTINCT
    share = many / np.maximum(finite, 1)
    return np.maximum(lowest - next_low, 0) * share, np.maximum(highest - next_high, 0) * share


def _profiles(cohort: Cohort, looks: Mapping[str, _Look]) -> Profiles:
    shape = (len(looks), cohort.n_markers)
    rows = looks.values()
    quantiles = np.array([look.quantiles for look in rows], np.float32).reshape(shape[0], len(LEVELS), shape[1])
    return Profiles(
        names=tuple(looks),
        markers=cohort.markers,
        counts=np.array([look.count for look in rows], dtype=np.int64),
        quantiles=cohort.transform(quantiles.reshape(-1, shape[1])).reshape(quantiles.shape),
        low=np.array([look.low for look in rows]).reshape(shape),
        high=np.array([look.high for look in rows]).reshape(shape),
        at_low=np.array([look.at_low for look in rows]).reshape(shape),
        at_high=np.array([look.at_high for look in rows]).reshape(shape),
    )


def _judged(cohort: Cohort, looks: Mapping[str, _Look], found: list[Problem]) -> Quality:
    """Put together what was found in the samples and what shows only when all of them are known."""
    where, profiles = cohort.origin, _profiles(cohort, looks)
    label, batch = class_column(cohort), role_column(cohort, "batch")
    outlying = outlying_samples(profiles, (label, batch, role_column(cohort, "group")))
    shifted = shifted_batches(profiles, batch, label) if batch is not None else []
    marks = {name: look.cells for name, look in looks.items()}
    problems = [
        *found,
        *copied(marks, n_markers=cohort.n_markers, where=where),
        *design_problems(cohort),
        *(shifted_problem(shifted, profiles, batch, where=where) if batch is not None else ()),
        *mixed_scales(profiles, where),
        *outlying_problem(outlying, len(profiles.names), where=where),
        *constant_markers(profiles, where),
        *saturated_markers(profiles, where),
        *piled_markers(profiles, where, said=outlying),
        *_number_of_cells(cohort),
        *_read_with(cohort),
        *_transformed_before(cohort, profiles),
    ]
    ordered = sorted(dict.fromkeys(problems), key=lambda problem: problem.severity != "error")
    return Quality(tuple(ordered), design_notes(cohort), profiles, outlying, tuple(shifted))


def _read_with(cohort: Cohort) -> list[Problem]:
    """Return the warnings of reading; that of small samples comes with all of them named instead."""
    return [problem for problem in cohort.problems if f"fewer than {FEW_CELLS} cells" not in problem.what]


def _number_of_cells(cohort: Cohort) -> list[Problem]:
    """Return the problems of samples with too few cells, and of those with far fewer or more than the others."""
    problems = []
    counts = {str(name): int(count) for name, count in cohort.cell_counts.items()}
    few = {name: count for name, count in counts.items() if count < FEW_CELLS}
    if few:
        named = listed((f"{name} ({count})" for name, count in few.items()), _IN_A_SENTENCE)
        have = "sample has" if len(counts) == 1 else "samples have"
        what = f"{len(few)} of {len(counts)} {have} fewer than {FEW_CELLS} cells: {named}."
        fix = "Their place on any map is uncertain; consider leaving them out."
        problems.append(Problem(cohort.origin, what, fix, "warning", tuple(few)))
    typical = float(np.median(list(counts.values()))) if counts else 0.0
    odd = {
        name: count
        for name, count in counts.items()
        if name not in few and not typical / UNEQUAL <= count <= typical * UNEQUAL
    }
    if odd and typical >= FEW_CELLS:
        named = listed((f"{name} ({count:,})" for name, count in odd.items()), _IN_A_SENTENCE)
        what = f"Expected similar numbers of cells, found {len(odd)} samples far from the median of {typical:,.0f}: "
        fix = "Use the same number of cells of every sample, and read the place of the small ones with care."
        problems.append(Problem(cohort.origin, f"{what}{named}.", fix, "warning", tuple(odd)))
    return problems


def _transformed_before(cohort: Cohort, profiles: Profiles) -> list[Problem]:
    """Return the warning that values look transformed already, if reading did not give it."""
    ends = np.abs([profiles.low, profiles.high])
    ends = ends[np.isfinite(ends)]
    known = any("look transformed already" in problem.fix for problem in cohort.problems)
    if known or cohort.transform.kind == "none" or not len(ends) or ends.max() >= TRANSFORMED_BELOW:
        return []
    return [transformed_twice(cohort.transform, float(ends.max()), cohort.origin)]
