"""What models of one embedding are fitted on, and one fit: dual weights brought back to maps and shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lotviz.analysis.abundance import (
    AbundanceWeights,
    half_a_cell,
    merged,
    nearest_points,
    partitions_of,
    point_shares,
)
from lotviz.analysis.blocks import BLOCKS, Block, block_grams, centre, operators
from lotviz.analysis.kernels import adjusted_grams, linear_gram
from lotviz.analysis.recipe import Estimator, estimator_of, fit_of

if TYPE_CHECKING:
    from lotviz.transport.embedding import LOTEmbedding


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
    """Return maps, log shares and inner products of the samples of an embedding; cells are read for the shares only."""
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
    fitted = fit_of(chosen, n_classes, values, steady=True)(kernel[np.ix_(rows, rows)], known, groups)
    alpha, height = _against_the_rest(fitted.alpha, fitted.intercept)
    if values is None:
        stretch, middle = _unit(kernel[np.ix_(rows, rows)] @ alpha, labels[rows])
        # a strong penalty leaves a support vector machine scores that hardly differ, and any intercept
        beside = abs(height + middle) * stretch > 1.0  # nothing is named the class that is not beyond its mean
        in_the_middle = fitted.alpha.shape[1] > 1 or beside
        alpha, height = alpha * stretch, (-middle if in_the_middle else height) * stretch
    spread = _over_all(alpha, rows, adjustment, len(labels))  # (N,): dual weights of the samples as they are
    mean = features.maps[rows].mean(axis=0)
    combined = np.einsum("n,nmd->md", spread, features.maps - mean)
    weights = np.zeros_like(mean)
    for block, matrix in features.matrices.items():
        weights += blocks[block] / divisors[block][0] * (matrix.T @ (matrix @ combined))
    abundance = _abundance_weights(features, spread, rows, share=blocks.get("abundance", 0.0), divisors=divisors)
    if abundance is not None:
        positive = labels[rows] == labels[rows].max()
        gaps = tuple(log[rows][positive].mean(axis=0) - log[rows][~positive].mean(axis=0) for log in features.logs)
        abundance = replace(abundance, differences=gaps)
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


def _against_the_rest(alpha: NDArray[np.float64], intercept: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Dual weights (n,) and intercept of the last class against the mean of the others; of one column, its own."""
    if alpha.shape[1] == 1:
        return alpha[:, 0], float(intercept[0])
    return alpha[:, -1] - alpha[:, :-1].mean(axis=1), float(intercept[-1] - intercept[:-1].mean())


def _unit(scores: NDArray[np.float64], labels: NDArray[np.intp]) -> tuple[float, float]:
    """Factor that sets the positive class and the mean of the others two apart, and the middle between the two.

    A penalty shrinks scores without changing whom they name; this gives them a unit of their own: +1 and -1 where the
    middle is 0. Of several classes it is put there: that a class beats the mean of the others does not mean that it
    beats each, and a class between two others would be named nearly always.
    """
    means = [scores[labels == number].mean() for number in np.unique(labels)]
    if len(means) < 2:
        return 1.0, 0.0
    positive, others = float(means[-1]), float(np.mean(means[:-1]))
    apart, middle = positive - others, (positive + others) / 2.0
    return (2.0 / apart if apart > 1e-12 * max(1.0, float(np.abs(scores).max())) else 1.0), middle


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
    return AbundanceWeights(features.partitions, tuple(weights), means, means, features.floor)
