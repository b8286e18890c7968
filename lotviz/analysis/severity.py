"""One patient made more or less of a class: the cells of a sample moved along the direction of a classifier."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from lotviz.analysis.abundance import nearest_points
from lotviz.analysis.model import LinearModel
from lotviz.data.problems import CohortError, Problem
from lotviz.transport.arithmetic import cell_displacement, moved
from lotviz.transport.coupling import solve
from lotviz.transport.synthetic import SyntheticSample

if TYPE_CHECKING:
    from lotviz.transport.embedding import LOTEmbedding

Along = Literal["difference", "pattern", "weight"]
_WORDS = {
    "difference": "the difference between the classes",
    "pattern": "the pattern of the score",
    "weight": "the weights of the score",
}
_PERCENTILES = (5.0, 95.0)
_LEAST = 1e-9


@dataclass(frozen=True, eq=False)
class Severity:
    """How the cells of one sample move when its score is raised by one.

    Attributes
    ----------
    sample
        The sample.
    along
        What its cells move along; see `severity`.
    displacement
        How far each reference point moves per unit of the score, (m, d), scaled.
    steps
        How far each used cell moves per unit of the score, (n, d), transformed marker units.
    maps_step
        How the sample's maps move with them, by its own plan, (m, d), scaled; ``sum(weights * maps_step)`` is 1.
    score
        Score of the sample as it was measured.
    low, high
        The 5th and 95th percentile of the scores of all samples, widened to hold the sample's own: how far it can be
        moved without leaving what patients are like.
    """

    sample: str
    along: Along
    displacement: NDArray[np.float64]
    steps: NDArray[np.float64]
    maps_step: NDArray[np.float64]
    score: float
    low: float
    high: float


@dataclass(frozen=True)
class SyntheticScore:
    """The score of a synthetic sample, as it was meant and as it is once its cells are embedded again.

    Attributes
    ----------
    intended
        Score of the maps the sample is meant to have; None where it has none.
    transport
        Score of the maps it has.
    abundance
        What the number of its cells near each reference point adds to that; 0 where abundance has no part.
    """

    intended: float | None
    transport: float
    abundance: float

    @property
    def score(self) -> float:
        """The whole score: transport and abundance."""
        return self.transport + self.abundance


def severity(embedding: LOTEmbedding, model: LinearModel, sample: str, *, along: Along = "difference") -> Severity:
    """Return how the cells of a sample move along the direction of a classifier, scaled to one unit of its score.

    Parameters
    ----------
    embedding
        The embedding the model was fitted on, or one projected to its reference.
    model
        The linear score.
    sample
        The sample to be moved.
    along
        "difference": mean map of the positive minus that of the other samples: what patients of the two classes differ
        by. "pattern": how maps go with the score over all samples (Haufe 2014). "weight": the steepest way up. The
        weight of a classifier is large also where it only cancels noise, so that along it cells move as no patient's
        do; it is here to show that.

    Returns
    -------
        Displacement and range. With the plan of the sample as it is, the transport part of the score, without the
        intercept ``sum_i <w_i, T_i>``, rises by exactly s when cell j is moved by s times its step. Cells keep their
        mass: abundance follows only so far as cells come to lie nearer to other points.

    Raises
    ------
    CohortError
        There is no such sample; the model is of another reference; or the direction does not change the transport part
        of the score.
    ValueError
        There is no such direction.

    Notes
    -----
    Point i moves by delta_i and cell j by sum_i G_ij / b_j delta_i. A cell that is split between points moves by the
    mean of theirs, which smooths delta; the scale is taken after that, for each sample by itself.
    """
    if along not in _WORDS:
        raise ValueError(f'Expected along "difference", "pattern" or "weight", found {along!r}. Choose one of them.')
    row = embedding.index(sample)
    _require_own(embedding, model)
    given = _direction(model, along)
    plan = embedding.plan(sample)
    by_cell = cell_displacement(plan, given)  # (n, d)
    smoothed = np.asarray(plan @ by_cell) / embedding.masses[:, None]
    gain = float(np.sum(model.weights * smoothed))
    if not gain > _LEAST * float(np.linalg.norm(model.weights) * np.linalg.norm(smoothed)):
        what = f"Expected {_WORDS[along]} to change the score by transport, found that it does not."
        fix = "Choose another direction, or a model in which the transport has a part."
        raise CohortError(Problem("severity", what, fix))
    shares = _shares(embedding.scaled_cells(sample), None, model)
    scores = model.scores[np.isfinite(model.scores)]
    own = float(model.score(embedding.maps[row], shares))
    low, high = np.percentile(scores, _PERCENTILES)
    return Severity(
        sample=sample,
        along=along,
        displacement=given / gain,
        steps=by_cell / gain * embedding.scaling.scale,
        maps_step=smoothed / gain,
        score=own,
        low=min(float(low), own),
        high=max(float(high), own),
    )


def made_severe(
    embedding: LOTEmbedding, found: Severity, by: float, *, n_cells: int | None = None, seed: int = 0
) -> SyntheticSample:
    """Move the cells of a sample so that the transport part of its score changes by `by`.

    Parameters
    ----------
    embedding
        As given to `severity`.
    found
        The direction and its scale.
    by
        Change of the score; negative for less severe. 0 gives the sample's own cells.
    n_cells
        How many cells; None moves each used cell.
    seed
        Written into the recipe.

    Returns
    -------
        The synthetic sample; look at its validity by `embedding.validity`.

    Raises
    ------
    CohortError
        `n_cells` is not positive.
    ValueError
        `by` is not finite.
    """
    if not np.isfinite(by):
        raise ValueError(f"Expected a finite change of the score, found {by}. Give a number.")
    made = moved(
        embedding,
        found.sample,
        by * found.displacement,
        n_cells=n_cells,
        seed=seed,
        method=f"cells of {found.sample} moved along {_WORDS[found.along]}",
        details={"score_changed_by": float(by), "along": found.along},
    )
    row = embedding.index(found.sample)
    return replace(made, intended=embedding.maps[row] + by * found.maps_step)


def score_synthetic(
    embedding: LOTEmbedding,
    model: LinearModel,
    sample: SyntheticSample,
    *,
    cancel: threading.Event | None = None,
) -> SyntheticScore:
    """Embed a synthetic sample again and score it, as a new patient would be.

    Parameters
    ----------
    embedding, model
        As given to `severity`.
    sample
        Any synthetic sample of the embedding.
    cancel
        Set it to stop.

    Raises
    ------
    CohortError
        The model is of another reference.
    Cancelled
        `cancel` was set.
    """
    _require_own(embedding, model)
    scaled = embedding.scaling.apply(sample.cells)
    maps = solve(embedding.reference.points, scaled, embedding.masses, sample.masses, cancel=cancel).maps
    transport = float(model.score(maps))
    shares = _shares(scaled, sample.masses, model)
    intended = None if sample.intended is None else float(model.score(sample.intended))
    return SyntheticScore(intended, transport, float(model.score(maps, shares)) - transport)


def _require_own(embedding: LOTEmbedding, model: LinearModel) -> None:
    if model.weights.shape != embedding.maps.shape[1:]:
        what = f"Expected a model of {embedding.maps.shape[1:]} weights, found {model.weights.shape}."
        raise CohortError(Problem("severity", what, "Fit the model on this embedding."))
    if not (np.allclose(model.points, embedding.reference.points) and np.allclose(model.masses, embedding.masses)):
        what = "Expected a model of this embedding's reference, found one of another."
        raise CohortError(Problem("severity", what, "Fit the model on this embedding."))


def _direction(model: LinearModel, along: Along) -> NDArray[np.float64]:
    if along == "difference":
        return model.difference
    # the steepest way up where points count by their mass: the gradient over the mass
    return model.pattern if along == "pattern" else model.weights / model.masses[:, None]


def _shares(
    scaled: NDArray[np.float64], masses: NDArray[np.float64] | None, model: LinearModel
) -> NDArray[np.float64] | None:
    """Share of the mass of the cells that lie nearest to each point, (m,), or None where abundance has no part."""
    if model.abundance is None:
        return None
    nearest = nearest_points(scaled, model.points)
    counts = np.bincount(nearest, weights=masses, minlength=len(model.points)).astype(np.float64)
    return np.asarray(counts / counts.sum())
