"""The command: python -m tests.fuzz --inputs 20000 --seed 0 --minutes 30 --workers 1 --keep FOLDER."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz.run import Report, run


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Open damaged inputs of every format.")
    parser.add_argument("--inputs", type=int, default=20_000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the number of the first")
    parser.add_argument("--only", type=int, help="one input, by its number")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, help="stop after so many minutes")
    parser.add_argument("--workers", type=int, default=1, help="processes at the same time")
    parser.add_argument("--keep", type=Path, help="a folder for the inputs that fail")
    options = parser.parse_args()
    numbers = range(options.first, options.first + options.inputs) if options.only is None else [options.only]
    keep = options.keep or Path(tempfile.mkdtemp(prefix="lotviz-fuzz-failures-"))
    report = run(
        numbers, seed=options.seed, workers=options.workers, minutes=options.minutes, keep=keep, progress=_Progress()
    )
    for record in report.records if options.only is not None else ():
        sys.stdout.write(
            f"{record['kind']}, {record['name']}: {record['outcome']} {record['cause']}\n{record['trace']}"
        )
    sys.stdout.write(f"{report.table()}\n")
    if report.failures:
        sys.stdout.write(f"{len(report.failures)} failures, kept in {keep}\n")
    elif options.keep is None:
        keep.rmdir()
    return 1 if report.failures else 0


class _Progress:
    """A line on standard error every ten seconds."""

    def __init__(self) -> None:
        self.start = self.last = time.monotonic()

    def __call__(self, report: Report) -> None:
        now = time.monotonic()
        if now - self.last >= 10:
            self.last = now
            count = len(report.records)
            sys.stderr.write(f"{now - self.start:6.0f} s  {count:7} inputs, {len(report.failures)} failures\n")


if __name__ == "__main__":
    raise SystemExit(main())
