"""Would other patients, or another reference, have given the same weights? By region and marker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lotviz.analysis.abundance import half_a_cell, nearest_points, point_shares
from lotviz.analysis.features import ModelFeatures, features_of, model_features, solve_weights
from lotviz.analysis.recipe import Estimator
from lotviz.analysis.regions import Regions
from lotviz.analysis.scoring import group_resamples
from lotviz.data.choices import require_at_least, require_seed
from lotviz.transport.coupling import solve
from lotviz.transport.progress import stop_if

if TYPE_CHECKING:
    from lotviz.transport.embedding import LOTEmbedding

SELECTED = 0.1  # share of the entries that counts as the heaviest
_CELLS = 1000  # of each sample, for other references: they decide how steady a sign is, not the sign
_POINTS = 64


@dataclass(frozen=True, eq=False)
class Stability:
    """Weights of refits on resampled patients, over the reference of the embedding and others drawn from its cells.

    Attributes
    ----------
    weights
        Weight of each region and marker in each refit, shape (B, k, d), in half the gap between the classes per scaled
        unit of the marker.
    carried
        Share of that gap which each region and marker carries, shape (B, k, d).
    abundance
        Share of the gap that the number of cells in each region carries, shape (B, k).
    references
        Number of references, the embedding's among them.
    """

    weights: NDArray[np.float64]
    carried: NDArray[np.float64]
    abundance: NDArray[np.float64]
    references: int

    @property
    def sign_held(self) -> NDArray[np.float64]:
        """Share of the refits in which a weight has the sign it mostly has, shape (k, d): 0.5 is a coin, 1 is sure."""
        return _mostly(self.weights)

    @property
    def carried_sign_held(self) -> NDArray[np.float64]:
        """The same for what is carried, shape (k, d)."""
        return _mostly(self.carried)

    @property
    def abundance_sign_held(self) -> NDArray[np.float64]:
        """The same for the abundance of each region, shape (k,)."""
        return _mostly(self.abundance)

    @property
    def selected(self) -> NDArray[np.float64]:
        """Share of the refits in which an entry is among the tenth that carries most, shape (k, d)."""
        sizes = np.abs(self.carried).reshape(len(self.carried), -1)
        count = max(1, round(SELECTED * sizes.shape[1]))
        threshold = np.partition(sizes, -count, axis=1)[:, -count]
        return np.asarray((sizes >= threshold[:, None]).mean(axis=0).reshape(self.weights.shape[1:]))

    def interval(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """2.5 and 97.5 % quantiles of what is carried, shape (k, d) each."""
        low, high = np.quantile(self.carried, [0.025, 0.975], axis=0)
        return np.asarray(low), np.asarray(high)


def _mostly(values: NDArray[np.float64]) -> NDArray[np.float64]:
    above, below = (values > 0.0).mean(axis=0), (values < 0.0).mean(axis=0)
    return np.asarray(np.maximum(np.maximum(above, below), 0.5))  # what is always 0 has no sign


def stability(
    embedding: LOTEmbedding,
    labels: NDArray[np.intp],
    regions: Regions,
    *,
    units: NDArray[np.intp],
    estimator: Estimator = "auto",
    abundance: bool = True,
    adjustment: NDArray[np.float64] | None = None,
    values: NDArray[np.float64] | None = None,
    references: int = 4,
    draws: int = 25,
    seed: int = 0,
    step: Callable[[str], None] = lambda _: None,
    cancel: Event | None = None,
) -> Stability:
    """Refit on bootstrap draws of groups, on the embedding's own reference and on others.

    Parameters
    ----------
    embedding
        N samples.
    labels
        Class of each sample from 0, the positive one last, and -1 where unknown, shape (N,).
    regions
        Regions that weights are summed over; points of other references belong to the region they lie nearest to.
    units
        Group of each sample, shape (N,).
    adjustment
        As in `lotviz.analysis.model.fit_model`.
    values
        A continuous outcome to refit on, shape (N,); `labels` then say which half of it a sample lies in.
    references, draws
        Number of references, and of refits on each.
    step
        Called with a message before each reference, to report progress or stop.
    cancel
        Set it to stop before the next refit: `lotviz.transport.batch.Cancelled` is raised.
    """
    require_at_least(1, references=references, draws=draws)
    require_seed(seed)
    training = np.flatnonzero(labels >= 0)
    groups = np.unique(units[training], return_inverse=True)[1].astype(np.intp)
    weights, carried, abundances = [], [], []
    positive = labels == labels.max()
    for number in range(references):
        step(f"Reference {number + 1} of {references}")
        features = (
            model_features(embedding, abundance=abundance)
            if number == 0
            else drawn_features(embedding, abundance=abundance, seed=seed + number, cancel=cancel)
        )
        member = regions.labels[nearest_points(features.points, regions.points)]
        indicator = (np.arange(len(regions.names))[:, None] == member[None, :]).astype(np.float64)  # (k, m)
        for times in group_resamples(labels[training], groups, resamples=draws, seed=seed + 1000 + number):
            stop_if(cancel)
            rows = np.repeat(training, times.astype(np.intp))
            solved = solve_weights(
                features, labels, rows, units=units, estimator=estimator, adjustment=adjustment, values=values
            )
            own, rest = features.maps[rows[positive[rows]]], features.maps[rows[~positive[rows]]]
            by_point = solved.weights * (own.mean(axis=0) - rest.mean(axis=0))
            by_count = np.zeros(len(member)) if solved.abundance is None else solved.abundance.carried(features.masses)
            gap = float(by_point.sum() + by_count.sum()) or 1.0
            weights.append(indicator @ solved.weights * (2.0 / gap))
            carried.append(indicator @ by_point / gap)
            abundances.append(indicator @ by_count / gap)
    return Stability(np.stack(weights), np.stack(carried), np.stack(abundances), references)


def drawn_features(
    embedding: LOTEmbedding, *, abundance: bool = True, seed: int, cancel: Event | None = None
) -> ModelFeatures:
    """Features on a reference of cells drawn from the pooled samples, each of them transported anew, thinned."""
    rng = np.random.default_rng(seed)
    clouds = [_thinned(embedding.scaled_cells(str(name)), rng) for name in embedding.samples.index]
    count = min(_POINTS, embedding.reference.n_points)
    pool = np.concatenate([cloud[rng.integers(len(cloud), size=-(-4 * count // len(clouds)))] for cloud in clouds])
    points = pool[rng.permutation(len(pool))[:count]]
    masses = np.full(len(points), 1.0 / len(points))
    maps = []
    for cloud in clouds:
        stop_if(cancel)
        maps.append(solve(points, cloud, masses).maps)
    shares = point_shares([nearest_points(cloud, points) for cloud in clouds], len(points)) if abundance else None
    return features_of(
        np.stack(maps),
        shares,
        points=points,
        masses=masses,
        floor=half_a_cell([len(cloud) for cloud in clouds]),
        markers=tuple(embedding.markers),
    )


def _thinned(cells: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    return cells if len(cells) <= _CELLS else cells[np.sort(rng.choice(len(cells), _CELLS, replace=False))]


def stability_table(found: Stability, regions: Regions) -> pd.DataFrame:
    """One row for each region and marker, the most first.

    Median of what it carries of the gap between the classes (the whole is 1), with its interval; share of the refits
    with that sign; share in which it is among the tenth that carries most; median weight.
    """
    low, high = found.interval()
    table = pd.DataFrame(
        {
            "region": np.repeat(np.asarray(regions.names, dtype=object), len(regions.markers)),
            "marker": np.tile(np.asarray(regions.markers, dtype=object), len(regions.names)),
            "carried": np.median(found.carried, axis=0).ravel(),
            "low": low.ravel(),
            "high": high.ravel(),
            "sign_held": found.carried_sign_held.ravel(),
            "selected": found.selected.ravel(),
            "weight": np.median(found.weights, axis=0).ravel(),
        }
    )
    order = table["carried"].abs().sort_values(ascending=False, kind="stable").index
    return table.loc[order].reset_index(drop=True)
