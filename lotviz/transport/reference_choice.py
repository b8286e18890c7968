"""Which reference a user may ask for, in one word, and how it is made."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, get_args

from lotviz.data.cohort import Cohort
from lotviz.data.problems import CohortError, Problem, did_you_mean, listed
from lotviz.data.transforms.transform import Scaling, fit_scaling
from lotviz.transport.embedding import LOTEmbedding
from lotviz.transport.progress import Progress
from lotviz.transport.reference import (
    POOLED_CELLS,
    PooledCells,
    Reference,
    cells_of,
    gaussian_of,
    kmeans_of,
    pool_cells,
    sample_reference,
)
from lotviz.transport.reference_barycenter import barycenter_reference, barycenter_steps
from lotviz.transport.reference_file import TABLES, no_such_file, read_points
from lotviz.transport.samples import Work, in_space

ReferenceKind = Literal["kmeans", "cells", "gaussian", "barycenter"]
ReferenceChoice = ReferenceKind | str | os.PathLike[str]

KINDS: tuple[str, ...] = get_args(ReferenceKind)
SAMPLE = "sample:"
EMBEDDING = ".lot"
_POOLED = {"kmeans": kmeans_of, "cells": cells_of, "gaussian": gaussian_of}


@dataclass(frozen=True, eq=False)
class Ground:
    """What the references of all sizes are made on.

    Attributes
    ----------
    cohort
        The samples, in the markers of the reference.
    scaling
        How markers are scaled.
    choice
        The reference asked for.
    seed
        Chooses the cells.
    given
        The reference, where a file holds it.
    seconds
        How long it took to prepare.
    """

    cohort: Cohort
    scaling: Scaling
    choice: str
    seed: int
    given: Reference | None = None
    seconds: float = 0.0
    _pools: dict[int, PooledCells] = field(default_factory=dict)

    def reference(
        self,
        points: int,
        *,
        work: Work,
        progress: Progress | None = None,
        cancel: threading.Event | None = None,
    ) -> Reference:
        """Make the reference with about so many points, or return the one that a file holds."""
        if self.given is not None:
            return self.given
        if self.choice.startswith(SAMPLE):
            name = self.choice.removeprefix(SAMPLE)
            return sample_reference(self.cohort, self.scaling, sample=name, points=points, seed=self.seed)
        if self.choice in _POOLED:
            return _POOLED[self.choice](self._pooled(points), points=points, seed=self.seed)
        return barycenter_reference(
            self.cohort,
            self.scaling,
            points=points,
            work=work,
            start=kmeans_of(self._pooled(points), points=points, seed=self.seed),
            progress=progress,
            cancel=cancel,
        )

    def _pooled(self, points: int) -> PooledCells:
        """Draw the cells once for all sizes that need no more of them."""
        least = max(points, POOLED_CELLS)
        if least not in self._pools:
            self._pools[least] = pool_cells(self.cohort, self.scaling, points=points, seed=self.seed)
        return self._pools[least]


def prepare(cohort: Cohort, reference: ReferenceChoice, *, scale: Literal["zscore", "none"], seed: int) -> Ground:
    """Scale the markers, and read the reference where a file holds it.

    An embedding comes with its markers, its transform and its scaling; the points of a table are in transformed units
    and scaled like the cohort.

    Raises
    ------
    CohortError
        There is no such sample, or no such file; the file is not usable; an embedding is in another space.
    EmbeddingFileError
        The embedding cannot be opened.
    """
    started, choice = time.perf_counter(), os.fspath(reference)
    if from_embedding(choice):
        ground = _on_embedding(cohort, Path(choice), scale=scale, seed=seed)
    elif from_table(choice):
        ground = _on_table(cohort, Path(choice), scale=scale, seed=seed)
    else:
        if choice.startswith(SAMPLE):
            _require_sample(cohort, choice.removeprefix(SAMPLE))
        ground = Ground(cohort, fit_scaling(cohort, scale, seed=seed), choice, seed)
    return replace(ground, seconds=time.perf_counter() - started)


def reference_steps(reference: ReferenceChoice, cohort: Cohort, points: int, work: Work) -> int:
    """Count the steps that making a reference reports; only a barycenter takes long enough to report any."""
    return barycenter_steps(cohort, points=points, work=work) if os.fspath(reference) == "barycenter" else 0


def check_reference(reference: ReferenceChoice) -> None:
    """Refuse what is neither a kind of reference nor a sample nor a file.

    Raises
    ------
    ValueError
        With what there is to choose from.
    """
    choice = os.fspath(reference)
    if choice in KINDS or from_file(choice) or (choice.startswith(SAMPLE) and choice != SAMPLE):
        return
    fix = did_you_mean(choice, KINDS) or "Choose one of them."
    endings = f"{', '.join(TABLES)} or {EMBEDDING}"
    raise ValueError(
        f"Expected reference {', '.join(KINDS)}, {SAMPLE}NAME or a file that ends in {endings}, found {choice!r}. {fix}"
    )


def check_sizes(points: Sequence[int], reference: ReferenceChoice) -> None:
    """Refuse several sizes that are none, not different, or those of a file, which has as many points as it has.

    Raises
    ------
    ValueError
        With what was found.
    """
    if not points or len(set(points)) < len(points):
        raise ValueError(f"Expected different numbers of points, found {listed(map(str, points))}. Name each once.")
    if len(points) > 1 and from_file(reference):
        raise ValueError(
            f"Expected one number of points with a reference from a file, found {len(points)}. "
            "Leave it out: the file has as many points as it has."
        )


def from_file(reference: ReferenceChoice) -> bool:
    """Whether the reference is read from a file, which also says how many points it has."""
    return from_table(reference) or from_embedding(reference)


def from_table(reference: ReferenceChoice) -> bool:
    """Whether the reference is a table of points."""
    return _suffix(reference) in TABLES


def from_embedding(reference: ReferenceChoice) -> bool:
    """Whether the reference is that of an embedding saved before."""
    return _suffix(reference) == EMBEDDING


def _suffix(reference: ReferenceChoice) -> str:
    choice = os.fspath(reference)
    return "" if choice.startswith(SAMPLE) else Path(choice).suffix.lower()  # a sample may be called A.csv


def _on_table(cohort: Cohort, path: Path, *, scale: Literal["zscore", "none"], seed: int) -> Ground:
    table = read_points(path, cohort.markers)  # refused before the scaling takes its time
    scaling = fit_scaling(cohort, scale, seed=seed)
    given = Reference(scaling.apply(table.points), table.masses, "file", details={"file": path.name})
    return Ground(cohort, scaling, str(path), seed, given)


def _on_embedding(cohort: Cohort, path: Path, *, scale: str, seed: int) -> Ground:
    if not path.is_file():
        raise CohortError(no_such_file(path))
    saved = LOTEmbedding.load(path)
    its_scale = str(saved.parameters.get("scale", scale))
    if its_scale != scale:
        what = f"Expected scaling {its_scale}, which comes with the reference of this embedding, found {scale}."
        raise CohortError(Problem(str(path), what, f"Ask for scaling {its_scale}, or for another reference."))
    details = {**saved.reference.details, "embedding": path.name}
    return Ground(
        in_space(cohort, saved.markers, saved.transform, components=saved.components),
        saved.scaling,
        str(path),
        seed,
        replace(saved.reference, details=details),
    )


def _require_sample(cohort: Cohort, name: str) -> None:
    if name not in cohort.samples.index:
        fix = did_you_mean(name, cohort.samples.index) or f"The samples are {listed(cohort.samples.index)}."
        where = cohort.origin or cohort.name
        raise CohortError(Problem(where, f"Expected a sample as reference, found none called {name}.", fix))
