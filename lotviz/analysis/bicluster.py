"""Biclusters: samples that have the same regions and markers displaced the same way, found in both directions."""

from __future__ import annotations

import threading
import warnings
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from lotviz.data.choices import require_at_least, require_seed
from lotviz.data.problems import CohortError, Problem
from lotviz.transport.progress import Progress, report, stop_if

LEAST_SAMPLES = 8
LEAST_COLUMNS = 4
SHAPES = (2, 3, 4)
CHANCES = 19
LOUDEST = 5.0  # times the root mean square of the table; a louder value counts as this
_LEAST_GAIN = 0.02


@dataclass(frozen=True, eq=False)
class Biclusters:
    """A table of N samples and C columns, cut into blocks.

    Attributes
    ----------
    rows, columns
        Cluster of each sample, (N,), and of each column, (C,).
    row_order, column_order
        Orders in which clusters stand together, by their mean, and like beside like within, (N,) and (C,).
    values
        The table that was cut, (N, C): deviations from the mean of each column.
    blocks
        Mean value of each block, (r, c).
    explained
        Share of the variance of the table that the means of its blocks account for.
    by_chance
        The same, in the mean, for tables whose columns were each shuffled over the samples.
    p
        Share of such tables, the true one included, whose blocks explain as much.
    """

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    row_order: NDArray[np.intp]
    column_order: NDArray[np.intp]
    values: NDArray[np.float64]
    blocks: NDArray[np.float64]
    explained: float
    by_chance: float
    p: float


def biclusters(
    table: NDArray[np.float64],
    *,
    shape: tuple[int, int] | None = None,
    chances: int = CHANCES,
    seed: int = 0,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> Biclusters:
    """Cut a table of samples and columns into a checkerboard of blocks, by spectral biclustering.

    Parameters
    ----------
    table
        Shape (N, C), such as `region_values` in scaled units, with regions and markers as one axis.
    shape
        How many clusters of samples and of columns; when None, of two to four each, those whose blocks explain most
        beyond what chance explains, the fewest that come near it.
    chances
        Tables with shuffled columns for `by_chance` and `p`.
    seed
        Of the shuffles and of the clustering.
    progress
        Called with (done, total, message).
    cancel
        Set it to stop.

    Raises
    ------
    CohortError
        Fewer than eight samples, or than four columns that vary.

    Notes
    -----
    Source: Kluger et al. 2003; scikit-learn's SpectralBiclustering is written for counts. Displacements have signs and
    a common zero, so only the columns are centred: that a sample is displaced as a whole is not to be taken out.
    """
    require_at_least(1, chances=chances)
    require_seed(seed)
    values = _deviations(table)
    _check(values)
    tried = [shape] if shape is not None else [(r, c) for r, c in product(SHAPES, SHAPES) if r <= len(values) // 2]
    few = chances if shape is not None else 2
    total, rng, done = len(tried) * (1 + few) + (0 if shape else chances), np.random.default_rng(seed), 0
    judged = []
    for one in tried:
        found = _cut(values, one, seed)
        random, done = _random(values, one, few, rng=rng, seed=seed, told=(progress, done + 1, total), cancel=cancel)
        judged.append((one, found, random))
    best, (rows, columns), random = _simplest(values, judged)
    if shape is None:
        random, done = _random(values, best, chances, rng=rng, seed=seed, told=(progress, done, total), cancel=cancel)
    explained = _explained(values, rows, columns)
    rows, columns = _by_mean(rows, values.mean(axis=1)), _by_mean(columns, _lean(values, rows))
    return Biclusters(
        rows=rows,
        columns=columns,
        row_order=_order(values, rows),
        column_order=_order(values.T, columns),
        values=values,
        blocks=_blocks(values, rows, columns),
        explained=explained,
        by_chance=float(np.mean(random)),
        p=float((np.sum(np.array(random) >= explained - 1e-12) + 1) / (len(random) + 1)),
    )


def _deviations(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Centre every column, and keep single loud values from making a cluster of their own."""
    centred = np.asarray(table, dtype=np.float64) - np.mean(table, axis=0)
    centred[np.abs(centred) < 1e-9 * np.abs(table).max(initial=0)] = 0.0  # what round-off leaves of a constant
    loudest = LOUDEST * float(np.sqrt(np.square(centred).mean()))
    return np.clip(centred, -loudest, loudest)


def _check(values: NDArray[np.float64]) -> None:
    varying = int(values.any(axis=0).sum())
    if len(values) < LEAST_SAMPLES:
        what = f"Expected at least {LEAST_SAMPLES} samples for biclusters, found {len(values)}."
        raise CohortError(Problem("biclusters", what, "Compare more samples."))
    if varying < LEAST_COLUMNS:
        what = f"Expected at least {LEAST_COLUMNS} columns that vary between samples, found {varying}."
        raise CohortError(Problem("biclusters", what, "Use more markers or regions."))


def _cut(values: NDArray[np.float64], shape: tuple[int, int], seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Cluster rows and columns, (N,) and (C,), on the leading singular vectors: as many as blocks can need."""
    left, size, right = np.linalg.svd(values, full_matrices=False)
    rank = min(*shape, len(size))
    rows, columns = left[:, :rank] * size[:rank], right[:rank].T * size[:rank]
    return _clustered(rows, shape[0], seed), _clustered(columns, shape[1], seed)


def _clustered(places: NDArray[np.float64], count: int, seed: int) -> NDArray[np.intp]:
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct places than clusters: fewer clusters
        return KMeans(count, n_init=4, random_state=seed).fit_predict(places).astype(np.intp)


def _random(
    values: NDArray[np.float64],
    shape: tuple[int, int],
    count: int,
    *,
    rng: np.random.Generator,
    seed: int,
    told: tuple[Progress | None, int, int],
    cancel: threading.Event | None,
) -> tuple[list[float], int]:
    """Cut tables whose columns are shuffled, and return what their blocks explain and the steps that are done."""
    progress, done, total = told
    found = []
    for _ in range(count):
        stop_if(cancel)
        shuffled = rng.permuted(values, axis=0)
        found.append(_explained(shuffled, *_cut(shuffled, shape, seed)))
        done += 1
        report(progress, done, total, "Looking for biclusters")
    return found, done


def _simplest(
    values: NDArray[np.float64],
    judged: list[tuple[tuple[int, int], tuple[NDArray[np.intp], NDArray[np.intp]], list[float]]],
) -> tuple[tuple[int, int], tuple[NDArray[np.intp], NDArray[np.intp]], list[float]]:
    """Choose the fewest blocks among those that explain, beyond chance, nearly as much as the best."""
    gains = [_explained(values, *found) - float(np.mean(random)) for _, found, random in judged]
    near = [row for row, gain in zip(judged, gains, strict=True) if gain >= max(gains) - _LEAST_GAIN]
    return min(near, key=lambda row: row[0][0] * row[0][1])


def _blocks(values: NDArray[np.float64], rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.float64]:
    """Mean of each block, (r, c)."""
    upper = (np.arange(rows.max() + 1)[:, None] == rows).astype(float)
    lower = (np.arange(columns.max() + 1)[:, None] == columns).astype(float)
    counts = np.outer(upper.sum(axis=1), lower.sum(axis=1))
    return np.asarray(upper @ values @ lower.T / np.maximum(counts, 1))


def _explained(values: NDArray[np.float64], rows: NDArray[np.intp], columns: NDArray[np.intp]) -> float:
    whole = float(np.square(values).sum())
    return float(np.square(_blocks(values, rows, columns)[rows][:, columns]).sum()) / whole if whole > 0 else 0.0


def _lean(values: NDArray[np.float64], rows: NDArray[np.intp]) -> NDArray[np.float64]:
    """How much higher each column is in the last cluster of rows than in the first, (C,)."""
    return np.asarray(values[rows == rows.max()].mean(axis=0) - values[rows == 0].mean(axis=0))


def _by_mean(labels: NDArray[np.intp], values: NDArray[np.float64]) -> NDArray[np.intp]:
    """Give clusters numbers by the mean of the values, (n,), of their members; without gaps."""
    present, inverse = np.unique(labels, return_inverse=True)
    means = [float(values[inverse == k].mean()) for k in range(len(present))]
    return np.argsort(np.argsort(means, kind="stable"), kind="stable")[inverse].astype(np.intp)


def _order(values: NDArray[np.float64], labels: NDArray[np.intp]) -> NDArray[np.intp]:
    """Order rows by cluster and, within, along the direction in which they differ most."""
    centred = values - values.mean(axis=0)
    first = np.linalg.svd(centred, full_matrices=False)[0][:, 0]
    if first[np.abs(first).argmax()] < 0:
        first = -first
    return np.lexsort((first, labels)).astype(np.intp)
