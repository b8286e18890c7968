"""How long a 5 GB h5ad takes until its sample table is there, and how long its samples take to read.

    python tests/benchmark/opening.py [--cells 4000000] [--folder FOLDER] [--scattered]

A file of so many cells x 300 dense float32 markers and 8 columns of obs is written in pieces, opened by a fresh
process with the page cache dropped for it (where the system can) and again warm, and deleted.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np

MARKERS, SAMPLES, PIECE = 300, 64, 100_000

_OPEN = """
import sys, time
start = time.perf_counter()
from lotviz.data import read_cohort
imported = time.perf_counter()
cohort = read_cohort(sys.argv[1])
opened = time.perf_counter()
cells = cohort.raw(cohort.samples.index[3])
print(imported - start, opened - imported, time.perf_counter() - opened, len(cohort.samples), len(cells))
"""


def write(path: Path, cells: int, *, scattered: bool) -> None:
    """Write the file as AnnData would, never holding more than a piece of it."""
    rng = np.random.default_rng(0)
    of_cell = np.arange(cells) * SAMPLES // cells
    if scattered:
        of_cell = rng.permutation(of_cell)
    with h5py.File(path, "w") as store:
        _frame(store, "obs", [f"AAACCTGAGAAACC{number:08}-1" for number in range(cells)])
        _frame(store, "var", [f"CD{number}" for number in range(MARKERS)])
        obs = store["obs"]
        _category(obs, "sample", of_cell, [f"S{number:02}" for number in range(SAMPLES)])
        _category(obs, "donor_id", of_cell // 2, [f"D{number:02}" for number in range(SAMPLES // 2)])
        _category(obs, "condition", of_cell % 2, ["control", "treated"])
        _category(obs, "batch", of_cell % 4, list("abcd"))
        _category(obs, "cell_type", rng.integers(0, 30, cells), [f"T{number}" for number in range(30)])
        for name, values in (
            ("age", of_cell * 1.5),
            ("n_counts", rng.random(cells)),
            ("percent_mito", rng.random(cells)),
        ):
            _array(obs, name, values)
        obs.attrs["column-order"] = [
            *("sample", "donor_id", "condition", "batch", "cell_type", "age", "n_counts", "percent_mito")
        ]
        values = store.create_dataset("X", shape=(cells, MARKERS), dtype="f4")
        values.attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})
        for start in range(0, cells, PIECE):
            values[start : start + PIECE] = rng.random((min(PIECE, cells - start), MARKERS), dtype=np.float32) * 9
        store.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})


def _frame(store, name, index):
    group = store.create_group(name)
    group.attrs.update({"encoding-type": "dataframe", "encoding-version": "0.2.0", "_index": "_index"})
    group.attrs["column-order"] = np.array([], dtype=h5py.string_dtype())
    made = group.create_dataset("_index", data=index, dtype=h5py.string_dtype())
    made.attrs.update({"encoding-type": "string-array", "encoding-version": "0.2.0"})


def _category(group, name, codes, words):
    made = group.create_group(name)
    made.attrs.update({"encoding-type": "categorical", "encoding-version": "0.2.0", "ordered": False})
    _array(made, "codes", codes.astype(np.int8))
    words = made.create_dataset("categories", data=words, dtype=h5py.string_dtype())
    words.attrs.update({"encoding-type": "string-array", "encoding-version": "0.2.0"})


def _array(group, name, values):
    made = group.create_dataset(name, data=values)
    made.attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})


def forget(path: Path) -> bool:
    """Ask the system to drop its copy of the file from memory; whether it has such a call."""
    if not hasattr(os, "posix_fadvise"):
        return False
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return True


def measure(path: Path, state: str) -> None:
    done = subprocess.run([sys.executable, "-c", _OPEN, str(path)], capture_output=True, text=True, check=True)
    imported, opened, read, samples, cells = done.stdout.split()
    print(
        f"{state:24} import {float(imported):5.2f} s   sample table ({samples} samples) {float(opened):5.2f} s   "
        f"one sample ({int(cells):,} cells) {float(read):5.2f} s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=4_000_000)
    parser.add_argument("--folder", type=Path, help="where the file is written for as long as this runs")
    parser.add_argument("--scattered", action="store_true", help="the cells of a sample lie all over the file")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(dir=options.folder))
    need = int(options.cells * (MARKERS * 4 + 100) * 1.1)
    try:
        if shutil.disk_usage(folder).free < 2 * need:
            sys.exit(f"Expected {2 * need / 1e9:.0f} GB free on the disk, found less. Name another with --folder.")
        path, start = folder / "large.h5ad", time.perf_counter()
        write(path, options.cells, scattered=options.scattered)
        print(f"wrote {path.stat().st_size / 1e9:.1f} GB in {time.perf_counter() - start:.0f} s")
        measure(path, "page cache dropped" if forget(path) else "cache not dropped")
        measure(path, "warm")
        measure(path, "warm")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
