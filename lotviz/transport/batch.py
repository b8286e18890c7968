"""Embeds whole cohorts: a frozen request in, an embedding out, with progress and cancel."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from scipy.sparse import csr_array

from lotviz.data.choices import require_among, require_at_least, require_seed
from lotviz.data.cohort import Cohort
from lotviz.data.problems import CohortError, Problem
from lotviz.data.transforms.transform import Scaling
from lotviz.data.versions import installed
from lotviz.transport.cautions import file_cautions, reference_cautions, residual_cautions, solver_cautions
from lotviz.transport.cells import CohortCells, RememberedCells
from lotviz.transport.embedding import LOTEmbedding
from lotviz.transport.engine import ExactSolver, solver_at_hand
from lotviz.transport.progress import Progress, part_of, report, stop_if
from lotviz.transport.reference import Reference
from lotviz.transport.reference_choice import (
    Ground,
    ReferenceChoice,
    check_reference,
    prepare,
    reference_steps,
)
from lotviz.transport.samples import Work, in_space, require_cells, transport_samples
from lotviz.transport.store import TransportStore
from lotviz.transport.transported import TransportedSample

_STEPS_BEFORE_TRANSPORT = 2


@dataclass(frozen=True, eq=False)
class EmbedRequest:
    """Everything an embedding depends on, and by how many threads it is made.

    Attributes
    ----------
    cohort
        The samples.
    points
        How many reference points.
    reference
        "kmeans", "cells", "gaussian", "barycenter", "sample:NAME" or a file; see `embed`.
    scale
        "zscore" (every marker the same spread, pooled) or "none".
    cells_per_sample
        At most so many cells of each sample are transported; None for all.
    seed
        Chooses the cells and the reference.
    workers
        How many threads; the result does not depend on it.
    solver
        "simplex" (our own) or "pot" (the one of POT); both are exact.
    store
        Where every sample is kept as soon as it is solved; None keeps none.
    resume
        Whether samples that are in the store are taken from there instead of being solved again.
    """

    cohort: Cohort
    points: int = 128
    reference: ReferenceChoice = "kmeans"
    scale: Literal["zscore", "none"] = "zscore"
    cells_per_sample: int | None = 20_000
    seed: int = 0
    workers: int = 2
    solver: ExactSolver = "simplex"
    store: TransportStore | None = None
    resume: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.cohort, Cohort):
            found = type(self.cohort).__name__
            raise ValueError(f"Expected a cohort to embed, found {found}. Read one with lotviz.read_cohort.")
        require_at_least(1, points=self.points, workers=self.workers)
        if self.cells_per_sample is not None:
            require_at_least(1, cells_per_sample=self.cells_per_sample)
        require_seed(self.seed)
        check_reference(self.reference)
        require_among("solver", self.solver, get_args(ExactSolver))
        if self.resume and self.store is None:
            raise ValueError("Expected a store to resume from, found none. Give store=TransportStore().")

    def __call__(self, progress: Progress | None = None, cancel: threading.Event | None = None) -> LOTEmbedding:
        """Embed the cohort; see `embed`."""
        report(progress, 0, self.steps, "Scaling the markers")
        stop_if(cancel)
        return self.embed_on(self.prepare(), progress, cancel)

    @property
    def steps(self) -> int:
        """How many steps the progress of this request counts."""
        return self._steps_before_transport + len(self.cohort.samples)

    def prepare(self) -> Ground:
        """Scale the markers, once for requests that differ in their number of points only."""
        _require_two_samples(self.cohort)
        require_cells(self.cohort)
        return prepare(self.cohort, self.reference, scale=self.scale, seed=self.seed)

    def embed_on(
        self, ground: Ground, progress: Progress | None = None, cancel: threading.Event | None = None
    ) -> LOTEmbedding:
        """Embed the cohort as it was prepared."""
        started, total, before = time.perf_counter(), self.steps, self._steps_before_transport
        cohort, work = ground.cohort, self._work()
        report(progress, 1, total, "Making the reference")
        stop_if(cancel)
        reference = ground.reference(self.points, work=work, progress=part_of(progress, 1, total), cancel=cancel)
        report(progress, before, total, f"Transporting {len(cohort.samples)} samples")
        asked = reference.n_points if ground.given else self.points
        transported, plans = transport_samples(
            cohort,
            reference,
            ground.scaling,
            work=work,
            progress=part_of(progress, before, total),
            cancel=cancel,
        )
        return _assemble(
            cohort,
            reference,
            ground.scaling,
            transported=transported,
            plans=plans,
            parameters=self._parameters() | {"points": asked},
            warnings=(*solver_cautions(self.solver), *reference_cautions(reference, asked)),
            seconds=time.perf_counter() - started + ground.seconds,
        )

    @property
    def _steps_before_transport(self) -> int:
        return _STEPS_BEFORE_TRANSPORT + reference_steps(self.reference, self.cohort, self.points, self._work())

    def _work(self) -> Work:
        return Work(
            self.cells_per_sample,
            self.seed,
            workers=self.workers,
            solver=self.solver,
            store=self.store,
            resume=self.resume,
        )

    def _parameters(self) -> dict[str, Any]:
        return {
            "points": self.points,
            "reference": os.fspath(self.reference),
            "scale": self.scale,
            "cells_per_sample": self.cells_per_sample,
            "seed": self.seed,
            "solver": solver_at_hand(self.solver),
            "transform": self.cohort.transform.to_record(),
            "compensated": self.cohort.compensated,
        }


def embed(
    cohort: Cohort,
    *,
    points: int = 128,
    reference: ReferenceChoice = "kmeans",
    scale: Literal["zscore", "none"] = "zscore",
    cells_per_sample: int | None = 20_000,
    seed: int = 0,
    workers: int = 2,
    solver: ExactSolver = "simplex",
    store: TransportStore | None = None,
    resume: bool = False,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> LOTEmbedding:
    """Transport every sample of a cohort to one reference made from its pooled cells.

    Parameters
    ----------
    cohort
        At least two samples.
    points
        How many reference points; fewer, with a warning, when the cohort has fewer distinct cells. A file has as many
        as it has.
    reference
        "kmeans" (centres of pooled cells, with their shares), "cells" (pooled cells drawn at random), "gaussian"
        (drawn from the Gaussian that matches the pooled cells), "barycenter" (k-means moved to the mean of all
        samples, with a certificate), "sample:NAME" (one sample), or a file. A .csv, .tsv or .parquet holds a column
        for each marker, in transformed units, and maybe `mass`; of an embedding, .lot, the reference is used with its
        markers and scaling.
    scale
        "zscore" (every marker the same spread, pooled) or "none".
    cells_per_sample
        At most so many cells of each sample are transported; None for all.
    seed
        Chooses the cells and the reference.
    workers
        How many threads; the result does not depend on it, to the last bit.
    solver
        "simplex" (our own) or "pot" (the one of POT); both are exact, and differ in round-off.
    store
        Where every sample is kept as soon as it is solved; plans then wait on disk, and memory does not grow with
        the number of samples. None keeps none, and holds all plans in memory.
    resume
        Whether samples that are in the store are taken from there, bit for bit, instead of being solved again.
    progress
        Called with (done, total, message) from the thread that called `embed`.
    cancel
        Set it to stop, also within a sample.

    Returns
    -------
        The embedding.

    Raises
    ------
    CohortError
        Fewer than two samples, a sample without cells, or cells that are not finite; a reference of an unknown sample,
        or of a file that does not fit the cohort.
    EmbeddingFileError
        The embedding given as reference cannot be opened.
    ValueError
        An option is out of its range.
    TransportMemoryError
        The transport problems do not fit into free memory.
    Cancelled
        `cancel` was set.

    Examples
    --------
    >>> from lotviz.data import simulate
    >>> embedding = embed(simulate("patients", samples=4, cells=200, markers=5), points=8)
    >>> embedding.maps.shape
    (4, 8, 5)
    """
    request = EmbedRequest(
        cohort,
        points=points,
        reference=reference,
        scale=scale,
        cells_per_sample=cells_per_sample,
        seed=seed,
        workers=workers,
        solver=solver,
        store=store,
        resume=resume,
    )
    return request(progress, cancel)


def project(
    embedding: LOTEmbedding,
    cohort: Cohort,
    *,
    workers: int = 2,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> LOTEmbedding:
    """Transport the samples of a cohort to the reference of an embedding; see `LOTEmbedding.project`."""
    require_at_least(1, workers=workers)
    started = time.perf_counter()
    cohort = in_space(cohort, embedding.markers, embedding.transform, components=embedding.components)
    parameters = dict(embedding.parameters)
    solver = parameters.get("solver", "pot")  # embeddings that do not say so were made when there was no other
    work = Work(parameters["cells_per_sample"], parameters["seed"], workers=workers, solver=solver)
    transported, plans = transport_samples(
        cohort, embedding.reference, embedding.scaling, work=work, progress=progress, cancel=cancel
    )
    return _assemble(
        cohort,
        embedding.reference,
        embedding.scaling,
        transported=transported,
        plans=plans,
        parameters=parameters | {"projected_to": embedding.name, "compensated": cohort.compensated},
        warnings=_compensation_cautions(parameters.get("compensated"), cohort.compensated),
        seconds=time.perf_counter() - started,
    )


def _compensation_cautions(embedded: bool | None, projected: bool | None) -> tuple[str, ...]:
    """Return a sentence where one cohort is compensated and the other is not; embeddings of before do not say."""
    if None in (embedded, projected) or embedded == projected:
        return ()
    words = {True: "compensated", False: "not compensated"}
    return (
        f"The samples are {words[bool(projected)]}, those of the embedding were {words[bool(embedded)]}: markers "
        "differ by the light of other dyes. Read both cohorts alike.",
    )


def _assemble(
    cohort: Cohort,
    reference: Reference,
    scaling: Scaling,
    *,
    transported: Sequence[TransportedSample],
    plans: Sequence[csr_array],
    parameters: Mapping[str, Any],
    warnings: tuple[str, ...],
    seconds: float,
) -> LOTEmbedding:
    names = [str(name) for name in cohort.samples.index]
    hashes = {name: one.cells_hash for name, one in zip(names, transported, strict=True)}
    store = CohortCells(cohort, parameters["cells_per_sample"], parameters["seed"], hashes)
    maps = np.stack([one.maps for one in transported])
    residuals = np.array([one.residual for one in transported])
    variances = np.array([one.variance for one in transported])
    return LOTEmbedding(
        samples=cohort.samples,
        markers=cohort.markers,
        transform=cohort.transform,
        reference=reference,
        scaling=scaling,
        maps=maps,
        plans=plans,
        costs=np.array([one.cost for one in transported]),
        residuals=residuals,
        dual_gaps=np.array([one.dual_gap for one in transported]),
        variances=variances,
        n_cells=np.array([cohort.cell_counts[name] for name in cohort.samples.index], dtype=np.int64),
        n_cells_used=np.array([one.n_cells_used for one in transported], dtype=np.int64),
        cell_store=RememberedCells(store),
        parameters=parameters,
        versions=_versions(),
        sample_hashes=hashes,
        warnings=(
            *warnings,
            *file_cautions(reference, maps, variances),
            *residual_cautions(names, residuals, variances),
        ),
        seconds=seconds,
        name=cohort.name,
        origin=cohort.origin,
        synthetic=cohort.synthetic,
        components=cohort.components,
    )


def _versions() -> dict[str, str]:
    return {name: installed(name) for name in ("lotviz", "numpy", "scipy", "scikit-learn", "numba", "POT")}


def _require_two_samples(cohort: Cohort) -> None:
    if len(cohort.samples) < 2:
        raise CohortError(
            Problem(
                cohort.origin or cohort.name,
                f"Expected at least two samples to compare, found {len(cohort.samples)}.",
                "Add samples, or project the sample onto an embedding made before.",
            )
        )
