"""Exact transport straight from one sample to another, beside the registration: what the reference costs."""

from __future__ import annotations

import math
import threading
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from lotviz.data.choices import require_seed
from lotviz.data.problems import CohortError, Problem
from lotviz.transport.coupling import Coupling, solve
from lotviz.transport.progress import Progress, report, stop_if

if TYPE_CHECKING:
    from lotviz.transport.embedding import LOTEmbedding

MOST_CELLS = 4_000  # of each sample: about a second; the time grows with the square
_ROUND_OFF = 1e-12


@dataclass(frozen=True, eq=False)
class DirectTransport:
    """Two samples coupled at the least cost there is, and the registration of the same cells beside it.

    Attributes
    ----------
    first, second
        Names of the samples.
    cells
        Positions among the used cells of the two samples that were coupled, (n,) and (k,).
    used
        How many used cells the two samples have.
    plan
        Mass from cell of the first to cell of the second, (n, k), sparse, exact.
    cost
        Its mean squared distance, scaled: the squared Wasserstein distance of these cells.
    dual_gap
        Upper bound on how far `cost` is above the optimum.
    glued_cost
        Mean squared distance of the same cells glued through the reference; never less than `cost`.
    residuals
        What the maps to these cells do not see, of the two samples; part of `glued_cost`.
    apart
        Root mean squared distance between where the two ways send a cell of the first sample (the mean of its
        partners), scaled.
    step
        Root mean squared distance from a cell to where exact transport sends it, scaled.
    """

    first: str
    second: str
    cells: tuple[NDArray[np.intp], NDArray[np.intp]]
    used: tuple[int, int]
    plan: csr_array
    cost: float
    dual_gap: float
    glued_cost: float
    residuals: tuple[float, float]
    apart: float
    step: float

    @property
    def all_cells(self) -> bool:
        """Whether every used cell was coupled."""
        return tuple(len(chosen) for chosen in self.cells) == self.used

    @property
    def excess(self) -> float:
        """By what share the registration costs more than exact transport.

        0 where both cost nothing, infinite where only exact transport does.
        """
        if self._free:
            return math.inf if self.glued_cost > 0 else 0.0
        return max(0.0, self.glued_cost / self.cost - 1.0)

    @property
    def _free(self) -> bool:
        """Whether exact transport costs nothing beside the registration but for rounding."""
        return self.cost <= _ROUND_OFF * self.glued_cost

    def said(self) -> str:
        """Say in words how far the registration is from exact transport."""
        if self.first == self.second:
            return "A sample goes to itself at no cost, directly and through the reference."
        more = f"{100 * self.excess:.0f} % more" if math.isfinite(self.excess) else "which is not needed at all"
        sizes = " and ".join(f"{len(c):,} of {n:,}" for c, n in zip(self.cells, self.used, strict=True))
        residual = sum(self.residuals) / self.glued_cost if self.glued_cost > 0 else 0.0
        far = "" if self._free else f", {100 * self.apart / self.step:.0f} % of the length of its step"
        cost = 0.0 if self._free else self.cost
        return (
            f"On {sizes} cells, exact transport costs {cost:.3g}, the registration {self.glued_cost:.3g}: "
            f"{more}. {100 * residual:.0f} % of its cost is spread within reference points, "
            f"which the maps do not see. The two send a cell to places {self.apart:.2g} apart{far} (scaled units)."
        )


def direct_transport(
    embedding: LOTEmbedding,
    first: str,
    second: str,
    *,
    cells: int = MOST_CELLS,
    seed: int = 0,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> DirectTransport:
    """Couple two samples exactly, without the reference, and compare with the registration of the same cells.

    Where a sample has more than `cells` used cells, so many are drawn, and those are transported to the reference
    anew: a cost depends on the number of cells, so only costs of the same cells can be compared.

    Parameters
    ----------
    embedding
        Holds both samples, with their cells.
    first, second
        Names of the samples.
    cells
        At most so many of each.
    seed
        Chooses them.
    progress
        Called with (done, total, message).
    cancel
        Set it to stop, also within a problem.

    Raises
    ------
    CohortError
        A sample is unknown, or `cells` is not positive.
    Cancelled
        `cancel` was set.
    """
    require_seed(seed)
    if cells < 1:
        what = f"Expected at least 1 cell of each sample, found {cells}."
        raise CohortError(Problem("exact transport", what, "Ask for more cells."))
    names = (first, second)
    clouds = [embedding.scaled_cells(name) for name in names]
    chosen = [_drawn(len(cloud), cells, name, seed) for cloud, name in zip(clouds, names, strict=True)]
    x, y = (cloud[rows] for cloud, rows in zip(clouds, chosen, strict=True))
    report(progress, 0, 3, "exact transport")
    direct = solve(x, y, cancel=cancel)
    report(progress, 1, 3, "the same cells through the reference")
    parts = []
    for done, (name, cloud, rows) in enumerate(zip(names, clouds, chosen, strict=True), start=1):
        stop_if(cancel)
        parts.append(_to_reference(embedding, name, cloud, rows, cancel))
        report(progress, 1 + done, 3, "the same cells through the reference")
    glued = x if first == second else _partners(parts[0], parts[1])
    residuals = (0.0, 0.0) if first == second else (parts[0].residual, parts[1].residual)
    squared = float(embedding.masses @ np.square(parts[1].maps - parts[0].maps).sum(axis=1))
    return DirectTransport(
        first=first,
        second=second,
        cells=(chosen[0], chosen[1]),
        used=(len(clouds[0]), len(clouds[1])),
        plan=direct.plan,
        cost=direct.cost,
        dual_gap=direct.dual_gap,
        glued_cost=squared + sum(residuals),
        residuals=residuals,
        apart=_root_mean_square(direct.maps - glued),
        step=_root_mean_square(direct.maps - x),
    )


@dataclass(frozen=True, eq=False)
class _Part:
    """One sample, transported to the reference: mass (m, n), maps (m, d), residual."""

    plan: csr_array
    maps: NDArray[np.float64]
    residual: float


def _drawn(count: int, most: int, name: str, seed: int) -> NDArray[np.intp]:
    """Draw positions of cells, ascending; all of them where they are few enough."""
    if count <= most:
        return np.arange(count)
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    return np.sort(rng.choice(count, most, replace=False))


def _to_reference(
    embedding: LOTEmbedding,
    name: str,
    cloud: NDArray[np.float64],
    rows: NDArray[np.intp],
    cancel: threading.Event | None,
) -> _Part:
    """Return the plan of the chosen cells: the embedding's own where they are all of them."""
    if len(rows) == len(cloud):
        row = embedding.index(name)
        return _Part(embedding.plans[row], embedding.maps[row], float(embedding.residuals[row]))
    found: Coupling = solve(embedding.reference.points, cloud[rows], embedding.masses, cancel=cancel)
    return _Part(found.plan, found.maps, found.residual)


def _partners(first: _Part, second: _Part) -> NDArray[np.float64]:
    """Return the mean of the partners of each cell of the first sample, glued through the reference, (n, d)."""
    mass = np.asarray(first.plan.sum(axis=0)).ravel()
    return np.asarray(first.plan.T @ second.maps) / mass[:, None]


def _root_mean_square(steps: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.square(steps).sum(axis=1).mean()))
