"""What the entropic approximation does to an embedding, beside the exact one: `python tests/benchmark/entropic.py`."""

from __future__ import annotations

import numpy as np
from scipy.stats import spearmanr

from lotviz.data import simulate
from lotviz.data.transforms.transform import fit_scaling
from lotviz.transport import solve
from lotviz.transport.reference import kmeans_reference

SAMPLES, CELLS, POINTS = 24, 2000, 128


def main() -> None:
    cohort = simulate("patients", samples=SAMPLES, cells=CELLS, seed=1)
    scaling = fit_scaling(cohort, "zscore", seed=0)
    reference = kmeans_reference(cohort, scaling, points=POINTS, seed=0)
    clouds = [scaling.apply(cohort.cells(sample)) for sample in cohort.samples.index]
    exact, blurred = (
        [solve(reference.points, cells, reference.masses, solver=solver) for cells in clouds]
        for solver in ("simplex", "entropic")
    )
    first, second = (np.stack([found.maps for found in side]) for side in (exact, blurred))
    variance = np.array([cells.var(axis=0).sum() for cells in clouds])
    far, near = (distances(maps, reference.masses) for maps in (first, second))
    upper = np.triu_indices(SAMPLES, 1)
    rank = spearmanr(near[upper], far[upper])[0]
    print(f"{SAMPLES} simulated patients of {CELLS} cells, {POINTS} reference points")
    print(f"cost: {np.mean([b.cost / a.cost - 1 for a, b in zip(exact, blurred, strict=True)]):+.1%}")
    print(f"maps: {np.linalg.norm(second - first) / np.linalg.norm(first - first.mean(axis=0)):.2f} of their spread")
    for name, side in (("exact", exact), ("entropic", blurred)):
        print(f"residual share, {name}: {np.mean([s.residual for s in side] / variance):.3f}")
    print(f"distances: ratio {np.median(near[upper] / far[upper]):.2f}, Spearman {rank:.3f}")
    print(f"same nearest neighbour: {np.mean(nearest(near) == nearest(far)):.0%}")


def distances(maps: np.ndarray, masses: np.ndarray) -> np.ndarray:
    vectors = (np.sqrt(masses)[:, None] * maps).reshape(len(maps), -1)
    return np.linalg.norm(vectors[:, None] - vectors, axis=2)


def nearest(between: np.ndarray) -> np.ndarray:
    return np.argmin(between + np.diag(np.full(len(between), np.inf)), axis=1)


if __name__ == "__main__":
    main()
