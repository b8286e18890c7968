"""Seconds until the cells of a sample of a million have their contributions, from a solved embedding and a model.

    python tests/benchmark/contributions.py [--cells 1000000] [--points 256] [--markers 30]

Read once from memory, as the app holds them; the first call and the median of the next.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np
from measure import one_thread, timed

import lotviz
from lotviz.analysis import contributions, fit_model
from lotviz.data.cohort import ArraySource


def main() -> None:
    """Embed a small cohort, add one large sample to it, and time its contributions."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=1_000_000)
    parser.add_argument("--points", type=int, default=256)
    parser.add_argument("--markers", type=int, default=30)
    options = parser.parse_args()
    cohort = lotviz.simulate("patients", samples=12, cells=2000, markers=options.markers, seed=0)
    large = lotviz.simulate("patients", samples=2, cells=options.cells // 2, markers=options.markers, seed=1)
    name = str(cohort.samples.index[0])
    cells = {str(other): cohort.source.read(str(other)) for other in cohort.samples.index}
    cells[name] = np.concatenate([large.source.read(str(other)) for other in large.samples.index])
    counts = cohort.cell_counts.copy()
    counts[name] = len(cells[name])
    joined = replace(cohort, source=ArraySource(cells), cell_counts=counts)
    solving, embedding = timed(lambda: lotviz.embed(joined, points=options.points, cells_per_sample=None))
    model = fit_model(embedding, embedding.samples["label"])
    row = embedding.index(name)
    scaled = embedding.scaled_cells(name)
    with one_thread():
        first, found = timed(lambda: contributions(model, embedding.plan(name), scaled))
        again = np.median([timed(lambda: contributions(model, embedding.plan(name), scaled))[0] for _ in range(5)])
    rest = found.sum() - (model.scores[row] - model.score_of_training_mean)
    print(f"{len(scaled):,} cells x {options.markers} markers, {options.points} points (solved in {solving:.0f} s)")
    print(f"first {first:.2f} s, then {again:.2f} s; sum of contributions minus score: {rest:.1e}")


if __name__ == "__main__":
    main()
