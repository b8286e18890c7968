"""Every problem of a cohort before anything is computed: cells, markers, metadata, none hidden."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lotviz.data.cohort import Cohort
from lotviz.data.problems import CohortError, Problem
from lotviz.data.quality.look import Progress, look_through
from lotviz.data.read import read_cohort


@dataclass(frozen=True)
class Validation:
    """What `validate` found: `ok` when no problem is an error; counts are 0 when the cohort could not be opened.

    `notes` are sentences about the design that need no decision.
    """

    ok: bool
    problems: tuple[Problem, ...]
    samples: int = 0
    markers: int = 0
    cells: int = 0
    notes: tuple[str, ...] = ()


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
    found = look_through(cohort, progress=progress)
    sizes = (len(cohort.samples), cohort.n_markers, cohort.total_cells)
    return Validation(found.ok, found.problems, *sizes, notes=found.notes)


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
    return look_through(cohort, progress=progress, cancel=cancel).problems
