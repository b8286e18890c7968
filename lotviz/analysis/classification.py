"""What a classification found: scores beside baselines, held-out figures of every sample, and how to do it again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lotviz.analysis.robustness import Robustness
from lotviz.analysis.scoring import HeldOut, Interval, Score

NEGLIGIBLE = 0.02  # a gain in balanced accuracy nobody would notice
OURS = (
    "lot",
    "lot_steady",
    "lot_alone",
    "lot_shape",
)  # parts of our own model; the other scores are what it stands beside
MODEL_NAMES = {
    "lot": "LOT",
    "lot_steady": "LOT with steadier weights",
    "lot_alone": "LOT without abundance",
    "lot_shape": "LOT, shape only",
    "abundances": "Abundances of clusters",
    "quantiles": "Means with quantiles",
    "marker_means": "Means",
    "confounds": "Batch, covariates and number of cells",
    "majority": "Always the larger group",
}


@dataclass(frozen=True, eq=False)
class Classification:
    """How well the class of unseen groups is named, beside the baselines.

    Attributes
    ----------
    label, group, batch
        The columns asked for.
    classes
        Names of the classes; for two, a positive score speaks for the second.
    samples
        Names of the N samples.
    n_groups
        Number of groups that were kept together.
    scores
        For each model its balanced accuracy and AUC with 95 % intervals.
    baseline
        The best model other than LOT, by balanced accuracy.
    difference
        Balanced accuracy of LOT minus that of `baseline`.
    differences
        The same against every other model, over the same folds and resamples.
    over_confounds
        Balanced accuracy of LOT minus that of the confounds; None where none were named.
    permutation_p
        Share of permuted labels that are named as well; None when not asked for.
    least_p
        The smallest p that exchanging labels can give in this design, see `folds.least_permutation_p`; 0 for a
        continuous outcome.
    groups_per_class
        Number of groups in each class.
    warnings
        Doubts, as sentences.
    labels
        Class of each sample as an integer, shape (N,).
    outcome
        The continuous outcome, shape (N,); None for classes.
    groups
        Group of each sample as an integer, shape (N,).
    held_out
        For each model scores (repeats, N, k) and predictions (repeats, N) of samples it had not seen.
    folds
        Test fold of each sample in each repeat, shape (repeats, N).
    robustness
        What became of the figure when patients, batches and references were left out.
    parameters, versions, sample_hashes
        What is needed to do it again; SHA-256 of the used cells of each sample.
    """

    label: str
    group: str | None
    batch: str | None
    classes: tuple[str, ...]
    samples: tuple[str, ...]
    n_groups: int
    scores: dict[str, Score]
    baseline: str
    difference: Interval
    differences: dict[str, Interval]
    over_confounds: Interval | None
    permutation_p: float | None
    least_p: float
    groups_per_class: dict[str, int]
    warnings: tuple[str, ...]
    labels: NDArray[np.intp]
    outcome: NDArray[np.float64] | None
    groups: NDArray[np.intp]
    held_out: dict[str, HeldOut]
    folds: NDArray[np.intp]
    robustness: Robustness
    parameters: dict[str, Any]
    versions: dict[str, str]
    sample_hashes: dict[str, str]

    @property
    def chance(self) -> float:
        """Headline figure of a coin: 1 / number of classes, or none of the variance explained."""
        return 1.0 / len(self.classes) if self.classes else 0.0

    @property
    def out_of_fold(self) -> NDArray[np.float64]:
        """Mean held-out score of LOT, shape (N, k), k = 1 for two classes."""
        return np.asarray(self.held_out["lot"].scores.mean(axis=0))

    def accuracy(self, model: str = "lot") -> float:
        """Share of the samples that are named right, averaged over the repeats, whatever their class."""
        return float(self.held_out[model].hits(self.labels).mean())

    def confusion(self, model: str = "lot") -> pd.DataFrame:
        """Count samples by true class (rows) and named class (columns), averaged over the repeats."""
        predicted = self.held_out[model].predicted
        counts = np.zeros((len(self.classes), len(self.classes)))
        np.add.at(counts, (np.broadcast_to(self.labels, predicted.shape), predicted), 1.0 / len(predicted))
        return pd.DataFrame(counts, index=list(self.classes), columns=list(self.classes))

    def per_sample(self) -> pd.DataFrame:
        """One row a sample: class, mean held-out score of LOT, share of repeats named right, fold in each repeat.

        Of a continuous outcome the value, and what LOT foretold of it on average.
        """
        if self.outcome is not None:
            columns = {"value": self.outcome, "foretold": self.out_of_fold[:, 0]}
            table = pd.DataFrame(columns, index=list(self.samples))
        else:
            table = pd.DataFrame({"class": [self.classes[c] for c in self.labels]}, index=list(self.samples))
            single = self.out_of_fold.shape[1] == 1
            for column, name in enumerate(self.classes[1:] if single else self.classes):
                table[f"score {name}"] = self.out_of_fold[:, column]
            table["named right"] = self.held_out["lot"].hits(self.labels)
        for number, folds in enumerate(self.folds):
            table[f"fold {number + 1}"] = folds
        return table.rename_axis("sample")

    def to_json(self) -> dict[str, Any]:
        """Return the result in the fixed shape of ``lotviz classify --json``."""
        return {
            "label": self.label,
            "n_samples": len(self.samples),
            "n_groups": self.n_groups,
            "classes": list(self.classes),
            "scores": {name: found.to_json() for name, found in self.scores.items()},
            "difference": {"baseline": self.baseline, **self.difference.to_json()},
            "permutation_p": self.permutation_p,
            "batch": self.batch,
            "warnings": list(self.warnings),
        }

    def to_record(self) -> dict[str, Any]:
        """Everything, JSON-able: `to_json` with held-out scores, folds, confusion, parameters and versions."""
        return {
            **self.to_json(),
            "group": self.group,
            "groups_per_class": self.groups_per_class,
            "per_sample": self.per_sample().reset_index().to_dict(orient="records"),
            "confusion": {name: self.confusion(name).to_dict(orient="index") for name in self.scores if self.classes},
            "parameters": self.parameters,
            "versions": self.versions,
            "sample_hashes": self.sample_hashes,
        }
