"""Runs many inputs through workers that may die, and says what happened to each."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import select
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz.seeds import make_seeds
from tests.fuzz.worker import SECONDS, make_input, write_input

ROOT = Path(__file__).resolve().parents[2]
FINE = ("cohort", "refused")
_START_SECONDS = 120
GRACE = 10  # the alarm does not reach code of a C library that hangs


@dataclass
class Worker:
    """One process at a time; another is started when it dies."""

    seed: int
    process: subprocess.Popen | None = None
    fresh: bool = True

    def trial(self, number: int) -> dict:
        self._start()
        process = self.process
        process.stdin.write(f"{number}\n")
        process.stdin.flush()
        patience = SECONDS + GRACE + (_START_SECONDS if self.fresh else 0)
        ready, _, _ = select.select([process.stdout], [], [], patience)
        line = process.stdout.readline() if ready else ""
        self.fresh = False
        if line:
            return json.loads(line)
        if ready:
            code = process.wait()
            self.stop()
            return _lost(self.seed, number, "crash", f"the process ended by signal or code {code}")
        self.stop()
        return _lost(self.seed, number, "hang", f"no answer and no alarm within {patience} seconds")

    def _start(self) -> None:
        if self.process is not None and self.process.poll() is None:
            return
        few = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "ARROW_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
        self.fresh = True
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.fuzz.worker", str(self.seed)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, bufsize=1, cwd=ROOT, env={**os.environ, **few},
        )  # fmt: skip

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            for pipe in (self.process.stdin, self.process.stdout):
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
            self.process = None


def _lost(seed: int, number: int, outcome: str, cause: str) -> dict:
    made = make_input(seed, number, seeds=make_seeds())
    return {
        "number": number, "kind": made.kind, "name": made.name, "outcome": outcome, "cause": cause, "trace": "",
        "seconds": float(SECONDS + GRACE) if outcome == "hang" else 0.0, "bytes": 0,
    }  # fmt: skip


@dataclass
class Report:
    """Every record of a run."""

    records: list[dict] = field(default_factory=list)

    @property
    def failures(self) -> list[dict]:
        return [record for record in self.records if record["outcome"] not in FINE]

    def table(self) -> str:
        lines = [
            f"{'format':8} {'inputs':>7} {'cohort':>7} {'refused':>8} {'failed':>7} {'slowest s':>10} {'most MB':>8}"
        ]
        for kind in sorted({record["kind"] for record in self.records}):
            own = [record for record in self.records if record["kind"] == kind]
            count = Counter(record["outcome"] for record in own)
            failed = len(own) - sum(count[name] for name in FINE)
            slowest, most = max(record["seconds"] for record in own), max(record["bytes"] for record in own)
            lines.append(
                f"{kind:8} {len(own):7} {count['cohort']:7} {count['refused']:8} {failed:7} "
                f"{slowest:10.2f} {most / 1e6:8.0f}"
            )
        for cause, found in self.causes().items():
            numbers = ", ".join(str(record["number"]) for record in found[:4])
            lines.append(f"{len(found):5} x {found[0]['outcome']}: {cause} (input {numbers})")
        return "\n".join(lines)

    def causes(self) -> dict[str, list[dict]]:
        """Failures by kind of input and cause, the commonest first."""
        groups: dict[str, list[dict]] = {}
        for record in self.failures:
            groups.setdefault(f"{record['kind']}: {record['cause'].split(': ')[0]}", []).append(record)
        return dict(sorted(groups.items(), key=lambda item: -len(item[1])))


def run(
    numbers: Iterable[int],
    *,
    seed: int,
    workers: int = 1,
    minutes: float | None = None,
    keep: Path | None = None,
    progress: Callable[[Report], None] = lambda report: None,
) -> Report:
    """Open the inputs of these numbers; failures are kept as folders under `keep`."""
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in numbers:
        waiting.put(number)
    report, end = Report(), time.monotonic() + 60 * (minutes or 1e6)
    threads = [threading.Thread(target=_work, args=(seed, waiting, report, end), daemon=True) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive():
            thread.join(1)
            progress(report)
    if keep is not None:
        for record in report.failures:
            keep_case(record, seed=seed, folder=keep)
    return report


def _work(seed: int, waiting: queue.SimpleQueue[int], report: Report, end: float) -> None:
    worker = Worker(seed)
    try:
        while time.monotonic() < end:
            try:
                number = waiting.get_nowait()
            except queue.Empty:
                return
            report.records.append(worker.trial(number))
    finally:
        worker.stop()


def keep_case(record: dict, *, seed: int, folder: Path) -> Path:
    """Write the input and what happened to a folder of its own."""
    room = folder / f"{record['kind']}-{seed}-{record['number']}-{record['outcome']}"
    room.mkdir(parents=True, exist_ok=True)
    write_input(make_input(seed, record["number"], seeds=make_seeds()), room)
    (room / "case.json").write_text(json.dumps({"seed": seed, **record}, indent=2), encoding="utf-8")
    return room
