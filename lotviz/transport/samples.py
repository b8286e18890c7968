"""Transports the samples of a cohort to a reference, several at a time, with progress and cancel."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from scipy.sparse import csr_array

from lotviz.data.cohort import Cohort
from lotviz.data.genes.components import Components
from lotviz.data.genes.record import digest_of
from lotviz.data.problems import CohortError, Problem, did_you_mean, listed
from lotviz.data.transforms.transform import AnyTransform, Scaling
from lotviz.transport.coupling import ConvergenceError, solve
from lotviz.transport.doors import require_memory, transport_bytes
from lotviz.transport.engine import ExactSolver, solver_at_hand
from lotviz.transport.plans import GatheredPlans
from lotviz.transport.progress import Progress, report, stop_if
from lotviz.transport.reference import Reference
from lotviz.transport.store import TransportStore
from lotviz.transport.transported import TransportedSample, key_of


@dataclass(frozen=True, eq=False)
class Work:
    """How the samples of a cohort are transported.

    Attributes
    ----------
    limit
        At most so many cells of a sample; None for all.
    seed
        Chooses them.
    workers
        How many threads; their number does not change the result.
    solver
        "simplex" or "pot"; both are exact.
    store
        Where every sample is kept as soon as it is solved; None keeps none.
    resume
        Whether samples that are in the store are taken from there.
    """

    limit: int | None
    seed: int
    workers: int = 2
    solver: ExactSolver = "simplex"
    store: TransportStore | None = None
    resume: bool = False


def transport_samples(
    cohort: Cohort,
    reference: Reference,
    scaling: Scaling,
    *,
    work: Work,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> tuple[tuple[TransportedSample, ...], Sequence[csr_array]]:
    """Transport every sample of a cohort to the reference.

    Parameters
    ----------
    cohort
        Samples with the markers of the reference.
    reference
        Reference, in scaled space.
    scaling
        How markers are scaled.
    work
        Which cells, how, by how many threads, and where results are kept.
    progress
        Called with (done, total, message) after each sample.
    cancel
        Set it to stop, also within a sample.

    Returns
    -------
        One result and one plan, (m, n), a sample, in the cohort's order. With a store, plans are on disk and read
        when they are asked for, so that memory does not grow with their number.

    Raises
    ------
    CohortError
        A sample has no cells, or cells that are not finite.
    Cancelled
        `cancel` was set.
    """
    require_cells(cohort)
    _require_memory(cohort, reference, work)
    names = list(cohort.samples.index)
    gathered = GatheredPlans(len(names), _scratch(work.store))

    def transport(position: int, sample: str) -> TransportedSample:
        stop_if(cancel)
        done, plan = transport_sample(cohort, sample, reference, scaling=scaling, work=work, cancel=cancel)
        gathered.keep(position, plan)
        return done

    taken_before = work.store.taken if work.store else 0
    with ThreadPoolExecutor(work.workers, thread_name_prefix="transport") as threads:
        jobs = {threads.submit(transport, position, sample): sample for position, sample in enumerate(names)}
        try:
            for count, job in enumerate(as_completed(jobs), start=1):
                job.result()
                taken = work.store.taken - taken_before if work.store else 0
                report(progress, count, len(names), f"Transported {jobs[job]}{_from_store(taken)}")
        finally:  # after a failure or a cancel, samples that still wait are not begun
            for job in jobs:
                job.cancel()
    return tuple(job.result() for job in jobs), gathered.plans()


def transport_sample(
    cohort: Cohort,
    sample: str,
    reference: Reference,
    *,
    scaling: Scaling,
    work: Work,
    cancel: threading.Event | None = None,
) -> tuple[TransportedSample, csr_array]:
    """Transport one sample to the reference, or take it from the store.

    Returns
    -------
        What is known of the sample, and its plan, (m, n).

    Raises
    ------
    ConvergenceError
        The solver did not reach an optimum; the message names the sample.
    Cancelled
        `cancel` was set.
    """
    cells = cohort.cells(sample, limit=work.limit, seed=work.seed)
    solver = solver_at_hand(work.solver)
    key = key_of(cells, scaling, reference, solver=solver)
    kept = work.store.read(key) if work.store and work.resume else None
    if kept is not None:
        return kept
    scaled = scaling.apply(cells)
    try:
        coupling = solve(reference.points, scaled, reference.masses, solver=solver, cancel=cancel)
    except ConvergenceError as problem:
        raise ConvergenceError(f"Sample {sample}: {problem}") from problem
    solved = TransportedSample(
        maps=coupling.maps,
        cost=coupling.cost,
        residual=coupling.residual,
        dual_gap=coupling.dual_gap,
        variance=float(scaled.var(axis=0).sum()),
        n_cells_used=len(cells),
        cells_hash=key.cells_hash,
    )
    if work.store:
        work.store.write(key, solved, coupling.plan)
    return solved, coupling.plan


def require_cells(cohort: Cohort) -> None:
    """Raise `CohortError` naming every sample without cells."""
    empty = [sample for sample, count in cohort.cell_counts.items() if count < 1]
    if empty:
        raise CohortError(
            *(
                Problem(f"sample {sample}", "Expected at least one cell, found none.", "Leave the sample out.")
                for sample in empty
            )
        )


def in_space(
    cohort: Cohort, markers: Sequence[str], transform: AnyTransform, *, components: Components | None
) -> Cohort:
    """Return the cohort with just these markers, in their order, when it is in the same space.

    Parameters
    ----------
    components
        Those that the markers are, in their order; None for measured markers.

    Raises
    ------
    CohortError
        Naming every marker that is missing, a transform that differs, and components of the same names but of other
        loadings.
    """
    where = cohort.origin or cohort.name
    problems = [
        Problem(
            where,
            f"Expected marker {marker} of the embedding, found none of that name.",
            did_you_mean(marker, cohort.markers) or f"The markers are {listed(cohort.markers, 30)}.",
        )
        for marker in markers
        if marker not in cohort.markers
    ]
    differ = [name for name in markers if name in cohort.markers and transform.of(name) != cohort.transform.of(name)]
    if differ:
        expected, found = transform.select(differ).describe(), cohort.transform.select(differ).describe()
        what = f"Expected the transform of the embedding ({expected}), found another ({found})."
        problems.append(Problem(where, what, "Read the cohort with the transform of the embedding."))
    if problems:
        raise CohortError(*problems)
    chosen = cohort.select(markers=markers)
    _require_components(chosen, components, where)
    return chosen


def _require_components(cohort: Cohort, components: Components | None, where: str) -> None:
    """Refuse other components: they are called PC1, PC2, ... in every cohort and mean something else in each."""
    if components is None or cohort.components is None:
        if components is not cohort.components:
            what = f"Expected {_described(components)}, as in the embedding, found {_described(cohort.components)}."
            fix = "Read the cohort with components=embedding.components; lotviz project does so by itself."
            raise CohortError(Problem(where, what, fix if components else "Read the cohort without components."))
    elif digest_of(components) != digest_of(cohort.components):
        what = (
            f"Expected the components of the embedding, {_described(components)}, found others of the same names: "
            f"{_described(cohort.components)}, with other loadings."
        )
        fix = "Read the cohort with components=embedding.components; lotviz project does so by itself."
        raise CohortError(Problem(where, what, fix))


def _described(components: Components | None) -> str:
    if components is None:
        return "measured markers"
    count, genes, samples = len(components.names), len(components.genes), len(components.samples)
    return f"{count} component{'s' * (count != 1)} of {genes:,} genes fitted on {samples} sample{'s' * (samples != 1)}"


def _scratch(store: TransportStore | None) -> Path | None:
    """Return the folder for plans that wait to be read again; None keeps them in memory."""
    if store is None:
        return None
    try:
        return store.make_folder()
    except OSError:  # the store itself says so when the first sample is to be kept
        return None


def _from_store(taken: int) -> str:
    return f" ({taken} taken from the store)" if taken else ""


def _require_memory(cohort: Cohort, reference: Reference, work: Work) -> None:
    counts = cohort.cell_counts.to_numpy()
    largest = int(counts.max() if work.limit is None else min(counts.max(), work.limit))
    at_once = min(work.workers, len(counts))
    m, d = reference.points.shape
    require_memory(
        at_once * transport_bytes(m, largest, d, solver_at_hand(work.solver)),
        f"{at_once} transport problems at once of {m} reference points and {largest} cells",
        "Use fewer cells per sample, fewer reference points or one worker.",
    )
