"""How good a barycenter is: what it costs, solved exactly, beside what no cloud at all can undercut."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lotviz.data.choices import require_at_least, require_seed
from lotviz.transport.barycenter import Barycenter, barycenter
from lotviz.transport.barycenter_bound import barycenter_bound, chosen_pairs
from lotviz.transport.coupling import solve
from lotviz.transport.progress import Progress, part_of, report, stop_if

if TYPE_CHECKING:
    from lotviz.transport.embedding import LOTEmbedding

ARCS = 100_000_000  # pairs of cells in all pairs of samples that are solved exactly: about 16 seconds of one core
_START = 25_000  # as many take as long as it takes to begin with one pair: 4 ms
_ROUND_OFF = 1e-12


@dataclass(frozen=True, eq=False)
class BarycenterCertificate:
    """Proved bounds on the weighted mean of squared Wasserstein distances to the samples, in scaled units squared.

    `lower` <= the best that any cloud can do <= `solved` <= `objective`.

    Attributes
    ----------
    barycenter
        The barycenter that is judged: reference points moved to the mean of their maps.
    lower
        Sum over pairs of l_i l_j W2_ij^2; pairs that are not solved enter with what their markers, one by one, prove.
    estimate
        What `lower` would be with all pairs solved, judged by those that are; not proved unless all are.
    solved
        What the barycenter costs with every sample coupled to it anew, exactly (plus the duality gaps).
    objective
        What it costs by the plans of the embedding: `Barycenter.objective`.
    pairs, exact_pairs
        How many pairs of samples of positive weight there are, and how many of them were solved.
    """

    barycenter: Barycenter
    lower: float
    estimate: float
    solved: float
    objective: float
    pairs: int
    exact_pairs: int

    @property
    def gap(self) -> float:
        """Most by which the barycenter can be above the best possible cloud, as a share of the bound; 0 is the best.

        Infinite where nothing but zero is proved.
        """
        if self.solved <= self.lower * (1 + 1e-9) + 1e-12:
            return 0.0
        return self.solved / self.lower - 1 if self.lower > _ROUND_OFF * self.solved else float("inf")

    def said(self) -> str:
        """Say the gap, and what it rests on."""
        if not self.pairs:
            points = len(self.barycenter.masses)
            return f"One sample is its own best average; here it is summed up in {points} reference points."
        if self.gap == 0:
            words = "No cloud of cells is a better average than this one"
        elif np.isinf(self.gap):
            words = "How far this average is from the best possible one is not known"
        else:
            words = f"This average is at most {_percent(self.gap)} above the best possible one"
        rest = "" if self.exact_pairs == self.pairs else ", the others bounded by their markers"
        return f"{words} ({self.exact_pairs:,} of {self.pairs:,} pairs exact{rest})."


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share < 0.1 else f"{100 * share:.0f} %"


def certified_barycenter(
    embedding: LOTEmbedding,
    weights: Mapping[str, float] | None = None,
    *,
    arcs: int = ARCS,
    workers: int = 2,
    seed: int = 0,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> BarycenterCertificate:
    """Average samples, and prove how far the average is from the best possible one.

    Parameters
    ----------
    embedding
        Holds the samples, with their cells.
    weights
        Weight of each sample, from 0 to 1, summing to one; all equal when None.
    arcs
        Pairs of samples are solved exactly until they hold so many pairs of cells, each counted as 25,000 more; 0
        solves none.
    workers
        How many threads; the result does not depend on it.
    seed
        Chooses the pairs where not all can be solved.
    progress
        Called with (done, total, message) after each sample and pair.
    cancel
        Set it to stop.

    Returns
    -------
        The barycenter with its bounds; proved for the cells that were used.

    Raises
    ------
    CohortError
        The weights are not convex, or name an unknown sample.
    Cancelled
        `cancel` was set.

    Notes
    -----
    Source: lower bound, `barycenter_bound`. The upper one is the cost of couplings that exist: those of the embedding,
    or exact ones of the moved points with each sample.
    """
    require_at_least(0, arcs=arcs)
    require_at_least(1, workers=workers)
    require_seed(seed)
    center = barycenter(embedding, weights)
    names = [name for name, weight in center.weights.items() if weight > 0]
    share = np.array([center.weights[name] for name in names])
    share /= share.sum()
    counts = [int(embedding.n_cells_used[embedding.index(name)]) for name in names]
    # (a^2 + s)(b^2 + s) >= (a b + s)^2: every pair counts its arcs and what it costs to begin
    costly = [int(np.ceil(np.hypot(count, _START**0.5))) for count in counts]
    pairs = chosen_pairs(costly, seed=seed, arcs=arcs)
    total = len(names) + len(pairs)
    costs = []
    for done, name in enumerate(names, start=1):
        stop_if(cancel)
        costs.append(solve(center.maps, embedding.scaled_cells(name), embedding.masses, cancel=cancel).cost)
        report(progress, done, total, "Coupling the average with each sample")
    bound = barycenter_bound(
        lambda number: embedding.scaled_cells(names[number]),
        len(names),
        pairs=pairs,
        weights=share,
        workers=workers,
        progress=part_of(progress, len(names), total),
        cancel=cancel,
    )
    return BarycenterCertificate(
        barycenter=center,
        lower=bound.value,
        estimate=bound.estimate,
        solved=min(float(share @ np.array(costs)), center.objective),
        objective=center.objective,
        pairs=bound.pairs,
        exact_pairs=bound.exact_pairs,
    )
