"""Embeds a cohort with several numbers of reference points at once."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from lotviz.data.cohort import Cohort
from lotviz.transport.batch import EmbedRequest
from lotviz.transport.embedding import LOTEmbedding
from lotviz.transport.engine import ExactSolver
from lotviz.transport.progress import Progress, part_of, report, stop_if
from lotviz.transport.reference_choice import ReferenceChoice, check_sizes
from lotviz.transport.store import TransportStore


def embed_sizes(
    cohort: Cohort,
    *,
    points: Sequence[int] = (64, 256, 1024),
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
) -> dict[int, LOTEmbedding]:
    """Embed a cohort with several numbers of reference points, each as `embed` does, on one scaling and pool of cells.

    Parameters
    ----------
    cohort
        At least two samples.
    points
        The numbers of reference points, all different.
    reference, scale, cells_per_sample, seed, workers, solver, store, resume, progress, cancel
        As in `embed`; progress counts the steps of all sizes.

    Returns
    -------
        The embedding of each number of points, in the order asked for; the same, to the last bit, as `embed` makes.

    Raises
    ------
    CohortError, EmbeddingFileError, ValueError, TransportMemoryError, Cancelled
        As `embed`; and ValueError when sizes repeat, or several are asked of a file.

    Examples
    --------
    >>> from lotviz.data import simulate
    >>> found = embed_sizes(simulate("patients", samples=4, cells=200, markers=5), points=(8, 16))
    >>> {size: embedding.maps.shape for size, embedding in found.items()}
    {8: (4, 8, 5), 16: (4, 16, 5)}
    """
    check_sizes(points, reference)
    first = EmbedRequest(
        cohort,
        points=points[0],
        reference=reference,
        scale=scale,
        cells_per_sample=cells_per_sample,
        seed=seed,
        workers=workers,
        solver=solver,
        store=store,
        resume=resume,
    )
    requests = [replace(first, points=size) for size in points]
    total, done = sum(request.steps for request in requests), 0
    report(progress, 0, total, "Scaling the markers")
    stop_if(cancel)
    ground, found = first.prepare(), {}
    for request in requests:
        found[request.points] = request.embed_on(ground, part_of(progress, done, total), cancel)
        done += request.steps
    return found
