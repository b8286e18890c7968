"""Embeds whole cohorts: a frozen request in, an embedding out, with progress and cancel."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

import numpy as np

from lotviz.data.cohort import Cohort
from lotviz.data.problems import CohortError, Problem
from lotviz.data.transforms import Scaling, fit_scaling
from lotviz.transport.cautions import reference_cautions, residual_cautions
from lotviz.transport.cells import CohortCells, RememberedCells
from lotviz.transport.embedding import LOTEmbedding
from lotviz.transport.progress import Progress, later, report, stop_if
from lotviz.transport.reference import Reference, cells_reference, kmeans_reference
from lotviz.transport.samples import Draw, TransportedSample, in_space, require_cells, transport_samples

_REFERENCES = {"kmeans": kmeans_reference, "cells": cells_reference}
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
        "kmeans" (centres of pooled cells) or "cells" (pooled cells drawn at random).
    scale
        "zscore" (every marker the same spread, pooled) or "none".
    cells_per_sample
        At most so many cells of each sample are transported; None for all.
    seed
        Chooses the cells and the reference.
    workers
        How many threads; the result does not depend on it.
    """

    cohort: Cohort
    points: int = 128
    reference: Literal["kmeans", "cells"] = "kmeans"
    scale: Literal["zscore", "none"] = "zscore"
    cells_per_sample: int | None = 20_000
    seed: int = 0
    workers: int = 2

    def __post_init__(self) -> None:
        for name, number in (("points", self.points), ("workers", self.workers)):
            _require_positive(name, number)
        if self.cells_per_sample is not None:
            _require_positive("cells_per_sample", self.cells_per_sample)
        if self.seed < 0:
            raise ValueError(f"Expected seed to be at least 0, found {self.seed}. Choose another.")
        if self.reference not in _REFERENCES:
            raise ValueError(f"Expected reference kmeans or cells, found {self.reference!r}. Choose one of them.")

    def __call__(self, progress: Progress | None = None, cancel: threading.Event | None = None) -> LOTEmbedding:
        """Embed the cohort; see `embed`."""
        started = time.perf_counter()
        cohort = self.cohort
        _require_two_samples(cohort)
        require_cells(cohort)
        total = _STEPS_BEFORE_TRANSPORT + len(cohort.samples)
        report(progress, 0, total, "Scaling the markers")
        stop_if(cancel)
        scaling = fit_scaling(cohort, self.scale, seed=self.seed)
        report(progress, 1, total, "Making the reference")
        stop_if(cancel)
        reference = _REFERENCES[self.reference](cohort, scaling, points=self.points, seed=self.seed)
        report(progress, _STEPS_BEFORE_TRANSPORT, total, f"Transporting {len(cohort.samples)} samples")
        draw = Draw(self.cells_per_sample, self.seed, self.workers)
        transported = transport_samples(
            cohort,
            reference,
            scaling,
            draw=draw,
            progress=later(progress, _STEPS_BEFORE_TRANSPORT),
            cancel=cancel,
        )
        return _assemble(
            cohort,
            reference,
            scaling,
            transported=transported,
            parameters=self._parameters(),
            warnings=reference_cautions(reference, self.points),
            seconds=time.perf_counter() - started,
        )

    def _parameters(self) -> dict[str, Any]:
        return {
            "points": self.points,
            "reference": self.reference,
            "scale": self.scale,
            "cells_per_sample": self.cells_per_sample,
            "seed": self.seed,
            "transform": asdict(self.cohort.transform),
        }


def embed(
    cohort: Cohort,
    *,
    points: int = 128,
    reference: Literal["kmeans", "cells"] = "kmeans",
    scale: Literal["zscore", "none"] = "zscore",
    cells_per_sample: int | None = 20_000,
    seed: int = 0,
    workers: int = 2,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> LOTEmbedding:
    """Transport every sample of a cohort to one reference made from its pooled cells.

    Parameters
    ----------
    cohort
        At least two samples.
    points
        How many reference points; fewer, with a warning, when the cohort has fewer distinct cells.
    reference
        "kmeans" (centres of pooled cells) or "cells" (pooled cells drawn at random).
    scale
        "zscore" (every marker the same spread, pooled) or "none".
    cells_per_sample
        At most so many cells of each sample are transported; None for all.
    seed
        Chooses the cells and the reference.
    workers
        How many threads; the result does not depend on it, to the last bit.
    progress
        Called with (done, total, message) from the thread that called `embed`.
    cancel
        Set it to stop between samples.

    Returns
    -------
        The embedding.

    Raises
    ------
    CohortError
        Fewer than two samples, a sample without cells, or cells that are not finite.
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
    request = EmbedRequest(cohort, points, reference, scale, cells_per_sample, seed, workers)
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
    _require_positive("workers", workers)
    started = time.perf_counter()
    cohort = in_space(cohort, embedding.markers, embedding.transform)
    parameters = dict(embedding.parameters)
    draw = Draw(parameters["cells_per_sample"], parameters["seed"], workers)
    transported = transport_samples(
        cohort, embedding.reference, embedding.scaling, draw=draw, progress=progress, cancel=cancel
    )
    return _assemble(
        cohort,
        embedding.reference,
        embedding.scaling,
        transported=transported,
        parameters=parameters | {"projected_to": embedding.name},
        warnings=(),
        seconds=time.perf_counter() - started,
    )


def _assemble(
    cohort: Cohort,
    reference: Reference,
    scaling: Scaling,
    *,
    transported: Sequence[TransportedSample],
    parameters: Mapping[str, Any],
    warnings: tuple[str, ...],
    seconds: float,
) -> LOTEmbedding:
    names = [str(name) for name in cohort.samples.index]
    hashes = {name: one.cells_hash for name, one in zip(names, transported, strict=True)}
    store = CohortCells(cohort, parameters["cells_per_sample"], parameters["seed"], hashes)
    residuals = np.array([one.residual for one in transported])
    variances = np.array([one.variance for one in transported])
    return LOTEmbedding(
        samples=cohort.samples,
        markers=cohort.markers,
        transform=cohort.transform,
        reference=reference,
        scaling=scaling,
        maps=np.stack([one.maps for one in transported]),
        plans=tuple(one.plan for one in transported),
        costs=np.array([one.cost for one in transported]),
        residuals=residuals,
        dual_gaps=np.array([one.dual_gap for one in transported]),
        variances=variances,
        n_cells=np.array([one.n_cells for one in transported], dtype=np.int64),
        n_cells_used=np.array([one.n_cells_used for one in transported], dtype=np.int64),
        cell_store=RememberedCells(store),
        parameters=parameters,
        versions=_versions(),
        sample_hashes=hashes,
        warnings=(*warnings, *residual_cautions(names, residuals, variances)),
        seconds=seconds,
        name=cohort.name,
        origin=cohort.origin,
        synthetic=cohort.synthetic,
    )


def _versions() -> dict[str, str]:
    return {name: _version(name) for name in ("lotviz", "numpy", "scipy", "scikit-learn", "POT")}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _require_positive(name: str, number: int) -> None:
    if number < 1:
        raise ValueError(f"Expected {name} to be at least 1, found {number}. Choose a larger number.")


def _require_two_samples(cohort: Cohort) -> None:
    if len(cohort.samples) < 2:
        raise CohortError(
            Problem(
                cohort.origin or cohort.name,
                f"Expected at least two samples to compare, found {len(cohort.samples)}.",
                "Add samples, or project the sample onto an embedding made before.",
            )
        )
