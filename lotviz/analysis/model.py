"""The linear model of the Weights page: a weight for every reference point and marker, traceable to cells."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from lotviz.analysis.abundance import AbundanceWeights
from lotviz.analysis.blocks import BLOCKS, Block
from lotviz.analysis.features import ModelFeatures, model_features, solve_weights
from lotviz.analysis.given import require_as_many
from lotviz.analysis.labels import label_texts, ordered_classes
from lotviz.analysis.neighbours import units_of
from lotviz.analysis.recipe import ESTIMATORS, Estimator
from lotviz.data.choices import require_among
from lotviz.data.problems import CohortError, Problem

if TYPE_CHECKING:
    from lotviz.transport.embedding import LOTEmbedding

Part = Literal["full", "shift", "shape", "abundance"]


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

    The penalty is the largest one that is not measurably worse: of models that name samples as well, the one whose
    weights other patients would give too. `lotviz.classify` measures it as `lot_steady`. Samples without a label are
    scored but not learnt from.

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
    ValueError
        Labels or groups are not as many as the samples, or there is no such block, estimator or outcome.
    """
    _require_known(embedding, labels, groups, blocks=blocks, abundance=abundance)
    require_among("outcome", outcome, ("classes", "continuous"))
    require_among("estimator", estimator, ESTIMATORS)
    values = outcome_of(labels) if outcome == "continuous" else None
    known, classes = question_of(label_texts(labels), positive) if values is None else halves_of(values)
    units = units_of(groups, len(known))
    features = model_features(embedding, blocks=tuple(blocks), abundance=abundance)
    return fit_features(
        features,
        known,
        units=units,
        classes=classes,
        estimator=estimator,
        adjustment=adjustment,
        values=values,
    )


def _require_known(
    embedding: LOTEmbedding,
    labels: Sequence[Hashable] | pd.Series | NDArray[np.object_],
    groups: Sequence[Hashable] | pd.Series | None,
    *,
    blocks: Sequence[Block],
    abundance: bool,
) -> None:
    require_as_many("labels", labels, len(embedding.maps))
    if groups is not None:
        require_as_many("groups", groups, len(embedding.maps))
    for block in blocks:
        require_among("block", block, BLOCKS)
    if not blocks and not abundance:
        raise ValueError("Expected blocks or abundance to learn from, found neither. Give at least one of them.")


def outcome_of(values: Sequence[Hashable] | pd.Series | NDArray[np.object_]) -> NDArray[np.float64]:
    """Return a continuous outcome as numbers, NaN where there is none; shape (N,)."""
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
    wanted = classes[-1] if positive is None else str(label_texts([positive])[0])
    if wanted not in classes:
        known = ", ".join(classes)
        raise CohortError(Problem("label", f"Expected a class, found {wanted!r}.", f"Choose one of: {known}."))
    rest = [name for name in classes if name != wanted]
    order = (*rest, wanted)
    labels = np.array([order.index(name) if name else -1 for name in names], dtype=np.intp)
    return labels, (" or ".join(rest), wanted)


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
