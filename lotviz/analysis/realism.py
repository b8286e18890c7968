"""How near synthetic cells come to measured ones that were held out, beside what a measured replicate scores."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lotviz.data.choices import require_at_least, require_seed
from lotviz.data.problems import CohortError, Problem
from lotviz.transport.coupling import solve
from lotviz.transport.progress import Progress, report, stop_if

Array = NDArray[np.float64]

HALF = "another half of the held-out sample"
MEASURES = {
    "w1": "distance of a marker, mean over markers",
    "sliced": "distance along random axes",
    "w2": "transport distance of some cells",
    "w2_squared_above": "squared transport distance above that of two draws of the same",
    "mmd_squared": "kernel distance, unbiased",
    "correlation": "difference of correlations of markers",
    "correlation_within": "the same within populations",
    "auc_linear": "told apart by a linear classifier",
    "auc_trees": "told apart by boosted trees",
}
# of a verdict; the others stand beside
JUDGED = ("w1", "w2_squared_above", "mmd_squared", "auc_trees")
_IN_WORDS = {
    "w1": "marginals",
    "sliced": "sliced distance",
    "w2": "W2",
    "w2_squared_above": "W2",
    "mmd_squared": "MMD",
    "correlation": "correlations",
    "correlation_within": "correlations within populations",
    "auc_linear": "a linear classifier",
    "auc_trees": "a two-sample classifier",
}
_BANDWIDTHS = (0.25, 1.0, 4.0)  # times the median squared distance
_PROJECTIONS = 64
_FEWEST_OF_A_POPULATION = 30
_FEWEST = 20
_FOLDS = 3


@dataclass(frozen=True, eq=False)
class Realism:
    """Synthetic candidates beside a measured yardstick, all compared with the same held-out cells.

    Attributes
    ----------
    table
        A row for each candidate and yardstick, a column for each of `MEASURES`; smaller is nearer, and an AUC of 0.5
        is not to be told apart. NaN where populations are not known.
    yardsticks
        Rows that were measured: the other half of the held-out sample, and replicates.
    cells
        How many cells of each were compared.
    held_out
        How many cells the held-out sample has.
    """

    table: pd.DataFrame
    yardsticks: tuple[str, ...]
    cells: int
    held_out: int

    def verdict(self, synthetic: str, baselines: Sequence[str] | None = None) -> str:
        """Say whether a candidate comes nearer than every baseline, and by which measures it does not.

        Parameters
        ----------
        synthetic
            The candidate.
        baselines
            What it is compared with; all other candidates when None.

        Raises
        ------
        CohortError
            There is no such candidate.
        """
        others = [name for name in self.table.index if name != synthetic and name not in self.yardsticks]
        return said_of(self.table, synthetic, others if baselines is None else list(baselines))


def said_of(table: pd.DataFrame, synthetic: str, baselines: Sequence[str]) -> str:
    """Say by which of the judged measures a row of a table, or of a mean of tables, is nearer than all baselines."""
    missing = [name for name in (synthetic, *baselines) if name not in table.index]
    if missing or not baselines:
        what = f"Expected rows of the table, found {', '.join(missing) or 'no baseline'}."
        raise CohortError(Problem("realism", what, f"The rows are {', '.join(map(str, table.index))}."))
    lost = {}
    for measure in JUDGED:
        values = dict(zip(table.index, table[measure].to_numpy(dtype=np.float64), strict=True))
        best = min(baselines, key=lambda name: values[name])
        if not values[synthetic] < values[best]:
            lost[measure] = best
    won = [_IN_WORDS[measure] for measure in JUDGED if measure not in lost]
    nearer = f"{synthetic}: nearer to the held-out cells than every baseline by {', '.join(won)}" if won else ""
    beaten = "; ".join(f"{best} is as near or nearer by {_IN_WORDS[measure]}" for measure, best in lost.items())
    if not won:
        return f"{synthetic}: no nearer to the held-out cells than the best baseline; {beaten}."
    return f"{nearer}; {beaten}." if beaten else f"{nearer}."


def realism(
    candidates: Mapping[str, Array],
    held_out: Array,
    *,
    replicates: Mapping[str, Array] | None = None,
    populations: Mapping[str, NDArray[np.object_]] | None = None,
    held_out_populations: NDArray[np.object_] | None = None,
    cells: int = 2000,
    seed: int = 0,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> Realism:
    """Compare synthetic cells with measured ones that were held out.

    Parameters
    ----------
    candidates
        Cells of each candidate, (n, d), in the space of the held-out ones: scaled, so that markers count alike.
    held_out
        Cells of the held-out sample, (n, d). Half of them are compared with; the other half is the first yardstick.
    replicates
        Measured samples that should be alike, as further yardsticks.
    populations, held_out_populations
        Population of each cell of the candidates that have any, and of the held-out sample.
    cells
        At most so many cells of each are compared; the same number of all.
    seed
        Chooses them, projections and folds.
    progress
        Called with (done, total, message).
    cancel
        Set it to stop.

    Returns
    -------
        The table; see `Realism`.

    Raises
    ------
    CohortError
        Fewer than 40 held-out cells or 20 of a candidate, other markers, values that are not finite, a name twice, or
        populations of none of the candidates or of other numbers of cells.
    ValueError
        `cells` is below 20, or the seed is none.
    Cancelled
        `cancel` was set.

    Notes
    -----
    Empirical distances of few cells in many dimensions are large also between draws of the same, and smaller for a
    cloud that has lost its spread: W2 is given as it is and, judged, as W2^2 above half of the W2^2 of two draws of
    either. MMD is the unbiased estimate with Gaussian kernels of a quarter, one and four times the median squared
    distance of held-out cells, summed: it may be negative. Correlations are compared by the root mean square of the
    differences off the diagonal. Classifiers are cross-validated in three folds: logistic regression, and gradient
    boosting, which sees values that no instrument gives.

    Source: Gretton 2012, eq. 3; Lopez-Paz 2017 for the two-sample classifier.
    """
    require_seed(seed)
    require_at_least(_FEWEST, cells=cells)
    whole = _rows(candidates, held_out, replicates)
    labels = _labels(populations or {}, whole)
    order = np.random.default_rng(seed).permutation(len(held_out))
    half = len(held_out) // 2
    target, other = order[:half], order[half:]
    whole[HALF] = np.asarray(held_out, dtype=np.float64)[other]
    if held_out_populations is not None:
        labels[HALF] = np.asarray(held_out_populations, dtype=object)[other]
    count = min(cells, half, *(len(one) for one in whole.values()))
    real = np.asarray(held_out, dtype=np.float64)[target[:count]]
    real_labels = None if held_out_populations is None else np.asarray(held_out_populations)[target[:count]]
    fixed = _Target.of(real, real_labels, seed=seed, cancel=cancel)
    rows = {}
    for done, (name, found) in enumerate(whole.items()):
        stop_if(cancel)
        report(progress, done, len(whole), f"Comparing: {name}")
        # its cells do not depend on which others are compared, nor on their order
        chosen = np.random.default_rng([seed, zlib.crc32(name.encode())]).permutation(len(found))[:count]
        own = labels.get(name)
        rows[name] = fixed.measure(found[chosen], None if own is None else np.asarray(own)[chosen], cancel=cancel)
    report(progress, len(whole), len(whole), "Compared")
    yardsticks = (HALF, *(replicates or {}))
    table = pd.DataFrame.from_dict(rows, orient="index", columns=list(MEASURES))
    return Realism(table, yardsticks, count, len(held_out))


def _rows(candidates: Mapping[str, Array], held_out: Array, replicates: Mapping[str, Array] | None) -> dict[str, Array]:
    given = [*candidates.items(), *(replicates or {}).items()]
    names = [name for name, _ in given]
    if len(set(names)) < len(names) or HALF in names:
        raise _refusal("Expected different names, found one twice.", "Name every candidate and replicate once.")
    for name, found in (("the held-out sample", held_out), *given):
        fewest = 2 * _FEWEST if found is held_out else _FEWEST
        if np.ndim(found) != 2 or found.shape[1] != held_out.shape[1] or len(found) < fewest:
            what = f"Expected {fewest} cells or more with the same markers of {name}, found shape {np.shape(found)}."
            raise _refusal(what, "Give more cells, with the markers of the held-out sample.")
        if not np.isfinite(found).all():
            raise _refusal(f"Expected finite values of {name}, found others.", "Leave those cells out.")
    return {name: np.asarray(found, dtype=np.float64) for name, found in given}


def _labels(
    populations: Mapping[str, NDArray[np.object_]], clouds: Mapping[str, Array]
) -> dict[str, NDArray[np.object_]]:
    for name, own in populations.items():
        if name not in clouds:
            what = f"Expected populations of the candidates, found those of {name}."
            raise _refusal(what, f"The candidates are {', '.join(clouds)}.")
        if len(own) != len(clouds[name]):
            what = f"Expected a population of each of the {len(clouds[name])} cells of {name}, found {len(own)}."
            raise _refusal(what, "Give one for each cell, in their order.")
    return dict(populations)


def _refusal(what: str, fix: str) -> CohortError:
    return CohortError(Problem("realism", what, fix))


@dataclass(frozen=True, eq=False)
class _Target:
    """Held-out cells (n, d), and what is known of them whatever they are compared with."""

    cells: Array
    populations: NDArray[np.object_] | None
    axes: Array
    bandwidth: float
    own_kernel: float
    own_w2: float
    seed: int

    @classmethod
    def of(
        cls, cells: Array, populations: NDArray[np.object_] | None, *, seed: int, cancel: threading.Event | None
    ) -> _Target:
        axes = np.random.default_rng([seed, 1]).standard_normal((cells.shape[1], _PROJECTIONS))
        axes /= np.linalg.norm(axes, axis=0)
        squared = _squared_distances(cells, cells)
        bandwidth = float(np.median(squared[np.triu_indices(len(cells), 1)])) or 1.0
        own = _kernel_mean(squared, bandwidth, same=True)
        return cls(cells, populations, axes, bandwidth, own, _between_halves(cells, cancel), seed)

    def measure(
        self, found: Array, populations: NDArray[np.object_] | None, *, cancel: threading.Event | None
    ) -> list[float]:
        """Return the value of each of `MEASURES` for as many cells, (n, d)."""
        half = len(found) // 2
        across = [_w2_squared(found[part], self.cells[part], cancel) for part in (slice(half), slice(half, 2 * half))]
        mmd = (
            _kernel_mean(_squared_distances(found, found), self.bandwidth, same=True)
            + self.own_kernel
            - 2 * _kernel_mean(_squared_distances(found, self.cells), self.bandwidth, same=False)
        )
        return [
            float(np.abs(np.sort(found, axis=0) - np.sort(self.cells, axis=0)).mean()),
            float(np.sqrt(np.square(_sorted(found @ self.axes) - _sorted(self.cells @ self.axes)).mean())),
            float(np.sqrt(np.mean(across))),
            float(np.mean(across) - (_between_halves(found, cancel) + self.own_w2) / 2),
            float(mmd),
            _correlation_difference(found, self.cells),
            _within(found, self.cells, populations, self.populations),
            *two_sample_auc(found, self.cells, seed=self.seed),
        ]


def two_sample_auc(first: Array, second: Array, *, seed: int = 0) -> tuple[float, float]:
    """How well two samples of cells are told apart: cross-validated AUC of a linear classifier and of boosted trees.

    0.5: not at all. Values below are chance.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier  # costs a second to import
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    cells = np.concatenate([first, second])
    labels = np.repeat([0, 1], [len(first), len(second)])
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=seed)
    linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    trees = HistGradientBoostingClassifier(max_iter=60, early_stopping=False, random_state=seed)
    found = []
    for classifier in (linear, trees):
        said = cross_val_predict(classifier, cells, labels, cv=folds, method="predict_proba")[:, 1]
        found.append(float(roc_auc_score(labels, said)))
    return found[0], found[1]


def _sorted(values: Array) -> Array:
    return np.sort(values, axis=0)


def _squared_distances(first: Array, second: Array) -> Array:
    from scipy.spatial.distance import cdist

    return np.asarray(cdist(first, second, "sqeuclidean"))


def _kernel_mean(squared: Array, bandwidth: float, *, same: bool) -> float:
    """Mean of the kernels, summed over bandwidths; without the diagonal where a cloud meets itself."""
    total = 0.0
    for times in _BANDWIDTHS:
        kernel = np.exp(-squared / (times * bandwidth))
        count = len(kernel)
        total += (kernel.sum() - count) / (count * (count - 1)) if same else kernel.mean()
    return float(total)


def _w2_squared(first: Array, second: Array, cancel: threading.Event | None) -> float:
    return solve(first, second, cancel=cancel).cost


def _between_halves(cells: Array, cancel: threading.Event | None) -> float:
    half = len(cells) // 2
    return _w2_squared(cells[:half], cells[half : 2 * half], cancel)


def _correlation_difference(first: Array, second: Array) -> float:
    """Root mean square difference of correlations off the diagonal; of a marker that does not vary they count as 0."""
    width = first.shape[1]
    if width < 2:
        return 0.0
    upper = np.triu_indices(width, 1)
    return float(np.sqrt(np.square(_correlations(first)[upper] - _correlations(second)[upper]).mean()))


def _correlations(cells: Array) -> Array:
    centred = cells - cells.mean(axis=0)
    spread = np.sqrt(np.square(centred).mean(axis=0))
    unit = np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 1e-12)
    return np.asarray(unit.T @ unit / len(cells))


def _within(
    first: Array,
    second: Array,
    first_labels: NDArray[np.object_] | None,
    second_labels: NDArray[np.object_] | None,
) -> float:
    """Mean over populations of the difference of correlations, weighted by the held-out cells; NaN where unknown."""
    if first_labels is None or second_labels is None:
        return float("nan")
    found, sizes = [], []
    for name in sorted({str(one) for one in second_labels}):
        mine = first[np.asarray([str(one) == name for one in first_labels])]
        theirs = second[np.asarray([str(one) == name for one in second_labels])]
        if min(len(mine), len(theirs)) >= _FEWEST_OF_A_POPULATION:
            found.append(_correlation_difference(mine, theirs))
            sizes.append(len(theirs))
    return float(np.average(found, weights=sizes)) if found else float("nan")
