"""The linear model of the Weights page: a weight for every reference point and marker, traceable to cells."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from lotviz.analysis.blocks import BLOCKS, Block, block_grams, centre, operators
from lotviz.analysis.ridge import fit_ridge
from lotviz.data.problems import CohortError, Problem

if TYPE_CHECKING:
    from lotviz.transport.embedding import LOTEmbedding

Part = Literal["full", "shift", "shape"]


@dataclass(frozen=True, eq=False)
class LinearModel:
    """A linear score of samples: ``score = intercept + sum(weights * T)`` for the raw maps T (m, d), scaled space.

    Attributes
    ----------
    classes
        (negative, positive): a higher score speaks for the second.
    markers
        Names of the d markers.
    weights
        Shape (m, d), on raw map coordinates.
    intercept
        Added to every score.
    training_mean
        Mean map of the training samples, shape (m, d).
    pattern
        Haufe pattern cov(X) w / var(X w), shape (m, d): how the maps change per unit of score. Read it beside
        the weights; a weight may be large only to cancel noise.
    difference
        Mean map of the positive minus the negative training samples, shape (m, d).
    masses
        Masses of the reference points, shape (m,).
    training
        True for the samples the model was fitted on, shape (N,).
    scores
        Scores of all samples of the embedding, shape (N,). Seen by the model, hence flattering: honest ones come from
        `lotviz.classify`.
    blocks, penalty
        What the model was made of.
    """

    classes: tuple[str, str]
    markers: tuple[str, ...]
    weights: NDArray[np.float64]
    intercept: float
    training_mean: NDArray[np.float64]
    pattern: NDArray[np.float64]
    difference: NDArray[np.float64]
    masses: NDArray[np.float64]
    training: NDArray[np.bool_]
    scores: NDArray[np.float64]
    blocks: tuple[Block, ...]
    penalty: float

    def score(self, maps: ArrayLike) -> NDArray[np.float64]:
        """Scores of maps of shape (..., m, d): shape (...)."""
        return np.asarray(self.intercept + np.einsum("...md,md->...", np.asarray(maps, dtype=np.float64), self.weights))

    @property
    def score_of_training_mean(self) -> float:
        """Score of the mean map of the training samples: where the contributions of the cells start from."""
        return float(self.score(self.training_mean))

    def part(self, part: Part) -> NDArray[np.float64]:
        """Weights of the shift (all points move alike) or of the shape (the rest), shape (m, d); they add up."""
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
    groups: Sequence[Hashable] | pd.Series | None = None,
) -> LinearModel:
    """Class-balanced kernel ridge on all labelled samples, its weights mapped back to the raw map coordinates.

    The blocks are centred on the training samples, divided by their mean diagonal and averaged; the penalty is
    the one with the least error on left-out groups. Samples without a label are scored but not learnt from.

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
    groups
        Samples of one group are left out together when the penalty is chosen; default every sample for itself.

    Raises
    ------
    CohortError
        Fewer than two classes, or a positive class nobody has.
    """
    names = label_texts(labels)
    classes = ordered_classes(names[names != ""])
    if len(classes) < 2:
        raise CohortError(
            Problem("label", f"Expected two classes, found {_listed(classes)}.", "Choose another column.")
        )
    wanted = classes[-1] if positive is None else str(positive)
    if wanted not in classes:
        known = ", ".join(classes)
        raise CohortError(Problem("label", f"Expected a class, found {wanted!r}.", f"Choose one of: {known}."))
    training = np.flatnonzero(names != "")
    is_positive = (names == wanted).astype(np.intp)
    units = pd.factorize(pd.Series(list(groups)) if groups is not None else np.arange(len(names)))[0]
    rest = [name for name in classes if name != wanted]
    return _fit(
        embedding,
        is_positive,
        training,
        blocks=tuple(blocks),
        units=np.asarray(units, dtype=np.intp),
        classes=(" or ".join(rest), wanted),
    )


def _fit(
    embedding: LOTEmbedding,
    labels: NDArray[np.intp],
    training: NDArray[np.intp],
    *,
    blocks: tuple[Block, ...],
    units: NDArray[np.intp],
    classes: tuple[str, str],
) -> LinearModel:
    maps, masses = (
        np.asarray(embedding.maps, dtype=np.float64),
        np.asarray(embedding.masses, dtype=np.float64),
    )
    mean = maps[training].mean(axis=0)
    matrices = operators(embedding.reference.points, masses, blocks=blocks)
    kernels = {name: centre(gram, training) for name, gram in block_grams(maps, matrices).items()}
    kernel = sum(kernel for kernel, _ in kernels.values()) / len(blocks)
    within = np.ix_(training, training)
    groups = np.unique(units[training], return_inverse=True)[1]
    ridge = fit_ridge(np.asarray(kernel)[within], labels[training], groups, n_classes=2)
    combined = np.einsum("n,nmd->md", ridge.alpha[:, 0], maps[training] - mean)  # sum_n alpha_n (T_n - mean)
    weights = np.zeros_like(mean)
    for name, (_, divisor) in kernels.items():
        weights += matrices[name].T @ (matrices[name] @ combined) / (divisor * len(blocks))
    intercept = float(ridge.alpha.sum() - np.sum(weights * mean))
    chosen = maps[training]
    return LinearModel(
        classes=classes,
        markers=tuple(embedding.markers),
        weights=weights,
        intercept=intercept,
        training_mean=mean,
        pattern=haufe_pattern(chosen, weights),
        difference=chosen[labels[training] == 1].mean(axis=0) - chosen[labels[training] == 0].mean(axis=0),
        masses=masses,
        training=np.isin(np.arange(len(maps)), training),
        scores=intercept + np.einsum("nmd,md->n", maps, weights),
        blocks=blocks,
        penalty=ridge.penalty,
    )


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
    centred = maps - maps.mean(axis=0)
    scores = np.einsum("nmd,md->n", centred, weights)
    variance = float(scores @ scores)
    if variance <= np.finfo(float).tiny:
        return np.zeros_like(weights)
    return np.asarray(np.einsum("n,nmd->md", scores, centred) / variance)


CONTROL_WORDS = frozenset(
    {
        "control",
        "controls",
        "ctrl",
        "ctr",
        "healthy",
        "hc",
        "hd",
        "normal",
        "negative",
        "neg",
        "reference",
        "ref",
    }
    | {"untreated", "vehicle", "dmso", "wt", "wildtype", "mock", "baseline", "unstim", "unstimulated"}
    | {"none", "no", "false", "0"}
)


def ordered_classes(labels: Sequence[str] | NDArray[np.object_]) -> tuple[str, ...]:
    """Sort the classes, those that name a control first, so that a high score speaks for the condition.

    Examples
    --------
    >>> ordered_classes(["case", "control", "case"])
    ('control', 'case')
    """
    return tuple(sorted({str(label) for label in labels}, key=lambda name: (name.lower() not in CONTROL_WORDS, name)))


def label_texts(labels: Sequence[Hashable] | pd.Series | NDArray[np.object_]) -> NDArray[np.object_]:
    """Labels as text, the empty text where one is missing; shape (N,)."""
    series = pd.Series(list(labels), dtype=object)
    missing = series.isna() | (series.astype(str).str.strip() == "")
    return np.asarray(series.map(_plain).where(~missing, ""), dtype=object)


def _plain(value: object) -> str:
    """Text of a label: 1.0 read from a column with gaps is the class 1."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _listed(classes: Sequence[str]) -> str:
    return "none" if not classes else f"only {', '.join(classes)}"
