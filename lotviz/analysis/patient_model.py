"""A fitted model that can be kept: it places and scores samples it has never seen, and says whether it may."""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lotviz.analysis.contribution import contributions
from lotviz.analysis.embedded import as_cohort
from lotviz.analysis.features import Solved, embedding_shares, model_features, solve_weights
from lotviz.analysis.labels import label_texts, ordered_classes
from lotviz.analysis.model import LinearModel, fit_features, question_of
from lotviz.analysis.recipe import Estimator
from lotviz.analysis.scoring import group_resamples
from lotviz.data.choices import require_at_least, require_seed
from lotviz.data.cohort import Cohort
from lotviz.transport.progress import Progress

if TYPE_CHECKING:
    from lotviz.transport.embedding import LOTEmbedding

DRAWS = 100
FAR = 0.02  # of samples like those seen lie as far; beyond it a sample is unlike what was seen


@dataclass(frozen=True, eq=False)
class PatientModel:
    """A linear model with all it needs to meet new samples; no sample it was fitted on is kept in it.

    Attributes
    ----------
    label
        The column it was fitted on.
    model
        The model. Its scores are those of the training samples, without their names.
    space
        An embedding without samples: reference, scaling, transform and markers that new samples are brought to.
    refits
        The same model on bootstrap draws of the groups: how much the score of a new sample would vary.
    distances
        LOT distance of each training sample from the mean of the others, shape (n,), increasing.
    residual_shares
        Share of each training sample's variance that its map cannot see, shape (n,), increasing.
    parameters, versions
        How it was made.
    """

    label: str
    model: LinearModel
    space: LOTEmbedding
    refits: tuple[Solved, ...]
    distances: NDArray[np.float64]
    residual_shares: NDArray[np.float64]
    parameters: Mapping[str, Any]
    versions: Mapping[str, str]

    def project(self, cohort: Cohort, *, progress: Progress | None = None, cancel: Event | None = None) -> LOTEmbedding:
        """Transport the samples of a cohort to the reference of the model; errors as `LOTEmbedding.project`."""
        return self.space.project(cohort, progress=progress, cancel=cancel)

    def assess(self, projected: LOTEmbedding) -> pd.DataFrame:
        """Score samples that were projected, and say whether the model has seen their like.

        Returns
        -------
        One row a sample: `class` named; `score` with the 2.5 and 97.5 % quantiles of the refits, `low` and `high`; the
        share of refits that name the same class, `agreement`; LOT `distance` from the training mean and the share of
        training samples that lie at least as far from the others, `as_far`; `residual_share`; `seen`, False where
        distance or residual share are beyond those of the training samples, see `beyond`.
        """
        shares = embedding_shares(projected)
        scores = self.model.score(projected.maps, shares)
        drawn = np.stack([_scores(refit, projected.maps, shares) for refit in self.refits])
        low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
        distance = _distances(projected.maps, self.model.training_mean, self.model.masses)
        as_far = np.array([np.mean(self.distances >= one) for one in distance])
        residual = projected.residual_shares
        seen = ~(beyond(distance, self.distances) | beyond(residual, self.residual_shares))
        return pd.DataFrame(
            {
                "class": np.where(scores > 0.0, self.model.classes[1], self.model.classes[0]),
                "score": scores,
                "low": np.minimum(low, scores),
                "high": np.maximum(high, scores),
                "agreement": ((drawn > 0.0) == (scores > 0.0)).mean(axis=0),
                "distance": distance,
                "as_far": as_far,
                "residual_share": residual,
                "seen": seen,
            },
            index=projected.samples.index,
        )

    def contributions(self, projected: LOTEmbedding, sample: str) -> NDArray[np.float64]:
        """Contribution of each used cell of a projected sample, shape (n,); see `lotviz.analysis.contributions`."""
        return contributions(self.model, projected.plan(sample), projected.scaled_cells(sample))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the model to one file without pickle; `.lotmodel` is the usual ending.

        Raises
        ------
        EmbeddingFileError
            The file cannot be written; what was there before is left as it was.
        """
        from lotviz.analysis.model_file import save  # it builds models, so it imports this module

        return save(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> PatientModel:
        """Open a saved model; scores and contributions are the same bits as of the one that was saved.

        Raises
        ------
        EmbeddingFileError
            The file is missing, cut off, of another kind, or of a newer version.
        """
        from lotviz.analysis.model_file import load

        return load(path)


def beyond(values: NDArray[np.float64], seen: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which values, (q,), are larger than those of n seen samples, (n,), can explain.

    A value is the largest of n + 1 that are alike with the chance 1 / (n + 1): that is rare enough (`FAR`) only for
    many samples. Of fewer it must lie beyond the largest by as much as that lies beyond their median.

    Examples
    --------
    >>> few = np.array([1.0, 2.0, 3.0])
    >>> beyond(np.array([3.5, 4.5]), few), beyond(np.array([3.5]), np.repeat(few, 20))
    (array([False,  True]), array([ True]))
    """
    as_large = (np.sum(seen >= values[:, None] * (1.0 - 1e-9), axis=1) + 1.0) / (len(seen) + 1.0)
    return np.asarray((as_large < FAR) | (values > 2.0 * seen.max() - np.median(seen) + 1e-9))


def fit_patient_model(
    embedding: LOTEmbedding,
    label: str,
    *,
    positive: Hashable | None = None,
    group: str | None = None,
    estimator: Estimator = "auto",
    abundance: bool = True,
    draws: int = DRAWS,
    seed: int = 0,
) -> PatientModel:
    """Fit on all labelled samples of an embedding, and on bootstrap draws of their groups.

    Parameters
    ----------
    embedding
        N samples.
    label, positive, group
        As in `lotviz.classify`, which says how far the model can be believed.
    estimator, abundance
        As in `lotviz.analysis.fit_model`.
    draws
        Number of refits.

    Raises
    ------
    CohortError
        There is no such column, fewer than two classes, or a positive class nobody has.
    """
    require_at_least(2, draws=draws)
    require_seed(seed)
    table = as_cohort(embedding)
    names = label_texts(table.column(label))
    labels, classes = question_of(names, positive)
    owners = label_texts(table.column(group)) if group else embedding.samples.index
    units = np.asarray(pd.factorize(pd.Series(list(owners)))[0], dtype=np.intp)
    features = model_features(embedding, abundance=abundance)
    model = fit_features(features, labels, units=units, classes=classes, estimator=estimator)
    training = np.flatnonzero(labels >= 0)
    groups = np.unique(units[training], return_inverse=True)[1].astype(np.intp)
    times = group_resamples(labels[training], groups, resamples=draws, seed=seed)
    refits = tuple(
        solve_weights(features, labels, np.repeat(training, drawn.astype(np.intp)), units=units, estimator=estimator)
        for drawn in times
    )
    maps, count = embedding.maps[training], len(training)
    away = (
        _distances(maps, model.training_mean, model.masses) * count / max(count - 1, 1)
    )  # from the mean of the others
    return PatientModel(
        label=label,
        model=model,
        space=without_samples(embedding),
        refits=refits,
        distances=np.sort(away),
        residual_shares=np.sort(embedding.residual_shares[training]),
        parameters={
            "label": label,
            "group": group,
            "classes": list(ordered_classes(names[names != ""])),
            "positive": classes[1],
            "estimator": model.estimator,
            "draws": draws,
            "seed": seed,
            "embedding": dict(embedding.parameters),
            "sample_hashes": sorted(
                embedding.sample_hashes[str(name)] for name in embedding.samples.index[labels >= 0]
            ),
        },
        versions={name: version(name) for name in ("numpy", "scipy", "scikit-learn", "pandas")}
        | dict(embedding.versions),
    )


def without_samples(embedding: LOTEmbedding) -> LOTEmbedding:
    """Return reference, scaling, transform and markers of an embedding, and none of its samples."""
    none = {
        name: getattr(embedding, name)[:0]
        for name in ("maps", "costs", "residuals", "dual_gaps", "variances", "n_cells", "n_cells_used")
    }
    return replace(embedding, samples=embedding.samples.iloc[:0, :0], plans=(), sample_hashes={}, warnings=(), **none)


def _scores(refit: Solved, maps: NDArray[np.float64], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    said = refit.height + np.einsum("nmd,md->n", maps - refit.mean, refit.weights)
    return np.asarray(said if refit.abundance is None else said + refit.abundance.score(shares))


def _distances(
    maps: NDArray[np.float64], mean: NDArray[np.float64], masses: NDArray[np.float64]
) -> NDArray[np.float64]:
    return np.asarray(np.sqrt(np.einsum("nmd,m->n", np.square(maps - mean), masses)))
