"""A whole cohort: wall time and peak memory of `lotviz.embed`, beside loops that call POT as others call it.

`python tests/benchmark/cohort.py` takes 100 samples of 10,000 cells and 30 markers; `--samples 5` makes a trial run of
the same problems, `--quick` a tiny one. Every way runs in a fresh process, with BLAS on one thread, after a tiny cohort
that imports and compiles.

What the ways compute differs, and the table says it:

- *lotviz* scales the markers, makes the reference (k-means) and transports every sample to it, exactly.
- *POT, to the optimum* is handed the scaled cells and that reference, and transports every sample to it, exactly.
- *POT, as pyLOT calls it* is `LOTEmbedding.calc_OTmap` of ACloninger/pyLOT: `ot.emd` with its default number of
  pivots to Gaussian points of the pooled mean and covariance, equal masses, rows of the plan divided by their sums.
  Samples for which POT warns that it stopped early are counted.
- *POT, as PILOT calls it* is `wasserstein_distance` of CostaLab/PILOT: smoothed shares of cell types, cosine distance
  of the types' medians, `ot.emd2` for every ordered pair of samples. Types are handed to it; no cell is transported.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import ot
import pandas as pd
from measure import in_fresh_process, markdown, one_thread, pot_loop, rounded, saved, versions, with_peak, write_between
from mixture import TYPES, mixture, patient
from scipy.spatial.distance import pdist, squareform

import lotviz
from lotviz.data import ArraySource, Cohort, Transform

SAMPLES, CELLS, MARKERS, POINTS = 100, 10_000, 30, 256
QUICK = {"samples": 4, "cells": 600, "markers": 6, "points": 16}
_PRIOR = 0.2  # PILOT's weight of the cohort's shares in those of a sample
_EPSILON = np.finfo(float).eps

Way = tuple[Callable[[], Any], Callable[[Any], tuple[dict[str, np.ndarray], dict[str, Any]]]]


def written(folder: Path, *, samples: int, cells: int, markers: int) -> None:
    """Write the cells of every patient, (samples, n, d) float32, and the type of each."""
    shared = mixture(markers)
    drawn = [patient(shared, cells, seed=k) for k in range(samples)]
    np.save(folder / "raw.npy", np.stack([found for found, _ in drawn]).astype(np.float32))
    np.save(folder / "types.npy", np.stack([types for _, types in drawn]))


def in_memory(raw: np.ndarray) -> Cohort:
    names = [f"P{k:03}" for k in range(len(raw))]
    return Cohort(
        name="benchmark",
        samples=pd.DataFrame(index=pd.Index(names, name="sample")),
        markers=tuple(f"M{k}" for k in range(raw.shape[2])),
        cell_counts=pd.Series(dict.fromkeys(names, raw.shape[1])),
        source=ArraySource(dict(zip(names, raw, strict=True))),
        transform=Transform("none"),
        origin="benchmark",
    )


# Every way reads its data, is warmed up by a tiny cohort, and returns what is to be timed and what is kept of it:
# arrays for the folder, and remarks for the table.


def by_lotviz(folder: Path, task: dict[str, Any]) -> Way:
    raw = np.load(folder / "raw.npy")
    options = {"points": task["points"], "workers": task["workers"], "cells_per_sample": None, "seed": 0}
    lotviz.embed(in_memory(raw[:2, :4500]), **options | {"points": 8})

    def kept(embedding: lotviz.LOTEmbedding) -> tuple[dict, dict]:
        arrays = {"points": embedding.reference.points, "masses": embedding.reference.masses}
        arrays["scaled"] = np.stack([embedding.scaling.apply(one) for one in raw])
        return arrays | {task["way"]: embedding.maps}, {"gap": float((embedding.dual_gaps / embedding.costs).max())}

    return (lambda: lotviz.embed(in_memory(raw), **options)), kept


def by_pot(folder: Path, task: dict[str, Any]) -> Way:
    scaled, points, masses = (np.load(folder / f"{name}.npy") for name in ("scaled", "points", "masses"))
    equal = np.full(scaled.shape[1], 1 / scaled.shape[1])
    pot_loop(points[:2], np.full(2, 0.5), scaled[0, :3], np.full(3, 1 / 3))
    work = lambda: np.stack([pot_loop(points, masses, cells, equal)[1] for cells in scaled])  # noqa: E731
    return work, lambda maps: ({task["way"]: maps}, {})


def by_pylot(folder: Path, task: dict[str, Any]) -> Way:
    scaled = np.load(folder / "scaled.npy")

    def transported(points: np.ndarray, cells: np.ndarray) -> np.ndarray:
        a, b = np.ones((len(points),)) / len(points), np.ones((len(cells),)) / len(cells)
        plan = ot.emd(a, b, ot.dist(points, cells))
        return plan / (plan.sum(axis=1)[:, None] + _EPSILON) @ cells

    def work() -> int:
        pooled = scaled.reshape(-1, scaled.shape[2])
        rng = np.random.default_rng(0)
        points = rng.multivariate_normal(pooled.mean(axis=0), np.cov(pooled.T), size=task["points"])
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            np.stack([transported(points, cells).reshape(-1) for cells in scaled])
        return sum("numItermax" in str(one.message) for one in caught)

    transported(scaled[0, :2], scaled[0, :3])
    return work, lambda early: ({}, {"stopped_early": early})


def by_pilot(folder: Path, task: dict[str, Any]) -> Way:
    scaled, types = np.load(folder / "scaled.npy"), np.load(folder / "types.npy")
    present = np.unique(types)

    def work() -> np.ndarray:
        prior = _PRIOR * np.array([(types == one).sum() for one in present]) / (types.size - 1)
        counts = np.stack([(types == one).sum(axis=1) for one in present], axis=1)  # (samples, types)
        shares = (counts + prior) / (counts.sum(axis=1, keepdims=True) + prior.sum())
        costs = squareform(pdist([np.median(scaled[types == one], axis=0) for one in present], metric="cosine"))
        costs /= costs.max()
        return np.array([[ot.emd2(p, q, costs) for q in shares] for p in shares])

    ot.emd2(np.full(2, 0.5), np.full(2, 0.5), np.ones((2, 2)))
    return work, lambda distances: ({}, {"pairs": distances.size})


WAYS = {
    "lotviz, 1 worker": (by_lotviz, {"workers": 1}, "scaling, k-means reference, exact maps and plans of all cells"),
    "lotviz, 2 workers": (by_lotviz, {"workers": 2}, "the same"),
    "POT, to the optimum": (by_pot, {}, "exact maps of all cells; scaled cells and reference are handed to it"),
    "POT, as pyLOT calls it": (by_pylot, {}, "maps of all cells to Gaussian points of equal mass"),
    "POT, as PILOT calls it": (
        by_pilot,
        {},
        f"distances of the shares of {TYPES} cell types, which are handed to it; no cell is transported",
    ),
}


def run_task(task: dict[str, Any]) -> dict[str, Any]:
    """Run one way in this process and keep its maps on disk."""
    folder = Path(task["folder"])
    with one_thread():
        work, kept = WAYS[task["way"]][0](folder, task)
        figures, made = with_peak(work)
    arrays, remarks = kept(made)
    for name, values in arrays.items():
        np.save(folder / f"{name}.npy", values)
    return {"way": task["way"]} | figures | remarks


def agreement(folder: Path) -> dict[str, float | bool]:
    """Compare the maps of all ways that move the same cells to the same reference."""
    one, two, pot = (np.load(folder / f"{way}.npy") for way in list(WAYS)[:3])
    return {"workers_give_the_same_bits": one.tobytes() == two.tobytes(), "map_error": float(np.abs(one - pot).max())}


def table(rows: list[dict[str, Any]]) -> str:
    base = next(row["seconds"] for row in rows if row["way"] == "lotviz, 1 worker")
    return markdown(
        [
            {
                "way": row["way"],
                "seconds": rounded(row["seconds"]),
                "times lotviz on 1 worker": rounded(row["seconds"] / base, 2),
                "memory beyond the data": f"{row['added_mb']:,.0f} MB",
                "peak memory": f"{row['peak_mb']:,.0f} MB",
                "what it computes": WAYS[row["way"]][2] + stopped(row),
            }
            for row in rows
        ]
    )


def stopped(row: dict[str, Any]) -> str:
    return f"; stopped before the optimum in {row['stopped_early']} samples" if "stopped_early" in row else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=SAMPLES, help="how many samples; few for a trial run")
    parser.add_argument("--quick", action="store_true", help="a tiny cohort, to see that it works")
    parser.add_argument("--readme", action="store_true", help="write the table into README.md")
    parser.add_argument("--task", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.task:
        print(json.dumps(run_task(json.loads(chosen.task))))
        return
    sizes = {"samples": chosen.samples, "cells": CELLS, "markers": MARKERS, "points": POINTS}
    sizes = QUICK if chosen.quick else sizes
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written(folder, samples=sizes["samples"], cells=sizes["cells"], markers=sizes["markers"])
        tasks = [
            {"way": way, "folder": name, "points": sizes["points"]} | options for way, (_, options, _) in WAYS.items()
        ]
        rows = [in_fresh_process(__file__, task) for task in tasks]
        agreed = agreement(folder)
    same = "are the same bits" if agreed["workers_give_the_same_bits"] else "DIFFER"
    text = (
        f"{table(rows)}\n{sizes['samples']} samples of {sizes['cells']:,} cells and {sizes['markers']} markers, "
        f"{sizes['points']} reference points. Maps of lotviz and POT differ by at most {agreed['map_error']:.0e} "
        f"standard deviations; maps of 1 and 2 workers {same}. {versions()}.\n"
    )
    saved("cohort", {"sizes": sizes, "ways": rows, "agreement": agreed, "versions": versions()}, text)
    if chosen.readme:
        write_between("cohort benchmark", text)


if __name__ == "__main__":
    main()
