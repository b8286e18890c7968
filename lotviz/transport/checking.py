"""The figures of a `Validity`: a synthetic sample embedded again, and its cells looked for among the measured ones."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lotviz.data.choices import require_seed
from lotviz.data.problems import CohortError, Problem
from lotviz.transport.coupling import solve
from lotviz.transport.doors import require_memory
from lotviz.transport.progress import Progress, report, stop_if
from lotviz.transport.synthetic import SyntheticSample
from lotviz.transport.validity import EXPECTED_OUTSIDE, FAR_BELOW, Validity

if TYPE_CHECKING:
    from lotviz.transport.embedding import LOTEmbedding

_SAMPLES = 48  # of a larger cohort, so many are looked at
_CALIBRATING = 8
_MEASURED = 20_000  # cells of all samples together
_LOOKED_AT = 2_000
_CELLS_A_BLOCK = 512
_ROUND_OFF = 1e-6
_PAIRS_FOR_YARDSTICK = 200

Array = NDArray[np.float64]


def check(
    embedding: LOTEmbedding,
    sample: SyntheticSample,
    *,
    seed: int = 0,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> Validity:
    """Embed a synthetic sample again and look for its cells among the measured ones.

    Parameters
    ----------
    embedding
        The embedding the sample was made of.
    sample
        The synthetic sample, with the maps it is meant to have.
    seed
        Chooses measured cells and samples where there are many.
    progress
        Called with (done, total, message).
    cancel
        Set it to stop.

    Returns
    -------
        The figures; see `Validity`.

    Raises
    ------
    CohortError
        The sample was made of another embedding, or that holds one sample only.
    ValueError
        The seed is none.
    TransportMemoryError
        The transport problem, or its exact pairs, do not fit into free memory.
    Cancelled
        `cancel` was set.
    """
    return check_all(embedding, [sample], seed=seed, progress=progress, cancel=cancel)[0]


def check_all(
    embedding: LOTEmbedding,
    samples: Sequence[SyntheticSample],
    *,
    seed: int = 0,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> tuple[Validity, ...]:
    """Check several synthetic samples against the same measured cells, which are read once; otherwise as `check`."""
    require_seed(seed)
    if len(embedding.samples) < 2:
        what = "Expected measured samples to compare with, found one alone."
        raise CohortError(Problem("validity", what, "Check it against an embedding of two samples or more."))
    for sample in samples:
        _require_own(embedding, sample)
    names = _names(embedding, samples, seed)
    total = 1 + 2 * len(samples) + len(names)
    yard = yardstick(embedding.vectors, seed=seed)
    measured, smallest = _measured(embedding, names, seed=seed, progress=progress, cancel=cancel, of=total)
    outside = Outside.of(measured, seed=seed, cancel=cancel)
    found = []
    for number, sample in enumerate(samples):
        done = 1 + len(names) + 2 * number
        report(progress, done, total, "Embedding the synthetic sample again")
        scaled = embedding.scaling.apply(sample.cells)
        gap = None if sample.intended is None else _gap(embedding, scaled, sample, cancel)
        chance = _chance(embedding, sample, seed=seed, cancel=cancel)
        report(progress, done + 1, total, "Looking for its cells among the measured ones")
        few = _some(scaled, _LOOKED_AT, np.random.default_rng([seed, 1]), masses=sample.masses)
        impossible, far_below, marker = _impossible(embedding, sample, smallest)
        found.append(
            Validity(
                gap=None if gap is None else gap / yard,
                chance=chance / yard,
                yardstick=yard,
                outside=outside.share(few, cancel=cancel),
                impossible=impossible,
                impossible_marker=marker,
                cells_looked_at=len(few),
                cells=len(scaled),
                samples_looked_at=len(names),
                samples=len(embedding.samples),
                far_below=far_below,
            )
        )
    report(progress, total, total, "Looked at")
    return tuple(found)


def _require_own(embedding: LOTEmbedding, sample: SyntheticSample) -> None:
    fits = sample.intended is None or sample.intended.shape == embedding.maps.shape[1:]
    fits = fits and sample.embedding.get("reference_sha256") in (None, embedding.reference.digest)
    fits = fits and all(embedding.sample_hashes.get(name) == found for name, found in sample.inputs.items())
    if not fits or sample.markers != embedding.markers or not set(sample.weights) <= set(embedding.samples.index):
        what = "Expected a synthetic sample made of this embedding, found another."
        raise CohortError(Problem("validity", what, "Check it against the embedding it was made of."))


def yardstick(vectors: Array, *, seed: int = 0) -> float:
    """Median distance between two samples, from vectors (N, p); of at most 200 of them, drawn by seed."""
    from scipy.spatial.distance import pdist

    rows = np.random.default_rng(seed).permutation(len(vectors))[:_PAIRS_FOR_YARDSTICK]
    found = pdist(vectors[np.sort(rows)])
    middle = float(np.median(found))
    return middle if middle > 0 else max(float(found.max()), float(np.finfo(float).tiny))


def share_outside(
    cells: Array, measured: list[Array], *, seed: int = 0, cancel: threading.Event | None = None
) -> float:
    """Share of cells that are farther from all measured ones than 99 % of a measured sample's are from the others'.

    Parameters
    ----------
    cells
        Cells, (n, d), scaled.
    measured
        Cells of each measured sample, (n_k, d), scaled; two samples or more.
    seed
        Chooses the measured samples that say how far is far, and the cells they are compared with.

    Notes
    -----
    As many measured cells are compared with in either case: more of them lie nearer.
    """
    return Outside.of(measured, seed=seed, cancel=cancel).share(cells, cancel=cancel)


@dataclass(frozen=True, eq=False)
class Outside:
    """Measured cells, (k, d), scaled, and how far from the nearest of them a cell is outside of them."""

    among: Array
    far: float

    @classmethod
    def of(cls, measured: list[Array], *, seed: int = 0, cancel: threading.Event | None = None) -> Outside:
        """Find out how far is far from measured samples; arguments as of `share_outside`."""
        rng = np.random.default_rng([seed, 2])
        size = sum(map(len, measured)) - max(map(len, measured))
        held_out = rng.permutation(len(measured))[:_CALIBRATING]
        distances = []
        for number in held_out:
            others = np.concatenate([found for k, found in enumerate(measured) if k != number])
            own = _some(measured[number], _LOOKED_AT // 4, rng)
            distances.append(_nearest(own, _some(others, size, rng), cancel))
        far = float(np.quantile(np.concatenate(distances), 1 - EXPECTED_OUTSIDE))
        return cls(_some(np.concatenate(measured), size, rng), far)

    def share(self, cells: Array, *, cancel: threading.Event | None = None) -> float:
        """Share of cells, (n, d), that are outside."""
        return float(np.mean(_nearest(cells, self.among, cancel) > self.far))


def _names(embedding: LOTEmbedding, samples: Sequence[SyntheticSample], seed: int) -> list[str]:
    """Return the samples whose cells are looked at: those these were made of, and others up to the limit."""
    known, used = [str(name) for name in embedding.samples.index], {name for one in samples for name in one.weights}
    first = [name for name in known if name in used]
    rest = [name for name in known if name not in used]
    order = np.random.default_rng([seed, 3]).permutation(len(rest))
    return [*first, *(rest[k] for k in order)][: max(_SAMPLES, len(first))]


def _maps(embedding: LOTEmbedding, scaled: Array, masses: Array | None, cancel: threading.Event | None) -> Array:
    points = embedding.reference.points
    return solve(points, scaled, embedding.masses, masses, cancel=cancel).maps


def _gap(embedding: LOTEmbedding, scaled: Array, sample: SyntheticSample, cancel: threading.Event | None) -> float:
    intended = np.asarray(sample.intended)
    return _distance(_maps(embedding, scaled, sample.masses, cancel), intended, embedding.masses)


def _distance(maps: Array, intended: Array, masses: Array) -> float:
    return float(np.sqrt(masses @ np.square(maps - intended).sum(axis=1)))


def _chance(embedding: LOTEmbedding, sample: SyntheticSample, *, seed: int, cancel: threading.Event | None) -> float:
    """Distance of a measured sample from as many of its cells drawn anew."""
    anchor = max(sample.weights, key=lambda name: sample.weights[name])
    own = embedding.scaled_cells(anchor)
    count = min(len(sample.cells), len(own))
    drawn = own[np.random.default_rng([seed, 4]).integers(len(own), size=count)]
    return _distance(_maps(embedding, drawn, None, cancel), embedding.maps[embedding.index(anchor)], embedding.masses)


def _measured(
    embedding: LOTEmbedding,
    names: list[str],
    *,
    seed: int,
    progress: Progress | None,
    cancel: threading.Event | None,
    of: int,
) -> tuple[list[Array], NDArray[np.float32]]:
    """Return some scaled cells of each sample, and the smallest value of every marker in any of their used cells."""
    rng = np.random.default_rng([seed, 5])
    each = max(_MEASURED // len(names), 1)
    held, smallest = [], np.full(len(embedding.markers), np.inf, dtype=np.float32)
    for done, name in enumerate(names):
        stop_if(cancel)
        report(progress, done, of, f"Reading the cells of {name}")
        cells = embedding.cells(name)
        smallest = np.minimum(smallest, cells.min(axis=0))
        held.append(embedding.scaling.apply(_some(cells, each, rng)))
    return held, smallest


def _some(cells: NDArray, count: int, rng: np.random.Generator, *, masses: Array | None = None) -> NDArray:
    """Draw at most `count` cells; with masses, in proportion to them."""
    if masses is not None and np.ptp(masses) > 1e-12 * masses.max():
        ends = np.cumsum(masses)
        return cells[np.minimum(np.searchsorted(ends, rng.random(count) * ends[-1]), len(cells) - 1)]
    return cells if len(cells) <= count else cells[np.sort(rng.permutation(len(cells))[:count])]


def _nearest(cells: Array, among: Array, cancel: threading.Event | None) -> Array:
    """Distance of each cell to the nearest of others, (n, d) x (k, d) -> (n,)."""
    require_memory(16 * _CELLS_A_BLOCK * len(among), "the distances of cells", "Use fewer cells per sample.")
    lengths = np.square(among).sum(axis=1)
    squared = np.empty(len(cells))
    for start in range(0, len(cells), _CELLS_A_BLOCK):
        stop_if(cancel)
        block = cells[start : start + _CELLS_A_BLOCK]
        squared[start : start + _CELLS_A_BLOCK] = (lengths - 2 * block @ among.T).min(axis=1)
    return np.sqrt(np.maximum(squared + np.square(cells).sum(axis=1), 0.0))


def _impossible(
    embedding: LOTEmbedding, sample: SyntheticSample, smallest: NDArray[np.float32]
) -> tuple[float | None, float | None, str]:
    """Share of mass with a value below the smallest measured of its marker, and far below; the marker with most.

    Transforms rise, so that the first is the same in raw units.
    """
    if embedding.components is not None:
        return None, None, ""
    below = sample.cells < smallest - _ROUND_OFF * np.maximum(1.0, embedding.scaling.scale)
    far = sample.cells < smallest - FAR_BELOW * embedding.scaling.scale
    by_marker = sample.masses @ below
    worst = int(by_marker.argmax())
    shares = [float(sample.masses @ each.any(axis=1)) for each in (below, far)]
    return shares[0], shares[1], sample.markers[worst] if by_marker[worst] > 0 else ""
