"""Technical controls measured in every batch: their mean is taken out of its samples, and what that removes is said."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lotviz.analysis.adjustment import control_centring
from lotviz.analysis.blocks import centre
from lotviz.analysis.kernels import Grams
from lotviz.analysis.labels import label_texts, words
from lotviz.data.cohort import Cohort
from lotviz.data.problems import CohortError, Problem, did_you_mean, listed


@dataclass(frozen=True, eq=False)
class Controls:
    """Samples that are learnt from and tested, apart from the controls of their batches.

    Attributes
    ----------
    cohort
        The cohort without the controls, N samples.
    rows
        Their rows among all samples, shape (N,).
    matrix
        Takes the mean of its batch's controls out of each of all samples; None where there are no controls.
    batches
        Batch of each of the N samples, shape (N,).
    """

    cohort: Cohort
    rows: NDArray[np.intp]
    matrix: NDArray[np.float64] | None
    batches: NDArray[np.intp]

    def removed(self, grams: Grams) -> str | None:
        """Say how much of the variance lay between batches before and after, from Gram matrices of all samples."""
        if self.matrix is None:
            return None
        kept = np.ix_(self.rows, self.rows)
        grams_then = ([gram[kept] for gram in grams["shift"]], [_centred(gram, self) for gram in grams["shift"]])
        shares = [np.mean([_between(gram, self.batches) for gram in found]) for found in grams_then]
        before, after = (f"{100 * share:.0f} %" for share in shares)
        return (
            "Every sample was compared with the controls of its batch: of the variance of the marker means, "
            f"{before} lay between batches before and {after} after."
        )


def without_controls(cohort: Cohort, controls: tuple[str, str] | None, batch: str | None) -> Controls:
    """Set the controls of a cohort apart.

    Parameters
    ----------
    cohort
        All samples, controls among them.
    controls
        Column and value that name them; None where there are none.
    batch
        Column of the batches.

    Raises
    ------
    CohortError
        No batch column, no such control, or a batch without a control.
    """
    everyone = np.arange(len(cohort.samples), dtype=np.intp)
    if controls is None:
        return Controls(cohort, everyone, None, np.zeros(len(everyone), dtype=np.intp))
    column, value = controls
    where = f"{cohort.origin or cohort.name}, column {column}"
    if batch is None:
        what = "Expected a batch column beside the controls, found none."
        raise CohortError(Problem(where, what, "Name the column of the batches; controls are compared within them."))
    chosen = are_controls(cohort, controls)
    if not chosen.any():
        known = sorted(set(label_texts(cohort.column(column))) - {""})
        what = f"Expected controls called {value}, found {listed(known)}."
        raise CohortError(Problem(where, what, did_you_mean(value, known) or "Name the value of the controls."))
    names = words(cohort.column(batch))
    lacking = sorted(set(names[~chosen]) - set(names[chosen]))
    if lacking:
        what = f"Expected a control in every batch, found none in {listed(lacking)}."
        raise CohortError(Problem(where, what, "Leave these batches out, or compare without controls."))
    codes = np.asarray(pd.factorize(names)[0], dtype=np.intp)
    rest = everyone[~chosen]
    kept = cohort.select(samples=[str(cohort.samples.index[row]) for row in rest])
    return Controls(kept, rest, control_centring(codes, chosen), codes[rest])


def are_controls(cohort: Cohort, controls: tuple[str, str] | None) -> NDArray[np.bool_]:
    """Tell which samples have the value (second) that names controls in a column (first); none where none are named."""
    if controls is None:
        return np.zeros(len(cohort.samples), dtype=bool)
    return np.asarray(label_texts(cohort.column(controls[0])) == controls[1].strip())


def centred_on_controls(grams: Grams, controls: Controls) -> Grams:
    """Gram matrices (N, N) of the samples apart from the controls, from those of all samples."""
    if controls.matrix is None:
        return grams
    return {block: [_centred(gram, controls) for gram in found] for block, found in grams.items()}


def _centred(gram: NDArray[np.float64], controls: Controls) -> NDArray[np.float64]:
    matrix = np.asarray(controls.matrix)[controls.rows]
    return np.asarray(matrix @ gram @ matrix.T)


def _between(gram: NDArray[np.float64], batches: NDArray[np.intp]) -> float:
    """Share of the total variance of samples with these inner products that lies between batches."""
    centred, _ = centre(gram, np.arange(len(gram)))
    same = (batches[:, None] == batches[None, :]).astype(np.float64)
    projection = same / same.sum(axis=1, keepdims=True)
    total = float(np.trace(centred))
    return float(np.sum(projection * centred)) / total if total > 0.0 else 0.0
