"""The linear model of the Weights page: a weight for every reference point and marker, traceable to cells."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from lotviz.analysis.abundance import (
    half_a_cell,
    merged,
    nearest_points,
    partitions_of,
    point_shares,
    secant_slopes,
)
from lotviz.analysis.blocks import BLOCKS, Block, block_grams, centre, operators
from lotviz.analysis.kernels import adjusted_grams, linear_gram
from lotviz.analysis.labels import label_texts, ordered_classes
from lotviz.analysis.recipe import Estimator, estimator_of, fit_of
from lotviz.data.problems import CohortError, Problem

if TYPE_CHECKING:
    from lotviz.transport.embedding import LOTEmbedding

Part = Literal["full", "shift", "shape", "abundance"]


@dataclass(frozen=True, eq=False)
class AbundanceWeights:
    """Weights on the log shares of clusters of reference points, at one or more numbers of clusters.

    Attributes
    ----------
    partitions
        Cluster of each reference point, shape (m,), for each number of clusters.
    weights
        Weight of each cluster's log share, shape (k,), for each; they sum to zero, as centred log ratios ask.
    mean_logs
        Mean log share of the training samples, shape (k,), for each.
    floor
        Added to every share before the logarithm.
    """

    partitions: tuple[NDArray[np.intp], ...]
    weights: tuple[NDArray[np.float64], ...]
    mean_logs: tuple[NDArray[np.float64], ...]
    floor: float

    def score(self, shares: NDArray[np.float64]) -> NDArray[np.float64]:
        """Part of the score that shares (..., m) of the reference points add to that of the training mean; (...)."""
        total = np.zeros(shares.shape[:-1])
        for partition, weights, mean_logs in zip(self.partitions, self.weights, self.mean_logs, strict=True):
            total = total + (np.log(merged(shares, partition) + self.floor) - mean_logs) @ weights
        return np.asarray(total)

    def per_point(self, shares: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        """What a cell adds by lying nearest to each point, shape (m,), and what every cell takes away, in one sample.

        The shares (m,) of that sample decide the slope of the logarithm. For n cells, a cell at point i adds
        ``(value_i - start) / n``, and that sums to `score` exactly.
        """
        values, start = np.zeros(len(shares)), 0.0
        for partition, weights, mean_logs in zip(self.partitions, self.weights, self.mean_logs, strict=True):
            slopes, origins = secant_slopes(merged(shares, partition), mean_logs, self.floor)
            values += (weights * slopes)[partition]
            start += float((weights * slopes) @ origins)
        return values, start

    @property
    def at_the_mean(self) -> NDArray[np.float64]:
        """Change of the score per share of cells that lie at each reference point, at the training mean; (m,)."""
        values = np.zeros(len(self.partitions[0]))
        for partition, weights, mean_logs in zip(self.partitions, self.weights, self.mean_logs, strict=True):
            values += (weights / np.exp(mean_logs))[partition]
        return values


@dataclass(frozen=True, eq=False)
class LinearModel:
    """A linear score of samples: transport, ``sum(weights * T)`` for the raw maps T (m, d), and abundance of clusters.

    Attributes
    ----------
    classes
        (negative, positive): a higher score speaks for the second.
    markers
        Names of the d markers.
    weights
        Of the transport, shape (m, d), on raw map coordinates, scaled space.
    abundance
        Of the abundance of clusters; None where it has no part.
    intercept
        Added to ``sum(weights * T)``.
    training_mean
        Mean map of the training samples, shape (m, d).
    pattern
        Haufe pattern cov(X) w / var(X w), shape (m, d): how the maps change per unit of score. Read it beside
        the weights; a weight may be large only to cancel noise.
    difference
        Mean map of the positive minus the negative training samples, shape (m, d).
    points, masses
        The reference points, scaled, shape (m, d), and their masses, shape (m,).
    training
        True for the samples the model was fitted on, shape (N,).
    scores
        Scores of all samples of the embedding, shape (N,). Seen by the model, hence flattering: honest ones come from
        `lotviz.classify`.
    adjustments
        What pairs and covariates add to the scores beside the cells, shape (N,): the contributions of a sample's
        cells and its adjustment sum to its score minus that of the training mean. Zero where nothing was taken out.
    blocks, estimator, penalty
        What the model was made of.
    """

    classes: tuple[str, str]
    markers: tuple[str, ...]
    weights: NDArray[np.float64]
    abundance: AbundanceWeights | None
    intercept: float
    training_mean: NDArray[np.float64]
    pattern: NDArray[np.float64]
    difference: NDArray[np.float64]
    points: NDArray[np.float64]
    masses: NDArray[np.float64]
    training: NDArray[np.bool_]
    scores: NDArray[np.float64]
    adjustments: NDArray[np.float64]
    blocks: tuple[Block, ...]
    estimator: str
    penalty: float

    def score(self, maps: ArrayLike, shares: ArrayLike | None = None) -> NDArray[np.float64]:
        """Scores of maps (..., m, d) and shares (..., m) of cells nearest to the reference points: shape (...).

        Without shares, abundance is taken to be as in the training mean.
        """
        said = self.intercept + np.einsum("...md,md->...", np.asarray(maps, dtype=np.float64), self.weights)
        if shares is not None and self.abundance is not None:
            said = said + self.abundance.score(np.asarray(shares, dtype=np.float64))
        return np.asarray(said)

    @property
    def score_of_training_mean(self) -> float:
        """Score of the mean map of the training samples: where the contributions of the cells start from."""
        return float(self.score(self.training_mean))

    def part(self, part: Part) -> NDArray[np.float64]:
        """Transport weights of the shift (all points move alike) or of the shape (the rest), shape (m, d); they add up.

        "full" is both; the abundance of clusters has no weight by marker.
        """
        if part == "abundance":
            return np.zeros_like(self.weights)
        shift = self.masses[:, None] * self.shift_weights[None, :]
        if part == "full":
            return self.weights
        return shift if part == "shift" else self.weights - shift

    @property
    def shift_weights(self) -> NDArray[np.float64]:
        """Weight of the mean of the cells in every marker, shape (d,)."""
        return np.asarray(self.weights.sum(axis=0))

    @property
    def shape_weights(self) -> NDArray[np.float64]:
        """Shape part of the weights, shape (m, d); its columns sum to zero."""
        return self.part("shape")


def fit_model(
    embedding: LOTEmbedding,
    labels: Sequence[Hashable] | pd.Series | NDArray[np.object_],
    positive: Hashable | None = None,
    *,
    blocks: Sequence[Block] = BLOCKS,
    abundance: bool = True,
    groups: Sequence[Hashable] | pd.Series | None = None,
    estimator: Estimator = "auto",
    outcome: Literal["classes", "continuous"] = "classes",
    adjustment: NDArray[np.float64] | None = None,
) -> LinearModel:
    """Fit on all labelled samples, the weights mapped back to the raw map coordinates and to clusters of cells.

    Samples without a label are scored but not learnt from.

    Parameters
    ----------
    embedding
        The cohort in LOT space, N samples.
    labels
        One label a sample, in the order of the embedding.
    positive
        The class a high score speaks for, against all others; default the last one of `ordered_classes`.
    blocks
        Parts of the vector that carry weight, of "shift", "shape" and "smooth".
    abundance
        Whether the abundance of clusters has a part, half of the model.
    groups
        Samples of one group are left out together when the penalty is chosen; default every sample for itself.
    estimator
        As in `lotviz.classify`. Of more than two classes the score is that of `positive` minus the mean of the others.
    outcome
        "continuous" for numbers: the score then estimates them, in their own unit.
    adjustment
        Matrix (N, N) that takes pairs or covariates out of the samples, see `lotviz.analysis.adjustment`.

    Raises
    ------
    CohortError
        Fewer than two classes, or a positive class nobody has.
    """
    values = outcome_of(labels) if outcome == "continuous" else None
    known, classes = question_of(label_texts(labels), positive) if values is None else halves_of(values)
    count = len(known)
    units = pd.factorize(pd.Series(list(groups)) if groups is not None else np.arange(count))[0]
    features = model_features(embedding, blocks=tuple(blocks), abundance=abundance)
    return fit_features(
        features,
        known,
        units=np.asarray(units, dtype=np.intp),
        classes=classes,
        estimator=estimator,
        adjustment=adjustment,
        values=values,
    )


def outcome_of(values: Sequence[Hashable] | pd.Series | NDArray[np.object_]) -> NDArray[np.float64]:
    """A continuous outcome as numbers, NaN where there is none; shape (N,)."""
    return np.asarray(pd.to_numeric(pd.Series(list(values)), errors="coerce").to_numpy(dtype=np.float64))


def halves_of(values: NDArray[np.float64]) -> tuple[NDArray[np.intp], tuple[str, str]]:
    """Half of a continuous outcome each sample lies in, -1 where there is none, and what a low and a high score say."""
    known = np.isfinite(values)
    if known.sum() < 3 or np.ptp(values[known]) == 0.0:
        what = f"Expected differing numbers of three samples or more, found {int(known.sum())}."
        raise CohortError(Problem("label", what, "Choose another column."))
    above = values > np.median(values[known])
    return np.where(known, above.astype(np.intp), -1).astype(np.intp), ("less", "more")


def question_of(names: NDArray[np.object_], positive: Hashable | None) -> tuple[NDArray[np.intp], tuple[str, str]]:
    """Class of each sample as an integer, the positive one last and -1 where there is none, and (rest, positive).

    Raises
    ------
    CohortError
        Fewer than two classes, or a positive class nobody has.
    """
    classes = ordered_classes(names[names != ""])
    if len(classes) < 2:
        raise CohortError(
            Problem("label", f"Expected two classes, found {_listed(classes)}.", "Choose another column.")
        )
    wanted = classes[-1] if positive is None else str(positive)
    if wanted not in classes:
        known = ", ".join(classes)
        raise CohortError(Problem("label", f"Expected a class, found {wanted!r}.", f"Choose one of: {known}."))
    rest = [name for name in classes if name != wanted]
    order = (*rest, wanted)
    labels = np.array([order.index(name) if name else -1 for name in names], dtype=np.intp)
    return labels, (" or ".join(rest), wanted)


@dataclass(frozen=True, eq=False)
class ModelFeatures:
    """What models of one embedding are fitted on, made once: maps and log shares of N samples.

    Attributes
    ----------
    maps
        Shape (N, m, d).
    matrices
        The operator of each block, see `lotviz.analysis.blocks.operators`.
    partitions, logs
        For each number of clusters the cluster of each point, (m,), and log shares, (N, k); empty without abundance.
    floor
        Added to every share before the logarithm.
    points, masses, markers
        Of the reference.
    grams
        Inner products of the samples in each block, and of centred log shares for each number of clusters.
    """

    maps: NDArray[np.float64]
    matrices: dict[Block, NDArray[np.float64]]
    partitions: tuple[NDArray[np.intp], ...]
    logs: tuple[NDArray[np.float64], ...]
    floor: float
    points: NDArray[np.float64]
    masses: NDArray[np.float64]
    markers: tuple[str, ...]
    grams: dict[str, list[NDArray[np.float64]]]

    @property
    def block_weights(self) -> dict[str, float]:
        """Weight of each block in the kernel: equal ones, and half for abundance where there is transport as well."""
        share = 1.0 if not self.logs else 0.5 if self.matrices else 0.0
        weights: dict[str, float] = {block: share / len(self.matrices) for block in self.matrices}
        return {**weights, "abundance": 1.0 - share} if self.logs else weights


def model_features(
    embedding: LOTEmbedding, *, blocks: tuple[Block, ...] = BLOCKS, abundance: bool = True
) -> ModelFeatures:
    """Maps, log shares and inner products of the samples of an embedding; the cells are read once for the shares."""
    return features_of(
        np.asarray(embedding.maps, dtype=np.float64),
        embedding_shares(embedding) if abundance else None,
        points=np.asarray(embedding.reference.points, dtype=np.float64),
        masses=np.asarray(embedding.masses, dtype=np.float64),
        floor=half_a_cell(embedding.n_cells_used) if abundance else 1.0,
        markers=tuple(embedding.markers),
        blocks=blocks,
    )


def features_of(
    maps: NDArray[np.float64],
    shares: NDArray[np.float64] | None,
    *,
    points: NDArray[np.float64],
    masses: NDArray[np.float64],
    floor: float,
    markers: tuple[str, ...],
    blocks: tuple[Block, ...] = BLOCKS,
) -> ModelFeatures:
    """Features from maps (N, m, d) and the shares (N, m) of cells nearest to each point; None leaves abundance out."""
    matrices = operators(points, masses, blocks=blocks)
    grams: dict[str, list[NDArray[np.float64]]] = {
        str(block): [gram] for block, gram in block_grams(maps, matrices).items()
    }
    partitions: tuple[NDArray[np.intp], ...] = ()
    logs: tuple[NDArray[np.float64], ...] = ()
    if shares is not None:
        partitions = partitions_of(points, masses)
        logs = tuple(np.log(merged(shares, partition) + floor) for partition in partitions)
        grams["abundance"] = [linear_gram(log - log.mean(axis=1, keepdims=True)) for log in logs]
    return ModelFeatures(maps, matrices, partitions, logs, floor, points, masses, markers, grams)


def embedding_shares(embedding: LOTEmbedding) -> NDArray[np.float64]:
    """Share of the used cells of each sample that lie nearest to each reference point, shape (N, m)."""
    points = np.asarray(embedding.reference.points, dtype=np.float64)
    return point_shares(
        [nearest_points(embedding.scaled_cells(str(name)), points) for name in embedding.samples.index], len(points)
    )


def fit_features(
    features: ModelFeatures,
    labels: NDArray[np.intp],
    *,
    units: NDArray[np.intp],
    classes: tuple[str, str],
    estimator: Estimator = "auto",
    adjustment: NDArray[np.float64] | None = None,
    values: NDArray[np.float64] | None = None,
) -> LinearModel:
    """Fit on made features; `labels` (N,) count classes from 0, the positive one last, and are -1 where unknown.

    Parameters
    ----------
    units
        Group of each sample, shape (N,).
    classes
        Names of the rest and of the positive class.
    adjustment
        As in `fit_model`.
    values
        A continuous outcome, shape (N,); `labels` then say which half of it a sample lies in.
    """
    training = np.flatnonzero(labels >= 0)
    solved = solve_weights(
        features, labels, training, units=units, estimator=estimator, adjustment=adjustment, values=values
    )
    cells = solved.from_mean(features.maps, features.logs)  # what the cells of each sample add
    adjusted = cells if adjustment is None else adjustment @ cells
    scores = solved.height + adjusted - adjusted[training].mean()
    known, positive = features.maps[training], labels[training] == labels.max()
    return LinearModel(
        classes=classes,
        markers=features.markers,
        weights=solved.weights,
        abundance=solved.abundance,
        intercept=float(solved.height - np.sum(solved.weights * solved.mean)),
        training_mean=solved.mean,
        pattern=score_pattern(known, scores[training]),
        difference=known[positive].mean(axis=0) - known[~positive].mean(axis=0),
        points=features.points,
        masses=features.masses,
        training=labels >= 0,
        scores=scores,
        adjustments=scores - solved.height - cells,
        blocks=tuple(features.matrices),
        estimator=solved.estimator,
        penalty=solved.penalty,
    )


@dataclass(frozen=True, eq=False)
class Solved:
    """Weights of one fit.

    Attributes
    ----------
    weights
        Of the transport, shape (m, d).
    abundance
        Of the abundance of clusters, or None.
    mean
        Mean map of the samples it was fitted on, shape (m, d).
    height
        Score of that mean.
    estimator, penalty
        How it was fitted.
    """

    weights: NDArray[np.float64]
    abundance: AbundanceWeights | None
    mean: NDArray[np.float64]
    height: float
    estimator: str
    penalty: float

    def from_mean(self, maps: NDArray[np.float64], logs: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        """Score of samples minus that of the mean, shape (N,), from maps (N, m, d) and log shares (N, k)."""
        total = np.einsum("nmd,md->n", maps - self.mean, self.weights)
        if self.abundance is not None:
            for log, weight, start in zip(logs, self.abundance.weights, self.abundance.mean_logs, strict=True):
                total = total + (log - start) @ weight
        return np.asarray(total)


def solve_weights(
    features: ModelFeatures,
    labels: NDArray[np.intp],
    rows: NDArray[np.intp],
    *,
    units: NDArray[np.intp],
    estimator: Estimator = "auto",
    adjustment: NDArray[np.float64] | None = None,
    values: NDArray[np.float64] | None = None,
) -> Solved:
    """Fit on some rows, which may be repeated as in a bootstrap, and map the dual weights back to maps and shares.

    Parameters
    ----------
    labels
        Class of each sample from 0, the positive one last, shape (N,).
    rows
        The samples to learn from.
    units
        Group of each sample, shape (N,).
    values
        A continuous outcome, shape (N,), in place of the classes.
    """
    blocks = features.block_weights
    kernels, divisors = _kernels(features, rows, adjustment)
    kernel = np.asarray(sum(weight * np.mean(kernels[block], axis=0) for block, weight in blocks.items()))
    n_classes = int(labels.max()) + 1
    chosen = estimator_of(estimator, n_classes) if values is None else "ridge"
    groups = np.unique(units[rows], return_inverse=True)[1].astype(np.intp)
    known = labels[rows] if values is None else rows
    fitted = fit_of(chosen, n_classes, values)(kernel[np.ix_(rows, rows)], known, groups)
    alpha, height = _against_the_rest(fitted.alpha, fitted.intercept)
    spread = _over_all(alpha, rows, adjustment, len(labels))  # (N,): dual weights of the samples as they are
    mean = features.maps[rows].mean(axis=0)
    combined = np.einsum("n,nmd->md", spread, features.maps - mean)
    weights = np.zeros_like(mean)
    for block, matrix in features.matrices.items():
        weights += blocks[block] / divisors[block][0] * (matrix.T @ (matrix @ combined))
    abundance = _abundance_weights(features, spread, rows, share=blocks.get("abundance", 0.0), divisors=divisors)
    return Solved(weights, abundance, mean, height, chosen, fitted.penalty)


def _kernels(
    features: ModelFeatures, training: NDArray[np.intp], adjustment: NDArray[np.float64] | None
) -> tuple[dict[str, list[NDArray[np.float64]]], dict[str, list[float]]]:
    """Centred, normed kernels of each block, and what they were divided by."""
    kernels: dict[str, list[NDArray[np.float64]]] = {}
    divisors: dict[str, list[float]] = {}
    for block, grams in adjusted_grams(features.grams, adjustment).items():
        made = [centre(gram, training) for gram in grams]
        kernels[block], divisors[block] = [kernel for kernel, _ in made], [divisor for _, divisor in made]
    return kernels, divisors


def _against_the_rest(
    alpha: NDArray[np.float64], intercept: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Dual weights (n,) and intercept of the last class against the mean of the others; of one column, its own."""
    if alpha.shape[1] == 1:
        return alpha[:, 0], float(intercept[0])
    return alpha[:, -1] - alpha[:, :-1].mean(axis=1), float(intercept[-1] - intercept[:-1].mean())


def _over_all(
    alpha: NDArray[np.float64], training: NDArray[np.intp], adjustment: NDArray[np.float64] | None, count: int
) -> NDArray[np.float64]:
    """Dual weights of all samples as they are, shape (N,), from those of the centred, adjusted training samples."""
    weights = np.zeros(count)
    np.add.at(weights, training, alpha - alpha.mean())  # kernels are centred on the training samples
    return weights if adjustment is None else adjustment.T @ weights


def _abundance_weights(
    features: ModelFeatures,
    spread: NDArray[np.float64],
    training: NDArray[np.intp],
    *,
    share: float,
    divisors: dict[str, list[float]],
) -> AbundanceWeights | None:
    if not features.logs:
        return None
    weights = []
    for log, divisor in zip(features.logs, divisors["abundance"], strict=True):
        ratios = log - log.mean(axis=1, keepdims=True)
        weight = share / len(features.logs) / divisor * (spread @ (ratios - ratios[training].mean(axis=0)))
        weights.append(weight - weight.mean())
    means = tuple(log[training].mean(axis=0) for log in features.logs)
    return AbundanceWeights(features.partitions, tuple(weights), means, features.floor)


def score_pattern(maps: NDArray[np.float64], scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pattern cov(X, s) / var(s) of any score s (N,) in the maps (N, m, d); shape (m, d), zero for a constant score."""
    centred, rises = maps - maps.mean(axis=0), scores - scores.mean()
    variance = float(rises @ rises)
    if variance <= np.finfo(float).tiny:
        return np.zeros(maps.shape[1:])
    return np.asarray(np.einsum("n,nmd->md", rises, centred) / variance)


def haufe_pattern(maps: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pattern cov(X) w / var(X w) of a linear score, in the shape of the weights; zero where the score does not vary.

    Source: Haufe 2014, eq. 6 for a single output.

    Parameters
    ----------
    maps
        Shape (N, m, d).
    weights
        Shape (m, d).
    """
    return score_pattern(maps, np.einsum("nmd,md->n", maps - maps.mean(axis=0), weights))


def _listed(classes: Sequence[str]) -> str:
    return "none" if not classes else f"only {', '.join(classes)}"
