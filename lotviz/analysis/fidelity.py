"""How far LOT distances stand for exact transport distances: measured on pairs of samples, with proven bounds."""

from __future__ import annotations

import threading
import zlib
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from lotviz.data.choices import require_at_least, require_seed
from lotviz.transport import ConvergenceError, LOTEmbedding, solve
from lotviz.transport.doors import require_memory, transport_bytes
from lotviz.transport.progress import Progress, report, stop_if

FAITHFUL = 0.95  # rank correlation from which on the order of distances is called the exact one
MOSTLY = 0.8
FEWEST_PAIRS = 3  # a correlation of two pairs is always one
FEWEST_DRAWN = 10  # pairs on which a verdict about all of them may rest
_ROUND_OFF = 1e-9


@dataclass(frozen=True, eq=False)
class Fidelity:
    """LOT distances beside exact transport distances of the same cells.

    Attributes
    ----------
    pairs
        One row a pair of samples, distances in scaled units:
        first, second (names); first_cells, second_cells (how many cells were compared); first_of, second_of (out of
        how many transported cells); thinned (whether fewer); w2 (exact distance of these cells); dual_gap (w2² is
        proven to be optimal up to it); lot (LOT distance of these cells); lower (distance of their means);
        registration_cost (lot² plus both residuals: the mean squared distance of glued cells); upper (its root);
        ratio (lot / w2, NaN where w2 is 0); within (lower <= w2 <= upper); embedded_lot (LOT distance as the
        embedding holds it, of all transported cells: equal to lot where not thinned).
    n_samples, n_all_pairs
        How many samples the embedding has, and how many pairs of them there are.
    pearson, spearman
        Correlation of lot and w2 over the pairs, and of their ranks; NaN for fewer than three pairs, or equal ones.
    ratio_low, ratio_median, ratio_high
        5 %, 50 % and 95 % quantile of the ratio; NaN where there is none.
    within_share
        Share of the pairs within the bounds; anything below 1 is a fault of the software.
    residual_share
        Mean over the samples of the embedding of the share of variance that the maps cannot see.
    nearest_agreement
        Share of the samples whose nearest sample by LOT is also the nearest by w2; None unless all pairs were compared.
    """

    pairs: pd.DataFrame
    n_samples: int
    n_all_pairs: int
    pearson: float
    spearman: float
    ratio_low: float
    ratio_median: float
    ratio_high: float
    within_share: float
    residual_share: float
    nearest_agreement: float | None

    def summary(self) -> dict[str, float | None]:
        """Return the figures as plain numbers; None where there is none."""
        figures = {
            "n_pairs": float(len(self.pairs)),
            "n_all_pairs": float(self.n_all_pairs),
            "n_thinned_pairs": float(self.pairs["thinned"].sum()),
            "pearson": self.pearson,
            "spearman": self.spearman,
            "ratio_low": self.ratio_low,
            "ratio_median": self.ratio_median,
            "ratio_high": self.ratio_high,
            "within_share": self.within_share,
            "residual_share": self.residual_share,
            "nearest_agreement": self.nearest_agreement,
        }
        return {name: None if value is None or np.isnan(value) else value for name, value in figures.items()}

    @property
    def coverage(self) -> str:
        """Say in a sentence which cells and pairs were compared."""
        cells, of = self._span("cells"), self._span("of")
        which = f"{cells} of {of} transported cells of a sample" if self.pairs["thinned"].any() else f"all {of} cells"
        return f"Compared: {len(self.pairs)} of {self.n_all_pairs} pairs of samples, {which}."

    @property
    def verdict(self) -> str:
        """Say in a sentence how far the distances between samples can be trusted."""
        if np.isnan(self.spearman) or len(self.pairs) < min(FEWEST_DRAWN, self.n_all_pairs):
            return "Too few different pairs of samples to say how far the distances on the map can be trusted."
        figure = f"rank correlation {self.spearman:.2f}"
        if self.spearman >= FAITHFUL:
            trust = f"Samples that are close on the map are close in truth ({figure} with exact distances)"
        elif self.spearman >= MOSTLY:
            trust = f"Samples that are close on the map are mostly close in truth ({figure} with exact distances)"
        else:
            trust = f"Distances on the map are a rough guide only ({figure} with exact distances)"
        return f"{trust}; {_length(self.ratio_median)}."

    def _span(self, what: str) -> str:
        counts = self.pairs[[f"first_{what}", f"second_{what}"]].to_numpy()
        low, high = int(counts.min()), int(counts.max())
        return f"{low}" if low == high else f"{low} to {high}"


@dataclass(frozen=True, eq=False)
class _Thinned:
    """Some cells of a sample, transported to the reference.

    Attributes
    ----------
    chosen
        Positions among the used cells, (k,), or None for all of them.
    maps, residual
        As in `Coupling`, of the chosen cells.
    count, of
        How many cells were chosen, and from how many.
    """

    chosen: NDArray[np.intp] | None
    maps: NDArray[np.float64]
    residual: float
    count: int
    of: int


def fidelity(
    embedding: LOTEmbedding,
    *,
    pairs: int = 50,
    seed: int = 0,
    cells: int = 2000,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> Fidelity:
    """Compare LOT distances with exact transport distances on pairs of samples.

    Parameters
    ----------
    embedding
        At least two samples.
    pairs
        How many pairs to compare, drawn at random; all of them where there are no more.
    seed
        Chooses the pairs and the cells.
    cells
        At most so many cells of a sample are compared. Time and memory grow with the square of it.
    progress
        Called with (done, total, message) after each sample that is thinned and each pair.
    cancel
        Set it to stop between samples and pairs.

    Returns
    -------
        The comparison, pair by pair and in figures.

    Raises
    ------
    ValueError
        `pairs`, `cells` or `seed` is out of its range, or there are fewer than two samples.
    TransportMemoryError
        A transport problem of so many cells does not fit into free memory.
    CohortError
        The cells cannot be read, or the embedding came without them.
    ConvergenceError
        The solver did not reach an optimum; the message names the samples.
    Cancelled
        `cancel` was set.

    Notes
    -----
    Samples with more than `cells` cells are thinned, and the thinned cells are transported to the same reference
    anew. Exact distance, LOT distance, residuals and bounds of a pair are therefore all of the same cells, and
    |mean - mean| <= W2 <= sqrt(LOT² + r² + r²) holds for every pair, thinned or not. What is sampled are pairs and
    cells. Distances grow as cells get fewer, LOT more than W2, so the ratio comes out a little high: 0.99, 0.96,
    0.943 and 0.938 for 250, 500, 1000 and all 2000 cells of simulated patients, 128 reference points. LOT may be
    below W2: only where no cell is split it cannot.

    Examples
    --------
    >>> from lotviz.data import simulate
    >>> from lotviz.transport import embed
    >>> found = fidelity(embed(simulate("patients", samples=4, cells=100, markers=5), points=16))
    >>> len(found.pairs), found.within_share
    (6, 1.0)
    """
    _require_in_range(embedding, pairs, cells, seed)
    _require_memory(embedding, cells)
    drawn = _draw_pairs(len(embedding.samples), pairs, seed)
    rows = np.unique(drawn)
    thinned = int((embedding.n_cells_used[rows] > cells).sum())
    total = thinned + len(drawn)

    samples, done = {}, 0
    for row in rows.tolist():
        stop_if(cancel)
        samples[row] = _thin(embedding, row, cells, seed)
        if samples[row].chosen is not None:
            done += 1
            report(progress, done, total, f"Transported some cells of {embedding.samples.index[row]}")
    compared = []
    for first, second in drawn.tolist():
        stop_if(cancel)
        compared.append(_compare(embedding, (first, second), samples))
        names = f"{compared[-1]['first']} with {compared[-1]['second']}"
        report(progress, thinned + len(compared), total, f"Compared {names}")
    return _summarised(embedding, pd.DataFrame(compared), drawn)


def _draw_pairs(n: int, pairs: int, seed: int) -> NDArray[np.intp]:
    """Draw rows of two different samples, (p, 2), first < second, in order."""
    total = n * (n - 1) // 2
    chosen = np.arange(total)
    if pairs < total:
        chosen = np.sort(np.random.default_rng(seed).choice(total, size=pairs, replace=False))
    ends = np.cumsum(np.arange(n - 1, 0, -1))  # pairs whose first sample is 0, 0 or 1, ...
    first = np.searchsorted(ends, chosen, side="right")
    second = chosen - ends[first] + n
    return np.column_stack([first, second])


def _thin(embedding: LOTEmbedding, row: int, cells: int, seed: int) -> _Thinned:
    """Choose the cells of a sample and transport them; all cells keep the maps they have."""
    used = int(embedding.n_cells_used[row])
    if used <= cells:
        return _Thinned(None, embedding.maps[row], float(embedding.residuals[row]), used, used)
    name = str(embedding.samples.index[row])
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])  # the cells do not depend on the other samples
    chosen = np.sort(rng.choice(used, size=cells, replace=False))
    found = solve(embedding.reference.points, embedding.scaled_cells(name)[chosen], embedding.masses)
    return _Thinned(chosen, found.maps, found.residual, cells, used)


def _compare(embedding: LOTEmbedding, pair: tuple[int, int], samples: dict[int, _Thinned]) -> dict[str, object]:
    """Solve the transport problem of two samples and set it beside what LOT says; one row of the table."""
    names = [str(embedding.samples.index[row]) for row in pair]
    one, other = (samples[row] for row in pair)
    clouds = [_cells(embedding, name, samples[row]) for name, row in zip(names, pair, strict=True)]
    try:
        exact = solve(*clouds)
    except ConvergenceError as problem:
        raise ConvergenceError(f"Samples {names[0]} and {names[1]}: {problem}") from problem
    move, masses = other.maps - one.maps, embedding.masses
    lot = _norm(move, masses)
    lower = float(np.linalg.norm(masses @ move))
    upper = float(np.sqrt(lot**2 + one.residual + other.residual))
    w2 = float(np.sqrt(exact.cost))
    dust = _ROUND_OFF * max(upper, _norm(one.maps, masses) + _norm(other.maps, masses))
    return {
        "first": names[0],
        "second": names[1],
        "first_cells": one.count,
        "second_cells": other.count,
        "first_of": one.of,
        "second_of": other.of,
        "thinned": one.chosen is not None or other.chosen is not None,
        "w2": w2,
        "dual_gap": exact.dual_gap,
        "lot": lot,
        "lower": lower,
        "registration_cost": upper**2,
        "upper": upper,
        "ratio": lot / w2 if w2 > 0 else np.nan,
        "within": lower - dust <= w2 <= float(np.sqrt(upper**2 + exact.dual_gap)) + dust,
        "embedded_lot": _norm(embedding.maps[pair[1]] - embedding.maps[pair[0]], masses),
    }


def _cells(embedding: LOTEmbedding, name: str, sample: _Thinned) -> NDArray[np.float64]:
    """Read the compared cells of a sample, (k, d), scaled; only two samples are in memory at a time."""
    found = embedding.scaled_cells(name)
    return found if sample.chosen is None else found[sample.chosen]


def _norm(moves: NDArray[np.float64], masses: NDArray[np.float64]) -> float:
    return float(np.sqrt(masses @ np.square(moves).sum(axis=1)))  # (m, d) -> length in L2 of the reference


def _summarised(embedding: LOTEmbedding, compared: pd.DataFrame, drawn: NDArray[np.intp]) -> Fidelity:
    n = len(embedding.samples)
    lot, w2 = compared["lot"].to_numpy(), compared["w2"].to_numpy()
    ratios = compared["ratio"].dropna().to_numpy()
    low, median, high = np.quantile(ratios, [0.05, 0.5, 0.95]) if len(ratios) else (np.nan, np.nan, np.nan)
    return Fidelity(
        pairs=compared,
        n_samples=n,
        n_all_pairs=n * (n - 1) // 2,
        pearson=_correlation(lot, w2),
        spearman=_correlation(_ranks(lot), _ranks(w2)),
        ratio_low=float(low),
        ratio_median=float(median),
        ratio_high=float(high),
        within_share=float(compared["within"].mean()),
        residual_share=embedding.residual_share,
        nearest_agreement=_nearest_agreement(n, drawn, lot, w2),
    )


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rank values; those that round-off alone tells apart are equal."""
    order = np.argsort(values, kind="stable")
    steps = np.diff(values[order], prepend=values[order[:1]]) > _ROUND_OFF * np.abs(values).max(initial=0.0)
    level = np.empty(len(values))
    level[order] = np.cumsum(steps)
    return rankdata(level)


def _correlation(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    alike = any(np.ptp(values) <= _ROUND_OFF * np.abs(values).max() for values in (x, y))
    if len(x) < FEWEST_PAIRS or alike:
        return float("nan")
    return float(np.clip(np.corrcoef(x, y)[0, 1], -1.0, 1.0))


def _nearest_agreement(
    n: int, drawn: NDArray[np.intp], lot: NDArray[np.float64], w2: NDArray[np.float64]
) -> float | None:
    if len(drawn) < n * (n - 1) // 2 or n < 3:
        return None
    by_lot, by_w2 = (np.full((n, n), np.inf) for _ in range(2))
    for distances, values in ((by_lot, lot), (by_w2, w2)):
        distances[drawn[:, 0], drawn[:, 1]] = distances[drawn[:, 1], drawn[:, 0]] = values
    reached = by_w2[np.arange(n), by_lot.argmin(axis=1)]  # how far, exactly, the neighbour is that LOT names
    return float(np.mean(reached <= by_w2.min(axis=1) + _ROUND_OFF * w2.max()))


def _length(ratio: float) -> str:
    change = round(abs(ratio - 1) * 100)
    if not change:
        return "their size is typically the exact one"
    return f"they are typically {change} % {'longer' if ratio > 1 else 'shorter'} than exact"


def _require_in_range(embedding: LOTEmbedding, pairs: int, cells: int, seed: int) -> None:
    require_at_least(1, pairs=pairs, cells=cells)
    require_seed(seed)
    if len(embedding.samples) < 2:
        raise ValueError(
            f"Expected an embedding of at least two samples, found {len(embedding.samples)}. Embed more samples."
        )


def _require_memory(embedding: LOTEmbedding, cells: int) -> None:
    two = np.minimum(np.sort(embedding.n_cells_used)[-2:], cells).tolist()
    require_memory(
        transport_bytes(two[0], two[1], len(embedding.markers), "simplex"),
        f"a transport problem of {two[0]} and {two[1]} cells",
        f"Compare fewer cells of each sample: fidelity(embedding, cells={max(two) // 2}).",
    )
