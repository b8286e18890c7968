"""How much memory embedding a cohort takes as the number of samples grows: with a store it should not grow with it.

Run `python tests/benchmark/memory_of_cohorts.py`; each cohort is embedded and saved by a process of its own, whose peak
resident memory is printed beside its time. Cells are drawn when they are asked for, so that all memory is the engine's.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lotviz.data import Cohort, Transform
from lotviz.transport import TransportStore, embed

CELLS, MARKERS, POPULATIONS = 10_000, 20, 12


@dataclass(frozen=True)
class DrawnSource:
    """Cells of twelve populations, whose centres move a little from sample to sample; drawn anew at every reading."""

    cells: int = CELLS

    def read(self, sample: str) -> np.ndarray:
        """Draw the cells of a sample, (n, d)."""
        centres = np.random.default_rng(0).normal(size=(POPULATIONS, MARKERS)) * 3
        dice = np.random.default_rng(int(sample))
        moved = centres + dice.normal(size=centres.shape) * 0.3
        drawn = moved[dice.integers(POPULATIONS, size=self.cells)] + dice.normal(size=(self.cells, MARKERS))
        return drawn.astype(np.float32)

    def populations(self, sample: str) -> None:
        """Nothing is known of populations."""

    def where(self, sample: str, cell: int | None = None) -> str:
        """Name the place of a sample."""
        return f"sample {sample}"


def drawn_cohort(samples: int) -> Cohort:
    """Return a cohort that takes no memory."""
    names = [str(number) for number in range(samples)]
    return Cohort(
        name="drawn",
        samples=pd.DataFrame(index=pd.Index(names, name="sample")),
        markers=tuple(f"M{number}" for number in range(MARKERS)),
        cell_counts=pd.Series(CELLS, index=names),
        source=DrawnSource(),
        transform=Transform("none"),
    )


def measure(samples: int, points: int, *, kept: bool, workers: int) -> dict[str, float]:
    """Embed and save a cohort in this process; return its peak memory in MB before and after, and the seconds."""
    with tempfile.TemporaryDirectory() as folder:
        store = TransportStore(Path(folder) / "store") if kept else None
        embed(drawn_cohort(2), points=points, workers=workers, store=store)  # all is loaded and compiled
        before, started = peak(), time.perf_counter()
        embedding = embed(drawn_cohort(samples), points=points, workers=workers, store=store)
        solved = time.perf_counter() - started
        size = embedding.save(Path(folder) / "cohort.lot").stat().st_size / 1e6
    return {"before": before, "peak": peak(), "seconds": solved, "file": size}


def peak() -> float:
    """Peak resident memory of this process so far, MB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def main() -> None:
    """Print a table, one process a row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, nargs="+", default=[50, 100, 200])
    parser.add_argument("--points", type=int, default=128)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--without-store", action="store_true", help="hold all plans in memory, to compare")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)  # a row of the table, as JSON
    options = parser.parse_args()
    if options.one:
        print(
            json.dumps(
                measure(*options.samples, options.points, kept=not options.without_store, workers=options.workers)
            )
        )
        return
    print(f"{CELLS:,} cells a sample, {MARKERS} markers, {options.points} points, {options.workers} workers")
    print("samples   peak before MB   peak MB   .lot MB   seconds")
    for samples in options.samples:
        words = ["--one", "--samples", str(samples), "--points", str(options.points), "--workers", str(options.workers)]
        words += ["--without-store"] if options.without_store else []
        said = subprocess.run([sys.executable, __file__, *words], capture_output=True, text=True, check=True).stdout
        row = json.loads(said)
        print(
            f"{samples:7} {row['before']:16.0f} {row['peak']:9.0f} {row['file']:9.0f} {row['seconds']:9.1f}", flush=True
        )


if __name__ == "__main__":
    main()
