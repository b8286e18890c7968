"""How fast FCS files are read and transformed, beside numpy that reads the same bytes and does nothing with them.

Run `python tests/benchmark/reading.py`; it writes files of 100,000 events x 30 channels to a temporary folder, 1.2 GB
at a time. "Warm" files are in the page cache of the system, as after a first reading; "cold" ones were put out of it
before every reading (where the system can), as when a cohort is opened for the first time.

"read + arcsinh" is what a cohort does that is too large to be kept in memory: each block of a file is transformed while
it is in the cache of the processor. "read, then arcsinh" goes through all values twice, as for a cohort that is kept.
"numpy, made float32" has the numbers as they are computed with: for integers of 16 bits twice as many bytes as it read.
The asked speed is half of that of "numpy, bytes only": numpy's time over ours is .5 or more. It stands beside numpy on
as many threads, and beside the plain loop over files that one would write, on one. "arcsinh alone" is the floor of the
computation. An embedding reads on two threads unless it is told otherwise. "threads" are those that read: a single one
that reads + arcsinh is helped by a second with every file of this size, which numpy's is not.

The whole run takes minutes; `--quick` writes a tenth of the files.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from measure import by_turns

from lotviz.data import Transform
from lotviz.data.fcs.reader import FcsFile, open_fcs

EVENTS, CHANNELS, FILES = 100_000, 30, 100
BEGIN = 4096
ARCSINH = Transform("arcsinh", cofactor=150.0)


@dataclass(frozen=True)
class Form:
    """A way to store values: a name, $DATATYPE, $BYTEORD and the type numpy reads."""

    name: str
    kind: str
    order: str
    stored: str


FORMS = (
    Form("float32, little-endian", "F", "1,2,3,4", "<f4"),
    Form("float32, big-endian", "F", "4,3,2,1", ">f4"),
    Form("int16, little-endian", "I", "1,2,3,4", "<u2"),
)


def content(form: Form, seed: int) -> bytes:
    """Return an FCS 3.0 file, written by hand."""
    values = np.abs(np.random.default_rng(seed).normal(0, 3000, (EVENTS, CHANNELS))).astype(form.stored)
    keys = {"$MODE": "L", "$DATATYPE": form.kind, "$BYTEORD": form.order, "$PAR": CHANNELS, "$TOT": EVENTS}
    for number in range(1, CHANNELS + 1):
        keys |= {f"$P{number}N": f"M{number}", f"$P{number}B": 8 * values.itemsize}
        keys |= {f"$P{number}R": 2**18, f"$P{number}E": "0,0"}
    keys |= {"$BEGINDATA": BEGIN, "$ENDDATA": BEGIN + values.nbytes - 1, "$NEXTDATA": 0}
    text = "|" + "".join(f"{key}|{value}|" for key, value in keys.items())
    header = "FCS3.0    " + "".join(f"{at:>8}" for at in (58, 57 + len(text), BEGIN, BEGIN + values.nbytes - 1, 0, 0))
    return (header + text).ljust(BEGIN).encode() + values.tobytes()


def write(form: Form, folder: Path, files: int) -> list[FcsFile]:
    """Write the files; ten different ones, over and over."""
    ten = [content(form, seed) for seed in range(10)]
    for number in range(files):
        with (folder / f"{number}.fcs").open("wb") as handle:
            handle.write(ten[number % 10])
            handle.flush()
            os.fsync(handle.fileno())  # only what is on disk can be put out of the cache
    return [open_fcs(folder / f"{number}.fcs", f"{number}.fcs") for number in range(files)]


def works(form: Form) -> dict[str, Callable[[FcsFile], object]]:
    """Return what is done with each file, by name."""
    return {
        "numpy, bytes only": lambda file: np.fromfile(file.path, form.stored, EVENTS * CHANNELS, offset=BEGIN),
        "numpy, made float32": lambda file: np.fromfile(file.path, form.stored, EVENTS * CHANNELS, offset=BEGIN).astype(
            np.float32, copy=False
        ),
        "lotviz, read": lambda file: file.read(file.markers),
        "lotviz, every other channel": lambda file: file.read(file.markers[::2]),
        "lotviz, read + arcsinh": lambda file: file.transformed(file.markers, ARCSINH),
        "... of every other channel": lambda file: file.transformed(file.markers[::2], ARCSINH),
        "lotviz, read, then arcsinh": lambda file: ARCSINH(file.read(file.markers)),
        "arcsinh alone": lambda file: ARCSINH(HELD),
    }


HELD = np.abs(np.random.default_rng(0).normal(0, 3000, (EVENTS, CHANNELS))).astype(np.float32)


def over(
    files: Sequence[FcsFile], work: Callable[[FcsFile], object], *, threads: int, cold: bool
) -> Callable[[], None]:
    """Return the work on all files, the threads sharing them as the batch does; nothing that was read is kept."""

    def once(file: FcsFile) -> None:
        if cold:
            forget(file.path)
        work(file)

    def run() -> None:
        if threads == 1:
            for file in files:
                once(file)
            return
        with ThreadPoolExecutor(threads) as pool:
            for _ in pool.map(once, files):
                pass

    return run


def forget(path: Path) -> None:
    """Put a file out of the page cache."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(handle)


def rows(files: Sequence[FcsFile], form: Form, repeats: int) -> Iterator[str]:
    """Yield lines of the table for one form: milliseconds a file, and numpy's time over ours."""
    for cold in (False, True) if hasattr(os, "posix_fadvise") else (False,):
        loop = 0.0  # numpy on one thread
        for threads in (1, 2):
            timings = {name: over(files, work, threads=threads, cold=cold) for name, work in works(form).items()}
            seconds, _ = by_turns(timings, repeats)
            numpy = seconds["numpy, bytes only"]
            loop = loop or numpy
            for name, took in seconds.items():
                cache = "cold" if cold else "warm"
                beside = f"{numpy / took:8.2f} {loop / took:8.2f}"
                yield f"{cache} {threads:8} {name:30} {took / len(files) * 1e3:8.2f} {beside}"


def main() -> None:
    """Print a table for each form."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the files")
    quick = parser.parse_args().quick
    count, repeats = FILES // 10 if quick else FILES, 3
    for form in FORMS:
        with tempfile.TemporaryDirectory() as folder:
            files = write(form, Path(folder), count)
            print(f"\n{form.name}: {count} files of {EVENTS:,} events x {CHANNELS} channels")
            print("cache threads what                           ms a file  beside numpy on as many threads, on one")
            for row in rows(files, form, repeats):
                print(row, flush=True)


if __name__ == "__main__":
    main()
