"""The model whose weights are looked at: the question that was measured, put to all samples of one embedding."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lotviz.analysis.design import Design, Outcome, asks_a_number
from lotviz.analysis.embedded import as_cohort
from lotviz.analysis.features import model_features
from lotviz.analysis.labels import label_texts
from lotviz.analysis.model import LinearModel, fit_features, halves_of, outcome_of, question_of
from lotviz.analysis.partners import partnered
from lotviz.analysis.recipe import Estimator, adjustment_of

if TYPE_CHECKING:
    from lotviz.transport.embedding import LOTEmbedding


@dataclass(frozen=True, eq=False)
class Question:
    """What the N samples of an embedding are asked.

    Attributes
    ----------
    classes
        What a negative and a positive score speak for.
    labels
        Class of each sample, the positive one last, -1 where it is not known, shape (N,); halves of an outcome.
    units
        Group of each sample as an integer, shape (N,).
    values
        A continuous outcome, shape (N,), or None.
    adjustment
        Matrix (N, N) that takes pairs and covariates out of the samples, or None.
    """

    classes: tuple[str, str]
    labels: NDArray[np.intp]
    units: NDArray[np.intp]
    values: NDArray[np.float64] | None
    adjustment: NDArray[np.float64] | None


def question_about(
    embedding: LOTEmbedding,
    label: str,
    *,
    positive: Hashable | None = None,
    group: str | None = None,
    adjust: Sequence[str] = (),
    paired: bool | None = None,
    outcome: Outcome = "auto",
) -> Question:
    """Read the question from the sample table; parameters as those of `lotviz.classify`.

    Pairs and covariates are taken out of the samples that have a label, as in the folds that were measured.
    """
    table = as_cohort(embedding)
    column = table.column(label)
    values = outcome_of(column) if asks_a_number(column, outcome) else None
    labels, classes = question_of(label_texts(column), positive) if values is None else halves_of(values)
    owners = label_texts(table.column(group)) if group else np.asarray(embedding.samples.index, dtype=object)
    units = np.asarray(pd.factorize(pd.Series(list(owners)))[0], dtype=np.intp)
    known = np.flatnonzero(labels >= 0)
    has_partner = partnered(labels[known], units[known])
    if paired and values is None and has_partner.any():  # as in the measurement: the others are not learnt from
        labels[known[~has_partner]] = -1
    adjustment = _adjustment(
        embedding, labels, units, adjust=tuple(adjust), paired=False if values is not None else paired
    )
    return Question(classes, labels, units, values, adjustment)


def _adjustment(
    embedding: LOTEmbedding,
    labels: NDArray[np.intp],
    units: NDArray[np.intp],
    *,
    adjust: tuple[str, ...],
    paired: bool | None,
) -> NDArray[np.float64] | None:
    known = np.flatnonzero(labels >= 0)
    groups = np.unique(units[known], return_inverse=True)[1].astype(np.intp)
    if paired is None:  # as in the measurement: where every group has samples of every class
        seen = np.zeros((groups.max() + 1, labels.max() + 1), dtype=bool)
        seen[groups, labels[known]] = True
        paired = bool(seen.all())
    if not paired and not adjust:
        return None
    cohort = as_cohort(embedding).select(samples=[str(name) for name in embedding.samples.index[known]])
    nobody = np.zeros(len(known), dtype=np.intp)
    design = Design(
        label="",
        classes=(),
        labels=labels[known],
        groups=groups,
        batches=nobody,
        group_names=np.asarray(cohort.samples.index, dtype=object),
        batch=None,
        confounds=(),
        folds=2,
        warnings=(),
        within=paired,
        adjust=adjust,
    )
    matrix = np.eye(len(labels))
    found = adjustment_of(cohort, design, np.arange(len(known)))
    if found is not None:
        matrix[np.ix_(known, known)] = found
    return matrix


def fit_drawn_model(
    embedding: LOTEmbedding,
    label: str,
    *,
    positive: Hashable | None = None,
    group: str | None = None,
    adjust: Sequence[str] = (),
    paired: bool | None = None,
    outcome: Outcome = "auto",
    estimator: Estimator = "auto",
    abundance: bool = True,
) -> LinearModel:
    """Fit the model whose weights are looked at, on all labelled samples; parameters as those of `lotviz.classify`.

    It has the steadier penalty of `lotviz.analysis.fit_model`, measured by `lotviz.classify` as `lot_steady`.

    Raises
    ------
    CohortError
        There is no such column, fewer than two classes, or a positive class nobody has.
    """
    asked = question_about(
        embedding, label, positive=positive, group=group, adjust=adjust, paired=paired, outcome=outcome
    )
    return fit_question(embedding, asked, estimator=estimator, abundance=abundance)


def fit_question(
    embedding: LOTEmbedding, asked: Question, *, estimator: Estimator = "auto", abundance: bool = True
) -> LinearModel:
    """Fit the model that answers a question on all labelled samples."""
    return fit_features(
        model_features(embedding, abundance=abundance),
        asked.labels,
        units=asked.units,
        classes=asked.classes,
        estimator=estimator,
        adjustment=asked.adjustment,
        values=asked.values,
    )
