"""Maps of samples by distances alone, each with figures of how far it can be believed."""

from __future__ import annotations

import threading
import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lotviz.analysis.given import require_distances
from lotviz.data.choices import require_seed
from lotviz.data.problems import CohortError, Problem
from lotviz.transport.progress import Progress, report, stop_if

Method = Literal["pca", "mds", "tsne"]
LEAST = 5  # samples that a t-SNE needs
NEIGHBOURS = 5
_STEPS = 300
_LEAST_FALL = 1e-6


@dataclass(frozen=True, eq=False)
class Placed:
    """Samples on a map of two axes.

    Attributes
    ----------
    method
        How it was made.
    coordinates
        Shape (N, 2); of "pca" and "mds" in units of the distances, of "tsne" without a unit.
    stress
        Kruskal's stress-1: root of the squared errors of all distances as a share of the squared distances; 0 is
        exact. None for "tsne", whose distances mean nothing.
    trustworthiness
        From 0 to 1; falls with every sample that is a neighbour on the map and none in truth, by how far off it is.
        NaN with fewer than four samples.
    kept
        Share of the nearest neighbours in truth that are nearest neighbours on the map, from 0 to 1.
    neighbours
        How many neighbours the last two look at.
    """

    method: Method
    coordinates: NDArray[np.float64]
    stress: float | None
    trustworthiness: float
    kept: float
    neighbours: int


def judged(method: Method, distances: NDArray[np.float64], coordinates: NDArray[np.float64]) -> Placed:
    """Say how far places, (N, 2), can be believed to stand for distances, (N, N)."""
    from sklearn.manifold import trustworthiness

    count = len(distances)
    near = max(1, min(NEIGHBOURS, (count - 1) // 2))
    on_map = _lengths(coordinates)
    trusted = float("nan")
    if count >= 4:
        trusted = float(trustworthiness(distances, coordinates, n_neighbors=near, metric="precomputed"))
    return Placed(
        method=method,
        coordinates=coordinates,
        stress=None if method == "tsne" else stress(distances, on_map),
        trustworthiness=trusted,
        kept=neighbours_kept(distances, on_map, near) if count > 1 else 1.0,
        neighbours=near,
    )


def stress(distances: NDArray[np.float64], on_map: NDArray[np.float64]) -> float:
    """Kruskal's stress-1 of distances on a map, (N, N), against the true ones, (N, N).

    Examples
    --------
    >>> stress(np.array([[0.0, 2.0], [2.0, 0.0]]), np.array([[0.0, 1.0], [1.0, 0.0]]))
    0.5
    """
    whole = float(np.square(distances).sum())
    return float(np.sqrt(np.square(distances - on_map).sum() / whole)) if whole > 0 else 0.0


def neighbours_kept(distances: NDArray[np.float64], on_map: NDArray[np.float64], k: int) -> float:
    """Share of the k nearest neighbours in truth that are among the k nearest on the map, both (N, N)."""
    truth, shown = _nearest(distances, k), _nearest(on_map, k)
    return float(np.mean([len(np.intersect1d(a, b)) for a, b in zip(truth, shown, strict=True)]) / k)


def classical_mds(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Places on the first two principal coordinates of distances (N, N), (N, 2)."""
    squared = np.square(distances)
    centred = squared - squared.mean(axis=0) - squared.mean(axis=1)[:, None] + squared.mean()
    values, vectors = np.linalg.eigh(-centred / 2)
    places = np.zeros((len(distances), 2))
    axes = vectors[:, ::-1][:, :2] * np.sqrt(np.maximum(values[::-1][:2], 0.0))
    places[:, : axes.shape[1]] = axes * np.where(axes[np.abs(axes).argmax(axis=0), range(axes.shape[1])] < 0, -1, 1)
    return places


def mds_map(
    distances: NDArray[np.float64], *, progress: Progress | None = None, cancel: threading.Event | None = None
) -> Placed:
    """Place samples so that distances on the map are as near as can be to the true ones, by metric scaling.

    Parameters
    ----------
    distances
        Shape (N, N).
    progress
        Called with (done, total, message).
    cancel
        Set it to stop.

    Raises
    ------
    ValueError
        `distances` are none.

    Notes
    -----
    Source: SMACOF (de Leeuw 1977) from the classical solution, so that no seed is needed; the raw stress never rises.
    """
    distances = require_distances(distances)
    places = classical_mds(distances)
    count, before = len(distances), np.inf
    for step in range(_STEPS):
        stop_if(cancel)
        report(progress, step, _STEPS, "Placing the samples")
        on_map = _lengths(places)
        now = stress(distances, on_map)
        if before - now <= _LEAST_FALL * max(now, np.finfo(float).tiny):
            break
        before = now
        ratio = np.divide(distances, on_map, out=np.zeros_like(distances), where=on_map > 0)
        places = (np.diag(ratio.sum(axis=1)) - ratio) @ places / count  # the Guttman transform
    return judged("mds", distances, places)


def tsne_map(distances: NDArray[np.float64], *, seed: int = 0) -> Placed:
    """Place samples so that neighbours stay neighbours, by t-SNE; distances on the map mean nothing.

    Parameters
    ----------
    distances
        Shape (N, N).
    seed
        Of the optimisation; the start is the classical solution.

    Raises
    ------
    CohortError
        Fewer than five samples.
    ValueError
        `distances` are none.
    """
    require_seed(seed)
    from sklearn.manifold import TSNE

    distances = require_distances(distances)
    count = len(distances)
    if count < LEAST:
        what = f"Expected at least {LEAST} samples for a map of neighbours (t-SNE), found {count}."
        raise CohortError(Problem("map of samples", what, "Choose PCA or MDS."))
    start = classical_mds(distances)
    start = 1e-4 * start / max(float(start[:, 0].std()), np.finfo(float).tiny)
    perplexity = min(30.0, (count - 1) / 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # defaults that later versions change; all ours are given
        model = TSNE(
            2, metric="precomputed", perplexity=perplexity, init=start, random_state=seed, learning_rate="auto"
        )
        found = model.fit_transform(distances)
    return judged("tsne", distances, np.asarray(found, dtype=np.float64))


def place_on_mds(coordinates: NDArray[np.float64], distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Place newcomers on a map of N samples by their distances to these, (K, N) -> (K, 2); the map stays as it is.

    Raises
    ------
    ValueError
        `distances` are none.

    Notes
    -----
    Source: SMACOF with all other points held; from the place of the nearest sample and from the middle, the better.
    """
    placed = [_placed(coordinates, row) for row in distances]
    return np.array(placed).reshape(-1, 2)


def _placed(coordinates: NDArray[np.float64], row: NDArray[np.float64]) -> NDArray[np.float64]:
    middle = coordinates.mean(axis=0)
    best, least = middle, np.inf
    for start in (middle, coordinates[int(row.argmin())] + 1e-3 * (middle - coordinates[int(row.argmin())])):
        place = start
        for _ in range(_STEPS):
            away = place - coordinates
            length = np.linalg.norm(away, axis=1)
            unit = np.divide(away, length[:, None], out=np.zeros_like(away), where=length[:, None] > 0)
            place = (coordinates + row[:, None] * unit).mean(axis=0)
        error = float(np.square(np.linalg.norm(place - coordinates, axis=1) - row).sum())
        if error < least:
            best, least = place, error
    return best


def _lengths(places: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.spatial.distance import pdist, squareform

    return np.asarray(squareform(pdist(places)))


def _nearest(distances: NDArray[np.float64], k: int) -> NDArray[np.intp]:
    far = distances + np.diag(np.full(len(distances), np.inf))
    return np.argsort(far, axis=1, kind="stable")[:, :k]
