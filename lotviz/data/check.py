"""Every problem of a cohort before anything is computed: cells, markers, metadata, none hidden."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lotviz.data.cohort import Cohort, not_finite
from lotviz.data.problems import CohortError, Problem, listed
from lotviz.data.read import FEW_CELLS, TRANSFORMED_BELOW, read_cohort, transformed_twice
from lotviz.data.roles import resolve_role

Progress = Callable[[int, int, str], None]
_EVERY = 10**9


@dataclass(frozen=True)
class Validation:
    """What `validate` found: `ok` when no problem is an error; counts are 0 when the cohort could not be opened."""

    ok: bool
    problems: tuple[Problem, ...]
    samples: int = 0
    markers: int = 0
    cells: int = 0


def validate(path: str | Path, *, progress: Progress | None = None, **options: Any) -> Validation:
    """Every problem of a cohort on disk; never raises for what is in it.

    Parameters
    ----------
    options
        As for `read_cohort`.
    """
    try:
        cohort = read_cohort(path, **options)
    except CohortError as error:
        return Validation(False, error.problems)
    problems = check(cohort, progress=progress)
    ok = not any(problem.severity == "error" for problem in problems)
    return Validation(ok, problems, len(cohort.samples), cohort.n_markers, cohort.total_cells)


@dataclass(eq=False)
class _Seen:
    """What one pass over all samples remembers."""

    problems: list[Problem] = field(default_factory=list)
    hashes: dict[str, list[str]] = field(default_factory=dict)
    low: NDArray[np.float64] | None = None
    high: NDArray[np.float64] | None = None
    constant: dict[str, list[str]] = field(default_factory=dict)


def check(
    cohort: Cohort, *, progress: Progress | None = None, cancel: threading.Event | None = None
) -> tuple[Problem, ...]:
    """Every problem of a cohort's cells and metadata: reads every sample once.

    Parameters
    ----------
    progress
        Called with samples done, samples in all, and what is being done.
    cancel
        When set, the check stops after the current sample and says so.

    Returns
    -------
    tuple of Problem
        Errors first; the warnings of reading are among them.
    """
    seen = _Seen()
    names = list(cohort.samples.index)
    for done, name in enumerate(names):
        if cancel is not None and cancel.is_set():
            what = f"The check was stopped after {done} of {len(names)} samples."
            seen.problems.append(Problem(cohort.origin, what, "Run it again for the others.", "warning"))
            break
        if progress is not None:
            progress(done, len(names), f"Checking {name}")
        _check_sample(cohort, name, seen)
    if progress is not None:
        progress(len(names), len(names), "Checked")
    found = [*_replace_small(cohort), *seen.problems, *_over_samples(cohort, seen), *_check_metadata(cohort)]
    unique = dict.fromkeys(found)
    return tuple(sorted(unique, key=lambda problem: problem.severity != "error"))


def _check_sample(cohort: Cohort, name: str, seen: _Seen) -> None:
    try:
        raw = cohort.raw(name)
    except CohortError as error:
        seen.problems += error.problems
        return
    where = cohort.source.where(name)
    if not len(raw):
        seen.problems.append(Problem(where, "Expected cells, found none.", "Remove the sample, or read it again."))
        return
    seen.problems += not_finite(cohort.source, name, raw, cohort.markers)
    finite = np.where(np.isfinite(raw), raw, np.nan)
    usable = np.isfinite(raw).any(axis=0)
    low = np.where(usable, np.nanmin(np.where(usable, finite, 0), axis=0), np.inf)
    high = np.where(usable, np.nanmax(np.where(usable, finite, 0), axis=0), -np.inf)
    for column in np.flatnonzero((low == high) & (len(raw) > 1)):
        seen.constant.setdefault(cohort.markers[column], []).append(name)
    seen.low = low if seen.low is None else np.minimum(seen.low, low)
    seen.high = high if seen.high is None else np.maximum(seen.high, high)
    digest = hashlib.blake2b(np.ascontiguousarray(raw).tobytes(), digest_size=16).hexdigest()
    seen.hashes.setdefault(digest, []).append(name)


def _replace_small(cohort: Cohort) -> list[Problem]:
    """Return the warnings of reading, the list of small samples written out in full."""
    few = [f"{name} ({count})" for name, count in cohort.cell_counts.items() if count < FEW_CELLS]
    kept = [problem for problem in cohort.problems if f"fewer than {FEW_CELLS} cells" not in problem.what]
    if few:
        what = f"{len(few)} of {len(cohort.samples)} samples have fewer than {FEW_CELLS} cells: {listed(few, _EVERY)}."
        fix = "Their place on any map is uncertain; consider leaving them out."
        names = tuple(str(name) for name, count in cohort.cell_counts.items() if count < FEW_CELLS)
        kept.append(Problem(cohort.origin, what, fix, "warning", names))
    return kept


def _over_samples(cohort: Cohort, seen: _Seen) -> list[Problem]:
    where = cohort.origin
    problems = []
    for names in seen.hashes.values():
        if len(names) > 1:
            what = f"The samples {listed(names, _EVERY)} have exactly the same cells."
            fix = "Keep one of them: copies make every comparison look surer than it is."
            problems.append(Problem(where, what, fix, "warning", tuple(names)))
    if seen.low is None or seen.high is None:
        return problems
    for column in np.flatnonzero(seen.low == seen.high):
        what = f"Marker {cohort.markers[column]} has the same value in every cell of the cohort."
        problems.append(Problem(where, what, "Leave it out: it says nothing.", "warning"))
    everywhere = {cohort.markers[column] for column in np.flatnonzero(seen.low == seen.high)}
    for marker, names in seen.constant.items():
        if marker not in everywhere:
            what = f"Marker {marker} has one value only in {len(names)} samples: {listed(names, _EVERY)}."
            problems.append(
                Problem(where, what, "Check that it was stained and exported there.", "warning", tuple(names))
            )
    peak = float(np.max(np.abs([seen.low, seen.high])))
    known = any("look transformed already" in problem.fix for problem in cohort.problems)
    if cohort.transform.kind != "none" and peak < TRANSFORMED_BELOW and not known:
        problems.append(transformed_twice(cohort.transform, peak, where))
    return problems


def _check_metadata(cohort: Cohort) -> list[Problem]:
    where = cohort.origin
    problems = []
    if len(cohort.samples) == 1:
        what = "Expected two samples or more to compare, found one."
        problems.append(Problem(where, what, "Add samples; one alone can only be placed on a map.", "warning"))
    columns = {role: _role(cohort, role) for role in ("label", "batch")}
    label, batch = columns["label"], columns["batch"]
    if label is not None:
        unknown = [str(name) for name in label.index[label.isna()]]
        if unknown and len(unknown) < len(label):
            what = f"{len(unknown)} samples have no {label.name}: {listed(unknown, _EVERY)}."
            problems.append(Problem(where, what, f"Fill in the column {label.name}.", "warning", tuple(unknown)))
        values = label.dropna().unique()
        if len(values) == 1 and len(label) > 1:
            what = f"The column {label.name} has one value only: {values[0]}."
            problems.append(Problem(where, what, "Nothing can be told apart by it.", "warning"))
    if label is not None and batch is not None:
        problems += _confounded(label, batch, where)
    return problems


def _role(cohort: Cohort, role: str) -> pd.Series | None:
    try:
        return cohort.column(resolve_role(cohort, role)[0])
    except CohortError:
        return None


def _confounded(label: pd.Series, batch: pd.Series, where: str) -> list[Problem]:
    table = pd.crosstab(batch, label)
    if min(table.shape) < 2 or table.to_numpy().sum() <= len(table):
        return []
    mixed = (table > 0).sum(axis=1) > 1
    if mixed.all():
        return []
    if not mixed.any():
        what = f"Every {batch.name} holds one {label.name} only: their effects cannot be told apart."
        return [Problem(where, what, "Measure both groups in every batch; read any difference with care.", "warning")]
    alone = [str(name) for name in table.index[~mixed]]
    what = f"{len(alone)} of {len(table)} values of {batch.name} hold one {label.name} only: {listed(alone, _EVERY)}."
    return [Problem(where, what, "Compare the groups within the other batches as well.", "warning")]
